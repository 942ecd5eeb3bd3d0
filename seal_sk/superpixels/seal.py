"""Superpixels along learned affinities."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from joblib import Memory
from numpy.typing import ArrayLike, NDArray

from .._compat import Interval, StrOptions
from .._typing import Connectivity, Images, PathLike, Truths
from .._validation import check_pairs
from ..segmentation.merging import cut_and_merge
from ..sources import LearnedAffinity
from ..sources.learned import check_held_out, read_params, write_estimator
from .graph import GraphSuperpixels, connected

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..pan.base import AffinityNet


__all__ = ["SEALSuperpixels"]


class SEALSuperpixels(GraphSuperpixels):
    """Superpixels along learned affinities.

    A network (PAN) learns from images and ground truth how likely it is that
    neighbouring pixels belong to one object. Its loss weighs every boundary pixel by
    how far the superpixels of the current prediction leak over it.

    A graph algorithm then segments new images by the predictions, into several times as
    many superpixels as requested. These are merged according to the predictions and the
    colours, and pixels at their boundaries move to where they fit best. With
    ``oversegmentation=1``, as in the paper, there is neither: the estimator then equals
    `GraphSuperpixels` with `LearnedAffinity`, and has the parameters of both.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; you get exactly this many. The training does not depend
        on it.
    segmenter : {"auto", "ers", "fh"} or callable, default="auto"
        Graph algorithm, as for `GraphSuperpixels`. "auto" is "fh" for superpixels that
        are merged, since it is faster and the result as good, and "ers", as in the
        paper, with ``oversegmentation=1``.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph.
    balance : float, default=0.5
        Weight of equal sizes in "ers", at least 0; see `seal_sk.ers`. Other algorithms
        ignore it.
    oversegmentation : float, default=12
        The graph algorithm first makes ``oversegmentation * n_segments`` superpixels,
        from affinities that are two thirds learned and one third based on colours. They
        have at least 16 pixels on average; where that is not possible, there are at
        most twice as many as requested.
        `seal_sk.merge_regions` then merges them along the learned affinities. With
        exactly 1, the graph algorithm makes `n_segments` superpixels from the learned
        affinities alone: their sizes are more equal, and their scores lower.
    boundary_cost : float, "auto" or None, default="auto"
        If not None, boundaries are refined with this cost, along the learned
        affinities; see `seal_sk.refine_boundaries`. Superpixels are then refined before
        they are merged, too, always with a cost of 10. "auto" is None with
        ``oversegmentation=1``; otherwise it is 5 for superpixels of 515 pixels on
        average, and goes with the eighth root of this size.
    network : {"pan", "unet", "mobile"}, default="pan"
        Architecture: "pan" is the paper's (`seal_sk.pan.PAN`); "unet" works at several
        scales, sees further and is many times cheaper (`seal_sk.pan.UNet`); "mobile"
        needs less than half its work, with depthwise convolutions
        (`seal_sk.pan.MobileUNet`). Ignored with `weights`, whose file names the
        architecture.
    width : int, optional
        Channels of the network; the paper uses 128. By default the width of `weights`;
        without them 32 for "pan", which takes a sixteenth of the paper's work, 24 for
        "unet" and 16 for "mobile".
    use_edges : bool, default=True
        Whether "pan" reads Canny's edges beside the image. Ignored with `weights`,
        whose file says which.
    loss : {"seal", "bce", "balanced_bce"} or callable, default="seal"
        Loss to minimise: one of those in `seal_sk.pan`, a `seal_sk.pan.SEALLoss` with
        other parameters, or any ``loss(logits, truth)`` of tensors (N, 2, H, W) and
        (N, H, W) that returns a scalar. It gets the whole batch, N samples. If these
        differ in size, it is called once for each size, and the mean over the samples
        is minimised. If `ignore_label` is set, a callable is called as
        ``loss(logits, truth, ignore_label=...)``.
    annotations : {"each", "mean"}, default="each"
        With "each", a training sample is an image with one of its annotations, as in
        the paper. With "mean", it is an image with the mean affinities of all its
        annotations. This needs ``loss="bce"`` or a callable, which then gets affinities
        (N, 2, H, W), NaN where they are unknown, instead of label maps.
    augmentation : {"rigid", "full", "disturbed"}, default="rigid"
        How samples are varied. "rigid" applies quarter turns and reflections, as in the
        paper; "full" also changes scale, colours and contrast, and adds noise;
        "disturbed" moreover adds strong noise, blur, haze, darkness or compression to
        half of the samples.
    train_segment_size : float, default=515
        Mean size, in pixels, of the superpixels made during training: those whose
        leaks enter the loss, and those whose ASA is validated (ERS, 8 neighbours).
        The default is the paper's 300 superpixels on an image of 481 x 321.
    weights : "bsds500", "bsds500-fast", "bsds500-train" or path-like, optional
        A trained network: "bsds500", which ships with the package; "bsds500-fast", the
        same weights; "bsds500-train", which has seen only the train images of BSDS500,
        so that parameters can be chosen on val; a file of `save`; or one released by
        the paper's authors (``.pkl``).
        The estimator can then `transform` without `fit`; ``fit(X)`` keeps the network
        as it is, and ``fit(X, y)`` continues from these weights.
    max_iter : int, default=2000
        Number of optimizer steps. With 0, `fit` keeps the network of `weights`, so that
        a search over other parameters trains nothing.
    max_time : float, optional
        Seconds after which `fit` ends, even before `max_iter`. The learning rate
        depends on `max_iter` alone.
    batch_size : int, default=4
        Crops per step.
    crop_size : int or None, default=160
        Side of the square training crops; None trains on whole images.
    lr : float, default=1e-3
        Learning rate of Adam.
    lr_schedule : {"cosine", "step", "constant"}, default="cosine"
        "cosine" falls to 1e-6 at `max_iter`; "step" divides by 10 every `lr_step`
        iterations, down to 1e-6.
    lr_step : int, default=30000
        Iterations between two divisions of the "step" schedule.
    weight_decay : float, default=1e-4
        L2 penalty on the weights.
    averaging : float, default=0.0
        Decay of an exponential moving average of the weights. The average is then
        validated and kept; with 0, the weights themselves are.
    validation_fraction : float, default=0.1
        Share of the images that are held out: ``round(validation_fraction * n)`` of n
        images. The weights with the best ASA on these images are kept. If none are held
        out, the last weights are kept. `fit` also takes a validation set of your own,
        `X_val` and `y_val`, and `groups`, which are held out as a whole.
    validate_every : int, default=100
        Iterations between two validations, entries of `history_` and checkpoints.
    n_iter_no_change : int or None, default=None
        Stop when ASA has not improved for this many validations.
    ignore_label : int, optional
        Ground-truth label of unknown pixels, which are left out.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the network's arithmetic. "auto" trains in bfloat16 if the hardware
        supports it, and transforms in float32. On such hardware, bfloat16 halves the
        network's time in `transform`, but changes some of the superpixels.
    checkpoint_dir : path-like, optional
        Folder to which the state of the training is written, after each validation
        and on an interruption.
    warm_start : bool, default=False
        Continue the training in `checkpoint_dir`, or that of the last `fit`, instead of
        starting over. On a CPU, with the same parameters and data, the result is
        bitwise equal to that of an uninterrupted training, for any number of threads.
        `max_iter`, `n_iter_no_change`, `lr`, `lr_schedule`, `lr_step`, `weight_decay`
        and `precision` may be changed.
    device : str, default="auto"
        Where the network computes; "auto" means CUDA, then MPS, then the CPU.
    memory : str or joblib.Memory, optional
        Folder in which to cache trained networks and affinity maps. Searches over
        `n_segments`, `segmenter`, `connectivity`, `balance`, `oversegmentation` and
        `boundary_cost` then train once for each set of images. The folder holds
        pickles: use only one that you wrote yourself.
    n_jobs : int, optional
        Number of threads, as in joblib. In the training, None means torch's number of
        threads; in `transform`, it is the number of images segmented at a time, or,
        where there are fewer, of threads that refine an image. It affects only the
        time.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the crops, and the images held out.
    verbose : int, default=0
        With 1, show a progress bar in training.

    Attributes
    ----------
    affinity_ : LearnedAffinity
        The trained source of affinities.
    net_ : seal_sk.pan.AffinityNet
        The trained network, on the CPU, in evaluation mode.
    history_ : list of dict
        One entry per validation: ``iteration``, ``loss`` (mean since the previous
        entry), ``lr``, ``seconds``, and ``asa`` if images are held out.
    validation_indices_ : ndarray of int
        Indices of the images of `X` that `fit` held out.
    n_iter_ : int
        Steps of the optimizer so far.
    stopped_by_ : str
        Why the training ended: "max_iter"; "max_time"; "no_change" (of the ASA, see
        `n_iter_no_change`); "interrupted" by Ctrl-C; or "diverged".
    n_segments_ : list of int
        Superpixels in each image of the last `transform`.

    See Also
    --------
    LearnedAffinity : The affinities alone, for other segmenters.
    ERSSuperpixels : ERS alone, on colour differences.

    Notes
    -----
    Ctrl-C ends the training after the current step: the checkpoint is written, the
    estimator is fitted, and KeyboardInterrupt is raised. With ``warm_start=True``,
    `fit` continues from there. A second Ctrl-C stops at once. A training that diverges
    returns to its last validation and raises FloatingPointError; `fit` continues from
    there in the same way, best with a smaller `lr`.

    References
    ----------
    Tu et al., "Learning Superpixels with Segmentation-Aware Affinity Loss",
    CVPR 2018.

    Examples
    --------
    >>> from seal_sk import SEALSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> images, truths = make_scenes(3, shape=(48, 48), random_state=0)
    >>> seal = SEALSuperpixels(
    ...     n_segments=20, width=4, max_iter=2, batch_size=1, crop_size=32,
    ...     random_state=0,
    ... )
    >>> seal.fit(images, truths).transform(images)[0].shape
    (48, 48)
    """

    affinity_: LearnedAffinity

    _parameter_constraints: dict = {
        **LearnedAffinity._parameter_constraints,
        **GraphSuperpixels._parameter_constraints,
    }
    _parameter_constraints.pop("affinity")
    _parameter_constraints["segmenter"] = [
        StrOptions({"auto", "ers", "fh"}),
        callable,
    ]
    _parameter_constraints["oversegmentation"] = [
        Interval(Real, 1, None, closed="left")
    ]
    _parameter_constraints["boundary_cost"] = [
        StrOptions({"auto"}),
        *GraphSuperpixels._parameter_constraints["boundary_cost"],
    ]

    def __init__(
        self,
        n_segments: int = 300,
        *,
        segmenter: Literal["auto", "ers", "fh"] | Callable[..., ArrayLike] = "auto",
        connectivity: Connectivity = 8,
        balance: float = 0.5,
        oversegmentation: float = 12,
        boundary_cost: float | Literal["auto"] | None = "auto",
        network: Literal["pan", "unet", "mobile"] = "pan",
        width: int | None = None,
        use_edges: bool = True,
        loss: Literal["seal", "bce", "balanced_bce"] | Callable[..., Any] = "seal",
        annotations: Literal["each", "mean"] = "each",
        augmentation: Literal["rigid", "full", "disturbed"] = "rigid",
        train_segment_size: float = 515,
        weights: PathLike | None = None,
        max_iter: int = 2000,
        max_time: float | None = None,
        batch_size: int = 4,
        crop_size: int | None = 160,
        lr: float = 1e-3,
        lr_schedule: Literal["cosine", "step", "constant"] = "cosine",
        lr_step: int = 30_000,
        weight_decay: float = 1e-4,
        averaging: float = 0.0,
        validation_fraction: float = 0.1,
        validate_every: int = 100,
        n_iter_no_change: int | None = None,
        ignore_label: int | None = None,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        checkpoint_dir: PathLike | None = None,
        warm_start: bool = False,
        device: str = "auto",
        memory: str | Memory | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_segments = n_segments
        self.segmenter = segmenter
        self.connectivity = connectivity
        self.balance = balance
        self.oversegmentation = oversegmentation
        self.boundary_cost = boundary_cost
        self.network = network
        self.width = width
        self.use_edges = use_edges
        self.loss = loss
        self.annotations = annotations
        self.augmentation = augmentation
        self.train_segment_size = train_segment_size
        self.weights = weights
        self.max_iter = max_iter
        self.max_time = max_time
        self.batch_size = batch_size
        self.crop_size = crop_size
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.lr_step = lr_step
        self.weight_decay = weight_decay
        self.averaging = averaging
        self.validation_fraction = validation_fraction
        self.validate_every = validate_every
        self.n_iter_no_change = n_iter_no_change
        self.ignore_label = ignore_label
        self.precision = precision
        self.checkpoint_dir = checkpoint_dir
        self.warm_start = warm_start
        self.device = device
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Images,
        y: Truths | None = None,
        *,
        X_val: Images | None = None,
        y_val: Truths | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Train the network on images and ground truth.

        Without `y`, or with ``max_iter=0``, there is no training: the network of
        `weights` is kept as it is.

        Parameters
        ----------
        X, y : sequences
            As for `LearnedAffinity.fit`; `y` is optional with `weights`.
        X_val : sequence of images, optional
            Images to validate on, instead of a share of `X`. Nothing of `X` is then
            held out.
        y_val : sequence of label maps, or of lists of them, optional
            Ground truth of `X_val`.
        groups : array-like of shape (n_images,), optional
            Group of each image, such as the slide that it is a tile of. Whole groups
            are then held out: ``round(validation_fraction * n)`` of n groups.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If `X` and `y` differ in length, an image or label map is not as described,
            there is neither `y` nor `weights`, or `checkpoint_dir` holds a training on
            other data or with other parameters.
        FloatingPointError
            If the training diverges. After the first validation, the estimator is then
            fitted with the best weights so far, and ``warm_start=True`` continues from
            the last validation.
        KeyboardInterrupt
            On Ctrl-C. After the first step, the estimator is then fitted and the state
            is written.
        """
        self._validate_params()
        held_out = {}
        if y is not None:
            X, y = check_pairs(X, y)
            held_out = check_held_out(len(X), X_val, y_val, groups)
        source = self._source()
        if self.warm_start and hasattr(self, "affinity_"):
            source = self.affinity_.set_params(**source.get_params(deep=False))
        self._fit_source(source, X, y, **held_out)
        return self

    def partial_fit(self, X: Images, y: Truths) -> Self:
        """Make one pass over more data, at the constant learning rate `lr`.

        The last batch is filled up with samples from the beginning.

        Parameters
        ----------
        X, y : sequences
            As for `fit`. The first call starts from `weights` or from scratch; later
            calls continue from the current network.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError, FloatingPointError
            As from `fit`.
        """
        self._validate_params()
        X, y = check_pairs(X, y)
        source = self._source()
        if hasattr(self, "affinity_"):
            source = self.affinity_.set_params(**source.get_params(deep=False))
        with self._taking_over(source):
            self.affinity_ = source.partial_fit(X, y)
        return self

    def save(self, path: PathLike) -> None:
        """Write the network and the parameters to one file.

        The format is safetensors with JSON metadata, which names the architecture;
        reading the file can't execute code. Parameters that belong to a machine or a
        run (`device`, `n_jobs`, `checkpoint_dir`, ...) are left out. `loss` and
        `segmenter` are saved only if they are strings.

        Parameters
        ----------
        path : path-like
            File to write. It is written completely or not at all.

        Raises
        ------
        NotFittedError
            If there is no network yet.
        OSError
            If the file can't be written.
        ValueError
            If weights are NaN or infinite.
        """
        write_estimator(path, self._ready_source(), self.get_params(deep=False))

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Read an estimator that `save` wrote.

        Parameters
        ----------
        path : path-like
            File to read, or "bsds500", "bsds500-fast" or "bsds500-train", which ship
            with the package. With "bsds500-fast", `connectivity` is 4, which is faster.
            The networks released by the paper's authors can be read too; all parameters
            then have their defaults. Estimators that were saved before there was
            `boundary_cost` get None, and so segment as before.

        Returns
        -------
        SEALSuperpixels
            A fitted estimator, with `weights` set to `path`. Its clones can transform
            as well, and `fit` continues from the file.

        Raises
        ------
        FileNotFoundError, ValueError
            If the file does not exist, is truncated, or has another format.
        """
        params = read_params(path, cls)
        # Every saved estimator has the one, those of earlier versions not the other;
        # the shipped network and those of others have neither.
        if "oversegmentation" in params:
            params.setdefault("boundary_cost", None)
        estimator = cls(**params)
        estimator.affinity_ = LearnedAffinity.load(path)
        return estimator

    @property
    def net_(self) -> AffinityNet:
        """The trained network."""
        return self._learned("net_")

    @property
    def history_(self) -> list[dict[str, Any]]:
        """The history of the training."""
        return self._learned("history_")

    @property
    def validation_indices_(self) -> NDArray[np.intp]:
        """The indices of the images that were held out."""
        return self._learned("validation_indices_")

    @property
    def n_iter_(self) -> int:
        """Steps of the optimizer so far."""
        return self._learned("n_iter_")

    @property
    def stopped_by_(self) -> str:
        """Why the training ended."""
        return self._learned("stopped_by_")

    def _learned(self, name: str) -> Any:
        affinity = vars(self).get("affinity_")
        if affinity is None or name not in vars(affinity):
            raise AttributeError(f"There is no {name} before fit.")
        return vars(affinity)[name]

    def _segment(self, image, n_segments, mask, affinity=None, n_threads=1):
        if self.oversegmentation == 1:
            return super()._segment(image, n_segments, mask, affinity, n_threads)
        return cut_and_merge(
            connected(affinity, self.connectivity, mask),
            image,
            n_segments,
            cut=self._cut,
            oversegmentation=self.oversegmentation,
            boundary_cost=None if self.boundary_cost is None else self._cost,
            connectivity=self.connectivity,
            mask=mask,
            n_threads=n_threads,
        )

    def _segmenter(self):
        if self.segmenter != "auto":
            return self.segmenter
        return "ers" if self.oversegmentation == 1 else "fh"

    def _cost(self, n_segments, labels):
        if self.boundary_cost != "auto":
            return self.boundary_cost
        if self.oversegmentation == 1:
            return None
        return _auto_cost(n_segments, int(np.count_nonzero(labels >= 0)))

    def _ignored_label(self) -> int | None:
        return self.ignore_label

    def _source(self) -> LearnedAffinity:
        names = LearnedAffinity._get_param_names()
        return LearnedAffinity(**{name: getattr(self, name) for name in names})

    def _ready_source(self) -> LearnedAffinity:
        if not hasattr(self, "affinity_"):
            return self._source()
        # The device and the precision are not part of the fitted state.
        return copy(self.affinity_).set_params(
            device=self.device, precision=self.precision, n_jobs=self.n_jobs
        )


def _auto_cost(n_segments: int, n_pixels: int) -> float:
    """The cost to refine boundaries with, by the number of superpixels and pixels.

    5 for the paper's 300 superpixels on an image of 481 x 321, and a little less for
    smaller ones; chosen on BSDS500 val.
    """
    return 5.0 * (n_pixels / n_segments / 515.0) ** 0.125
