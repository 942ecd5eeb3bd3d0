"""Losses of predicted affinities against ground-truth label maps.

All of them take logits (affinities before their sigmoid) of shape (N, 2, H, W) and
label maps of shape (N, H, W), and return the mean over all valid edges. The last column
of the first channel, the last row of the second, and edges that touch an ignored pixel
are not valid: they have no loss and no gradient.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional

from .._metrics import largest_overlaps
from .._validation import check_label_map, check_option, check_real
from ..metrics import compact
from ..segmentation import ers, fh

__all__ = [
    "SEALLoss",
    "affinity_target",
    "balanced_bce_loss",
    "bce_loss",
    "loss_name",
    "resolve_loss",
    "seal_loss",
    "superpixel_leak",
]

# The mean size of the paper's 300 superpixels on an image of 481 x 321.
_SEGMENT_SIZE = 515.0

_Boundary: TypeAlias = Literal["direction", "joint"]
_BOUNDARIES: tuple[_Boundary, ...] = ("direction", "joint")
_SEGMENTERS = ("ers", "fh")


def affinity_target(
    truth: Tensor, ignore_label: int | None = None
) -> tuple[Tensor, Tensor]:
    """Compute the binary affinities of label maps, and which of them are known.

    Parameters
    ----------
    truth : int Tensor of shape (N, H, W)
        Label maps.
    ignore_label : int, optional
        Label of unknown pixels.

    Returns
    -------
    target : bool Tensor of shape (N, 2, H, W)
        False where the label changes to the right (channel 0) or downwards (channel
        1).
    known : bool Tensor of shape (N, 2, H, W)
        False if the edge leads out of the image or touches an unknown pixel.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.pan.loss import affinity_target
    >>> target, known = affinity_target(torch.tensor([[[0, 0, 1]]]))
    >>> target[0, 0].tolist(), known[0, 0].tolist()
    ([[True, False, False]], [[True, True, False]])
    """
    target = torch.zeros(
        (truth.shape[0], 2, *truth.shape[1:]), dtype=torch.bool, device=truth.device
    )
    known = torch.zeros_like(target)
    target[:, 0, :, :-1] = truth[:, :, :-1] == truth[:, :, 1:]
    target[:, 1, :-1] = truth[:, :-1] == truth[:, 1:]
    if ignore_label is None:
        known[:, 0, :, :-1] = True
        known[:, 1, :-1] = True
    else:
        seen = truth != ignore_label
        known[:, 0, :, :-1] = seen[:, :, :-1] & seen[:, :, 1:]
        known[:, 1, :-1] = seen[:, :-1] & seen[:, 1:]
    return target, known


def bce_loss(
    logits: Tensor, truth: Tensor, *, ignore_label: int | None = None
) -> Tensor:
    """Binary cross-entropy of predicted affinities.

    Parameters
    ----------
    logits : Tensor of shape (N, 2, H, W)
        Affinities before their sigmoid.
    truth : int Tensor of shape (N, H, W), or float Tensor of shape (N, 2, H, W)
        Label maps, or affinities in 0..1, such as the mean of several annotations or
        those of another network, NaN where they are unknown.
    ignore_label : int, optional
        Label of unknown pixels in label maps.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.pan import bce_loss
    >>> truth = torch.tensor([[[0, 0, 1]]])
    >>> round(bce_loss(torch.zeros(1, 2, 1, 3), truth).item(), 4)
    0.6931
    """
    if not truth.is_floating_point():
        target, known = _checked_target(logits, truth, ignore_label)
        return _weighted_bce(logits, target, known, 1.0)
    if truth.shape != logits.shape:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)} and affinities "
            f"{tuple(truth.shape)}; both must have shape (N, 2, H, W)."
        )
    known = ~truth.isnan()
    return _weighted_bce(logits, truth.nan_to_num(), known, 1.0)


def balanced_bce_loss(
    logits: Tensor, truth: Tensor, *, ignore_label: int | None = None
) -> Tensor:
    """Binary cross-entropy with the two classes weighted against each other.

    An edge across a boundary is weighted by the share of edges that are inside
    segments, and an edge inside a segment by the share of those across boundaries. The
    shares are computed for each image and direction. This is the loss of HED.

    Parameters
    ----------
    logits : Tensor of shape (N, 2, H, W)
        Affinities before their sigmoid.
    truth : int Tensor of shape (N, H, W)
        Label maps.
    ignore_label : int, optional
        Label of unknown pixels.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ValueError
        If shapes do not fit.

    References
    ----------
    Xie and Tu, "Holistically-Nested Edge Detection", ICCV 2015.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.pan import balanced_bce_loss
    >>> truth = torch.tensor([[[0, 0, 1]]])
    >>> round(balanced_bce_loss(torch.zeros(1, 2, 1, 3), truth).item(), 4)
    0.3466
    """
    target, known = _checked_target(logits, truth, ignore_label)
    inside = (target & known).sum(dim=(2, 3), keepdim=True).to(logits.dtype)
    inside = inside / known.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    weight = torch.where(target, 1.0 - inside, inside)
    return _weighted_bce(logits, target, known, weight)


def seal_loss(
    logits: Tensor,
    truth: Tensor,
    leak: Tensor,
    *,
    boundary: _Boundary = "direction",
    ignore_label: int | None = None,
) -> Tensor:
    """Segmentation-aware loss: boundaries weigh more where superpixels leak.

    This is binary cross-entropy in which an edge at a ground-truth boundary has the
    weight 1 plus the leak of the superpixel in which it starts.

    Parameters
    ----------
    logits : Tensor of shape (N, 2, H, W)
        Affinities before their sigmoid.
    truth : int Tensor of shape (N, H, W)
        Label maps.
    leak : Tensor of shape (N, H, W)
        Leaks of the superpixels of the current prediction, in pixels, as
        `superpixel_leak` returns them; they may be normalised and clipped.
    boundary : {"direction", "joint"}, default="direction"
        Which edges are at a boundary. With "direction", those that cross it, so that an
        edge along it keeps the weight 1; with "joint", both edges of a pixel if one of
        them crosses it.
    ignore_label : int, optional
        Label of unknown pixels.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ValueError
        If shapes do not fit, or `boundary` is neither of the two.

    References
    ----------
    Tu et al., "Learning Superpixels with Segmentation-Aware Affinity Loss",
    CVPR 2018, equation 3.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.pan import seal_loss
    >>> truth = torch.tensor([[[0, 0, 1]]])
    >>> leak = torch.ones(1, 1, 3)
    >>> round(seal_loss(torch.zeros(1, 2, 1, 3), truth, leak).item(), 4)
    1.0397
    """
    target, known = _checked_target(logits, truth, ignore_label)
    if leak.shape != truth.shape:
        raise ValueError(
            f"leak has shape {tuple(leak.shape)} and truth {tuple(truth.shape)}; "
            "there must be one leak per pixel."
        )
    at_boundary = ~target & known
    if check_option(boundary, _BOUNDARIES, name="boundary") == "joint":
        at_boundary = at_boundary.any(dim=1, keepdim=True)
    weight = 1.0 + torch.where(at_boundary, leak[:, None].to(logits.dtype), 0.0)
    return _weighted_bce(logits, target, known, weight)


def superpixel_leak(
    labels: ArrayLike, truth: ArrayLike, *, ignore_label: int | None = None
) -> NDArray[np.float32]:
    """Compute how far the superpixel of each pixel leaks out of its segment.

    Parameters
    ----------
    labels, truth : array-like of shape (H, W)
        Superpixels and ground truth, of any integer dtype.
    ignore_label : int, optional
        Label of ground-truth pixels that do not count.

    Returns
    -------
    ndarray of shape (H, W), float32
        Number of pixels of the superpixel outside the ground-truth segment that it
        overlaps most.

    Raises
    ------
    ValueError, TypeError
        If either is not a label map, or they differ in size.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk.pan import superpixel_leak
    >>> superpixel_leak(np.array([[0, 0, 0, 1]]), np.array([[7, 7, 8, 8]]))
    array([[1., 1., 1., 0.]], dtype=float32)
    """
    labels = check_label_map(labels)
    truth = check_label_map(truth, labels.shape, name="truth")
    small, n_labels = compact(labels)
    segments, n_segments = compact(
        truth, None if ignore_label is None else truth == ignore_label
    )
    size, largest = largest_overlaps(
        small.ravel(), segments.ravel(), n_labels, n_segments
    )
    return (size - largest).astype(np.float32)[small]


class SEALLoss(nn.Module):
    """`seal_loss` with superpixels that are made from the predictions.

    The defaults are those of the paper, as far as it states them. To train with a
    variant, pass an instance as ``loss`` of an estimator.

    Parameters
    ----------
    segment_size : float, optional
        Mean size of the superpixels in pixels, at least 1. By default,
        ``train_segment_size`` of the estimator, or 515 without an estimator.
    segmenter : {"ers", "fh"}, default="ers"
        Graph algorithm. The graph is 4-connected, as in the paper's training.
    balance : float, default=0.5
        As for `seal_sk.ers`.
    boundary : {"direction", "joint"}, default="direction"
        Which edges get more weight, as for `seal_loss`.
    normalize : bool, default=False
        Divide each leak by the mean size of the superpixels, so that weights don't
        depend on it.
    clip : float, optional
        Upper bound of the leaks, above 0: in pixels or, with `normalize`, in mean
        sizes.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not as described.

    References
    ----------
    Tu et al., "Learning Superpixels with Segmentation-Aware Affinity Loss",
    CVPR 2018, equation 3.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.pan import SEALLoss
    >>> truth = torch.arange(9).repeat(1, 8, 1) // 5
    >>> logits = torch.zeros(1, 2, 8, 9)
    >>> round(SEALLoss(segment_size=36)(logits, truth).item(), 3)
    0.999
    >>> round(SEALLoss(segment_size=36, normalize=True)(logits, truth).item(), 3)
    0.702
    """

    def __init__(
        self,
        *,
        segment_size: float | None = None,
        segmenter: Literal["ers", "fh"] = "ers",
        balance: float = 0.5,
        boundary: _Boundary = "direction",
        normalize: bool = False,
        clip: float | None = None,
    ) -> None:
        super().__init__()
        if segment_size is not None:
            segment_size = check_real(segment_size, 1, name="segment_size")
        if clip is not None:
            clip = check_real(clip, 0, name="clip", exclusive=True)
        self.segment_size = segment_size
        self.segmenter = check_option(segmenter, _SEGMENTERS, name="segmenter")
        self.balance = check_real(balance, 0, name="balance")
        self.boundary = check_option(boundary, _BOUNDARIES, name="boundary")
        self.normalize = check_option(normalize, (False, True), name="normalize")
        self.clip = clip

    def leak(
        self, logits: Tensor, truth: Tensor, *, ignore_label: int | None = None
    ) -> Tensor:
        """Compute the superpixel leaks of one prediction, without a gradient.

        Parameters
        ----------
        logits : Tensor of shape (2, H, W)
            Affinities before their sigmoid.
        truth : int Tensor of shape (H, W)
            Label map.
        ignore_label : int, optional
            Label of unknown pixels.

        Returns
        -------
        Tensor of shape (H, W), float32
            Leaks on the CPU, normalised and clipped as the parameters say.
        """
        with torch.no_grad():
            affinity = torch.sigmoid(logits.float()).permute(1, 2, 0).cpu().numpy()
        n_pixels = affinity.shape[0] * affinity.shape[1]
        size = self.segment_size or _SEGMENT_SIZE
        n_segments = min(max(round(n_pixels / size), 1), n_pixels)
        if self.segmenter == "ers":
            labels = ers(affinity, n_segments, balance=self.balance)
        else:
            labels = fh(affinity, n_segments=n_segments)
        leak = superpixel_leak(labels, truth.cpu().numpy(), ignore_label=ignore_label)
        if self.normalize:
            leak *= n_segments / n_pixels
        if self.clip is not None:
            np.minimum(leak, self.clip, out=leak)
        return torch.from_numpy(leak)

    def forward(
        self,
        logits: Tensor,
        truth: Tensor,
        *,
        ignore_label: int | None = None,
        leak: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss of predictions.

        Parameters
        ----------
        logits : Tensor of shape (N, 2, H, W)
            Affinities before their sigmoid.
        truth : int Tensor of shape (N, H, W)
            Label maps.
        ignore_label : int, optional
            Label of unknown pixels.
        leak : Tensor of shape (N, H, W), optional
            Result of the method `leak`, if it is known already.

        Returns
        -------
        Tensor
            A scalar.

        Raises
        ------
        ValueError
            If shapes do not fit.
        """
        if leak is None:
            _check_shapes(logits, truth)
            pairs = zip(logits, truth, strict=True)
            leak = torch.stack(
                [self.leak(*pair, ignore_label=ignore_label) for pair in pairs]
            )
        return seal_loss(
            logits,
            truth,
            leak.to(logits.device),
            boundary=self.boundary,
            ignore_label=ignore_label,
        )

    def extra_repr(self) -> str:
        """Return the parameters, by which `loss_name` tells variants apart.

        Returns
        -------
        str
            ``name=value``, separated by commas.
        """
        return (
            f"segment_size={self.segment_size}, segmenter={self.segmenter!r}, "
            f"balance={self.balance}, boundary={self.boundary!r}, "
            f"normalize={self.normalize}, clip={self.clip}"
        )


def resolve_loss(loss: Any, segment_size: float) -> Callable[..., Tensor]:
    """Return the loss that an estimator's parameters define.

    Parameters
    ----------
    loss : {"seal", "bce", "balanced_bce"} or callable
        The parameter `loss`.
    segment_size : float
        Used for a `SEALLoss` whose `segment_size` is None.

    Returns
    -------
    callable
        Called as ``loss(logits, truth)``, and with ``ignore_label=...`` if it is set.

    Raises
    ------
    ValueError, TypeError
        If `loss` is neither a known name nor callable.

    Examples
    --------
    >>> from seal_sk.pan.loss import resolve_loss
    >>> resolve_loss("seal", 200).segment_size
    200.0
    """
    if isinstance(loss, str):
        named = {
            "bce": bce_loss,
            "balanced_bce": balanced_bce_loss,
            "seal": SEALLoss(),
        }
        loss = named[check_option(loss, tuple(named), name="loss")]
    if not callable(loss):
        raise TypeError(
            f"loss={loss!r} must be 'seal', 'bce', 'balanced_bce' or a callable "
            "loss(logits, truth)."
        )
    if isinstance(loss, SEALLoss) and loss.segment_size is None:
        loss = copy(loss)
        loss.segment_size = float(segment_size)
    return loss


def loss_name(loss: Any) -> str:
    """Return a name that tells losses apart, and is the same in every process.

    The name of a function says where it is defined, that of a `functools.partial` its
    function and arguments, and that of any other object, modules included, its class
    and its ``repr``.

    Parameters
    ----------
    loss : str or callable
        As for `resolve_loss`.

    Returns
    -------
    str

    Examples
    --------
    >>> from seal_sk.pan.loss import SEALLoss, loss_name
    >>> loss_name("bce"), loss_name(SEALLoss()) == loss_name("seal")
    ('bce', True)
    """
    if isinstance(loss, str):
        return repr(SEALLoss()) if loss == "seal" else loss
    if type(loss) is SEALLoss:
        return repr(loss)
    if isinstance(loss, partial):
        arguments = [_argument_name(value) for value in loss.args]
        for name, value in sorted(loss.keywords.items()):
            arguments.append(f"{name}={_argument_name(value)}")
        return f"{loss_name(loss.func)}({', '.join(arguments)})"
    if hasattr(loss, "__qualname__"):
        return f"{loss.__module__}.{loss.__qualname__}"
    kind = type(loss)
    return f"{kind.__module__}.{kind.__qualname__}: {_lasting_repr(loss)}"


def _argument_name(value):
    return loss_name(value) if callable(value) else _lasting_repr(value)


def _lasting_repr(value):
    # Without addresses, which differ from process to process.
    return re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))


def _checked_target(
    logits: Tensor, truth: Tensor, ignore_label: int | None
) -> tuple[Tensor, Tensor]:
    _check_shapes(logits, truth)
    return affinity_target(truth, ignore_label)


def _check_shapes(logits: Tensor, truth: Tensor) -> None:
    if truth.is_floating_point():
        raise ValueError("truth must be label maps of an integer dtype for this loss.")
    expected = (truth.shape[0], 2, *truth.shape[1:])
    if truth.ndim != 3 or tuple(logits.shape) != expected:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)} and truth {tuple(truth.shape)}; "
            "expected (N, 2, H, W) and (N, H, W)."
        )


def _weighted_bce(
    logits: Tensor, target: Tensor, known: Tensor, weight: Tensor | float
) -> Tensor:
    # Undefined edges are replaced before the loss, not multiplied by 0 after it, so
    # that they get no gradient, whatever their values are.
    nothing = torch.zeros_like(logits)
    loss = weight * functional.binary_cross_entropy_with_logits(
        torch.where(known, logits, nothing), target.to(logits.dtype), reduction="none"
    )
    return torch.where(known, loss, nothing).sum() / known.sum().clamp(min=1)
