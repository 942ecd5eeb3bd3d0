"""Reading and writing networks: own safetensors files, and the authors' state dicts.

Reading either format can't execute code.
"""

import json
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from .._files import replace_file
from .._typing import PathLike
from .base import AffinityNet
from .registry import NETWORKS, network_class
from .tensors import (
    as_float32,
    checksum,
    is_safetensors,
    read_tensors,
    safetensors_bytes,
)

__all__ = ["read_weights", "write_weights"]

_FORMAT = "seal_sk"


def write_weights(
    path: PathLike,
    net: AffinityNet,
    params: dict[str, Any] | None = None,
    *,
    half: bool = False,
) -> None:
    """Write a network to a safetensors file, completely or not at all.

    Parameters
    ----------
    path : path-like
        File to write.
    net : AffinityNet
        The network.
    params : dict, optional
        JSON values to save with it, such as an estimator's parameters.
    half : bool, default=False
        Round the kernels of the convolutions to float16, for half the file size.

    Raises
    ------
    OSError
        If the file can't be written.
    ValueError
        If the network can't be read again: a weight is NaN or infinite, or, with
        `half`, too large for float16.
    TypeError
        If `params` holds values that JSON can't represent.

    Examples
    --------
    >>> import tempfile
    >>> from seal_sk.pan import UNet, read_weights, write_weights
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_weights(f"{folder}/unet.safetensors", UNet(width=4), {"lr": 0.01})
    ...     net, params = read_weights(f"{folder}/unet.safetensors")
    >>> net.width, params
    (4, {'lr': 0.01})
    """
    tensors = {k: v.contiguous().cpu() for k, v in _persistent(net).items()}
    if half:
        tensors = {k: v.half() if v.ndim > 1 else v for k, v in tensors.items()}
    _checked_values(tensors, "The network")
    metadata = {
        "format": _FORMAT,
        "architecture": json.dumps(net.architecture),
        "params": json.dumps(params or {}),
    }
    metadata["crc32"] = checksum(tensors, metadata)
    replace_file(path, safetensors_bytes(tensors, metadata))


def read_weights(path: PathLike) -> tuple[AffinityNet, dict[str, Any]]:
    """Read a network from a file.

    Parameters
    ----------
    path : path-like
        A file of `write_weights` (or ``SEALSuperpixels.save``), or one of the state
        dicts that the paper's authors released (``.pkl``).

    Returns
    -------
    net : AffinityNet
        The network in evaluation mode, in float32.
    params : dict
        The values saved with it; empty for the authors' files.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is damaged, has another format, or is for another network.

    Examples
    --------
    The network that comes with the package, and parameters of its estimator:

    >>> import tempfile
    >>> from seal_sk import SEALSuperpixels
    >>> from seal_sk.pan import read_weights
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     SEALSuperpixels.load("bsds500").save(f"{folder}/net.safetensors")
    ...     net, params = read_weights(f"{folder}/net.safetensors")
    >>> net.architecture["network"], params["network"], params["n_segments"]
    ('mobile', 'mobile', 300)
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"No weights at {str(path)!r}; give a .safetensors file written by "
            "SEALSuperpixels.save, a .pkl of the paper's authors or, to an estimator, "
            "a name that seal-sk weights list prints."
        )
    tensors, _, metadata = read_tensors(path)
    if is_safetensors(path):
        # Files of earlier versions, and of other programs, have none.
        written = metadata.pop("crc32", None)
        if written is not None and written != checksum(tensors, metadata):
            raise ValueError(
                f"{str(path)!r} is damaged: its checksum is wrong; copy it again."
            )
        architecture, params = _described(metadata, path)
    else:
        architecture, params = _of_authors(tensors, path), {}
    tensors = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.endswith("num_batches_tracked")
    }
    # The file may claim any size, which takes no memory on this device.
    with torch.device("meta"):
        expected = _persistent(_build(architecture, path))
    if tensors.keys() != expected.keys() or any(
        tensors[name].shape != expected[name].shape for name in expected
    ):
        raise ValueError(
            f"{str(path)!r} names the network {architecture}, but holds the weights of "
            "another network."
        )
    net = _build(architecture, path)
    net.load_state_dict(_checked_values(tensors, repr(str(path))), strict=False)
    return net.eval(), params


def _checked_values(tensors, source):
    """Weights in float32, none of which is out of range."""
    tensors = as_float32(tensors, source)
    if any(t.min() < 0 for name, t in tensors.items() if name.endswith("running_var")):
        raise ValueError(f"{source} holds a variance below 0.")
    if tensors["calibration"][0] <= 0:
        raise ValueError(f"{source} holds a calibration whose scale is not above 0.")
    return tensors


def _build(architecture, path):
    try:
        settings = dict(architecture)
        return network_class(settings.pop("network"))(**settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{str(path)!r} describes a network that can't be built: "
            f"{str(error).splitlines()[0]}"
        ) from error


def _settings_of(name):
    """The settings of a network on which its weights depend."""
    return set(signature(network_class(name)).parameters) - {"seed"}


def _persistent(net):
    """State dict without the batch counters, which nothing reads."""
    return {
        name: tensor
        for name, tensor in net.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def _described(metadata, path):
    """Architecture and parameters that a file of `write_weights` says."""
    if metadata.get("format") != _FORMAT:
        raise ValueError(
            f"{str(path)!r} was not written by SEALSuperpixels.save: it does not say "
            "which network it is for."
        )
    try:
        architecture = dict(json.loads(metadata["architecture"]))
        params = json.loads(metadata["params"])
        settings = dict(architecture)
        name = settings.pop("network")
        if name == "unet":
            # Files of earlier versions don't have it.
            settings.setdefault("multiples", [1, 2, 3, 4, 4])
            architecture = {"network": name, **settings}
        known = name in NETWORKS and settings.keys() == _settings_of(name)
        params.keys()
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{str(path)!r} does not say which network it is for ({error!r}); was it "
            "written by another program?"
        ) from error
    if not known:
        raise ValueError(
            f"{str(path)!r} is for the network {architecture}, which this version of "
            "seal_sk does not know; a newer version may."
        )
    return architecture, params


def _of_authors(tensors, path):
    """Architecture of a state dict that the paper's authors released."""
    if (
        "conv1.weight" not in tensors
        or not all(isinstance(name, str) for name in tensors)
        or not all(isinstance(value, torch.Tensor) for value in tensors.values())
        or tensors["conv1.weight"].ndim != 4
    ):
        raise ValueError(
            f"{str(path)!r} is not a state dict of PAN; give a file of "
            "SEALSuperpixels.save or one of the paper's authors."
        )
    # Theirs have no calibration.
    tensors["calibration"] = torch.tensor([1.0, 0.0, 0.0])
    return {
        "network": "pan",
        "width": int(tensors["conv1.weight"].shape[0]),
        "in_channels": 3,
        "edges": "opencv",
    }
