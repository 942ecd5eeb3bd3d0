"""From an image directly to a label map."""

from __future__ import annotations

import warnings
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._distance import colour_distance
from .._fh import fh as _fh
from .._snic import snic as _snic
from .._typing import Connectivity
from .._validation import (
    MAX_EDGES,
    as_8bit_scale,
    check_connectivity,
    check_image,
    check_int,
    check_mask,
    check_n_pixels,
    check_n_segments,
    check_real,
    check_sigma,
    unit_scale,
    warn_of_volume,
)
from ..labels import force_n_segments, merge_small
from .graph import as_bytes, check_sizes
from .grid import exact_seeds, grid_seeds

__all__ = ["fh_image", "slic", "snic"]

# With less, only colours count just as well, but the squared distances of scikit-image
# overflow from about 1e-150 on, and it writes beyond its memory.
_LEAST_COMPACTNESS = 1e-100

_ONE_MASK_AT_A_TIME = Lock()


def fh_image(
    image: ArrayLike,
    *,
    scale: float = 100.0,
    sigma: float = 0.8,
    min_size: int | None = None,
    connectivity: Connectivity = 8,
    n_segments: int | None = None,
    mask: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Felzenszwalb and Huttenlocher's segmentation of an image.

    Like :func:`fh`, where the dissimilarity is the Euclidean distance between the
    colours of the smoothed image.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C)
        uint8, uint16, or floating point in 0..1. An array of 2 or 4 channels is
        refused, since its last channel looks like alpha.
    scale : float, default=100.0
        Distance, in steps of 8-bit intensity, times pixels, at least 0: a segment of
        n pixels joins across a distance that exceeds the largest inside by up to
        scale / n. Higher values give fewer, larger segments. Ignored if `n_segments` is
        given.
    sigma : float, default=0.8
        Standard deviation of the Gaussian that smooths the image, in pixels, at most
        ten times the image's longer side; 0 for none.
    min_size : int, optional
        Smallest number of pixels in a segment. By default 20; with `n_segments`,
        ``n_pixels // (8 * n_segments)``, where `n_pixels` is the number of pixels in
        the image, or in the mask. Areas of a mask that are smaller stay as they are.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel.
    n_segments : int, optional
        Number of segments, from 1 (or the number of areas of `mask`) to the number of
        pixels. You get exactly this many, in the way that :func:`fh` describes.
    mask : array-like of bool of shape (H, W), optional
        True where to segment the image. Elsewhere it may hold anything, NaN included;
        the smoothing ignores these pixels.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels from 0, numbered in scan order of their first pixels. Each label is
        one region, connected as `connectivity` says. -1 outside the mask.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    See Also
    --------
    fh : The same on an affinity map; describes how ties are broken.

    Notes
    -----
    With 8 neighbours and without `n_segments`, the segments are those of
    ``skimage.segmentation.felzenszwalb`` for the same `scale`, `sigma` and `min_size`,
    except for ties: scikit-image takes equal distances in the order of an unstable
    sort, and does not join across a distance that equals the bound.

    Inside a mask, the image is smoothed by normalised convolution: the Gaussian filter
    of the image, 0 outside, divided by the Gaussian filter of the mask. Memory is as
    for :func:`fh`.

    References
    ----------
    Felzenszwalb, Huttenlocher, "Efficient Graph-Based Image Segmentation",
    International Journal of Computer Vision 59, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import fh_image
    >>> image = np.zeros((4, 6), dtype=np.uint8)
    >>> image[:, 3:] = 200
    >>> fh_image(image, sigma=0, n_segments=2)
    array([[0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1]], dtype=int32)
    """
    image = check_image(image, mask=mask)
    warn_of_volume(image)
    if mask is not None:
        mask = check_mask(mask, image.shape)
    # The unit of scikit-image and of the original program: colours in 0..255.
    scale = check_real(scale, 0, name="scale") / 255.0
    sigma = check_sigma(sigma, image.shape)
    channels = check_connectivity(connectivity) // 2
    n_segments, min_size = check_sizes(
        n_segments, min_size, image.shape, mask, 2 * channels
    )
    if image.shape[0] * image.shape[1] * channels > MAX_EDGES:
        raise ValueError(
            f"image has {image.shape[0]} x {image.shape[1]} pixels; at most "
            f"{MAX_EDGES // channels} are supported: split it into tiles."
        )
    distance = _smooth_distance(image, sigma, channels, mask)
    return _fh(distance, False, scale, min_size, n_segments, as_bytes(mask))


def snic(
    image: ArrayLike,
    n_segments: int,
    *,
    compactness: float = 10.0,
    mask: ArrayLike | None = None,
    exact: bool = False,
) -> NDArray[np.int32]:
    """Simple non-iterative clustering (SNIC) of an image.

    Clusters grow from seeds on a regular grid, pixel by pixel. Of all pixels that touch
    a cluster, the one nearest to its cluster's mean, in colour and position, is added
    next, and the mean is updated.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
        uint8, uint16, float32 or float64; floats in 0..1. Three channels are sRGB and
        are converted to CIELAB; one channel is grey and is converted to its lightness
        L*; five or more are used as they are, scaled to 0..100.
    n_segments : int
        Number of segments, in 1..H*W (or up to the number of pixels in the mask). You
        get a few per cent more or fewer, depending on the grid.
    compactness : float, default=10.0
        Weight of the position, at least 0: the difference in colour that counts as
        much as one grid step. Higher values make the segments more compact. Try values
        on a logarithmic scale, such as 3, 10, 30 and 100.
    mask : array-like of bool of shape (H, W), optional
        True where to segment the image. Elsewhere it may hold anything, NaN included.
        A region of the mask without a seed on the grid gets one.
    exact : bool, default=False
        Return exactly `n_segments`. If the grid has another number of seeds, they are
        placed in rows with nearly the same number in each instead, or, with a mask, in
        the middle of parts of equal size.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels from 0, numbered in scan order of their first pixels. Each label is one
        region, connected by its pixels' sides. -1 outside the mask.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or `exact` asks for fewer segments than
        the mask has regions.

    Notes
    -----
    The squared distance of a pixel to a cluster is ``|colour - mean|**2 +
    compactness**2 * n / N * |position - mean|**2`` for n seeds in N pixels. It is
    computed once, when the pixel's neighbour joins the cluster, in 32-bit floats. At
    equal distances, the first pixel in scan order is added next, and a pixel equally
    near to several clusters joins the one that reached it first. The original program
    breaks such ties by the layout of its heap. Apart from ties and rounding, the result
    without `mask` and `exact` is that of the original.

    Time is close to linear in the number of pixels. Memory beyond the input is about
    25 bytes per pixel for three channels and four more for each further channel. It is
    up to 100 if segments have only a few pixels, and 130 with a mask and `exact` too.

    References
    ----------
    Achanta, Suesstrunk, "Superpixels and Polygons Using Simple Non-Iterative
    Clustering", CVPR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import snic
    >>> image = np.zeros((4, 6), dtype=np.uint8)
    >>> image[:, 2:] = 200
    >>> snic(image, 2, exact=True)
    array([[0, 0, 1, 1, 1, 1],
           [0, 0, 1, 1, 1, 1],
           [0, 0, 1, 1, 1, 1],
           [0, 0, 1, 1, 1, 1]], dtype=int32)
    """
    image = check_image(image, mask=mask)
    warn_of_volume(image)
    if mask is not None:
        mask = check_mask(mask, image.shape)
    shape = image.shape[:2]
    check_n_pixels(image)
    n_segments = check_n_segments(n_segments, shape, mask)
    compactness = check_real(compactness, 0, name="compactness")
    seeds = (exact_seeds if exact else grid_seeds)(shape, n_segments, mask)
    if mask is None:
        mask = np.empty((0, 0), dtype=bool)
    return _snic(image, mask.view(np.uint8), seeds, compactness)


def slic(
    image: ArrayLike,
    n_segments: int,
    *,
    compactness: float = 10.0,
    max_iter: int = 10,
    sigma: float = 0.0,
    slic_zero: bool = False,
    mask: ArrayLike | None = None,
    exact: bool = False,
) -> NDArray[np.int32]:
    """Simple linear iterative clustering (SLIC) of an image, by scikit-image.

    k-means clustering of colours and positions, in which only nearby pixels move a
    centre.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
        uint8, uint16, float32 or float64; floats in 0..1. Three channels are sRGB and
        are converted to CIELAB; one channel is grey and is converted to its lightness
        L*; five or more are used as they are, scaled to 0..100.
    n_segments : int
        Number of segments, in 1..H*W (or up to the number of pixels in the mask). You
        usually get fewer, since many clusters end as small pieces, which are joined: on
        BSDS500's photographs, on average 66 for 100, 218 for 300 and 880 for 1000.
    compactness : float, default=10.0
        Weight of the position, above 0: the difference in colour that counts as much
        as one grid step. Higher values make the segments more compact. Try values on a
        logarithmic scale, such as 3, 10, 30 and 100.
    max_iter : int, default=10
        Rounds of k-means, at least 1.
    sigma : float, default=0.0
        Standard deviation of the Gaussian that smooths the colours, in pixels, at
        most ten times the image's longer side; 0 for none. With a mask, only colours
        inside it are averaged.
    slic_zero : bool, default=False
        Let each cluster adapt its compactness to its colours (SLICO), starting from
        `compactness`.
    mask : array-like of bool of shape (H, W), optional
        True where to segment the image. Elsewhere it may hold anything, NaN included.
        A mask that is True everywhere changes nothing.
    exact : bool, default=False
        Return exactly `n_segments`: :func:`seal_sk.labels.force_n_segments` joins the
        connected pieces of the clusters (or splits them, if there are too few), instead
        of scikit-image's rule for small pieces. The boundaries then follow the colours
        more closely, but are more ragged.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels from 0, numbered in scan order of their first pixels. Each label is one
        region, connected by its pixels' sides. -1 outside the mask.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or `exact` asks for fewer segments than
        the mask has regions.

    See Also
    --------
    snic : Without iterations, and closer to the requested number.

    Notes
    -----
    ``skimage.segmentation.slic`` stretches every image to its own range of values, so
    the meaning of `compactness` changes from crop to crop. Here an image is converted
    by its dtype instead. On an RGB image whose values span the whole range, the
    segmentation equals scikit-image's, apart from rounding. If a label is left in
    several pieces, those below a quarter of the mean size, ``H * W // (4 *
    n_segments)``, join the neighbour of the most similar colour, and larger ones get
    new labels.

    With a mask, the initial centres are found by k-means over its pixels. This takes 12
    bytes times the square of `n_segments`, and calls from several threads run one after
    the other. Without a mask, memory is about 130 bytes per pixel for three channels.

    References
    ----------
    Achanta, Shaji, Smith, Lucchi, Fua, Suesstrunk, "SLIC Superpixels Compared to
    State-of-the-Art Superpixel Methods", IEEE Transactions on Pattern Analysis and
    Machine Intelligence 34, 2012.

    Irving, "maskSLIC: Regional Superpixel Generation with Application to Local
    Pathology Characterisation in Medical Images", arXiv:1606.09518, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import slic
    >>> image = np.zeros((4, 6), dtype=np.uint8)
    >>> image[:, 2:] = 200
    >>> slic(image, 2, exact=True)
    array([[0, 0, 1, 1, 1, 1],
           [0, 0, 1, 1, 1, 1],
           [0, 0, 1, 1, 1, 1],
           [0, 0, 1, 1, 1, 1]], dtype=int32)
    """
    image = check_image(image, mask=mask)
    warn_of_volume(image)
    if mask is not None:
        mask = check_mask(mask, image.shape)
    check_n_pixels(image)
    n_segments = check_n_segments(n_segments, image.shape, mask)
    compactness = check_real(compactness, 0, name="compactness", exclusive=True)
    max_iter = check_int(max_iter, 1, name="max_iter")
    sigma = check_sigma(sigma, image.shape)
    if mask is None or mask.all():
        mask = np.ones(image.shape[:2], dtype=bool)
    colors = _colors(image, sigma, mask)
    labels = _clusters(
        colors,
        mask,
        n_segments=n_segments,
        compactness=compactness,
        max_num_iter=max_iter,
        slic_zero=bool(slic_zero),
        enforce_connectivity=not exact,
    )
    if exact:
        return force_n_segments(labels, n_segments, image=colors)
    min_size = int(np.count_nonzero(mask)) // (4 * n_segments)
    return merge_small(labels, min_size, image=colors)


def _colors(
    image: NDArray[Any], sigma: float, mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Colours in the same units as for SNIC, smoothed; 0 outside the mask."""
    from scipy.ndimage import gaussian_filter
    from skimage.color import rgb2lab

    colors = as_8bit_scale(image) / 255.0
    colors[~mask] = 0.0
    channels = colors.shape[2]
    if channels == 3:
        colors = rgb2lab(colors)
    elif channels == 1:
        colors = rgb2lab(np.repeat(colors, 3, axis=2))[:, :, :1]
    else:
        colors *= 100.0
    if sigma > 0:
        colors = gaussian_filter(colors, (sigma, sigma, 0))
        # A mean over the pixels inside; 0 / 0 can occur only outside.
        weights = gaussian_filter(mask.astype(np.float64), sigma)
        colors /= np.where(mask, weights, 1.0)[:, :, None]
    return np.ascontiguousarray(colors)


def _clusters(colors, mask, *, compactness, **parameters):
    """Labels of scikit-image's SLIC, any integers from 0; -1 outside the mask."""
    from skimage.segmentation import slic

    inside = colors[mask]
    spread = float(inside.max() - inside.min())
    # scikit-image divides the colours by their spread.
    if spread > 0:
        compactness /= spread
    compactness = max(compactness, _LEAST_COMPACTNESS)
    # From 1, since pixels that no cluster reaches keep the label 0.
    parameters |= {"compactness": compactness, "convert2lab": False, "start_label": 1}
    if mask.all():
        return slic(colors, **parameters)
    # scipy.cluster warns of clusters without pixels, which do no harm. Warning filters
    # affect the whole process.
    with _ONE_MASK_AT_A_TIME, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        # Its compiled loop takes only masks that could be written to.
        labels = slic(colors, mask=np.require(mask, requirements="W"), **parameters)
    return np.where(mask, labels, -1)


def _smooth_distance(
    image: NDArray[Any], sigma: float, channels: int, mask: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """Distances between the colours of neighbours, smoothed inside the mask."""
    image = np.ascontiguousarray(unit_scale(image))
    # The Gaussian of a full mask is 1: dividing by it would only add rounding errors.
    if mask is None or mask.all():
        return colour_distance(image, _half_gaussian(sigma), channels)
    image[~mask] = 0.0
    image = np.dstack([image, mask])
    return colour_distance(image, _half_gaussian(sigma), channels, True)


def _half_gaussian(sigma: float) -> NDArray[np.float64]:
    """Weights of a Gaussian filter from its centre outwards, as SciPy cuts it off."""
    radius = int(4 * sigma + 0.5)
    if radius == 0:
        return np.ones(1)
    weights = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return weights[radius:] / weights.sum()
