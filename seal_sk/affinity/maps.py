"""Affinity maps from an image or from annotations."""

import numpy as np

from .._validation import (
    FROM_TO,
    check_affinity,
    check_annotations,
    check_connectivity,
    check_image,
    check_real,
    unit_scale,
)

__all__ = [
    "binary_affinity",
    "oracle_affinity",
    "rgb_affinity",
    "to_eight_connected",
]


def rgb_affinity(image, *, sigma=5.0, connectivity=8):
    """Affinities from the colour differences of neighbouring pixels.

    ``exp(-d**2 / (2 * sigma**2))``, where d is the mean absolute difference over
    the channels on a 0..255 scale, times the square root of 2 between diagonal
    neighbours.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C)
        uint8, uint16, or floating point in 0..1. An array of 2 or 4 channels is
        taken for one with alpha and refused.
    sigma : float, default=5.0
        Colour difference, in steps of 8-bit intensity, at which the affinity has
        fallen to 0.61.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel: 4 gives two channels, 8 gives four.

    Returns
    -------
    ndarray of shape (H, W, 2) or (H, W, 4), float32
        The affinity map.

    Raises
    ------
    ValueError, TypeError
        If the image or a parameter is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import rgb_affinity
    >>> image = np.zeros((1, 3, 3), dtype=np.uint8)
    >>> image[0, 2] = 10
    >>> rgb_affinity(image, connectivity=4)[0, :, 0].round(3)
    array([1.   , 0.135, 0.   ], dtype=float32)
    """
    image = check_image(image)
    sigma = check_real(sigma, 0, name="sigma", exclusive=True)
    channels = check_connectivity(connectivity) // 2
    # Rounded, so that 8-bit colours are the same whole numbers in every dtype, and
    # equal differences stay equal.
    values = np.round(unit_scale(image) * 255.0, 4)
    affinity = np.zeros((*image.shape[:2], channels), dtype=np.float32)
    for channel in range(channels):
        start, end = FROM_TO[channel]
        difference = np.abs(values[end] - values[start]).mean(axis=-1)
        if channel > 1:
            difference *= np.sqrt(2.0)
        affinity[(*start, channel)] = np.exp(-((difference / sigma) ** 2) / 2)
    return affinity


def binary_affinity(labels, *, connectivity=4, ignore_label=None):
    """Affinities of a label map: 0 where the label changes, else 1.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype.
    connectivity : {4, 8}, default=4
        Neighbours of a pixel: 4 gives two channels, 8 gives four.
    ignore_label : int, optional
        Label of pixels that nothing is known about: edges that touch them are
        marked in the second array returned.

    Returns
    -------
    affinity : ndarray of shape (H, W, 2) or (H, W, 4), float32
        0 or 1.
    known : ndarray of bool, same shape
        False where an edge leads out of the image or touches an ignored pixel:
        the affinity there means nothing.

    Examples
    --------
    >>> from seal_sk.affinity import binary_affinity
    >>> affinity, known = binary_affinity([[1, 1, 2, 255]], ignore_label=255)
    >>> affinity[0, :, 0], known[0, :, 0]
    (array([1., 0., 0., 0.], dtype=float32), array([ True,  True, False, False]))
    """
    (labels,) = check_annotations(labels, name="labels")[:1]
    channels = check_connectivity(connectivity) // 2
    affinity = np.zeros((*labels.shape, channels), dtype=np.float32)
    known = np.zeros(affinity.shape, dtype=bool)
    for channel in range(channels):
        start, end = FROM_TO[channel]
        affinity[(*start, channel)] = labels[start] == labels[end]
        if ignore_label is None:
            known[(*start, channel)] = True
        else:
            known[(*start, channel)] = (labels[start] != ignore_label) & (
                labels[end] != ignore_label
            )
    affinity[~known] = 0
    return affinity, known


def oracle_affinity(annotations, *, connectivity=8, ignore_label=None):
    """Affinities from ground truth: the mean of the annotators' binary ones.

    What the best possible network would predict; segmented by ERS it is the bound
    for learned superpixels. Diagonals are derived as `to_eight_connected` does, so
    that it is what a two-channel network is compared with.

    Parameters
    ----------
    annotations : array-like of shape (H, W) or (n_annotations, H, W), or a list
        One label map or several, of any integer dtype.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel: 4 gives two channels, 8 gives four.
    ignore_label : int, optional
        Label of unknown pixels. An edge that touches one is judged by the other
        annotators, and has affinity 1 where nobody knows.

    Returns
    -------
    ndarray of shape (H, W, 2) or (H, W, 4), float32
        The affinity map.

    References
    ----------
    Tu et al., "Learning Superpixels with Segmentation-Aware Affinity Loss",
    CVPR 2018, section 3.

    Examples
    --------
    >>> from seal_sk import oracle_affinity
    >>> oracle_affinity([[[0, 0, 1]], [[0, 1, 1]]], connectivity=4)[0, :, 0]
    array([0.5, 0.5, 0. ], dtype=float32)
    """
    connectivity = check_connectivity(connectivity)
    maps = check_annotations(annotations, name="annotations")
    total = np.zeros((*maps[0].shape, 2), dtype=np.float32)
    votes = np.zeros(total.shape, dtype=np.float32)
    for labels in maps:
        if labels.shape != maps[0].shape:
            raise ValueError(
                f"annotations of shapes {maps[0].shape} and {labels.shape} can't "
                "belong to one image."
            )
        affinity, known = binary_affinity(labels, ignore_label=ignore_label)
        total += affinity
        votes += known
    affinity = np.divide(total, votes, out=np.ones_like(total), where=votes > 0)
    affinity[:, -1, 0] = 0
    affinity[-1, :, 1] = 0
    return affinity if connectivity == 4 else to_eight_connected(affinity)


def to_eight_connected(affinity):
    """Derive diagonal affinities from those to the right and down.

    A diagonal step is as likely as the weaker of its horizontal and its vertical
    part, each the mean of the two parallel edges, divided by the square root of 2:
    the rule that the authors' released program applies to two-channel predictions.

    Parameters
    ----------
    affinity : array-like of shape (H, W, 2)
        float32 or float64 in 0..1.

    Returns
    -------
    ndarray of shape (H, W, 4)
        dtype of the input; channels right, down, down-right, up-right.

    Raises
    ------
    ValueError, TypeError
        If it is not an affinity map of two channels.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import to_eight_connected
    >>> affinity = np.ones((2, 2, 2), dtype=np.float32)
    >>> to_eight_connected(affinity)[0, 0].round(4)
    array([1.    , 1.    , 0.7071, 0.    ], dtype=float32)
    """
    affinity = check_affinity(affinity)
    if affinity.shape[2] != 2:
        raise ValueError("affinity has four channels: it is eight-connected already.")
    right, down = affinity[..., 0], affinity[..., 1]
    eight = np.zeros((*affinity.shape[:2], 4), dtype=affinity.dtype)
    eight[..., :2] = affinity
    across = (right[:-1, :-1] + right[1:, :-1]) / 2
    along = (down[:-1, :-1] + down[:-1, 1:]) / 2
    diagonal = np.minimum(across, along) / affinity.dtype.type(np.sqrt(2.0))
    # Both diagonals of a square of four pixels cross the same four edges.
    eight[:-1, :-1, 2] = diagonal
    eight[1:, :-1, 3] = diagonal
    return eight
