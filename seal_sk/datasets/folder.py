"""Folders of images and label maps."""

from pathlib import Path

from .._typing import PathLike
from ..io.images import IMAGE_SUFFIXES, check_size, read_image
from ..io.label_maps import LABEL_SUFFIXES, may_be_label_map, read_label_map
from .dataset import Dataset
from .lazy import LazySequence
from .places import pair_files

__all__ = ["load_image_folder"]


def load_image_folder(
    images: PathLike,
    annotations: PathLike,
    *,
    name: str | None = None,
    ignore_label: int | None = None,
    tolerance: int = 1,
) -> Dataset:
    """Load images from one folder, and their label maps from another.

    Parameters
    ----------
    images : path-like
        Folder of PNG, JPEG and TIFF files. Its subfolders are ignored.
    annotations : path-like
        Folder of label maps, as `read_label_map` reads them, each with the name of its
        image up to the ending. For several annotators, one such subfolder per
        annotator; not every annotator has to have every image. Files with other endings
        are ignored.
    name : str, optional
        Name of the data set; by default that of the folder of images.
    ignore_label : int, optional
        Label of unknown pixels.
    tolerance : int, default=1
        Tolerance of boundary scores, in pixels.

    Returns
    -------
    Dataset
        With the entries:

        images : sequence of arrays of shape (H, W, 1) or (H, W, 3)
            Sorted by name, with their stored depths.
        annotations : sequence
            For each image, an int32 (int64 where needed) array of shape (H, W); with
            several annotators a list of these, in the order of the annotators' names.
        names : list of str
            File names without their endings.

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
    for folder in (images, annotations):
        if not folder.is_dir():
            raise FileNotFoundError(f"There is no folder {folder}.")
    photos = _by_name(images, _is_image)
    if not photos:
        raise FileNotFoundError(
            f"There is no image in {images}: no file ends in "
            f"{', '.join(IMAGE_SUFFIXES)}."
        )
    single = _by_name(annotations, may_be_label_map)
    annotators = {
        folder: found
        for folder in sorted(annotations.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
        if (found := _by_name(folder, may_be_label_map))
    }
    if not single and not annotators:
        raise FileNotFoundError(
            f"There is no label map in {annotations}: no file in it, or in its "
            f"subfolders, ends in {', '.join(LABEL_SUFFIXES)}."
        )
    if single and annotators:
        raise ValueError(
            f"{annotations} holds both label maps and folders of them "
            f"({next(iter(annotators)).name}); move the former into a folder as well."
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
    if single:
        load, files = _load_annotation, [(photos[n], single[n]) for n in names]
    else:
        load = _load_annotations
        files = [
            (photos[n], [found[n] for found in annotators.values() if n in found])
            for n in names
        ]
    return Dataset(
        images.resolve().name if name is None else name,
        LazySequence(read_image, [photos[n] for n in names]),
        LazySequence(load, files),
        names,
        ignore_label=ignore_label,
        tolerance=tolerance,
        DESCR=f"Images of {images}, annotated in {annotations}.",
    )


def _is_image(path):
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def _by_name(folder, belongs):
    """Files of a folder, by their names without endings."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if belongs(path) and not path.name.startswith("."):
            if path.stem in found:
                raise ValueError(
                    f"{found[path.stem]} and {path} have the same name; remove one."
                )
            found[path.stem] = path
    return found


def _load_annotation(files):
    image, truth = files
    labels = read_label_map(truth)
    check_size(labels, truth, image)
    return labels


def _load_annotations(files):
    image, truths = files
    return [_load_annotation((image, truth)) for truth in truths]
