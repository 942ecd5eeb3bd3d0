"""Prediction of affinity maps by a network: in batches, in tiles, on any device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby, islice
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from .._validation import check_bands, unit_scale
from ..affinity.edges import canny
from .base import AffinityNet

__all__ = ["Predictor", "network_input", "predict_affinity"]

# Side of the tiles in which large images are processed, without margins.
_TILE = 1024

# Period of the dither.
_PATTERN = 256

# Pixels per batch on a GPU. A CPU processes single images: batches don't make it
# faster, but need more memory.
_BATCH_PIXELS = 4_000_000


def network_input(
    image: NDArray[Any], edges: NDArray[np.bool_] | None = None
) -> list[NDArray[np.float32]]:
    """A checked image as float32 arrays: (C, H, W), and its edges (1, H, W) if any.

    Three channels, RGB, are returned as blue, green, red. `edges` is the bool map of
    `canny`; in the result, it is 0 on an edge and 1 elsewhere.
    """
    image = image[..., ::-1] if image.shape[2] == 3 else image
    values = np.ascontiguousarray(unit_scale(image, np.float32).transpose(2, 0, 1))
    return [values] if edges is None else [values, 1 - edges[None].astype(np.float32)]


class Predictor:
    """A network prepared for prediction.

    Parameters
    ----------
    net : AffinityNet
        A network in evaluation mode, on the CPU; it is not changed.
    device : str or torch.device, default="cpu"
        Where to compute.
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of the network's arithmetic. bfloat16 halves the time if the hardware
        supports it; affinities then differ by up to a few hundredths.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk.pan import PAN, Predictor
    >>> predictor = Predictor(PAN(width=4).eval())
    >>> images = [np.zeros((20, 30, 3), np.uint8), np.zeros((30, 20, 3), np.uint8)]
    >>> [affinity.shape for affinity in predictor(images)]
    [(20, 30, 2), (30, 20, 2)]
    """

    def __init__(
        self,
        net: AffinityNet,
        device: str | torch.device = "cpu",
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        self.device = torch.device(device)
        self.precision = precision
        net = net.fused()
        self.scale, self.shift, self.dither = net.calibration.tolist()
        if self.device.type != "cpu":
            net = net.to(self.device)
        # torch's own types don't know that modules take this.
        self.net = net.to(memory_format=net.memory_format)  # type: ignore[call-overload]

    def __call__(self, images: Iterable[NDArray[Any]]) -> Iterator[NDArray[np.float32]]:
        """Compute the affinity maps of checked images, one by one.

        Parameters
        ----------
        images : iterable of ndarray of shape (H, W, C)
            As `check_bands` returns them. On a GPU, consecutive images of the same size
            share a batch.

        Yields
        ------
        ndarray of shape (H, W, 2), float32
            Affinities to the right and down.
        """
        for logits in self.logits(images):
            yield self.affinity(logits)

    def affinity(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute an affinity map from logits.

        Parameters
        ----------
        logits : ndarray of shape (H, W, 2), float32
            Logits of one image, as from `logits`.

        Returns
        -------
        ndarray of shape (H, W, 2), float32
            Affinities, calibrated and dithered.
        """
        logits = self.scale * torch.from_numpy(logits) + self.shift
        affinity = torch.sigmoid(logits).numpy()
        if self.dither:
            factors = 1 - self.dither * _pattern()
            for top in range(0, affinity.shape[0], _PATTERN):
                for left in range(0, affinity.shape[1], _PATTERN):
                    part = affinity[top : top + _PATTERN, left : left + _PATTERN]
                    part *= factors[: part.shape[0], : part.shape[1]]
        return affinity

    def logits(self, images: Iterable[NDArray[Any]]) -> Iterator[NDArray[np.float32]]:
        """Compute the uncalibrated logits of checked images, one by one.

        Parameters
        ----------
        images : iterable of ndarray of shape (H, W, C)
            As for a call.

        Yields
        ------
        ndarray of shape (H, W, 2), float32
            Logits to the right and down.
        """
        for shape, group in groupby(images, key=lambda image: image.shape):
            size = 1
            if self.device.type != "cpu":
                size = max(1, _BATCH_PIXELS // (shape[0] * shape[1]))
            while batch := list(islice(group, size)):
                yield from self._logits(batch)

    @torch.inference_mode()
    def _logits(self, images: list[NDArray[Any]]) -> NDArray[np.float32]:
        net = self.net
        inputs = [
            network_input(image, None if net.edges is None else canny(image, net.edges))
            for image in images
        ]
        inputs = [np.stack(parts) for parts in zip(*inputs, strict=True)]
        height, width = images[0].shape[:2]
        logits = np.empty((len(images), height, width, 2), dtype=np.float32)
        for top in range(0, height, _TILE):
            for left in range(0, width, _TILE):
                bottom, right = min(top + _TILE, height), min(left + _TILE, width)
                # With margins, the result has no seams. A tile starts at a cell of the
                # network's coarsest scale.
                y, x = max(top - net.margin, 0), max(left - net.margin, 0)
                window = (
                    ...,
                    slice(y, bottom + net.margin),
                    slice(x, right + net.margin),
                )
                predicted = self._predict([part[window] for part in inputs])
                logits[:, top:bottom, left:right] = predicted[
                    :, top - y : bottom - y, left - x : right - x
                ]
        return logits

    def _predict(self, inputs: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        net = self.net
        inputs = [
            torch.from_numpy(np.ascontiguousarray(part)).to(
                self.device, memory_format=net.memory_format
            )
            for part in inputs
        ]
        with torch.autocast(
            self.device.type,
            torch.bfloat16,
            enabled=self.precision == "bfloat16",
            cache_enabled=False,  # all threads would share the cache
        ):
            logits = net.logits(*inputs)
        return logits.float().permute(0, 2, 3, 1).cpu().numpy()


@cache
def _pattern() -> NDArray[np.float32]:
    # NumPy guarantees that the numbers of this generator never change.
    random = np.random.RandomState(0)
    return random.random_sample((_PATTERN, _PATTERN, 2)).astype(np.float32)


def predict_affinity(
    net: AffinityNet, image: ArrayLike, device: str | torch.device = "cpu"
) -> NDArray[np.float32]:
    """Predict the affinity map of one image.

    Parameters
    ----------
    net : AffinityNet
        A network in evaluation mode.
    image : array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
        uint8, uint16, or floating point in 0..1, with as many channels as the network
        reads; a grey image is repeated to three channels if needed. A large image is
        processed in tiles whose overlap exceeds the network's field of view.
    device : str or torch.device
        Where to compute.

    Returns
    -------
    ndarray of shape (H, W, 2), float32
        Affinities to the right and down.
    """
    (affinity,) = Predictor(net, device)([check_bands(image, net.in_channels)])
    return affinity
