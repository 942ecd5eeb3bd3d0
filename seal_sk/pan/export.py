"""The affinity network as an ONNX file, for programs without torch."""

from io import BytesIO
from typing import Any

import torch
from torch import nn

from .._extras import import_extra
from .._files import replace_file
from .._typing import PathLike
from .base import AffinityNet

__all__ = ["export_onnx"]


def export_onnx(net: AffinityNet, path: PathLike) -> None:
    """Write a network as an ONNX file, whole or not at all.

    Parameters
    ----------
    net : PAN or UNet
        The network (``net_`` of an estimator, or what `read_weights` gives).
    path : path-like
        Where to.

    Raises
    ------
    ImportError
        If the packages onnx and onnxscript are not installed.

    Notes
    -----
    Input ``image``: float32 (N, C, H, W) in 0..1, of any size; three channels are red,
    green, blue. PAN with an edge channel also has ``edges``: float32 (N, 1, H, W), 0 on
    Canny's edges, else 1. Output ``affinity``: float32 (N, 2, H, W), to the right and
    down, calibrated, in 0..1. It is not dithered, as the package's own predictions by a
    calibrated network are: superpixels differ in flat areas.

    Examples
    --------
    >>> from seal_sk.pan import UNet, export_onnx
    >>> export_onnx(UNet(width=4).eval(), "unet.onnx")  # doctest: +SKIP
    """
    for package in ("onnx", "onnxscript"):
        import_extra(package, "onnx", "Writing ONNX files")
    model = _Exported(net).eval()
    # No size is the other's, or 1: those would become constants.
    inputs = [torch.rand(2, net.in_channels, 50, 70)]
    names = ["image"]
    if net.edges is not None:
        inputs.append(torch.ones(2, 1, 50, 70))
        names.append("edges")
    size = {
        0: torch.export.Dim.DYNAMIC,
        2: torch.export.Dim.DYNAMIC,
        3: torch.export.Dim.DYNAMIC,
    }
    program: Any = torch.onnx.export(
        model,
        tuple(inputs),
        dynamo=True,
        input_names=names,
        output_names=["affinity"],
        dynamic_shapes=tuple(size for _ in inputs),
        verbose=False,
    )
    buffer = BytesIO()
    program.save(buffer)
    replace_file(path, buffer.getvalue())


class _Exported(nn.Module):
    """The network for prediction, with channels in the usual order."""

    def __init__(self, net):
        super().__init__()
        self.net = net.fused()

    def forward(self, image, edges=None):
        if self.net.in_channels == 3:
            image = image.flip(1)
        return self.net(image) if edges is None else self.net(image, edges)
