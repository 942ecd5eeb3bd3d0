"""The networks by name, and what each is by default."""

from __future__ import annotations

from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .base import AffinityNet

__all__ = ["NETWORKS", "build", "network_class"]


class _Network(NamedTuple):
    module: str  # imported when the class is needed, since it needs torch
    name: str
    width: int  # where none is asked for


#: Each by the name that `network=`, the command line and files of weights have for it.
NETWORKS = {
    "pan": _Network("network", "PAN", 32),
    "unet": _Network("unet", "UNet", 24),
}


def network_class(name: str) -> type[AffinityNet]:
    """The class of a network."""
    network = NETWORKS[name]
    module = import_module(f".{network.module}", __package__)
    return getattr(module, network.name)


def build(
    name: str, width: int | None, in_channels: int, *, use_edges: bool, seed: int
) -> AffinityNet:
    """A new network; one without an edge channel ignores `use_edges`."""
    kind = network_class(name)
    settings: dict[str, Any] = {"in_channels": in_channels, "seed": seed}
    if "edges" in signature(kind).parameters:
        settings["edges"] = "skimage" if use_edges else None
    settings["width"] = width or NETWORKS[name].width
    return kind(**settings)
