"""The one door in: images, ground truths, affinities and label maps are checked here.

An image is converted by its dtype and never rescaled by its content, so that
neighbouring crops of one photograph always get the same values.
"""

from numbers import Integral, Number, Real

import numpy as np

#: What divides an image of this dtype to bring it to 0..1.
_FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0, "float64": 1.0}

# For each channel the pixels an edge starts from, and those it leads to.
_ALL = slice(None)
FROM_TO = (
    ((_ALL, slice(None, -1)), (_ALL, slice(1, None))),
    ((slice(None, -1), _ALL), (slice(1, None), _ALL)),
    ((slice(None, -1), slice(None, -1)), (slice(1, None), slice(1, None))),
    ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))),
)

# Edge ids are 32-bit inside the kernels.
_MAX_EDGES = 2**31 - 1


def check_image(image, *, mask=None, name="image"):
    """Return `image` as an (H, W, C) array of a supported dtype.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
        uint8, uint16, float32 or float64; floats in 0..1.
    mask : array-like of bool of shape (H, W), optional
        Pixels where it is False may hold anything.
    name : str
        What the error messages call it.

    Returns
    -------
    ndarray of shape (H, W, C)
        Native byte order; the dtype is kept.

    Raises
    ------
    ValueError, TypeError
        With what is wrong and what to do about it.
    """
    image = _as_image(image, name)
    if mask is not None:
        mask_name = "mask" if name == "image" else f"mask of {name}"
        mask = check_mask(mask, image.shape, name=mask_name)
    if image.dtype.kind == "f":
        values = image if mask is None else image[mask]
        low, high = values.min(), values.max()
        _refuse_infinite(low, high, name)
        if low < 0 or high > 1:
            raise ValueError(
                f"{name} is floating point with values in {low:g}..{high:g}; floats "
                "must lie in 0..1: divide by the largest value of its sensor (255 "
                "for 8 bits), or pass the integer array."
            )
    return image


def check_colors(image, labels, *, name="image"):
    """Return `image` as an (H, W, C) array of the size of a checked label map.

    For what compares colours with each other only: floats may have any range, as in
    CIELAB, and any value at all where `labels` is negative.
    """
    image = _as_image(image, name)
    if image.shape[:2] != labels.shape:
        raise ValueError(
            f"{name} is {image.shape[:2]}, but labels has shape {labels.shape}; they "
            "must be of the same size."
        )
    if image.dtype.kind == "f":
        used = image if labels.min() >= 0 else image[labels >= 0]
        if used.size:
            _refuse_infinite(used.min(), used.max(), name)
    return image


def _as_image(image, name):
    """An (H, W, C) array in native byte order, of a dtype in `_FULL_SCALE`."""
    _refuse_mask(image, name)
    image = np.asarray(image)
    if image.ndim not in (2, 3):
        raise ValueError(
            f"{name} has shape {image.shape}; an image is (H, W), (H, W, 1), "
            "(H, W, 3) or (H, W, C)."
        )
    if image.size == 0:
        raise ValueError(f"{name} has shape {image.shape}, which holds no pixel.")
    image = image.astype(image.dtype.newbyteorder("="), copy=False)
    if image.dtype.name not in _FULL_SCALE:
        raise TypeError(
            f"{name} has dtype {image.dtype}; give uint8, uint16, float32 or "
            "float64 (floats in 0..1)."
        )
    if image.ndim == 2:
        image = image[:, :, None]
    if image.shape[2] in (2, 4):
        raise ValueError(
            f"{name} has {image.shape[2]} channels, the last of which looks like "
            f"alpha; drop it with image[..., :{image.shape[2] - 1}]."
        )
    return image


def _refuse_infinite(low, high, name):
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(
            f"{name} holds NaN or infinite values; replace them before, for "
            "example with numpy.nan_to_num."
        )


def _refuse_mask(array, name):
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, and the mask would be lost; pass its .data, or "
            ".filled(value)."
        )


def check_mask(mask, shape, *, name="mask"):
    """Return `mask` as a bool array, True somewhere, of the image's (H, W)."""
    _refuse_mask(mask, name)
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(
            f"{name} has dtype {mask.dtype}; give booleans, True where the image is to "
            "be segmented, for example mask > 0."
        )
    if mask.shape != tuple(shape[:2]):
        raise ValueError(
            f"{name} has shape {mask.shape}, but the image is {tuple(shape[:2])}; they "
            "must be of the same height and width."
        )
    if not mask.any():
        raise ValueError(f"{name} is False everywhere; nothing is left to segment.")
    return mask


def unit_scale(image, dtype=np.float64):
    """Values of a checked image in 0..1, as `dtype`."""
    return image.astype(dtype) / dtype(_FULL_SCALE[image.dtype.name])


def check_rgb(image, *, mask=None, name="image"):
    """A checked image with three channels; one channel is repeated."""
    image = check_image(image, mask=mask, name=name)
    if image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    if image.shape[2] != 3:
        raise ValueError(
            f"{name} has {image.shape[2]} channels; the network reads one (grey) or "
            "three (RGB): choose three bands."
        )
    return image


def check_images(X, check=check_image, *, mask=None, name="X"):
    """Check that `X` is a sequence of images, and return it.

    Images in memory are looked at one by one, by `check`; those of a lazy sequence are
    checked when they are loaded. `mask` is as `check_masks` has passed it.
    """
    check_sequence(X, name=name)
    if isinstance(X, (list, tuple, np.ndarray)):
        for i, image in enumerate(X):
            inside = None if mask is None else mask[i]
            check(image, mask=inside, name=f"{name}[{i}]")
    return X


def check_masks(mask, X):
    """Check that `mask` is None, or a sequence as long as `X` of masks and None."""
    if mask is None:
        return
    if isinstance(mask, (str, bytes, dict)) or not (
        hasattr(mask, "__len__") and hasattr(mask, "__getitem__")
    ):
        raise TypeError(f"mask is {type(mask).__name__}; give a list of masks.")
    if isinstance(mask, np.ndarray) and mask.dtype != object and mask.ndim < 3:
        raise ValueError(
            f"mask is one array of shape {mask.shape}; give a sequence with one mask "
            "per image: for one image pass [mask]."
        )
    check_sequence(X, name="X")
    if len(mask) != len(X):
        raise ValueError(
            f"X has {len(X)} images and mask has {len(mask)} masks; they must pair up "
            "one to one (None where the whole image is meant)."
        )


def check_sequence(X, *, name):
    """Refuse a bare array, a string, an empty sequence and what has no length."""
    if isinstance(X, np.ndarray) and X.dtype != object and X.ndim != 4:
        raise ValueError(
            f"{name} is one array of shape {X.shape}; a sequence of images is "
            f"expected, since (H, W, 3) and (n, H, W) can't be told apart. For one "
            "image pass [image]; for a stack of grey images pass list(stack)."
        )
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim != 1:
        raise ValueError(
            f"{name} is an object array of shape {X.shape}; use a list of images."
        )
    if isinstance(X, (str, bytes, dict)) or not (
        hasattr(X, "__len__") and hasattr(X, "__getitem__")
    ):
        raise TypeError(
            f"{name} is {type(X).__name__}; give a list of arrays (or any sequence "
            "with __len__ and __getitem__)."
        )
    if len(X) == 0:
        raise ValueError(f"{name} is empty; give at least one.")
    return X


def check_pairs(X, y):
    """Check that `X` and `y` are sequences of the same length."""
    check_sequence(X, name="X")
    if y is None:
        raise ValueError("y is None; ground truth is needed: a label map per image.")
    if isinstance(y, np.ndarray) and y.dtype != object and y.ndim < 3:
        raise ValueError(
            f"y is one array of shape {y.shape}; give a sequence with one label map "
            "(or a list of them) per image: for one image pass [label_map]."
        )
    if isinstance(y, (str, bytes, dict)) or not (
        hasattr(y, "__len__") and hasattr(y, "__getitem__")
    ):
        raise TypeError(f"y is {type(y).__name__}; give a list of label maps.")
    if len(X) != len(y):
        raise ValueError(
            f"X has {len(X)} images and y has {len(y)} ground truths; they must "
            "pair up one to one."
        )


def check_annotations(truth, shape=None, *, name="y_true"):
    """Return one or several label maps as a list of integer (H, W) arrays.

    Parameters
    ----------
    truth : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Any integer (or boolean) dtype.
    shape : tuple of int, optional
        What (H, W) must be.
    name : str
        What the error messages call it.
    """
    if not hasattr(truth, "__len__"):
        raise TypeError(
            f"{name} is {type(truth).__name__}; give a label map (H, W) or a list of "
            "them."
        )
    if isinstance(truth, np.ndarray) and truth.ndim == 2:
        maps = [truth]
    else:
        for m in (truth, *truth):
            _refuse_mask(m, name)
        maps = [np.asarray(m) for m in truth]
        # A label map given as nested lists arrives here as its rows.
        if maps and all(m.ndim == 1 for m in maps):
            maps = [np.asarray(truth)]
    if not maps:
        raise ValueError(f"{name} holds no label map; give at least one.")
    return [check_label_map(m, shape, name=name) for m in maps]


def check_label_map(labels, shape=None, *, name="labels"):
    """Return an (H, W) array of integer labels in native byte order."""
    _refuse_mask(labels, name)
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.size == 0:
        raise ValueError(
            f"{name} has shape {labels.shape}; a label map is (H, W) with at least "
            "one pixel."
        )
    if labels.dtype == bool:
        labels = labels.astype(np.uint8)
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"{name} has dtype {labels.dtype}; a label map holds integers. If the "
            "values are whole numbers, use .astype(int)."
        )
    if shape is not None and labels.shape != tuple(shape):
        raise ValueError(
            f"{name} has shape {labels.shape}, but its image (or the other label "
            f"map) is {tuple(shape)}; they must be of the same size."
        )
    return labels.astype(labels.dtype.newbyteorder("="), copy=False)


def check_superpixels(labels, shape=None, *, name="labels"):
    """Return a label map as C-contiguous int32, -1 where masked, and its number.

    Each of 0..n-1 must occur; whether each is one region is not looked at.
    """
    labels = check_label_map(labels, shape, name=name)
    high = int(labels.max())
    if high < 0:
        raise ValueError(f"{name} masks every pixel; there is no superpixel.")
    # No more labels than pixels, so that what is counted stays small.
    if high < labels.size:
        labels = np.maximum(labels, -1) if labels.dtype.kind == "i" else labels
        labels = np.ascontiguousarray(labels, dtype=np.int32)
        if np.bincount(labels.ravel() + 1, minlength=high + 2)[1:].all():
            return labels, high + 1
    raise ValueError(
        f"{name} goes up to {high}, but some label below does not occur; number the "
        "superpixels 0, 1, 2, ... with seal_sk.labels.relabel_consecutive."
    )


def check_labelled(image, labels, *, name="image", labels_name="labels"):
    """Return a checked image, its superpixels as `check_superpixels`, their number.

    Masked pixels of the image may hold anything.
    """
    image = _as_image(image, name)
    labels, n = check_superpixels(labels, image.shape[:2], name=labels_name)
    mask = None if labels.min() >= 0 else labels >= 0
    return check_image(image, mask=mask, name=name), labels, n


def check_label_maps(label_maps, X):
    """Refuse what a segmenter gave for `X` unless it is one thing an image."""
    if not hasattr(label_maps, "__len__") or len(label_maps) != len(X):
        raise ValueError(
            f"the segmenter did not give one label map for each of the {len(X)} "
            "images; its transform(X) must give a list of them."
        )


def check_labelled_pair(pair, *, name):
    """`check_labelled` of a tuple or list (image, labels)."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(
            f"{name} is {type(pair).__name__}; with segmenter='precomputed' each item "
            "is a pair (image, labels)."
        )
    return check_labelled(
        *pair, name=f"the image of {name}", labels_name=f"the label map of {name}"
    )


def check_n_channels(image, n_channels, *, name):
    """Refuse a checked image of another number of channels than in training."""
    if image.shape[2] != n_channels:
        raise ValueError(
            f"{name} has {image.shape[2]} channels, but the first image given to fit "
            f"has {n_channels}; all images must have the same."
        )


def check_names(names, known, *, name):
    """Return `names`, some of `known` and each once, as a tuple."""
    if not isinstance(names, (tuple, list)):
        raise TypeError(f"{name}={names!r} must be a tuple or list of names.")
    unknown = [one for one in names if one not in known]
    if unknown or not names or len(set(names)) < len(names):
        raise ValueError(
            f"{name}={names!r} must name some of {', '.join(map(repr, known))}, each "
            "once."
        )
    return tuple(names)


def check_values(values, n):
    """Return numbers for `n` superpixels as an array (n,) or (n, c)."""
    _refuse_mask(values, "values")
    values = np.asarray(values)
    if values.dtype.kind not in "biufc":
        raise TypeError(
            f"values has dtype {values.dtype}; numbers or booleans can be painted."
        )
    if values.ndim not in (1, 2) or len(values) != n:
        raise ValueError(
            f"values has shape {values.shape}, but labels has {n} superpixels; give "
            f"({n},) or ({n}, c)."
        )
    return values


def check_fill(fill, dtype):
    """Refuse what is no number, or none that an array of `dtype` can hold."""
    if not isinstance(fill, (Number, np.bool_)):
        raise TypeError(f"fill={fill!r} must be a number.")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not isinstance(fill, Integral) or not limits.min <= fill <= limits.max:
            raise ValueError(f"fill={fill!r} must be an integer that fits {dtype}.")
    elif dtype.kind == "b" and fill not in (0, 1):
        raise ValueError(f"fill={fill!r} must be True or False, as values are.")
    elif dtype.kind == "f" and not isinstance(fill, (Real, np.bool_)):
        raise ValueError(f"fill={fill!r} must be a real number, as values are.")
    return fill


def check_affinity(affinity):
    """Return an affinity map as a C-contiguous float32 or float64 array."""
    _refuse_mask(affinity, "affinity")
    affinity = np.asarray(affinity)
    if affinity.ndim != 3 or affinity.shape[2] not in (2, 4) or affinity.size == 0:
        raise ValueError(
            f"affinity has shape {affinity.shape}; an affinity map is (H, W, 2) "
            "[right, down] or (H, W, 4) [right, down, down-right, up-right]."
        )
    if affinity.dtype.kind != "f":
        raise TypeError(
            f"affinity has dtype {affinity.dtype}; give float32 or float64 in 0..1."
        )
    if affinity.size > _MAX_EDGES:
        raise ValueError(
            f"affinity has {affinity.size} entries; at most {_MAX_EDGES} fit: cut "
            "the image into tiles."
        )
    dtype = np.float64 if affinity.dtype.itemsize > 4 else np.float32
    affinity = np.ascontiguousarray(affinity, dtype=dtype)
    # The comparisons are False for NaN as well.
    if not (affinity.min() >= 0 and affinity.max() <= 1):
        # Entries that lead out of the image are never read: they may hold anything.
        for channel in range(affinity.shape[2]):
            values = affinity[(*FROM_TO[channel][0], channel)]
            if values.size and not (values.min() >= 0 and values.max() <= 1):
                raise ValueError(
                    "affinity holds NaN or values outside 0..1; an affinity is the "
                    "likelihood that two neighbours belong together."
                )
    return affinity


def check_tree(tree, n_pixels):
    """Return a merge tree over `n_pixels` as a C-contiguous int32 array (joins, 2)."""
    tree = np.asarray(tree)
    if tree.ndim != 2 or tree.shape[1] != 2 or tree.dtype.kind not in "iu":
        raise ValueError(
            f"tree has shape {tree.shape} and dtype {tree.dtype}; a tree is an integer "
            "array (joins, 2), as ers(..., nested=True, return_tree=True) returns."
        )
    if 2 * n_pixels > _MAX_EDGES:
        raise ValueError(
            f"shape has {n_pixels} pixels, more than the {_MAX_EDGES // 2} of the "
            "largest tree; give that of the tree's own image."
        )
    own = n_pixels + np.arange(len(tree))[:, None]
    exists = ((tree >= 0) & (tree < own)).all()
    tree = np.ascontiguousarray(tree, dtype=np.int32)
    # Only nodes that exist are counted: the memory goes with the largest.
    if not exists or (tree.size and np.bincount(tree.ravel()).max() > 1):
        raise ValueError(
            f"tree is none over {n_pixels} pixels: a join may name each pixel and each "
            "earlier join once."
        )
    return tree


def check_shape(shape):
    """Return `shape` as (H, W), two ints of at least 1."""
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise ValueError(f"shape={shape!r} must be the image's (height, width).")
    return tuple(check_int(length, 1, name="shape") for length in shape)


def check_n_segments(n_segments, shape, mask=None):
    """Return `n_segments` as an int from 1 to the pixels (of the mask, if any)."""
    n_segments = check_int(n_segments, 1, name="n_segments")
    n_pixels = int(shape[0]) * int(shape[1])
    if n_segments > n_pixels:
        raise ValueError(
            f"n_segments={n_segments} is more than the {n_pixels} pixels of an image "
            f"of {shape[0]} x {shape[1]}; ask for at most one segment per pixel."
        )
    if mask is not None and n_segments > np.count_nonzero(mask):
        raise ValueError(
            f"n_segments={n_segments} is more than the {np.count_nonzero(mask)} pixels "
            "of the mask; ask for at most one segment per pixel."
        )
    return n_segments


def check_int(value, at_least, *, name):
    """Return `value` as an int of at least `at_least`."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name}={value!r} must be an integer.")
    if value < at_least:
        raise ValueError(f"{name}={value} must be at least {at_least}.")
    return int(value)


def check_real(value, at_least, *, name, exclusive=False):
    """Return `value` as a finite float of at least (or above) `at_least`."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name}={value!r} must be a number.")
    value = float(value)
    if not np.isfinite(value) or value < at_least or (exclusive and value == at_least):
        bound = "above" if exclusive else "at least"
        raise ValueError(f"{name}={value!r} must be finite and {bound} {at_least}.")
    return value


def check_connectivity(connectivity):
    """Return 4 or 8."""
    if not isinstance(connectivity, Integral) or connectivity not in (4, 8):
        raise ValueError(f"connectivity={connectivity!r} must be 4 or 8.")
    return int(connectivity)
