"""Features of superpixels: one row of numbers per superpixel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull

from .._extras import import_extra
from .._metrics import areas_and_perimeters
from .._validation import check_int, check_labelled, check_names, unit_scale
from ..labels.graph import borders

if TYPE_CHECKING:
    from pandas import DataFrame


__all__ = ["FEATURES", "superpixel_features"]

#: Names of the groups of features.
FEATURES = ("mean", "std", "histogram", "texture", "shape", "position", "contrast")

# Colours are counted and compared in 16 bits, so that the dtype makes no difference.
_STEPS = 65535
MAX_BINS = 256
# Weights of red, green and blue in the brightness, times 10,000 (ITU-R BT.709).
_LUMA = (2125, 7154, 721)
# Offsets (row, column) of the neighbours of a pixel, clockwise from the left.
_RING = ((0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1))
_LEFT, _UP, _RIGHT, _DOWN = 0, 2, 4, 6
_ANGLES = (0, 45, 90, 135)


@overload
def superpixel_features(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    features: Sequence[str] = ...,
    bins: int = ...,
    as_frame: Literal[False] = ...,
) -> NDArray[np.float64]: ...
@overload
def superpixel_features(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    features: Sequence[str] = ...,
    bins: int = ...,
    as_frame: Literal[True],
) -> DataFrame: ...
def superpixel_features(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    features: Sequence[str] = FEATURES,
    bins: int = 8,
    as_frame: bool = False,
) -> NDArray[np.float64] | DataFrame:
    """Describe each superpixel by colour, texture, shape, position and contrast.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C)
        uint8, uint16, or floating point in 0..1. Masked pixels may have any value.
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, all of them present, of any integer dtype. Negative labels
        are masked pixels, which have no row.
    features : tuple of str
        Groups of columns, in this order; all by default:

        - ``"mean"``, ``"std"``: mean and standard deviation of each channel, with
          colours in 0..1: ``mean_0``, ..., ``std_0``, ...
        - ``"histogram"``: shares of the pixels in `bins` equal ranges of each channel:
          ``histogram_0_0``, ..., by channel and range.
        - ``"texture"``, all of the brightness: ``lbp_0`` .. ``lbp_9``, shares of the
          local binary patterns; ``gradient_mean``, ``gradient_std``, mean and standard
          deviation of the magnitude of the gradient; ``gradient_0``, ``gradient_45``,
          ``gradient_90``, ``gradient_135``, shares of the magnitude by direction in
          degrees.
        - ``"shape"``: ``area`` in pixels; ``perimeter`` in pixel sides;
          ``eccentricity``, ``axis_major_length``, ``axis_minor_length`` and
          ``orientation`` of the ellipse with the same second moments; ``extent``, the
          share of the bounding box that is covered; ``solidity``, the share of the
          convex hull.
        - ``"position"``, as shares of the height and width of the image, in 0..1:
          ``centroid_row``, ``centroid_col``, ``bbox_top``, ``bbox_left``,
          ``bbox_bottom``, ``bbox_right``.
        - ``"contrast"``: one column, the distance to the mean colours of the adjacent
          superpixels (root mean square over the channels), as a mean weighted by the
          length of the border; 0 without neighbours.
    bins : int, default=8
        Number of ranges per channel in ``"histogram"``, from 1 to 256.
    as_frame : bool, default=False
        Return a pandas DataFrame with named columns.

    Returns
    -------
    ndarray of shape (n, n_features), float64, or DataFrame
        Row i belongs to superpixel i. Every value is finite.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.
    ImportError
        If `as_frame` is set and pandas is not installed.

    See Also
    --------
    SuperpixelFeatures : The same for many images, as an estimator.

    Notes
    -----
    Brightness is the BT.709 luma if there are three channels, else their mean. A local
    binary pattern marks those of the 8 neighbours of a pixel that are at least as
    bright as the pixel. If the marked neighbours are contiguous around the pixel, the
    pattern counts in ``lbp_0`` .. ``lbp_8``, by their number; otherwise it counts in
    ``lbp_9``. The gradient is half the difference of the neighbours on either side. Its
    direction is 0 degrees if brightness changes along a row, and 45 if it also grows
    downwards. Neighbours outside the image and masked ones count as equal to the pixel.

    Orientation and axes are those of ``skimage.measure.regionprops``. The orientation
    is the angle between the major axis and the downward direction, from -pi/2 to pi/2,
    and 0 if the axes are equal. The perimeter is that of
    `seal_sk.metrics.compactness_score`, and the convex hull is that of the pixels as
    squares. Both differ from scikit-image; the solidity of a rectangle is 1.

    Time is approximately linear in the numbers of pixels and channels.

    References
    ----------
    Ojala, Pietikäinen, Mäenpää, "Multiresolution Gray-Scale and Rotation Invariant
    Texture Classification with Local Binary Patterns", PAMI 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import superpixel_features
    >>> image = np.array([[0, 0, 255], [0, 0, 255]], dtype=np.uint8)
    >>> labels = [[0, 0, 1], [0, 0, 1]]
    >>> superpixel_features(image, labels, features=("mean", "contrast"))
    array([[0., 1.],
           [1., 1.]])
    >>> table = superpixel_features(image, labels, as_frame=True)
    >>> table[["mean_0", "area", "bbox_left"]]
       mean_0  area  bbox_left
    0     0.0   4.0   0.000000
    1     1.0   2.0   0.666667
    """
    features, bins = check_choice(features, bins)
    frame = frame_type() if as_frame else None
    columns = describe(*check_labelled(image, labels), features, bins)
    return as_table(columns, frame)


def check_choice(features: Sequence[str], bins: int) -> tuple[tuple[str, ...], int]:
    """Check the names of the groups and the number of bins, and return them."""
    features = check_names(features, FEATURES, name="features")
    bins = check_int(bins, 1, name="bins")
    if bins > MAX_BINS:
        raise ValueError(f"bins={bins} must be at most {MAX_BINS}.")
    return features, bins


def frame_type() -> type[DataFrame]:
    """The class pandas.DataFrame."""
    return import_extra("pandas", "tables", "as_frame=True").DataFrame


def as_table(
    columns: dict[str, NDArray[np.float64]], frame: type[DataFrame] | None
) -> NDArray[np.float64] | DataFrame:
    """Join columns to an array, or to a table of the class `frame`."""
    if frame is None:
        return np.column_stack(list(columns.values()))
    return frame(columns)


def describe(
    image: NDArray[Any],
    labels: NDArray[np.int32],
    n: int,
    features: Sequence[str],
    bins: int,
) -> dict[str, NDArray[np.float64]]:
    """Columns by name; the arguments come from `check_labelled`, `check_choice`."""
    superpixels = _Superpixels(image, labels, n)
    columns: dict[str, NDArray[np.float64]] = {}
    for group in features:
        if group == "histogram":
            columns |= _histogram(superpixels, bins)
        else:
            columns |= _GROUPS[group](superpixels)
    return columns


def column_names(n_channels: int, features: Sequence[str], bins: int) -> list[str]:
    """Names of the columns for images of `n_channels` channels."""
    # From the features of one pixel, so that names always match values.
    image = np.zeros((1, 1, n_channels), dtype=np.uint8)
    labels = np.zeros((1, 1), dtype=np.int32)
    return list(describe(image, labels, 1, features, bins))


class _Superpixels:
    """An image and its superpixels, and sums over each of them.

    Pixels are those that are not masked, in scan order.
    """

    def __init__(self, image, labels, n):
        self.image = image
        self.labels = labels
        self.n = n
        self.inside = labels >= 0
        self._all_inside = bool(self.inside.all())
        self.label = self.pixels(labels).astype(np.intp)
        self.size = np.bincount(self.label, minlength=n)

    def pixels(self, values):
        """Entries of an array (H, W) at the pixels."""
        return values.ravel() if self._all_inside else values[self.inside]

    def sum(self, values):
        return np.bincount(self.label, values, minlength=self.n)

    def mean(self, values):
        return self.sum(values) / self.size

    def mean_and_std(self, values):
        # Relative to one of its pixels, so that a uniform colour has a std of 0.
        some = np.empty(self.n)
        some[self.label] = values
        values = values - some[self.label]
        mean = self.mean(values)
        return some + mean, np.sqrt(self.mean((values - mean[self.label]) ** 2))

    def shares(self, code, n_codes, weights=None):
        """Share of each code 0..n_codes-1 among the pixels, (n, n_codes).

        Weighted by `weights`, if given; all 0 where the weights are all 0.
        """
        code = self.label * n_codes + code
        table = np.bincount(code, weights, minlength=self.n * n_codes)
        table = table.reshape(self.n, n_codes)
        total = table.sum(axis=1, keepdims=True)
        return table / np.where(total > 0, total, 1)

    @cached_property
    def colours(self):
        """Mean and standard deviation of each channel."""
        return [
            self.mean_and_std(unit_scale(self.pixels(self.image[..., channel])))
            for channel in range(self.image.shape[2])
        ]

    @cached_property
    def steps(self):
        """Channels in 0..65535, int32 (H, W); 0 where masked."""
        steps = []
        for channel in range(self.image.shape[2]):
            whole = np.zeros(self.labels.shape, dtype=np.int32)
            values = unit_scale(self.pixels(self.image[..., channel]))
            whole[self.inside] = np.rint(values * _STEPS)
            steps.append(whole)
        return steps

    @cached_property
    def coordinates(self):
        """Row and column of each pixel."""
        return np.nonzero(self.inside)

    @cached_property
    def box(self):
        """First row and column, and those after the last, of each superpixel."""
        box = []
        for at, length in zip(self.coordinates, self.labels.shape, strict=True):
            low, high = np.full(self.n, length), np.zeros(self.n, dtype=np.intp)
            np.minimum.at(low, self.label, at)
            np.maximum.at(high, self.label, at + 1)
            box.append((low, high))
        (top, bottom), (left, right) = box
        return top, left, bottom, right


def _mean(superpixels):
    return {f"mean_{i}": mean for i, (mean, _) in enumerate(superpixels.colours)}


def _std(superpixels):
    return {f"std_{i}": std for i, (_, std) in enumerate(superpixels.colours)}


def _histogram(superpixels, bins):
    columns: dict[str, NDArray[np.float64]] = {}
    for channel, steps in enumerate(superpixels.steps):
        code = superpixels.pixels(steps) * bins // _STEPS
        shares = superpixels.shares(np.minimum(code, bins - 1), bins)
        columns |= {f"histogram_{channel}_{i}": shares[:, i] for i in range(bins)}
    return columns


def _texture(superpixels):
    centre = _brightness(superpixels.steps)
    ring = _neighbours(centre, superpixels.inside)

    code = superpixels.pixels(_binary_patterns(centre, ring))
    patterns = superpixels.shares(code, 10)
    columns = {f"lbp_{i}": patterns[:, i] for i in range(10)}

    along = superpixels.pixels(ring[_RIGHT] - ring[_LEFT]) / (2.0 * _STEPS)
    down = superpixels.pixels(ring[_DOWN] - ring[_UP]) / (2.0 * _STEPS)
    magnitude = np.hypot(along, down)
    mean, std = superpixels.mean_and_std(magnitude)
    columns |= {"gradient_mean": mean, "gradient_std": std}
    # Opposite directions are the same, so eighths of a turn count modulo 4.
    turn = np.rint(np.arctan2(down, along) / (np.pi / 4)).astype(np.int32) % 4
    shares = superpixels.shares(turn, 4, magnitude)
    return columns | {f"gradient_{a}": shares[:, i] for i, a in enumerate(_ANGLES)}


def _brightness(steps):
    """Brightness in 0..65535, int32; from integers, so the same for each dtype."""
    weights = _LUMA if len(steps) == 3 else (1,) * len(steps)
    total = sum(
        weight * channel.astype(np.int64)
        for weight, channel in zip(weights, steps, strict=True)
    )
    return np.rint(total / sum(weights)).astype(np.int32)


def _neighbours(centre, inside):
    """The 8 neighbours of each pixel; the pixel itself for missing ones."""
    height, width = centre.shape
    around, there = np.pad(centre, 1), np.pad(inside, 1)
    ring = []
    for row, column in _RING:
        window = slice(1 + row, 1 + row + height), slice(1 + column, 1 + column + width)
        ring.append(np.where(there[window], around[window], centre))
    return ring


def _binary_patterns(centre, ring):
    """Number of neighbours that are not darker if they are contiguous, else 9."""
    bits = [(neighbour >= centre).astype(np.uint8) for neighbour in ring]
    changes = sum(bits[i - 1] ^ bits[i] for i in range(8))
    return np.where(changes <= 2, sum(bits), 9)


def _shape(superpixels):
    n, size = superpixels.n, superpixels.size
    top, left, bottom, right = superpixels.box
    box = (bottom - top) * (right - left)
    # Relative to the box, so that the position makes no difference.
    row, column = superpixels.coordinates
    row, column = row - top[superpixels.label], column - left[superpixels.label]
    mean_row, mean_column = superpixels.sum(row), superpixels.sum(column)
    square = size.astype(np.float64) ** 2
    rows = (size * superpixels.sum(row * row) - mean_row**2) / square
    columns = (size * superpixels.sum(column * column) - mean_column**2) / square
    both = (size * superpixels.sum(row * column) - mean_row * mean_column) / square

    half = np.hypot((rows - columns) / 2, both)
    major = (rows + columns) / 2 + half
    minor = np.maximum((rows + columns) / 2 - half, 0)
    roundness = minor / np.where(major > 0, major, 1)
    eccentricity = np.where(major > 0, np.sqrt(1 - roundness), 0)
    _, perimeter = areas_and_perimeters(superpixels.labels, n)
    return {
        "area": size.astype(np.float64),
        "perimeter": perimeter.astype(np.float64),
        "eccentricity": eccentricity,
        "solidity": size / _hull_areas(superpixels, box),
        "extent": size / box,
        "axis_major_length": 4 * np.sqrt(major),
        "axis_minor_length": 4 * np.sqrt(minor),
        "orientation": np.arctan2(2 * both, rows - columns) / 2,
    }


def _hull_areas(superpixels, box):
    """Areas of the convex hulls of the superpixels, their pixels as squares."""
    labels = np.pad(superpixels.labels, ((0, 0), (1, 1)), constant_values=-1)
    before, behind = labels[:, :-1], labels[:, 1:]
    change = before != behind
    # Corners of a hull are at the right and left ends of runs.
    right, left = change & (before >= 0), change & (behind >= 0)
    label = np.concatenate([before[right], behind[left]])
    row, column = np.concatenate([np.nonzero(right), np.nonzero(left)], axis=1)
    order = np.argsort(label, kind="stable")
    points = np.column_stack([row, column])[order]
    first = np.searchsorted(label[order], np.arange(superpixels.n + 1))

    areas = box.astype(np.float64)
    # A superpixel that fills its box is its own hull.
    for i in np.flatnonzero(superpixels.size < box):
        above = points[first[i] : first[i + 1]] - points[first[i]]
        below = above + np.array([1, 0])
        areas[i] = ConvexHull(np.concatenate([above, below])).volume
    return areas


def _position(superpixels):
    height, width = superpixels.labels.shape
    top, left, bottom, right = superpixels.box
    row, column = superpixels.coordinates
    return {
        "centroid_row": (superpixels.mean(row) + 0.5) / height,
        "centroid_col": (superpixels.mean(column) + 0.5) / width,
        "bbox_top": top / height,
        "bbox_left": left / width,
        "bbox_bottom": bottom / height,
        "bbox_right": right / width,
    }


def _contrast(superpixels):
    border = borders(superpixels.labels, superpixels.n).tocoo()
    first, second = border.row, border.col
    means = np.column_stack([mean for mean, _ in superpixels.colours])
    distance = np.sqrt(np.mean((means[first] - means[second]) ** 2, axis=1))
    n = superpixels.n
    total = np.bincount(first, distance * border.data, minlength=n)
    length = np.bincount(first, border.data, minlength=n)
    return {"contrast": total / np.maximum(length, 1)}


_GROUPS = {
    "mean": _mean,
    "std": _std,
    "texture": _texture,
    "shape": _shape,
    "position": _position,
    "contrast": _contrast,
}
