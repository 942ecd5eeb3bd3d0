"""``seal-sk export``: write a network as an ONNX file."""

import logging
import warnings
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .files import check_output
from .interrupts import import_torch
from .messages import complain, one_line, say_note
from .parsing import (
    Commands,
    add_command,
    add_force,
    add_output,
    add_quiet,
    add_verbose,
)

__all__ = ["add_export"]

# Largest difference of affinities that another order of float32 sums can make.
_TOLERANCE = 1e-3

_HELP = """\
Write a network as an ONNX file, for programs that do not use torch.
"""

_NOTES = """\
Input "image": float32 (N, C, H, W) in 0..1, of any size, channels in the
order red, green, blue. The paper's network also has an input "edges": float32
(N, 1, H, W), 0 on Canny edges, 1 elsewhere. Output "affinity": float32
(N, 2, H, W) in 0..1, to the right and to the lower neighbour.

Where onnxruntime is installed, the network is run on random images of several
sizes, and the largest difference from torch is printed. If the results
disagree, the file is not written.
Needs pip install "seal_sk[onnx]".

examples:
  seal-sk export bsds500 -o bsds500.onnx
  seal-sk export net.safetensors -o net.onnx --force
"""


def add_export(commands: Commands) -> None:
    """Add the command to the parser's."""
    export = add_command(
        commands,
        "export",
        _export,
        help="write a network as an ONNX file",
        description=_HELP,
        epilog=_NOTES,
    )
    export.add_argument(
        "weights",
        metavar="NAME_OR_FILE",
        help="bsds500, which comes with the package; a file from seal-sk train; or "
        "one from the paper's authors",
    )
    add_output(export, "FILE", "an .onnx file", required=True)
    add_force(export)
    add_quiet(export)
    add_verbose(export, "inputs and outputs, and the size of the file")


def _export(args: Namespace) -> int:
    check_output(args.output, (".onnx",), args.force)

    import_torch()

    from .._files import replace_file
    from ..pan.export import export_onnx
    from ..sources import LearnedAffinity

    net = LearnedAffinity.load(args.weights).net_
    with TemporaryDirectory() as folder:
        # Moved to its place only when it is known to be right.
        draft = Path(folder, "net.onnx")
        with _without_remarks():
            export_onnx(net, draft)
        content = draft.read_bytes()
    session = _session(content, args)
    if session is not None:
        difference = _difference(net, session)
        if not difference <= _TOLERANCE:
            raise ValueError(
                f"onnxruntime computes affinities that differ by {difference:.2g} from "
                f"torch's; {str(args.output)!r} was not written."
            )
        print(f"largest difference of affinities from torch: {difference:.2g}")
    replace_file(args.output, content)
    if args.verbose:
        _describe(session, len(content))
    if not args.quiet:
        complain(f"wrote {args.output}")
    return 0


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Hide the remarks of torch's exporter about packages and about itself."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _session(content: bytes, args: Namespace) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        if not args.quiet:
            say_note(
                "the file was not checked, since onnxruntime can't be imported "
                f"({one_line(error)})"
            )
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )


def _difference(net: Any, session: Any) -> float:
    """Largest difference between torch's affinities and onnxruntime's."""
    import numpy as np
    import torch

    rng = np.random.default_rng(0)
    largest = 0.0
    # Neither the size nor the number of images may have become a constant.
    for n, height, width in ((1, 64, 96), (2, 51, 37)):
        inputs = {"image": rng.random((n, net.in_channels, height, width), np.float32)}
        if net.edges is not None:
            inputs["edges"] = rng.integers(0, 2, (n, 1, height, width)).astype("f4")
        (found,) = session.run(["affinity"], inputs)
        tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
        if net.in_channels == 3:
            # torch's network expects blue, green, red.
            tensors["image"] = tensors["image"].flip(1)
        with torch.no_grad():
            wanted = net(*tensors.values()).numpy()
        # Affinities across the edge of the image have no meaning.
        for one, other in (
            (found[:, 0, :, :-1], wanted[:, 0, :, :-1]),
            (found[:, 1, :-1], wanted[:, 1, :-1]),
        ):
            largest = max(largest, float(np.abs(one - other).max()))
    return largest


def _describe(session: Any, n_bytes: int) -> None:
    if session is not None:
        for kind, ends in (
            ("input", session.get_inputs()),
            ("output", session.get_outputs()),
        ):
            for end in ends:
                sizes = [size if isinstance(size, int) else "any" for size in end.shape]
                shape = ", ".join(map(str, sizes))
                complain(f"{kind} {end.name}: float32 ({shape})")
    complain(f"{n_bytes / 1e6:.1f} MB")
