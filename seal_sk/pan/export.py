"""Export of affinity networks to ONNX files, for programs without torch."""

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
    """Write a network to an ONNX file, completely or not at all.

    Parameters
    ----------
    net : AffinityNet
        The network: ``net_`` of an estimator, or the result of `read_weights`.
    path : path-like
        File to write.

    Raises
    ------
    ImportError
        If the packages onnx and onnxscript are not installed.

    Notes
    -----
    The input ``image`` is float32 (N, C, H, W) in 0..1, of any size; three channels are
    red, green, blue. PAN with an edge channel has a second input ``edges``: float32
    (N, 1, H, W), 0 on Canny's edges and 1 elsewhere. The output ``affinity`` is float32
    (N, 2, H, W) in 0..1: right and down, calibrated. Unlike the predictions of a
    calibrated network in this package, it is not dithered, so superpixels differ in
    flat areas.

    Examples
    --------
    >>> from seal_sk.pan import UNet, export_onnx
    >>> export_onnx(UNet(width=4).eval(), "unet.onnx")  # doctest: +SKIP
    """
    for package in ("onnx", "onnxscript"):
        import_extra(package, "onnx", "Writing ONNX files")
    model = _Exported(net).eval()
    # All sizes differ, and none is 1: such sizes would become constants.
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
    """The network for prediction, with channels in the order RGB."""

    def __init__(self, net):
        super().__init__()
        self.net = net.fused()

    def forward(self, image, edges=None):
        if self.net.in_channels == 3:
            image = image.flip(1)
        return self.net(image) if edges is None else self.net(image, edges)
