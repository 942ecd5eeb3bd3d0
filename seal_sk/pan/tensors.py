"""Tensors in files: safetensors, and plain state dicts of torch.

Neither format can execute code when it is read.
"""

from __future__ import annotations

import json
import warnings
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

__all__ = [
    "as_float32",
    "checksum",
    "is_safetensors",
    "load_torch",
    "read_tensors",
    "safetensors_bytes",
]


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
    entries = load_torch(
        path,
        "a file of weights",
        "copy it again. Only plain state dicts are read, since other files could "
        "execute code.",
        mmap=True,
    )
    if not isinstance(entries, dict):
        raise ValueError(f"{str(path)!r} is not a state dict.")
    return entries


def load_torch(path: Path, what: str, advice: str, *, mmap: bool = False) -> Any:
    """Read what ``torch.save`` wrote: tensors and plain values, if they are intact.

    Parameters
    ----------
    path : Path
        The file.
    what, advice : str
        What the file should be, and what to do if it can't be read, for errors.
    mmap : bool, default=False
        Leave tensors in the file until they are used, if its format allows it.

    Raises
    ------
    ValueError
        If the file is damaged or of another format, or if its tensors claim more memory
        than the file has.
    """
    name = str(path)
    try:
        # Old files are not archives, and can't be mapped.
        archived = zipfile.is_zipfile(path)
        # torch does not look at the checksums.
        damaged = archived and _damaged_entry(path)
        with warnings.catch_warnings():
            # torch warns of pickles before it refuses them.
            warnings.simplefilter("ignore", UserWarning)
            loaded = None
            if not damaged:
                loaded = torch.load(
                    path, map_location="cpu", weights_only=True, mmap=mmap and archived
                )
    except Exception as error:
        # Files that are not pickles can raise anything, a text file a KeyError.
        raise ValueError(
            f"{name!r} is truncated or not {what} ({type(error).__name__}); {advice}"
        ) from error
    if damaged:
        raise ValueError(f"{name!r} is damaged at its entry {damaged!r}; {advice}")
    tensors = _tensors_in(loaded)
    plain = all(t.layout == torch.strided and t.device.type == "cpu" for t in tensors)
    # A view of few numbers may have any shape.
    if (
        not plain
        or sum(t.numel() * t.element_size() for t in tensors) > path.stat().st_size
    ):
        raise ValueError(
            f"{name!r} is damaged: its tensors are larger than the file; {advice}"
        )
    return loaded


def _damaged_entry(path):
    """Name of an entry of an archive that is not as it was written, or None."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            # torch writes them so, and they can't be larger than the file.
            if entry.compress_type != zipfile.ZIP_STORED:
                return entry.filename
        return archive.testzip()


def _tensors_in(value):
    """The tensors in nested dicts and lists, which may contain each other."""
    found, waiting, seen = [], [value], set()
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, torch.Tensor):
            found.append(item)
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple)):
            waiting.extend(item)
    return found


def safetensors_bytes(
    tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
) -> bytes:
    """The content of a safetensors file: the same bytes for the same values."""
    from safetensors.torch import save

    content = save(dict(tensors), dict(metadata))
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    # The library writes them in a random order.
    header["__metadata__"] = dict(sorted(metadata.items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def checksum(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> str:
    """CRC-32 of all names and values."""
    crc = zlib.crc32(json.dumps(sorted(metadata.items())).encode())
    for name, tensor in sorted(tensors.items()):
        described = f"{name} {tensor.dtype} {tuple(tensor.shape)}"
        crc = zlib.crc32(described.encode(), crc)
        # Bytes, since NumPy lacks some of the dtypes.
        flat = tensor.contiguous().flatten().view(torch.uint8)
        crc = zlib.crc32(flat.numpy().data, crc)
    return f"{crc:08x}"


def as_float32(
    tensors: Mapping[str, torch.Tensor], source: str
) -> dict[str, torch.Tensor]:
    """Weights in float32, all of them finite; `source` begins the error message."""
    real = all(tensor.is_floating_point() for tensor in tensors.values())
    if real:
        tensors = {name: tensor.float() for name, tensor in tensors.items()}
    if not real or not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise ValueError(
            f"{source} holds weights that are NaN, infinite or not real numbers."
        )
    return dict(tensors)
