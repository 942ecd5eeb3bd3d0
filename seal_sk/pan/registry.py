"""The networks by name, and their default widths."""

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
    width: int  # the default


#: The networks by their names in `network=`, on the command line and in files.
NETWORKS = {
    "pan": _Network("network", "PAN", 32),
    "unet": _Network("unet", "UNet", 24),
    "mobile": _Network("mobile", "MobileUNet", 16),
}


def network_class(name: str) -> type[AffinityNet]:
    """The class of a network, by its name."""
    network = NETWORKS[name]
    module = import_module(f".{network.module}", __package__)
    return getattr(module, network.name)


def build(
    name: str, width: int | None, in_channels: int, *, use_edges: bool, seed: int
) -> AffinityNet:
    """Build a new network; one without an edge channel ignores `use_edges`."""
    kind = network_class(name)
    settings: dict[str, Any] = {"in_channels": in_channels, "seed": seed}
    if "edges" in signature(kind).parameters:
        settings["edges"] = "skimage" if use_edges else None
    settings["width"] = width or NETWORKS[name].width
    return kind(**settings)
