"""Tensors in files: safetensors, and plain state dicts of torch.

Neither format can execute code when it is read.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

__all__ = ["as_float32", "is_safetensors", "read_tensors"]


def is_safetensors(path: Path) -> bool:
    """Whether a file is one of safetensors, perhaps a truncated one."""
    with path.open("rb") as file:
        start = file.read(16)
    # A truncated file may lack the brace that a safetensors header begins with.
    return start[8:9] == b"{" or path.suffix == ".safetensors"


def read_tensors(
    path: Path, wanted: Collection[str] | None = None
) -> tuple[dict[str, Any], list[str], dict[str, str]]:
    """Tensors of a file, the names of all its entries, and its metadata.

    Parameters
    ----------
    path : Path
        A safetensors file, or a state dict that ``torch.save`` wrote.
    wanted : collection of str, optional
        The entries to read; all by default. The others take no memory.

    Returns
    -------
    tensors : dict
        Of a state dict it may hold other objects than tensors, too.
    names : list of str
    metadata : dict of str to str
        Empty for a state dict.

    Raises
    ------
    ValueError
        If the file is truncated or of another format.
    """
    if is_safetensors(path):
        return _read_safetensors(path, wanted)
    entries = _read_state_dict(path)
    names = list(entries)
    if wanted is not None:
        # Copied, so that the file can be closed.
        entries = {
            name: value.clone() if torch.is_tensor(value) else value
            for name, value in entries.items()
            if name in wanted
        }
    return entries, names, {}


def _read_safetensors(path, wanted):
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            metadata = file.metadata() or {}
            chosen = names if wanted is None else [n for n in names if n in wanted]
            return {name: file.get_tensor(name) for name in chosen}, names, metadata
    except SafetensorError as error:
        raise ValueError(
            f"{str(path)!r} is truncated or not a safetensors file ({error}); copy it "
            "again."
        ) from error


def _read_state_dict(path):
    try:
        with warnings.catch_warnings():
            # torch warns of pickles before it refuses them.
            warnings.simplefilter("ignore", UserWarning)
            # Old files can't be mapped.
            mapped = zipfile.is_zipfile(path)
            entries = torch.load(
                path, map_location="cpu", weights_only=True, mmap=mapped
            )
    except Exception as error:
        # Files that are not pickles can raise anything, a text file a KeyError.
        raise ValueError(
            f"{str(path)!r} is truncated or not a file of weights "
            f"({type(error).__name__}); copy it again. Only plain state dicts are "
            "read, since other files could execute code."
        ) from error
    if not isinstance(entries, dict):
        raise ValueError(f"{str(path)!r} is not a state dict.")
    return entries


def as_float32(
    tensors: Mapping[str, torch.Tensor], path: Path
) -> dict[str, torch.Tensor]:
    """Weights in float32, all of them finite."""
    real = all(tensor.is_floating_point() for tensor in tensors.values())
    if real:
        tensors = {name: tensor.float() for name, tensor in tensors.items()}
    if not real or not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise ValueError(
            f"{str(path)!r} holds weights that are NaN, infinite or not real numbers."
        )
    return dict(tensors)
