"""Losses of predicted affinities against ground-truth label maps.

All of them take logits (affinities before their sigmoid) of shape (N, 2, H, W) and
label maps of shape (N, H, W), and return the sum over the edges that mean something,
divided by their number. The last column of the first channel, the last row of the
second, and edges that touch an ignored pixel carry no loss and no gradient.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .._metrics import largest_overlaps
from .._validation import check_label_map
from ..metrics import compact
from ..segmentation import ers

__all__ = [
    "BCELoss",
    "BalancedBCELoss",
    "SEALLoss",
    "affinity_target",
    "balanced_bce_loss",
    "bce_loss",
    "seal_loss",
    "superpixel_leak",
]


def affinity_target(truth, ignore_label=None):
    """Binary affinities of label maps, and which of them are known.

    Parameters
    ----------
    truth : integer Tensor of shape (N, H, W)
        Label maps.
    ignore_label : int, optional
        Label of unknown pixels.

    Returns
    -------
    target, known : bool Tensor of shape (N, 2, H, W)
        `target` is False where the label changes to the right (channel 0) or
        downwards (channel 1).
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


def bce_loss(logits, truth, *, ignore_label=None):
    """Binary cross-entropy of predicted affinities.

    Parameters
    ----------
    logits : Tensor of shape (N, 2, H, W)
        Affinities before their sigmoid.
    truth : integer Tensor of shape (N, H, W)
        Label maps.
    ignore_label : int, optional
        Label of unknown pixels.

    Returns
    -------
    Tensor
        A scalar.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.pan import bce_loss
    >>> truth = torch.tensor([[[0, 0, 1]]])
    >>> round(bce_loss(torch.zeros(1, 2, 1, 3), truth).item(), 4)
    0.6931
    """
    return _weighted_bce(logits, *_checked_target(logits, truth, ignore_label), 1.0)


def balanced_bce_loss(logits, truth, *, ignore_label=None):
    """Binary cross-entropy with the two classes weighted against each other.

    An edge across a boundary weighs as much as the share of edges that are not, and
    the other way round, for each image and direction by itself: the loss of HED.
    Parameters as for `bce_loss`.

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


def seal_loss(logits, truth, leak, *, ignore_label=None):
    """Segmentation-aware loss: boundaries weigh more where superpixels leak.

    Binary cross-entropy in which an edge across a ground-truth boundary weighs 1
    plus the leak, in pixels, of the superpixel it starts from. Each direction has
    its own boundary: an edge along it keeps weight 1.

    Parameters
    ----------
    logits : Tensor of shape (N, 2, H, W)
        Affinities before their sigmoid.
    truth : integer Tensor of shape (N, H, W)
        Label maps.
    leak : Tensor of shape (N, H, W)
        Of the superpixels of the current prediction, as `superpixel_leak` gives it.
    ignore_label : int, optional
        Label of unknown pixels.

    Returns
    -------
    Tensor
        A scalar.

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
            "there must be one leak a pixel."
        )
    weight = 1.0 + torch.where(target, 0.0, leak[:, None].to(logits.dtype))
    return _weighted_bce(logits, target, known, weight)


def superpixel_leak(labels, truth, *, ignore_label=None):
    """For each pixel, how far its superpixel leaks out of one truth segment.

    Parameters
    ----------
    labels, truth : ndarray of shape (H, W), integer
        Superpixels and ground truth.
    ignore_label : int, optional
        Label of ground-truth pixels that do not count.

    Returns
    -------
    ndarray of shape (H, W), float32
        Pixels of the superpixel outside the truth segment that it overlaps most.

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


class BCELoss(nn.Module):
    """`bce_loss` as a module."""

    def __init__(self, ignore_label=None):
        super().__init__()
        self.ignore_label = ignore_label

    def forward(self, logits, truth):
        """Return the loss; parameters as for `bce_loss`."""
        return bce_loss(logits, truth, ignore_label=self.ignore_label)


class BalancedBCELoss(nn.Module):
    """`balanced_bce_loss` as a module."""

    def __init__(self, ignore_label=None):
        super().__init__()
        self.ignore_label = ignore_label

    def forward(self, logits, truth):
        """Return the loss; parameters as for `balanced_bce_loss`."""
        return balanced_bce_loss(logits, truth, ignore_label=self.ignore_label)


class SEALLoss(nn.Module):
    """`seal_loss`, cutting superpixels from the predictions that it is given.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per label map.
    balance : float, default=0.5
        As for `seal_sk.ers`. The graph is 4-connected, as in the paper's training.
    ignore_label : int, optional
        Label of unknown pixels.
    """

    def __init__(self, n_segments=300, balance=0.5, ignore_label=None):
        super().__init__()
        self.n_segments = n_segments
        self.balance = balance
        self.ignore_label = ignore_label

    def leak(self, logits, truth, n_segments=None):
        """Superpixel leaks of one prediction, without a gradient.

        Parameters
        ----------
        logits : Tensor of shape (2, H, W)
            Affinities before their sigmoid.
        truth : integer Tensor of shape (H, W)
            Label map.
        n_segments : int, optional
            Superpixels in this one, if not the module's number.

        Returns
        -------
        Tensor of shape (H, W), float32
            On the CPU.
        """
        with torch.no_grad():
            affinity = torch.sigmoid(logits.float()).permute(1, 2, 0).cpu().numpy()
        labels = ers(affinity, n_segments or self.n_segments, balance=self.balance)
        return torch.from_numpy(
            superpixel_leak(labels, truth.cpu().numpy(), ignore_label=self.ignore_label)
        )

    def forward(self, logits, truth, leak=None):
        """Return the loss; `leak` where it is known already."""
        if leak is None:
            leak = torch.stack(
                [self.leak(*pair) for pair in zip(logits, truth, strict=True)]
            )
        return seal_loss(
            logits, truth, leak.to(logits.device), ignore_label=self.ignore_label
        )


def _checked_target(logits, truth, ignore_label):
    expected = (truth.shape[0], 2, *truth.shape[1:])
    if truth.ndim != 3 or tuple(logits.shape) != expected:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)} and truth {tuple(truth.shape)}; "
            "expected (N, 2, H, W) and (N, H, W)."
        )
    return affinity_target(truth, ignore_label)


def _weighted_bce(logits, target, known, weight):
    # A selection before the loss, not a product with 0 after it: no gradient reaches
    # a meaningless edge, whatever stands there.
    nothing = torch.zeros_like(logits)
    loss = weight * functional.binary_cross_entropy_with_logits(
        torch.where(known, logits, nothing), target.to(logits.dtype), reduction="none"
    )
    return torch.where(known, loss, nothing).sum() / known.sum().clamp(min=1)
