"""The Berkeley Segmentation Data Set 500."""

import hashlib
import re
import shutil
import sys
import tarfile
import tempfile
import time
import warnings
from pathlib import Path
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from .._typing import PathLike
from ..io.mat import read_mat
from .dataset import Dataset
from .lazy import LazySequence
from .places import find_data_home, find_place, pair_files

ARCHIVE_URL = (
    "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/"
    "BSR_bsds500.tgz"
)
ARCHIVE_SHA256 = "97e49d31764f3912f0c4122707d53062ac9e783ba0f095e447a4d53c1a41af8e"
ARCHIVE_BYTES = 70_763_455

# Of the files themselves, so that other copies can be checked, too.
CONTENT_SHA256 = "01ccf66cce829edc520149011041d5588913046d20b4e097691891b8781ddff2"

N_IMAGES = {"train": 200, "val": 100, "test": 200}

_SUBSETS = {
    "train": ("train",),
    "val": ("val",),
    "trainval": ("train", "val"),
    "test": ("test",),
}
_LOCATIONS = ("", "bsds500", "BSDS500/data", "BSR/BSDS500/data")
_MEMBER = re.compile(
    r"(?:\./)?BSR/BSDS500/data/"
    r"(images/(?:train|val|test)/\w+\.jpg|groundTruth/(?:train|val|test)/\w+\.mat)"
)

_DESCR = """\
Berkeley Segmentation Data Set and Benchmarks 500 (BSDS500)

500 photographs of 481 x 321 or 321 x 481 pixels (200 for training, 100 for
validation, 200 for testing), each segmented by hand by 4 to 9 people: 1,633
annotations for training and validation, 1,063 for testing.

For non-commercial research and education only.

P. Arbelaez, M. Maire, C. Fowlkes and J. Malik, "Contour Detection and
Hierarchical Image Segmentation", IEEE Transactions on Pattern Analysis and
Machine Intelligence 33(5), 898-916, 2011.
https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/resources.html
"""


@overload
def fetch_bsds500(
    *,
    subset: Literal["train", "val", "trainval", "test"] = ...,
    data_home: PathLike | None = ...,
    download_if_missing: bool = ...,
    return_X_y: Literal[False] = ...,
) -> Dataset: ...
@overload
def fetch_bsds500(
    *,
    subset: Literal["train", "val", "trainval", "test"] = ...,
    data_home: PathLike | None = ...,
    download_if_missing: bool = ...,
    return_X_y: Literal[True],
) -> tuple[LazySequence[NDArray[np.uint8]], LazySequence[list[NDArray[np.int32]]]]: ...
def fetch_bsds500(
    *,
    subset: Literal["train", "val", "trainval", "test"] = "train",
    data_home: PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> (
    Dataset
    | tuple[LazySequence[NDArray[np.uint8]], LazySequence[list[NDArray[np.int32]]]]
):
    """Load the Berkeley Segmentation Data Set 500 (BSDS500).

    Photographs, each with segmentations by several people. Images and annotations
    are decoded only when they are indexed, so loading is fast and takes hardly any
    memory.

    Parameters
    ----------
    subset : {"train", "val", "trainval", "test"}, default="train"
        Which images: 200 for training, 100 for validation, both together, or 200
        for testing.
    data_home : str or path-like, default=None
        Folder to search, and to download to. By default the environment variable
        ``SEAL_SK_DATA`` or, if it is not set, the user's cache folder. The data set,
        a folder with ``images/`` and ``groundTruth/``, may be this folder itself, or
        its ``bsds500/``, ``BSDS500/data/`` or ``BSR/BSDS500/data/``.
    download_if_missing : bool, default=True
        Download the data set (71 MB) from the University of California, Berkeley,
        if it is not found. If False, raise an error instead.
    return_X_y : bool, default=False
        Return ``(images, annotations)`` instead of a `Dataset`.

    Returns
    -------
    data : Dataset
        With the entries:

        images : sequence of uint8 arrays of shape (H, W, 3)
            RGB photographs, sorted by file name. An integer index decodes one; a
            slice or an array of integers or booleans selects without decoding.
        annotations : sequence of lists of int32 arrays of shape (H, W)
            For each image, the label maps of all its annotators, as distributed:
            labels start at 1, and a label may have several parts.
        names : list of str
            File names without their endings.
        ignore_label : None
            Every pixel counts.
        tolerance : int
            1.

    (images, annotations) : tuple, if ``return_X_y=True``

    Raises
    ------
    ValueError
        If `subset` is not one of the four.
    FileNotFoundError
        If the data set is missing and `download_if_missing` is False, or if it is
        incomplete.
    OSError
        If the download fails, or if a file can't be read.

    Notes
    -----
    The data set is for non-commercial research and education. A download is
    compared with a known SHA-256 checksum, and is placed in `data_home` only when
    it is complete.

    References
    ----------
    .. [1] P. Arbelaez, M. Maire, C. Fowlkes and J. Malik, "Contour Detection and
       Hierarchical Image Segmentation", IEEE Transactions on Pattern Analysis and
       Machine Intelligence 33(5), 898-916, 2011.

    Examples
    --------
    >>> from seal_sk.datasets import fetch_bsds500
    >>> bsds500 = fetch_bsds500(subset="test")  # doctest: +SKIP
    >>> len(bsds500.images), bsds500.images[0].shape  # doctest: +SKIP
    (200, (321, 481, 3))
    >>> len(bsds500.annotations[0])  # doctest: +SKIP
    5
    """
    if subset not in _SUBSETS:
        raise ValueError(f"subset must be one of {list(_SUBSETS)}, got {subset!r}.")
    home = find_data_home(data_home)
    folder = _find(home)
    if folder is None:
        if not download_if_missing:
            places = ", ".join(str(home / location) for location in _LOCATIONS)
            raise FileNotFoundError(
                f"BSDS500 not found: none of {places} has images/ and groundTruth/. "
                "Give its folder as data_home or in the environment variable "
                "SEAL_SK_DATA, or download it with download_if_missing=True, on the "
                "command line --download."
            )
        folder = _download(home)

    pairs = sorted(
        (pair for split in _SUBSETS[subset] for pair in _pairs(folder, split)),
        key=lambda pair: pair[0].name,
    )
    images = LazySequence(_load_image, [image for image, _ in pairs])
    annotations = LazySequence(_load_annotations, [truth for _, truth in pairs])
    if return_X_y:
        return images, annotations
    return Dataset(
        f"bsds500 {subset}",
        images,
        annotations,
        [image.stem for image, _ in pairs],
        DESCR=_DESCR,
    )


def _find(home):
    """Return the folder of the data set, or None."""
    return find_place(home, _LOCATIONS, ["images", "groundTruth"])


def _pairs(folder, split):
    """Return the (image, ground truth) files of one split."""
    images = {path.stem: path for path in folder.glob(f"images/{split}/*.jpg")}
    truths = {path.stem: path for path in folder.glob(f"groundTruth/{split}/*.mat")}
    if not images:
        raise FileNotFoundError(
            f"No .jpg file in {folder / 'images' / split}. {_advice(folder)}"
        )
    pairs = pair_files(
        images,
        truths,
        lambda name: folder / f"images/{split}/{name}.jpg",
        lambda name: folder / f"groundTruth/{split}/{name}.mat",
        advice=_advice(folder),
    )
    return list(pairs.values())


def _advice(folder):
    return (
        f"Restore it from {ARCHIVE_URL}, or remove the folder {folder} and call "
        "fetch_bsds500() to download the data set again."
    )


def _load_image(path):
    from skimage.io import imread

    try:
        # Opened here, because the readers leave broken files open.
        with path.open("rb") as file:
            image = imread(file)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"not an 8-bit RGB image, but {image.dtype} {image.shape}")
    except Exception as error:  # decoders raise various errors on broken files
        raise _unreadable(path, error) from error
    return image


def _load_annotations(path):
    try:
        return [
            cell[0, 0]["Segmentation"].astype(np.int32, order="C")
            for cell in read_mat(path)["groundTruth"].ravel()
        ]
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path, error):
    category = FileNotFoundError if isinstance(error, FileNotFoundError) else OSError
    return category(
        f"{path} can't be read ({type(error).__name__}: {error}). "
        f"{_advice(path.parents[2])}"
    )


def _download(home):
    """Download the data set into `home`, and return its folder."""
    import pooch

    target = home / "bsds500"
    if target.exists():
        raise FileNotFoundError(
            f"{target} exists but lacks images/ or groundTruth/. {_advice(target)}"
        )
    print(
        f"Downloading BSDS500 ({ARCHIVE_BYTES / 1e6:.0f} MB; licence: non-commercial "
        f"research and education only) from {ARCHIVE_URL} to {target}",
        file=sys.stderr,
    )
    home.mkdir(parents=True, exist_ok=True)
    # A download that was killed can't remove what it has got so far.
    for left in home.glob(".bsds500-*"):
        if time.time() - left.stat().st_mtime > 24 * 3600:
            shutil.rmtree(left, ignore_errors=True)
    # In `home`, so that the finished folder moves within one file system.
    scratch = Path(tempfile.mkdtemp(prefix=".bsds500-", dir=home))
    try:
        try:
            archive = pooch.retrieve(
                ARCHIVE_URL,
                known_hash=f"sha256:{ARCHIVE_SHA256}",
                fname="BSR_bsds500.tgz",
                path=scratch,
            )
        except (OSError, ValueError) as error:
            raise OSError(
                f"BSDS500 could not be downloaded from {ARCHIVE_URL} ({error}). Try "
                "again later, or get and unpack it by other means and give its folder "
                "as data_home or in the environment variable SEAL_SK_DATA."
            ) from error
        unpacked = scratch / "bsds500"
        _unpack(archive, unpacked)
        try:
            unpacked.replace(target)
        except OSError:
            # Another process may have finished first; its copy will do.
            if _find(home) is None:
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return _find(home)


def _unpack(archive, folder):
    """Unpack the images and annotations, and nothing else, into `folder`."""
    # Only regular files with known names are written, to paths constructed here, so
    # that no name or link in the archive can lead out of `folder`.
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            match = _MEMBER.fullmatch(member.name)
            if match is None or not member.isreg():
                continue
            path = folder / match[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            source = tar.extractfile(member)
            assert source is not None  # of a regular file
            with source, path.open("wb") as destination:
                shutil.copyfileobj(source, destination)
    for split, n_expected in N_IMAGES.items():
        n_found = len(_pairs(folder, split))
        if n_found != n_expected:
            raise OSError(
                f"{ARCHIVE_URL} holds {n_found} images in {split!r} instead of "
                f"{n_expected}. Get the data set by other means and give its folder "
                "as data_home or in the environment variable SEAL_SK_DATA."
            )
    if _content_digest(folder) != CONTENT_SHA256:
        # Complete and undamaged: usable, but the user should know.
        warnings.warn(
            "The downloaded BSDS500 is complete but differs from the copy that "
            "seal_sk was tested on; scores may differ from published ones.",
            stacklevel=4,
        )


def _content_digest(folder):
    """Return the SHA-256 of a list of the SHA-256 and name of every file."""
    names = sorted(
        path.relative_to(folder).as_posix()
        for pattern in ("images/*/*.jpg", "groundTruth/*/*.mat")
        for path in folder.glob(pattern)
    )
    digest = hashlib.sha256()
    for name in names:
        file_digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        digest.update(f"{file_digest}  {name}\n".encode())
    return digest.hexdigest()
