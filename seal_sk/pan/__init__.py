"""The learned affinity: network, losses, samples, training, weights.

Importing this package does not import torch; its modules do, except `settings`.
"""

from importlib import import_module

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


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
