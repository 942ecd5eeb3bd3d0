"""The NYU Depth Dataset V2."""

from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from .._extras import import_extra
from .._typing import PathLike
from .._validation import check_option
from ..io.images import reading
from ..io.mat import read_mat
from .dataset import Dataset
from .lazy import LazySequence
from .places import DATA_HOME_ADVICE, find_data_home

__all__ = ["load_nyuv2"]

FILE = "nyu_depth_v2_labeled.mat"

# Class 5, instance 2 is 5002.
INSTANCES = 1000

_SPLITS = {"train": "trainNdxs", "test": "testNdxs"}
_LOCATIONS = ("", "nyuv2", "nyu_depth_v2")

_DESCR = """\
NYU Depth Dataset V2, labelled part

1449 photographs of rooms of 480 x 640 pixels (795 for training, 654 for testing), each
with one annotation of classes and instances. Depth is not loaded.

Its authors ask to be cited; their page has the terms of use.

N. Silberman, D. Hoiem, P. Kohli and R. Fergus, "Indoor Segmentation and Support
Inference from RGBD Images", European Conference on Computer Vision, 2012.
https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html
"""


def load_nyuv2(
    path: PathLike | None = None,
    *,
    subset: Literal["train", "test"] | None = None,
    splits: PathLike | None = None,
    instances: bool = True,
) -> Dataset:
    """Load the labelled images of NYU Depth V2. Nothing is downloaded.

    Parameters
    ----------
    path : path-like, optional
        The file ``nyu_depth_v2_labeled.mat``, or a folder with this file in it, in its
        ``nyuv2/`` or in its ``nyu_depth_v2/``. By default the environment variable
        ``SEAL_SK_DATA`` or, if it is not set, the user's cache folder.
    subset : {"train", "test"}, optional
        Which images: 795 or 654; by default all 1449.
    splits : path-like, optional
        The file ``splits.mat`` that lists these images; by default the one beside the
        images. It is read only if `subset` is given.
    instances : bool, default=True
        Whether objects of the same class have different labels.

    Returns
    -------
    Dataset
        With the entries:

        images : sequence of uint8 arrays of shape (480, 640, 3)
            RGB photographs.
        annotations : sequence of int32 arrays of shape (480, 640)
            One per image: 1000 times the class plus the instance, or the class alone; 0
            for unlabelled pixels.
        names : list of str
            Numbers from "0001" to "1449", as MATLAB counts.
        ignore_label : int
            0.
        tolerance : int
            1.

    Raises
    ------
    ImportError
        If h5py is not installed.
    ValueError
        If `subset` is not one of the above, or a file holds something else.
    FileNotFoundError
        If one of the files is missing.
    OSError
        If one of the files is damaged. If only some images are damaged, the error is
        raised when they are read.

    Notes
    -----
    The data set and its terms are at
    https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html; its authors ask to be cited.
    The file is opened again for each image.

    References
    ----------
    .. [1] N. Silberman, D. Hoiem, P. Kohli and R. Fergus, "Indoor Segmentation and
       Support Inference from RGBD Images", European Conference on Computer Vision,
       2012.

    Examples
    --------
    >>> from seal_sk.datasets import load_nyuv2
    >>> nyuv2 = load_nyuv2("data", subset="test")  # doctest: +SKIP
    >>> len(nyuv2.images), nyuv2.images[0].shape  # doctest: +SKIP
    (654, (480, 640, 3))
    """
    if subset is not None:
        check_option(subset, tuple(_SPLITS), name="subset")
    path = _find(path)
    chosen = range(_count(path))
    if subset is not None:
        splits = path.with_name("splits.mat") if splits is None else Path(splits)
        chosen = _read_split(splits, subset, len(chosen))
    return Dataset(
        f"nyuv2 {subset}" if subset else "nyuv2",
        LazySequence(_load_image, [(path, i) for i in chosen]),
        LazySequence(
            partial(_load_annotation, instances=bool(instances)),
            [(path, i) for i in chosen],
        ),
        [f"{i + 1:04d}" for i in chosen],
        ignore_label=0,
        DESCR=_DESCR,
    )


def _find(path):
    home = find_data_home(path)
    if home.is_file():
        return home
    places = [home / location / FILE for location in _LOCATIONS]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(
        f"NYU Depth V2 not found as any of {', '.join(map(str, places))}. "
        f"{DATA_HOME_ADVICE}"
    )


def _count(path):
    """Number of images; refuse a file whose annotations do not match them."""
    h5py = import_extra("h5py", None, f"Reading {path}")
    with reading(path), h5py.File(path, "r") as file:
        found = {
            name: (file[name].shape, file[name].dtype.kind)
            for name in ("images", "labels", "instances")
            if isinstance(file.get(name), h5py.Dataset)
        }
    (n, *shape), _ = found.get("images", ((0,), ""))
    expected = {"images": ((n, *shape), "u")}
    expected |= dict.fromkeys(("labels", "instances"), ((n, *shape[1:]), "u"))
    if found != expected or n == 0 or len(shape) != 3 or shape[0] != 3:
        said = ", ".join(f"{name} {size}" for name, (size, _) in found.items())
        raise ValueError(
            f"{path} must hold unsigned integers images (n, 3, W, H), labels (n, W, H) "
            f"and instances (n, W, H), as {FILE} does, but holds {said or 'none'}."
        )
    return n


def _read_split(path, subset, n_images):
    """Positions of the images of one part, from 0."""
    variables = read_mat(path)
    numbers = np.sort(np.ravel(variables.get(_SPLITS[subset], [])))
    if numbers.size == 0 or numbers.dtype.kind not in "iu":
        raise ValueError(f"{path} holds no numbers of images {_SPLITS[subset]!r}.")
    if numbers[0] < 1 or numbers[-1] > n_images:
        raise ValueError(
            f"{path} has images {numbers[0]} to {numbers[-1]}, but there are "
            f"{n_images}; give the splits.mat of this data set."
        )
    return [int(number) - 1 for number in numbers]


def _load(path, i, *names):
    """Read arrays of one image from the file, height first."""
    h5py = import_extra("h5py", None, f"Reading {path}")
    with reading(path), h5py.File(path, "r") as file:
        return [file[name][i].T for name in names]  # MATLAB stores columns first


def _load_image(item):
    (image,) = _load(*item, "images")
    return np.ascontiguousarray(image)


def _load_annotation(item, instances):
    labels, numbers = _load(*item, "labels", "instances")
    labels = labels.astype(np.int32, order="C")
    if instances:
        if numbers.max() >= INSTANCES:
            raise ValueError(
                f"{item[0]} has an instance {numbers.max()} in image {item[1] + 1}; "
                f"numbers below {INSTANCES} are expected."
            )
        labels = np.where(labels > 0, labels * INSTANCES + numbers.astype(np.int32), 0)
    return labels
