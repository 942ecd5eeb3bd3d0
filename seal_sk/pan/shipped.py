"""Networks in files, including those that ship with the package."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import AffinityNet

__all__ = ["SHIPPED", "check_width", "net_of_file"]


#: Networks that ship with the package, by name.
SHIPPED = {
    name: Path(__file__).with_name(f"{name}.safetensors")
    for name in ("bsds500", "bsds500-train")
}


def net_of_file(path: Any) -> AffinityNet:
    """The network in a file of weights; it is read again only if the file changes."""
    path = Path(SHIPPED.get(path, path)).absolute()
    stamp = path.stat() if path.is_file() else None
    return _net_of_file(path, stamp and (stamp.st_mtime_ns, stamp.st_size))


@lru_cache(maxsize=4)
def _net_of_file(path, stamp):
    from .weights import read_weights

    return read_weights(path)[0]


def check_width(net: AffinityNet, width: int | None, source: str) -> None:
    """Refuse a network whose width is not the requested one; None allows any."""
    if width not in (None, net.width):
        raise ValueError(
            f"width={width}, but the weights in {source} are {net.width} channels "
            f"wide; set width={net.width} or leave it None."
        )
