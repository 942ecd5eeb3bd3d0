"""How images are read: the arguments that files, folders and commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._typing import PathLike, ValueRange
from .._validation import check_int, check_option
from .images import check_band_numbers, check_value_range, read_with_notes

__all__ = ["ReadingOptions"]


@dataclass(frozen=True)
class ReadingOptions:
    """The arguments of `read_image` and `read_masked_image` for many files.

    Parameters
    ----------
    bands : sequence of int, optional
    drop_alpha : bool, default=False
    mask : {"nodata", "alpha"}, optional
        `where` of `read_masked_image`.
    value_range : (float, float) or sequence of these, optional
    n_bands : int, optional
        Number of bands that a network reads. A file that has as many needs no `bands`.

    Raises
    ------
    ValueError, TypeError
        If an argument is one that no file could be read with.
    """

    bands: Sequence[int] | None = None
    drop_alpha: bool = False
    mask: Literal["nodata", "alpha"] | None = None
    value_range: ValueRange | None = None
    n_bands: int | None = None

    def __post_init__(self) -> None:
        n_bands = None
        if self.bands is not None:
            n_bands = len(check_band_numbers(self.bands))
        if self.value_range is not None:
            check_value_range(self.value_range, n_bands)
        if self.mask is not None:
            check_option(self.mask, ("nodata", "alpha"), name="mask")
        if self.n_bands is not None:
            check_int(self.n_bands, 1, name="n_bands")

    @property
    def given(self) -> list[str]:
        """Names of the arguments that say how a file is read."""
        names = ("bands", "drop_alpha", "mask", "value_range")
        return [name for name in names if getattr(self, name) not in (None, False)]

    def read(
        self, path: PathLike
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None, list[str]]:
        """The image of a file, its mask, and notes on what was lost in reading."""
        return read_with_notes(
            path,
            self.mask,
            drop_alpha=self.drop_alpha,
            bands=self.bands,
            value_range=self.value_range,
            n_bands=self.n_bands,
        )
