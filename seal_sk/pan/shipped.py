"""Networks in files, including those that ship with the package."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import AffinityNet

__all__ = [
    "ABOUT",
    "SHIPPED",
    "About",
    "available_weights",
    "check_width",
    "load_net",
    "net_of_file",
]


@dataclass(frozen=True)
class About:
    """What a network that ships is for, and its figures in the documentation."""

    purpose: str
    #: Images that the scores are for, with 300 superpixels.
    images: str
    asa: float
    br: float
    #: From image to labels, in one thread; that of `skimage.segmentation.slic` is 1.
    time: float


#: Networks that ship with the package, by name.
ABOUT = {
    "bsds500": About(
        "for photographs",
        "BSDS500 test, every fourth image",
        asa=0.9720,
        br=0.8571,
        time=1.3,
    ),
    "bsds500-fast": About(
        "the same weights, faster: along 4 neighbours instead of 8",
        "BSDS500 test, every fourth image",
        asa=0.9719,
        br=0.8557,
        time=1.0,
    ),
    "bsds500-train": About(
        "to choose parameters on val of BSDS500: it has seen the train images alone",
        "BSDS500 val, every fourth image",
        asa=0.9746,
        br=0.8360,
        time=2.9,
    ),
}

#: Their files.
SHIPPED = {name: Path(__file__).with_name(f"{name}.safetensors") for name in ABOUT}


def available_weights() -> list[str]:
    """The names of the networks that ship with the package.

    They are names for ``weights=`` of `SEALSuperpixels`, ``load`` and `load_net`; the
    first is the default of the command line. ``seal-sk weights list`` describes them.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from seal_sk.pan import available_weights
    >>> available_weights()[0]
    'bsds500'
    """
    return list(SHIPPED)


def load_net(name: str) -> AffinityNet:
    """A network that ships with the package.

    Parameters
    ----------
    name : str
        One of `available_weights`.

    Returns
    -------
    AffinityNet
        In evaluation mode, in float32, with its calibration; a copy of its own.

    Raises
    ------
    ValueError
        If there is no such network.

    See Also
    --------
    read_weights : Reads the network in a file.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.pan import load_net
    >>> load_net("bsds500")(torch.rand(1, 3, 32, 48)).shape
    torch.Size([1, 2, 32, 48])
    """
    if name not in SHIPPED:
        raise ValueError(
            f"There is no network {name!r}; give one of {', '.join(SHIPPED)}, or use "
            "read_weights for a file."
        )
    return deepcopy(net_of_file(name))


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
