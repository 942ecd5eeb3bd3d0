"""Affinity maps of images by a network: in batches, in tiles, on any device."""

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

# Side of the tiles that large images are done in, without their margins.
_TILE = 1024

# Period of the dither.
_PATTERN = 256

# Pixels that go through the network at a time on a GPU. A CPU takes image by image:
# batches don't make it faster, only larger.
_BATCH_PIXELS = 4_000_000


def network_input(
    image: NDArray[Any], edges: NDArray[np.bool_] | None = None
) -> list[NDArray[np.float32]]:
    """A checked image as float32 arrays: (C, H, W), and its edges (1, H, W) if any.

    Three channels, RGB, come out as blue, green, red. `edges` is the bool map of
    `canny`; the network reads 0 on an edge, else 1.
    """
    image = image[..., ::-1] if image.shape[2] == 3 else image
    values = np.ascontiguousarray(unit_scale(image, np.float32).transpose(2, 0, 1))
    return [values] if edges is None else [values, 1 - edges[None].astype(np.float32)]


class Predictor:
    """A network made ready for prediction.

    Parameters
    ----------
    net : PAN or UNet
        In evaluation mode, on the CPU; it is not changed.
    device : str or torch.device, default="cpu"
        Where to compute.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the network's arithmetic. bfloat16 halves the time where the hardware has
        it; affinities then differ by up to a few hundredths.

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
        """Affinity maps of checked images, one after the other.

        Parameters
        ----------
        images : iterable of ndarray of shape (H, W, C)
            As `check_bands` gives them. Consecutive ones of one size share a batch
            on a GPU.

        Yields
        ------
        ndarray of shape (H, W, 2), float32
            Affinities to the right and down.
        """
        for logits in self.logits(images):
            yield self.affinity(logits)

    def affinity(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The affinity map that logits make.

        Parameters
        ----------
        logits : ndarray of shape (H, W, 2), float32
            As `logits` gives them.

        Returns
        -------
        ndarray of shape (H, W, 2), float32
            Calibrated and dithered.
        """
        logits = self.scale * torch.from_numpy(logits) + self.shift
        affinity = torch.sigmoid(logits).numpy()
        if self.dither:
            height, width = (np.arange(n) % _PATTERN for n in affinity.shape[:2])
            affinity *= 1 - self.dither * _pattern()[height[:, None], width]
        return affinity

    def logits(self, images: Iterable[NDArray[Any]]) -> Iterator[NDArray[np.float32]]:
        """Logits before the calibration, of one image after the other.

        Parameters
        ----------
        images : iterable of ndarray of shape (H, W, C)
            As for a call.

        Yields
        ------
        ndarray of shape (H, W, 2), float32
            To the right and down.
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
                # Margins, so that seams are exact: a tile begins where the network's
                # coarsest cells do.
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
            self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"
        ):
            logits = net.logits(*inputs)
        return logits.float().permute(0, 2, 3, 1).cpu().numpy()


@cache
def _pattern() -> NDArray[np.float32]:
    # Of this generator, NumPy promises that it stays as it is.
    random = np.random.RandomState(0)
    return random.random_sample((_PATTERN, _PATTERN, 2)).astype(np.float32)


def predict_affinity(
    net: AffinityNet, image: ArrayLike, device: str | torch.device = "cpu"
) -> NDArray[np.float32]:
    """Affinity map of one image by a network in evaluation mode.

    Parameters
    ----------
    net : PAN or UNet
        The network.
    image : array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
        uint8, uint16, or floating point in 0..1, of as many channels as the network
        reads; grey is repeated for one of three. A large image is done in tiles that
        overlap by more than the network sees.
    device : str or torch.device
        Where to compute.

    Returns
    -------
    ndarray of shape (H, W, 2), float32
        Affinities to the right and down.
    """
    (affinity,) = Predictor(net, device)([check_bands(image, net.in_channels)])
    return affinity
