"""Types shared by public signatures."""

import os
from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from numpy.typing import ArrayLike

_Item = TypeVar("_Item", covariant=True)


class Indexed(Protocol[_Item]):
    """Anything with a length and numbered items: a list, an array, a lazy sequence."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> _Item: ...


class Transformer(Protocol):
    """An estimator with scikit-learn's interface that has `transform`."""

    def fit(self, X: Any, y: Any) -> Any: ...

    def transform(self, X: Any) -> Any: ...


#: One image per item; they may differ in size.
Images: TypeAlias = Indexed[ArrayLike]
#: Ground truth of one image: a label map, or a list of several annotators' maps.
Truth: TypeAlias = ArrayLike | Sequence[ArrayLike]
Truths: TypeAlias = Indexed[Truth]
#: A mask for each image; None for an image that is segmented everywhere.
Masks: TypeAlias = Indexed[ArrayLike | None]
Connectivity: TypeAlias = Literal[4, 8]
PathLike: TypeAlias = str | os.PathLike[str]
#: Black and white: two numbers, or two for each band.
ValueRange: TypeAlias = Sequence[float] | Sequence[Sequence[float]]
