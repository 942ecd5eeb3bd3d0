"""Superpixels along learned affinities."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from joblib import Memory
from numpy.typing import ArrayLike, NDArray

from .._compat import Interval
from .._typing import Connectivity, Images, PathLike, Truths
from .._validation import check_pairs
from ..segmentation.merging import cut_and_merge
from ..sources import LearnedAffinity
from ..sources.learned import read_params, write_estimator
from .graph import GraphSuperpixels, connected

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..pan.base import AffinityNet


__all__ = ["SEALSuperpixels"]


class SEALSuperpixels(GraphSuperpixels):
    """Superpixels along learned affinities.

    A network (PAN) learns from images and ground truth how likely neighbouring
    pixels belong to one object, under a loss that weighs every boundary pixel by how
    far the superpixels of the current prediction leak over it. A graph algorithm
    cuts new images along its predictions into several times as many superpixels as
    wanted, and these are merged where the predictions and the colours say so.
    With ``oversegmentation=1``, as in the paper, the graph algorithm does all of it:
    this is then `GraphSuperpixels` with `LearnedAffinity`, and the parameters of both.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; exactly so many come out. It has no part in the
        training.
    segmenter : {"ers", "fh"} or callable, default="ers"
        Graph algorithm, as for `GraphSuperpixels`.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph.
    balance : float, default=0.5
        Weight of equal sizes in "ers", at least 0; see `seal_sk.ers`.
    oversegmentation : float, default=3
        The graph algorithm cuts ``oversegmentation * n_segments`` superpixels, along
        affinities of which a third is those of colours, and `seal_sk.merge_regions`
        merges them along the learned ones. Exactly 1 cuts `n_segments` along these,
        without colours: superpixels of more equal sizes, with lower scores.
    network : {"pan", "unet"}, default="pan"
        Architecture: the paper's (`seal_sk.pan.PAN`), or one of several scales that
        sees further for a fraction of the work (`seal_sk.pan.UNet`). `weights` decide
        for themselves.
    width : int, optional
        Channels of the network: the paper has 128. None takes the width of
        `weights`; without them it is 32 for "pan", a sixteenth of the paper's work,
        and 24 for "unet".
    use_edges : bool, default=True
        Whether "pan" sees Canny's edges beside the image. `weights` decide for
        themselves.
    loss : {"seal", "bce", "balanced_bce"} or callable, default="seal"
        What training minimises: one of those in `seal_sk.pan`, a
        `seal_sk.pan.SEALLoss` with other parameters, or any
        ``loss(logits, truth)`` of tensors (N, 2, H, W) and (N, H, W) that returns a
        scalar (``loss(logits, truth, ignore_label=...)`` where `ignore_label` is set).
    annotations : {"each", "mean"}, default="each"
        What a training sample is: an image with one of its annotations, as in the
        paper; or an image with the mean affinities of all of them, for ``loss="bce"``
        or one of your own, which then gets affinities (N, 2, H, W), NaN where they
        are not known, for label maps.
    augmentation : {"rigid", "full"}, default="rigid"
        How samples are varied: quarter turns and reflections, as in the paper; or
        these, and other scales, colours, contrasts and noise.
    train_segment_size : float, default=515
        Mean size, in pixels, of the superpixels cut during training: those whose
        leaks the loss counts, and those whose ASA is validated (ERS, 8 neighbours).
        The default is the paper's 300 superpixels on an image of 481 x 321.
    weights : "bsds500" or path-like, optional
        The network that ships with the package, trained on BSDS500; a file of `save`;
        or one of the paper's authors (``.pkl``). With it the estimator transforms
        without `fit`, and `fit` goes on from it.
    max_iter : int, default=2000
        Steps of the optimizer.
    max_time : float, optional
        Seconds after which `fit` ends, even before `max_iter`. The learning rate
        follows `max_iter` alone.
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
        For the "step" schedule.
    weight_decay : float, default=1e-4
        L2 penalty on the weights.
    averaging : float, default=0.0
        Decay of the exponential average of the weights, which is what is validated
        and kept; 0 keeps the weights themselves.
    validation_fraction : float, default=0.1
        Share of the images held out, ``round(validation_fraction * n)`` of them. The
        weights with the best ASA on them are kept. With none held out, it is the
        last ones.
    validate_every : int, default=100
        Iterations between two validations, lines of `history_` and checkpoints.
    n_iter_no_change : int or None, default=None
        Stop after so many validations without a better ASA.
    ignore_label : int, optional
        Ground-truth label of pixels that nothing is known about.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the network's arithmetic. "auto" trains in bfloat16 where the hardware has
        it, and transforms in float32. bfloat16 in `transform` halves the network's
        time on such hardware, and changes some of the superpixels.
    checkpoint_dir : path-like, optional
        Folder that the state of the training is written to after each validation
        and when it is interrupted.
    warm_start : bool, default=False
        Go on with the training in `checkpoint_dir`, or with that of the last `fit`,
        instead of starting over. With the same parameters and data, on a CPU, the
        result is bit for bit that of a training which was never interrupted, with any
        number of threads.
    device : str, default="auto"
        Where the network computes; "auto" is CUDA, then MPS, then the CPU.
    memory : str or joblib.Memory, optional
        Folder that trained networks and affinity maps are kept in. Searches over
        `n_segments`, `segmenter`, `connectivity`, `balance` and `oversegmentation` then
        train once for each set of images. Read only what you wrote: it holds pickles.
    n_jobs : int, optional
        Threads, as in joblib: of the training, where None is torch's number of threads,
        and of `transform`, which segments as many images at a time. It changes the time
        only.
    random_state : int, RandomState instance or None, default=None
        Of initial weights, crops, and the images held out.
    verbose : int, default=0
        1 shows a progress bar in training.

    Attributes
    ----------
    affinity_ : LearnedAffinity
        The trained source of affinities.
    net_ : seal_sk.pan.PAN or seal_sk.pan.UNet
        The trained network, on the CPU, in evaluation mode.
    history_ : list of dict
        A line per validation: ``iteration``, ``loss`` (mean since the last line),
        ``lr``, ``seconds``, and ``asa`` where images are held out.
    validation_indices_ : ndarray of int
        The images of `X` that `fit` held out.
    n_iter_ : int
        Steps of the optimizer so far.
    n_segments_ : list of int
        Superpixels in each image of the last `transform`.

    See Also
    --------
    LearnedAffinity : The affinities alone, for other segmenters.
    ERSSuperpixels : ERS alone, on colour differences.

    Notes
    -----
    Ctrl-C ends the training after the current step, writes the checkpoint, leaves a
    fitted estimator and raises KeyboardInterrupt; ``warm_start=True`` goes on from
    there. A second Ctrl-C stops at once.

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
    _parameter_constraints["oversegmentation"] = [
        Interval(Real, 1, None, closed="left")
    ]

    def __init__(
        self,
        n_segments: int = 300,
        *,
        segmenter: Literal["ers", "fh"] | Callable[..., ArrayLike] = "ers",
        connectivity: Connectivity = 8,
        balance: float = 0.5,
        oversegmentation: float = 3,
        network: Literal["pan", "unet"] = "pan",
        width: int | None = None,
        use_edges: bool = True,
        loss: Literal["seal", "bce", "balanced_bce"] | Callable[..., Any] = "seal",
        annotations: Literal["each", "mean"] = "each",
        augmentation: Literal["rigid", "full"] = "rigid",
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

    def fit(self, X: Images, y: Truths) -> Self:  # type: ignore[override]  # y is needed
        """Train the network on images and ground truth.

        Parameters
        ----------
        X, y : sequences
            As for `LearnedAffinity.fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If `X` and `y` do not pair up, an image or label map is not as described,
            or `checkpoint_dir` holds a training on other data or with other
            parameters.
        FloatingPointError
            If the training diverges.
        KeyboardInterrupt
            On Ctrl-C; once the first step is done, with the estimator fitted and the
            state written.
        """
        self._validate_params()
        check_pairs(X, y)
        source = self._source()
        if self.warm_start and hasattr(self, "affinity_"):
            source = self.affinity_.set_params(**source.get_params(deep=False))
        self._fit_source(source, X, y)
        return self

    def partial_fit(self, X: Images, y: Truths) -> Self:
        """One pass over more data, at the constant learning rate `lr`.

        The last batch is filled up from the beginning.

        Parameters
        ----------
        X, y : sequences
            As for `fit`. The first call starts from `weights` or from scratch, a
            later one goes on from the network as it is.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError, FloatingPointError
            As from `fit`.
        """
        self._validate_params()
        check_pairs(X, y)
        source = self._source()
        if hasattr(self, "affinity_"):
            source = self.affinity_.set_params(**source.get_params(deep=False))
        self.affinity_ = source.partial_fit(X, y)
        return self

    def save(self, path: PathLike) -> None:
        """Write the network and the parameters to one file.

        The format is safetensors with JSON metadata, which says which architecture
        the weights are for; reading it can't execute code. Parameters that belong to
        a machine or a run (`device`, `n_jobs`, `checkpoint_dir`, ...) are left out,
        and so are a `loss` and a `segmenter` that are no strings.

        Parameters
        ----------
        path : path-like
            Written whole or not at all.

        Raises
        ------
        NotFittedError
            If there is no network yet.
        OSError
            If the file can't be written.
        """
        write_estimator(path, self._ready_source(), self.get_params(deep=False))

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Read an estimator that `save` wrote.

        Parameters
        ----------
        path : path-like
            The file. One of the paper's authors' networks is read too; the
            parameters are then the defaults.

        Returns
        -------
        SEALSuperpixels
            Fitted, with `weights` set to `path`: a clone of it transforms as well, and
            `fit` goes on from the file.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file, or it is truncated or of another kind.
        """
        estimator = cls(**read_params(path, cls))
        estimator.affinity_ = LearnedAffinity.load(path)
        return estimator

    @property
    def net_(self) -> AffinityNet:
        """The trained network."""
        return self._learned("net_")

    @property
    def history_(self) -> list[dict[str, Any]]:
        """The course of the training."""
        return self._learned("history_")

    @property
    def validation_indices_(self) -> NDArray[np.intp]:
        """The images that were held out."""
        return self._learned("validation_indices_")

    @property
    def n_iter_(self) -> int:
        """Steps of the optimizer so far."""
        return self._learned("n_iter_")

    def _learned(self, name: str) -> Any:
        affinity = vars(self).get("affinity_")
        if affinity is None or name not in vars(affinity):
            raise AttributeError(f"There is no {name} before fit.")
        return vars(affinity)[name]

    def _labels(self, affinity, image, n_segments, mask):
        if self.oversegmentation == 1:
            return super()._labels(affinity, image, n_segments, mask)
        return cut_and_merge(
            connected(affinity, self.connectivity, mask),
            image,
            n_segments,
            cut=self._cut,
            oversegmentation=self.oversegmentation,
            connectivity=self.connectivity,
            mask=mask,
        )

    def _ignored_label(self) -> int | None:
        return self.ignore_label

    def _source(self) -> LearnedAffinity:
        names = LearnedAffinity._get_param_names()
        return LearnedAffinity(**{name: getattr(self, name) for name in names})

    def _ready_source(self) -> LearnedAffinity:
        if not hasattr(self, "affinity_"):
            return self._source()
        # Where and how it computes is not part of what was learned.
        return copy(self.affinity_).set_params(
            device=self.device, precision=self.precision, n_jobs=self.n_jobs
        )
