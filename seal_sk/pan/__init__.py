"""The learned affinity: network, losses, samples, training, weights.

Importing this package does not import torch; its modules do, except `settings`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .settings import PAPER_SETTINGS

_HOME = {
    "PAN": "network",
    "Predictor": "prediction",
    "SEALLoss": "loss",
    "UNet": "unet",
    "calibrate": "calibration",
    "export_onnx": "export",
    "balanced_bce_loss": "loss",
    "bce_loss": "loss",
    "seal_loss": "loss",
    "superpixel_leak": "loss",
    "read_weights": "weights",
    "write_weights": "weights",
}

__all__ = ["PAPER_SETTINGS", *_HOME]

if TYPE_CHECKING:
    # The same names once more, for type checkers and editors.
    from .calibration import calibrate as calibrate
    from .export import export_onnx as export_onnx
    from .loss import SEALLoss as SEALLoss
    from .loss import balanced_bce_loss as balanced_bce_loss
    from .loss import bce_loss as bce_loss
    from .loss import seal_loss as seal_loss
    from .loss import superpixel_leak as superpixel_leak
    from .network import PAN as PAN
    from .prediction import Predictor as Predictor
    from .unet import UNet as UNet
    from .weights import read_weights as read_weights
    from .weights import write_weights as write_weights
else:

    def __getattr__(name):
        if name in _HOME:
            return getattr(import_module(f".{_HOME[name]}", __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
