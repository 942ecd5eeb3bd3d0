"""Cityscapes."""

from functools import partial
from typing import Literal

import numpy as np

from .._typing import PathLike
from .._validation import check_option
from ..io.images import check_size, read_image
from ..io.label_maps import read_label_map
from .dataset import Dataset
from .lazy import LazySequence
from .places import DATA_HOME_ADVICE, find_data_home, find_place, pair_files

__all__ = ["load_cityscapes"]

IGNORE_LABEL = 255

# Unlabelled, ego vehicle, rectification border, out of roi, static, dynamic, ground;
# parking, rail track, guard rail, bridge, tunnel, pole group, caravan, trailer.
IGNORED_IDS = (0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30)

_SUBSETS = ("train", "val", "test")
_LABELS = ("labelIds", "labelTrainIds", "instanceIds")
_LOCATIONS = ("", "cityscapes")
_IMAGE, _TRUTH = "_leftImg8bit.png", "_gtFine_{}.png"

_DESCR = """\
Cityscapes, with fine annotations

Photographs of 1024 x 2048 pixels of streets in 50 cities (2975 for training, 500 for
validation, 1525 for testing), each with one annotation.

For non-commercial purposes only; available after registration.

M. Cordts, M. Omran, S. Ramos, T. Rehfeld, M. Enzweiler, R. Benenson, U. Franke,
S. Roth and B. Schiele, "The Cityscapes Dataset for Semantic Urban Scene
Understanding", IEEE Conference on Computer Vision and Pattern Recognition, 2016.
https://www.cityscapes-dataset.com
"""


def load_cityscapes(
    data_home: PathLike | None = None,
    *,
    subset: Literal["train", "val", "test"] = "val",
    labels: Literal["labelIds", "labelTrainIds", "instanceIds"] = "labelIds",
) -> Dataset:
    """Load Cityscapes with its fine annotations. Nothing is downloaded.

    Parameters
    ----------
    data_home : path-like, optional
        Folder with ``leftImg8bit/`` and ``gtFine/`` as they are distributed, or the
        folder that has these in ``cityscapes/``. By default the environment variable
        ``SEAL_SK_DATA`` or, if it is not set, the user's cache folder.
    subset : {"train", "val", "test"}, default="val"
        Which images: 2975, 500 or 1525. The annotations of "test" are not published:
        its label maps exist, but are of no use for scores.
    labels : {"labelIds", "labelTrainIds", "instanceIds"}, default="labelIds"
        Which label maps: classes; the 19 classes of the evaluation, renumbered, from
        files that the authors' scripts create; or classes with separate objects (car 3
        is 26003).

    Returns
    -------
    Dataset
        With the entries:

        images : sequence of uint8 arrays of shape (1024, 2048, 3)
            RGB photographs.
        annotations : sequence of int32 arrays of shape (1024, 2048)
            One per image. Classes that the official evaluation ignores are 255: the
            void classes (0 to 6) and parking, rail track, guard rail, bridge, tunnel,
            pole group, caravan and trailer (9, 10, 14, 15, 16, 18, 29, 30). Licence
            plates (-1) are in no label map. All other labels are as distributed.
        names : list of str
            As in "frankfurt_000000_000294".
        ignore_label : int
            255.
        tolerance : int
            3.

    Raises
    ------
    ValueError
        If `subset` or `labels` is not one of the above. When a label map is read: if
        its size differs from that of its image.
    FileNotFoundError
        If the data set is missing or incomplete.
    OSError
        When a file is read: if it is damaged.

    Notes
    -----
    The data set is for non-commercial purposes such as research and teaching, and is
    available after registration at https://www.cityscapes-dataset.com:
    ``leftImg8bit_trainvaltest.zip`` and ``gtFine_trainvaltest.zip``.

    References
    ----------
    .. [1] M. Cordts, M. Omran, S. Ramos, T. Rehfeld, M. Enzweiler, R. Benenson,
       U. Franke, S. Roth and B. Schiele, "The Cityscapes Dataset for Semantic Urban
       Scene Understanding", IEEE Conference on Computer Vision and Pattern
       Recognition, 2016.

    Examples
    --------
    >>> from seal_sk.datasets import load_cityscapes
    >>> cityscapes = load_cityscapes("data", subset="val")  # doctest: +SKIP
    >>> len(cityscapes.images), cityscapes.images[0].shape  # doctest: +SKIP
    (500, (1024, 2048, 3))
    """
    check_option(subset, _SUBSETS, name="subset")
    check_option(labels, _LABELS, name="labels")
    home = find_data_home(data_home)
    folder = find_place(home, _LOCATIONS, ["leftImg8bit", "gtFine"])
    if folder is None:
        places = ", ".join(str(home / location) for location in _LOCATIONS)
        raise FileNotFoundError(
            f"Cityscapes not found: none of {places} has leftImg8bit/ and gtFine/. "
            f"{DATA_HOME_ADVICE}"
        )
    pairs = _pairs(folder, subset, _TRUTH.format(labels))
    return Dataset(
        f"cityscapes {subset}",
        LazySequence(read_image, [image for image, _ in pairs.values()]),
        LazySequence(partial(_load_annotation, labels=labels), pairs.values()),
        list(pairs),
        ignore_label=IGNORE_LABEL,
        tolerance=3,
        DESCR=_DESCR,
    )


def _pairs(folder, subset, ending):
    def files(kind, end):
        found = (folder / kind / subset).glob(f"*/*{end}")
        return {path.name.removesuffix(end): path for path in found}

    def file(kind, end):
        return lambda name: folder / kind / subset / name.split("_")[0] / f"{name}{end}"

    images, truths = files("leftImg8bit", _IMAGE), files("gtFine", ending)
    if not images and not truths:
        raise FileNotFoundError(
            f"No file *{_IMAGE} in the folders of {folder / 'leftImg8bit' / subset}; "
            "unpack that part of Cityscapes, or choose another subset."
        )
    return pair_files(
        images,
        truths,
        file("leftImg8bit", _IMAGE),
        file("gtFine", ending),
        advice="Unpack Cityscapes again"
        + (", or create them with the authors' scripts." if "Train" in ending else "."),
    )


def _load_annotation(files, labels):
    image, truth = files
    ids = read_label_map(truth)
    check_size(ids, truth, image)
    if labels != "labelTrainIds":  # void is 255 there
        classes = np.where(ids >= 1000, ids // 1000, ids)
        ids[np.isin(classes, IGNORED_IDS)] = IGNORE_LABEL
    return ids
