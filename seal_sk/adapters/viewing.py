"""Superpixels as layers of the viewer napari."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._extras import import_extra
from .._validation import check_colors, check_superpixels
from ..export.outlines import trace
from ..export.tables import check_table

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["add_to_napari", "napari_layers"]


def napari_layers(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    table: DataFrame | None = None,
    outlines: bool = False,
    name: str = "superpixels",
) -> list[tuple[Any, dict[str, Any], str]]:
    """Convert an image and its superpixels to layer data tuples of napari.

    Parameters
    ----------
    image : array-like of shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64. Three channels are shown as colours, more as
        a stack with a slider.
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, all of them present, of any integer dtype. Negative labels
        are masked pixels.
    table : DataFrame of n rows, optional
        Features of the superpixels, row i for superpixel i, for example from
        `seal_sk.export.superpixel_table`; napari shows those under the pointer.
    outlines : bool, default=False
        Add a layer of shapes, with each ring of `seal_sk.export.polygons` as a polygon.
    name : str, default="superpixels"
        Name of the layer of labels.

    Returns
    -------
    list of (data, options, layer type)
        An ``"image"``, a ``"labels"``, and with `outlines` a ``"shapes"`` layer, as a
        reader plugin returns them and ``napari.layers.Layer.create`` takes them. napari
        itself is not needed.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    In napari, label 0 is the background. Therefore its labels are those of the
    superpixels plus 1, and masked pixels are 0; the column ``label`` of the features
    has the original labels. The centres of pixels, not their corners, are at whole
    coordinates, so outlines are shifted by half a pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk.adapters import napari_layers
    >>> image = np.zeros((2, 3), dtype=np.uint8)
    >>> layers = napari_layers(image, [[0, 0, 1], [0, -1, 1]])
    >>> [kind for _, _, kind in layers]
    ['image', 'labels']
    >>> layers[1][0]
    array([[1, 1, 2],
           [1, 0, 2]], dtype=int32)
    """
    labels, n = check_superpixels(labels)
    bands = check_colors(image, labels)
    if table is not None:
        check_table(table, n)
    options: dict[str, Any] = {"name": "image"}
    if bands.shape[2] == 1:
        bands = bands[:, :, 0]
    elif bands.shape[2] == 3:
        options["rgb"] = True
    else:
        bands = np.moveaxis(bands, 2, 0)
    layers: list[tuple[Any, dict[str, Any], str]] = [
        (bands, options, "image"),
        (labels + 1, {"name": name, "features": _features(n, table)}, "labels"),
    ]
    if outlines:
        layers.append(_shapes(labels, f"outlines of {name}"))
    return layers


def _features(n: int, table: DataFrame | None) -> dict[str, Any]:
    """Columns by name; napari finds the row of a label by ``index``."""
    features = {"index": np.arange(1, n + 1), "label": np.arange(n)}
    if table is not None:
        columns = {str(column): table[column].to_numpy() for column in table.columns}
        features = columns | features
    return features


def _shapes(labels: NDArray[np.int32], name: str) -> tuple[Any, dict[str, Any], str]:
    coverage = trace(labels)
    points = coverage.points[:, ::-1] - 0.5
    # Without the last point, which repeats the first one.
    rings = [points[i : j - 1] for i, j in pairwise(coverage.rings)]
    n_parts = np.diff(coverage.superpixels)
    n_rings = np.diff(coverage.parts)
    hole = np.ones(len(rings), dtype=bool)
    hole[coverage.parts[:-1]] = False
    label = np.repeat(np.repeat(np.arange(len(n_parts)), n_parts), n_rings)
    options = {
        "name": name,
        "shape_type": "polygon",
        "edge_width": 0.2,
        "edge_color": "yellow",
        "face_color": "transparent",
        "features": {"label": label, "hole": hole},
    }
    return rings, options, "shapes"


def add_to_napari(
    viewer: Any,
    image: ArrayLike,
    labels: ArrayLike,
    *,
    table: DataFrame | None = None,
    outlines: bool = False,
    name: str = "superpixels",
) -> list[Any]:
    """Show an image and its superpixels in napari.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        The viewer to add layers to.
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C)
        As for `napari_layers`; so are the other arguments.
    labels : array-like of shape (H, W)
        The superpixels.
    table : DataFrame, optional
        One row per superpixel.
    outlines : bool, default=False
        Whether to add outlines.
    name : str, default="superpixels"
        Name of the layer of labels.

    Returns
    -------
    list of napari.layers.Layer
        The added layers, the lowest one first.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.
    ImportError
        If napari is not installed.

    Examples
    --------
    ::

        viewer = napari.Viewer()
        add_to_napari(viewer, image, labels, table=superpixel_table(image, labels))
    """
    tuples = napari_layers(image, labels, table=table, outlines=outlines, name=name)
    layers = import_extra("napari.layers", "napari", "add_to_napari")
    return [viewer.add_layer(layers.Layer.create(*one)) for one in tuples]
