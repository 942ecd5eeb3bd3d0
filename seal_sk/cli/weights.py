"""``seal-sk weights``: list networks, and describe weight files."""

import json
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .interrupts import import_torch
from .parsing import Commands, add_command

__all__ = ["add_weights"]

_HELP = """\
List the networks that come with the package, or describe a weight file.
"""

_NOTES = """\
examples:
  seal-sk weights list
  seal-sk weights info bsds500
  seal-sk weights info net.safetensors --json
"""

# Size of the images that the work is for, that of BSDS500.
_HEIGHT, _WIDTH = 321, 481


def add_weights(commands: Commands) -> None:
    """Add the command to the parser's."""
    weights = commands.add_parser(
        "weights",
        help="list networks, or describe a weight file",
        description=_HELP,
        epilog=_NOTES,
    )
    actions = weights.add_subparsers(metavar="ACTION", required=True)
    listing = add_command(
        actions,
        "list",
        _list,
        help="list the networks that come with the package",
        description="List the networks that come with the package.",
        epilog="example:\n  seal-sk weights list\n",
    )
    info = add_command(
        actions,
        "info",
        _info,
        help="describe a weight file",
        description="Describe the network in a file and the parameters saved with it.\n"
        "Code that a file may contain is not executed.",
        epilog="examples:\n  seal-sk weights info bsds500\n"
        "  seal-sk weights info net.safetensors --json\n",
    )
    info.add_argument(
        "weights",
        metavar="NAME_OR_FILE",
        help="bsds500, bsds500-fast or bsds500-train, which come with the package; a "
        "file from seal-sk train; or one from the paper's authors",
    )
    for parser in (listing, info):
        parser.add_argument(
            "--json", action="store_true", help="print JSON, for programs"
        )


def _list(args: Namespace) -> int:
    from ..pan.shipped import ABOUT

    found = [
        {"name": name, **asdict(about), **_describe(name)}
        for name, about in ABOUT.items()
    ]
    if args.json:
        print(json.dumps(found, indent=1))
        return 0
    for one in found:
        print(
            f"{one['name']}: {one['purpose']}\n"
            f"  {one['network']}, {one['width']} channels, {one['parameters']:,} "
            f"parameters, {one['bytes'] / 1e6:.2f} MB, {_work(one)}\n"
            f"  {one['images']}, K = 300: ASA {one['asa']:.4f}, BR {one['br']:.4f}\n"
            f"  {one['time']:.1f} times the time of scikit-image's slic in one thread"
        )
    return 0


def _info(args: Namespace) -> int:
    about = _describe(args.weights)
    if args.json:
        print(json.dumps(about, indent=1))
        return 0
    calibration = about["calibration"]
    lines = {
        "file": about["file"],
        "size": f"{about['bytes'] / 1e6:.2f} MB",
        "network": f"{about['network']}, {about['width']} channels",
        "reads": _inputs(about),
        "parameters": f"{about['parameters']:,}",
        "work": _work(about),
        "calibration": ", ".join(f"{k} {v:.6g}" for k, v in calibration.items()),
    }
    lines |= {f"saved with {k}": v for k, v in about["saved_with"].items()}
    width = max(map(len, lines))
    for name, value in lines.items():
        print(f"{name:{width}}  {value}")
    return 0


def _describe(weights: str) -> dict[str, Any]:
    """Describe a file, in values that JSON can hold."""
    import_torch()

    from ..pan import read_weights
    from ..pan.shipped import SHIPPED

    path = Path(SHIPPED.get(weights, weights))
    net, training = read_weights(path)
    scale, shift, dither = net.calibration.tolist()
    return {
        "file": str(path.absolute()),
        "bytes": path.stat().st_size,
        "network": net.architecture["network"],
        "width": net.width,
        "in_channels": net.in_channels,
        "edges": net.edges,
        "parameters": sum(tensor.numel() for tensor in net.parameters()),
        "multiply_adds": _multiply_adds(net),
        "calibration": {"scale": scale, "shift": shift, "dither": dither},
        "saved_with": training,
    }


def _multiply_adds(net: Any) -> int:
    """Multiply-adds of the convolutions for an image of BSDS500."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    # Tensors of this device have shapes but no values, so nothing is computed.
    net = net.fused().to("meta")
    inputs = [torch.empty(1, net.in_channels, _HEIGHT, _WIDTH, device="meta")]
    if net.edges is not None:
        inputs.append(inputs[0][:, :1])
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        net.logits(*inputs)
    return counter.get_total_flops() // 2


def _work(about: dict[str, Any]) -> str:
    return (
        f"{about['multiply_adds'] / 1e9:.1f} G multiply-adds for {_WIDTH} x {_HEIGHT} "
        "pixels"
    )


def _inputs(about: dict[str, Any]) -> str:
    n = about["in_channels"]
    bands = {1: "grey images", 3: "grey and RGB images"}.get(n, f"images of {n} bands")
    if about["edges"] is None:
        return bands
    return f"{bands}, and their Canny edges by {about['edges']}"
