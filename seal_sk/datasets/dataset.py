"""The return value of all loaders."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from .._typing import Images, Masks, Truths
from .._validation import check_int, check_masks, check_pairs

__all__ = ["Dataset"]


class Dataset(Bunch):
    """Images with ground truth, and the settings of their scores.

    A :class:`~sklearn.utils.Bunch`: a dict whose entries are also attributes.

    Parameters
    ----------
    name : str
        Name of the data set and its subset, such as "bsds500 test".
    images : sequence of images
        Images as for the estimators; those of a lazy sequence are loaded when they are
        indexed.
    annotations : sequence
        One item per image: a label map (H, W), or a list of the label maps of several
        annotators.
    names : sequence of str, optional
        A name for each image, all different; numbers by default.
    ignore_label : int, optional
        Label of unknown pixels.
    tolerance : int, default=1
        Tolerance of boundary scores, in pixels: 1 for images like those of BSDS500, 3
        for those of Cityscapes.
    masks : sequence of array-like of bool of shape (H, W), or of None, optional
        Which pixels of each image belong to it, as for the ``transform`` of the
        estimators; None for all. The others should have the label `ignore_label`.
    DESCR : str, default=""
        Description, licence and source.

    Raises
    ------
    ValueError, TypeError
        If the numbers of images, annotations, masks and names differ, or two images
        have the same name.

    Examples
    --------
    >>> from seal_sk.datasets import Dataset, make_scenes
    >>> scenes = Dataset("scenes", *make_scenes(3, shape=(32, 32), random_state=0))
    >>> scenes.names, scenes.tolerance
    (['0', '1', '2'], 1)
    >>> scenes.select([2, 0]).names
    ['2', '0']
    """

    name: str
    images: Images
    annotations: Truths
    names: list[str]
    ignore_label: int | None
    tolerance: int
    masks: Masks | None
    DESCR: str

    def __init__(
        self,
        name: str,
        images: Images,
        annotations: Truths,
        names: Sequence[object] | None = None,
        *,
        ignore_label: int | None = None,
        tolerance: int = 1,
        masks: Masks | None = None,
        DESCR: str = "",
    ) -> None:
        images, annotations = check_pairs(images, annotations)
        masks = check_masks(masks, images)
        names = [str(i) for i in (range(len(images)) if names is None else names)]
        if ignore_label is not None:
            ignore_label = check_int(ignore_label, -math.inf, name="ignore_label")
        if len(names) != len(images):
            raise ValueError(f"There are {len(names)} names for {len(images)} images.")
        if len(set(names)) != len(names):
            twice = next(n for i, n in enumerate(names) if n in names[:i])
            raise ValueError(f"Two images have the same name {twice!r}.")
        super().__init__(
            name=str(name),
            images=images,
            annotations=annotations,
            names=names,
            ignore_label=ignore_label,
            tolerance=check_int(tolerance, 0, name="tolerance"),
            masks=masks,
            DESCR=DESCR,
        )

    def select(self, indices: Sequence[int] | NDArray[np.integer]) -> Dataset:
        """Select images, as another data set.

        Parameters
        ----------
        indices : sequence of int
            Positions, in the desired order; each at most once.

        Returns
        -------
        Dataset
            With the same `ignore_label`, tolerance and description.

        Raises
        ------
        IndexError, TypeError, ValueError
            If a position is out of range, not an integer, or repeated.
        """
        indices = [check_int(i, -math.inf, name="a position") for i in indices]

        def chosen(sequence):
            if hasattr(sequence, "shape"):
                return sequence[np.asarray(indices, dtype=np.intp)]
            return [sequence[i] for i in indices]

        return Dataset(
            self.name,
            chosen(self.images),
            chosen(self.annotations),
            [self.names[i] for i in indices],
            ignore_label=self.ignore_label,
            tolerance=self.tolerance,
            masks=None if self.masks is None else chosen(self.masks),
            DESCR=self.DESCR,
        )
