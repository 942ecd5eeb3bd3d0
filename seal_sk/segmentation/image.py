"""From an image straight to a label map."""

import numpy as np

from .._fh import colour_distance
from .._fh import fh as _fh
from .._seeds import exact_seeds, grid_seeds
from .._snic import snic as _snic
from .._validation import (
    _MAX_EDGES,
    check_connectivity,
    check_image,
    check_mask,
    check_n_segments,
    check_real,
    unit_scale,
)
from .graph import as_bytes, check_sizes

__all__ = ["fh_image", "snic"]

# The queue of SNIC counts up to four candidates a pixel in 32 bits.
_MAX_PIXELS = 2**28


def fh_image(
    image,
    *,
    scale=100.0,
    sigma=0.8,
    min_size=None,
    connectivity=8,
    n_segments=None,
    mask=None,
):
    """Felzenszwalb and Huttenlocher's segmentation of an image.

    As :func:`fh`, with the Euclidean distance between the colours of the smoothed
    image as dissimilarity.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C)
        uint8, uint16, or floating point in 0..1. An array of 2 or 4 channels is
        taken for one with alpha and refused.
    scale : float, default=100.0
        Distance, in steps of 8-bit intensity, times pixels, at least 0: a segment of
        n pixels joins over scale / n more than it holds inside. More makes fewer,
        larger segments. Not used where `n_segments` is given.
    sigma : float, default=0.8
        Standard deviation of the Gaussian that smooths the image, in pixels, at most
        ten times the image's longer side; 0 for none.
    min_size : int, optional
        Least number of pixels in a segment. By default 20, or
        ``n_pixels // (8 * n_segments)`` for `n_pixels` in the image, or in the mask.
        Smaller areas of a mask stay as they are.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel.
    n_segments : int, optional
        Number of segments, from 1 (or the number of areas that `mask` falls into) to
        the number of pixels, of which exactly so many come out, as :func:`fh`
        describes.
    mask : array-like of bool of shape (H, W), optional
        True where the image is to be segmented. Elsewhere it may hold anything, NaN
        included, and the smoothing takes nothing from there.

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
    fh : The same on an affinity map; says how ties are broken.

    Notes
    -----
    With 8 neighbours and without `n_segments` the segments are those of
    ``skimage.segmentation.felzenszwalb``, `scale`, `sigma` and `min_size` included,
    but for distances that are equal: scikit-image takes these in the order that an
    unstable sort leaves, and doesn't join over a distance that equals the bound.
    Inside a mask, the smoothed image is that of normalised convolution: the Gaussian
    of the image, 0 outside, divided by the Gaussian of the mask. Memory as for
    :func:`fh`.

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
    if mask is not None:
        mask = check_mask(mask, image.shape)
    # scikit-image's unit, and that of the original program: colours of 0..255.
    scale = check_real(scale, 0, name="scale") / 255.0
    sigma = check_real(sigma, 0, name="sigma")
    longest = max(image.shape[:2])
    if sigma > 10 * longest:
        raise ValueError(
            f"sigma={sigma:g} smooths an image of {image.shape[0]} x {image.shape[1]} "
            f"away; give at most {10 * longest}, ten times its longer side."
        )
    channels = check_connectivity(connectivity) // 2
    n_segments, min_size = check_sizes(
        n_segments, min_size, image.shape, mask, 2 * channels
    )
    if image.shape[0] * image.shape[1] * channels > _MAX_EDGES:
        raise ValueError(
            f"image has {image.shape[0]} x {image.shape[1]} pixels; at most "
            f"{_MAX_EDGES // channels} fit: cut it into tiles."
        )
    distance = _smooth_distance(image, sigma, channels, mask)
    return _fh(distance, scale, min_size, n_segments, as_bytes(mask))


def snic(image, n_segments, *, compactness=10.0, mask=None, exact=False):
    """Simple non-iterative clustering (SNIC) of an image.

    Clusters grow from seeds on a regular grid, pixel by pixel: of all pixels that
    touch a cluster, the one nearest to the cluster's mean, in colour and position, is
    next, and the mean follows.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
        uint8, uint16, float32 or float64; floats in 0..1. Three channels are sRGB and
        are taken to CIELAB, one is grey and is taken to its lightness L*; five or
        more are used as they are, scaled to 0..100.
    n_segments : int
        Number of segments, in 1..H*W (or the number of pixels in the mask). As the
        grid allows, a few per cent more or fewer come out.
    compactness : float, default=10.0
        Weight of the position, at least 0: the difference in colour that counts as
        much as one grid step. More makes the segments more compact.
    mask : array-like of bool of shape (H, W), optional
        True where the image is to be segmented. Elsewhere it may hold anything,
        NaN included. A region of the mask without a seed on the grid gets one.
    exact : bool, default=False
        Give exactly `n_segments`. Where the grid has another number of seeds, they
        stand in rows of nearly equal numbers instead, or, with a mask, in the middle
        of parts of equal size.

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
    compactness**2 * n / N * |position - mean|**2`` for n seeds in N pixels. It is taken
    once, when the pixel's neighbour joins the cluster, in 32-bit floats; of equal
    ones the first pixel in scan order is next, and a pixel equally near to several
    clusters joins the one that reached it first. The original breaks such ties by the
    layout of its heap; but for them and for rounding, this is its result where neither
    `mask` nor `exact` is given.

    Time is close to linear in the number of pixels. Memory beyond the input is about
    25 bytes a pixel for three channels and four more for each further channel, up to
    100 where segments have a few pixels only, and 130 if there are a mask and `exact`
    too.

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
    if mask is not None:
        mask = check_mask(mask, np.shape(image))
    image = check_image(image, mask=mask)
    shape = image.shape[:2]
    if shape[0] * shape[1] > _MAX_PIXELS:
        raise ValueError(
            f"image has {shape[0]} x {shape[1]} pixels; at most {_MAX_PIXELS} fit: cut "
            "it into tiles."
        )
    n_segments = check_n_segments(n_segments, shape, mask)
    compactness = check_real(compactness, 0, name="compactness")
    seeds = (exact_seeds if exact else grid_seeds)(shape, n_segments, mask)
    if mask is None:
        mask = np.empty((0, 0), dtype=bool)
    return _snic(image, mask.view(np.uint8), seeds, compactness)


def _smooth_distance(image, sigma, channels, mask):
    """Distances between the colours of neighbours, smoothed inside the mask."""
    image = np.ascontiguousarray(unit_scale(image))
    # The division by the Gaussian of a full mask, which is 1, would only round.
    weighted = not (mask is None or mask.all())
    if weighted:
        image[~mask] = 0.0
        image = np.dstack([image, mask])
    return colour_distance(image, _half_gaussian(sigma), channels, weighted)


def _half_gaussian(sigma):
    """Weights of a Gaussian filter from its centre outwards, as SciPy cuts it off."""
    radius = int(4 * sigma + 0.5)
    if radius == 0:
        return np.ones(1)
    weights = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return weights[radius:] / weights.sum()
