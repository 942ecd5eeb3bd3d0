"""Folders of images and label maps."""

import os
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._typing import PathLike, ValueRange
from ..affinity.maps import filled
from ..io.images import IMAGE_SUFFIXES, check_size
from ..io.label_maps import LABEL_SUFFIXES, may_be_label_map, read_label_map
from ..io.options import ReadingOptions
from .dataset import Dataset
from .lazy import LazySequence
from .places import pair_files

__all__ = ["load_image_folder"]

# What `read_label_map` returns where a raster declares no data; and label maps of
# formats that can't declare any.
_NO_DATA = -1
_NO_RASTERS = (".png", ".npy", ".mat", ".csv")


def load_image_folder(
    images: PathLike,
    annotations: PathLike,
    *,
    name: str | None = None,
    ignore_label: int | None = None,
    tolerance: int = 1,
    recursive: bool = False,
    bands: Sequence[int] | None = None,
    drop_alpha: bool = False,
    mask: Literal["nodata", "alpha"] | None = None,
    value_range: ValueRange | None = None,
    n_bands: int | None = None,
) -> Dataset:
    """Load images from one folder, and their label maps from another.

    Parameters
    ----------
    images : path-like
        Folder of PNG, JPEG, TIFF and JPEG 2000 files. Its subfolders are ignored,
        unless `recursive` is set.
    annotations : path-like
        Folder of label maps, as `read_label_map` reads them, each with the name of its
        image up to the ending. For several annotators, one such subfolder per
        annotator; not every annotator has to have every image. Files with other endings
        are ignored.
    name : str, optional
        Name of the data set; by default that of the folder of images.
    ignore_label : int, optional
        Label of unknown pixels; with `mask`, -1 by default. Pixels that the raster of
        an annotation declares to be no data have it as well.
    tolerance : int, default=1
        Tolerance of boundary scores, in pixels.
    recursive : bool, default=False
        Read the subfolders of `images` as well, of any depth. The annotations, or the
        folder of each annotator, have the same subfolders. Folders whose names begin
        with a dot are left out, and links to folders are not followed.
    bands : sequence of int, optional
        As for `seal_sk.io.read_image`; so are `drop_alpha` and `value_range`.
    drop_alpha : bool, default=False
        Leave out the alpha channel.
    mask : {"nodata", "alpha"}, optional
        Which pixels do not belong to the images, as `where` of
        `seal_sk.io.read_masked_image`. In the annotations, they get the label
        `ignore_label`, so that neither a training nor a score counts them; in the
        images, they have the colours of the nearest pixels that belong to them.
    value_range : (float, float) or sequence of these, optional
        The stored values of black and white.
    n_bands : int, optional
        Number of bands that a network reads. Files with as many need no `bands`.

    Returns
    -------
    Dataset
        With the entries:

        images : sequence of arrays of shape (H, W, C)
            Sorted by name, as from `seal_sk.io.read_image`.
        annotations : sequence
            For each image, an int32 (int64 where needed) array of shape (H, W); with
            several annotators a list of these, in the order of the annotators' names.
        names : list of str
            File names without their endings; with `recursive`, their paths in `images`,
            such as "city/street".
        masks : sequence, or None
            With `mask`, the pixels of each image that belong to it, as a bool array, or
            None for all of them.

    Raises
    ------
    FileNotFoundError
        If a folder is missing or has no such files, or if an image has no label map, or
        a label map no image.
    ValueError
        If two files of a folder have the same name up to the ending, or `annotations`
        holds both label maps and folders of them. When a file is read: if it holds
        something else, or if a label map differs in size from its image.
    OSError
        When a file is read: if it is damaged.

    Warns
    -----
    UserWarning
        When a file is read: as from `read_image`, or if an annotation has label -1, as
        for declared no data, and `ignore_label` is None, so that it counts as a region.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skimage.io import imsave
    >>> from seal_sk.datasets import load_image_folder, make_scenes
    >>> images, truths = make_scenes(2, shape=(32, 40), random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     folder = Path(folder)
    ...     (folder / "photos").mkdir()
    ...     (folder / "truths").mkdir()
    ...     for name, image, truth in zip("ab", images, truths):
    ...         imsave(folder / "photos" / f"{name}.png", image)
    ...         np.save(folder / "truths" / f"{name}.npy", truth)
    ...     mine = load_image_folder(folder / "photos", folder / "truths")
    ...     print(mine.name, mine.names, mine.images[0].shape)
    ...     print((mine.annotations[1] == truths[1]).all())
    photos ['a', 'b'] (32, 40, 3)
    True
    """
    images, annotations = Path(images).expanduser(), Path(annotations).expanduser()
    options = ReadingOptions(bands, drop_alpha, mask, value_range, n_bands)
    if mask is not None and ignore_label is None:
        ignore_label = _NO_DATA
    for folder in (images, annotations):
        if not folder.is_dir():
            raise FileNotFoundError(f"There is no folder {folder}.")
    # Files are read later, also by processes that were started elsewhere.
    images, annotations = images.absolute(), annotations.absolute()
    photos = _by_name(images, _is_image, recursive)
    if not photos:
        raise FileNotFoundError(
            f"There is no image in {images}: no file ends in "
            f"{', '.join(IMAGE_SUFFIXES)}.{_advice(images, recursive)}"
        )
    single, annotators = _label_maps(annotations, photos, recursive)
    if not single and not annotators:
        raise FileNotFoundError(
            f"There is no label map in {annotations}: no file in it, or in its "
            f"subfolders, ends in {', '.join(LABEL_SUFFIXES)}."
        )
    every = single or {
        name: file for found in annotators.values() for name, file in found.items()
    }
    pair_files(
        photos,
        every,
        lambda name: images / f"{name}{{{','.join(IMAGE_SUFFIXES)}}}",
        lambda name: annotations / f"{name}{{{','.join(LABEL_SUFFIXES)}}}",
    )
    names = sorted(photos)
    read: dict[str, Any] = {"options": options, "ignore_label": ignore_label}
    if single:
        load = partial(_load_annotation, **read)
        files: list[Any] = [(photos[n], single[n]) for n in names]
    else:
        load = partial(_load_annotations, **read)
        files = [
            (photos[n], [found[n] for found in annotators.values() if n in found])
            for n in names
        ]
    paths = [photos[n] for n in names]
    return Dataset(
        images.resolve().name if name is None else name,
        LazySequence(partial(_load_image, options=options), paths),
        LazySequence(load, files),
        names,
        ignore_label=ignore_label,
        tolerance=tolerance,
        masks=mask and LazySequence(partial(_load_mask, options=options), paths),
        DESCR=f"Images of {images}, annotated in {annotations}.",
    )


def _label_maps(annotations, photos, recursive):
    """Label maps by name, in the tree of the images; or one such dict per annotator."""
    if recursive:
        tree = _by_name(annotations, may_be_label_map, recursive)
        if not tree.keys().isdisjoint(photos):
            return tree, {}
    single = _by_name(annotations, may_be_label_map)
    annotators = {
        folder: found
        for folder in sorted(annotations.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
        if (found := _by_name(folder, may_be_label_map, recursive))
    }
    if single and annotators:
        raise ValueError(
            f"{annotations} holds both label maps and folders of them "
            f"({next(iter(annotators)).name}); move the former into a folder as well."
        )
    return single, annotators


def _is_image(path):
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def _advice(folder, recursive):
    if not recursive and _by_name(folder, _is_image, recursive=True):
        return " Its subfolders have some: set recursive=True."
    return ""


def _by_name(folder, belongs, recursive=False):
    """Files of a folder, by their names (in a tree their paths) without endings."""
    found: dict[str, Path] = {}
    for path in files_of(folder, recursive):
        if belongs(path):
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name in found:
                raise ValueError(
                    f"{found[name]} and {path} have the same name; remove one."
                )
            found[name] = path
    return found


def files_of(folder: Path, recursive: bool) -> Iterator[Path]:
    """Sorted files of a folder or of its tree, without those that begin with a dot."""
    for place, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(
            name for name in subfolders if recursive and not name.startswith(".")
        )
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(place, name)


def _load_image(path, options):
    image, mask, notes = options.read(path)
    for note in notes:
        warnings.warn(f"{path}: {note}", UserWarning, stacklevel=2)
    # A network is trained on what it sees when it predicts inside a mask.
    return filled(image, mask) if mask is not None and mask.any() else image


def _load_mask(path, options):
    _, mask, _ = options.read(path)
    return mask


def _load_annotation(files, options, ignore_label):
    image, truth = files
    return _labels_of(truth, image, _mask_of(image, options), ignore_label)


def _load_annotations(files, options, ignore_label):
    image, truths = files
    mask = _mask_of(image, options)
    return [_labels_of(truth, image, mask, ignore_label) for truth in truths]


def _mask_of(image, options):
    return None if options.mask is None else _load_mask(image, options)


def _labels_of(
    path: Path,
    image: Path,
    mask: NDArray[np.bool_] | None,
    ignore_label: int | None,
) -> NDArray[Any]:
    """A label map, ignored where it or its image has no data."""
    labels = read_label_map(path)
    check_size(labels, path, image)
    if ignore_label is None:
        if labels.min() == _NO_DATA:
            # Without the name of the file, so that it is said once for a folder.
            warnings.warn(
                f"Label {_NO_DATA} of the annotations, that of no data, counts as a "
                f"region; leave it out with ignore_label={_NO_DATA}.",
                UserWarning,
                stacklevel=2,
            )
        return labels
    if path.suffix.lower() not in _NO_RASTERS:
        labels[labels == _NO_DATA] = ignore_label
    if mask is not None:
        labels[~mask] = ignore_label
    return labels
