"""The learned source of affinities: a network, trained on ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy, deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import NotFittedError

from .._typing import Images, PathLike, Truths
from .._validation import check_bands, check_image, check_pairs
from ..pan.shipped import SHIPPED, check_width, net_of_file
from ..pan.training.settings import CONSTRAINTS, Settings, saved
from .base import AffinitySource

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..pan.base import AffinityNet
    from ..pan.training.fitting import Fitted


__all__ = ["LearnedAffinity"]


class LearnedAffinity(AffinitySource):
    """Affinities of a network that is trained on images and ground truth.

    The network (PAN) learns how likely neighbouring pixels belong to one object,
    under a loss that weighs every boundary pixel by how far the superpixels of the
    current prediction leak over it. How its affinities are cut later has no part in
    the training, so that one network serves any number of superpixels.

    Parameters
    ----------
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
    n_jobs : int, optional
        Threads of the training, as in joblib; None is torch's number of threads. It
        changes the time only.
    random_state : int, RandomState instance or None, default=None
        Of initial weights, crops, and the images held out.
    verbose : int, default=0
        1 shows a progress bar in training.

    Attributes
    ----------
    net_ : seal_sk.pan.PAN or seal_sk.pan.UNet
        The trained network, on the CPU, in evaluation mode.
    history_ : list of dict
        A line per validation: ``iteration``, ``loss`` (mean since the last line),
        ``lr``, ``seconds``, and ``asa`` where images are held out.
    validation_indices_ : ndarray of int
        The images of `X` that `fit` held out.
    n_iter_ : int
        Steps of the optimizer so far.

    See Also
    --------
    SEALSuperpixels : These affinities and their segmentation in one estimator.
    GraphSuperpixels : The segmentation of any affinities.

    Notes
    -----
    `transform` gives maps of two channels, right and down; it raises NotFittedError
    without `fit` and without `weights`. Images have as many channels as those of the
    training; a network of three reads grey images too.

    Ctrl-C ends the training after the current step, writes the checkpoint, leaves a
    fitted estimator and raises KeyboardInterrupt; ``warm_start=True`` goes on from
    there. A second Ctrl-C stops at once.

    References
    ----------
    Tu et al., "Learning Superpixels with Segmentation-Aware Affinity Loss",
    CVPR 2018.

    Examples
    --------
    >>> from seal_sk import GraphSuperpixels, LearnedAffinity
    >>> from seal_sk.datasets import make_scenes
    >>> images, truths = make_scenes(3, shape=(48, 48), random_state=0)
    >>> affinity = LearnedAffinity(
    ...     width=4, max_iter=2, batch_size=1, crop_size=32, random_state=0
    ... )
    >>> affinity.fit(images, truths).transform(images)[0].shape
    (48, 48, 2)
    >>> superpixels = GraphSuperpixels(20, affinity=affinity)
    >>> superpixels.fit(images, truths).transform(images)[0].shape
    (48, 48)
    """

    net_: AffinityNet
    history_: list[dict[str, Any]]
    validation_indices_: NDArray[np.intp]
    n_iter_: int

    _thread_safe = False

    _parameter_constraints: dict = CONSTRAINTS

    def __init__(
        self,
        *,
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
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
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
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Images, y: Truths) -> Self:  # type: ignore[override]  # y is needed
        """Train the network on images and ground truth.

        Parameters
        ----------
        X : sequence of array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
            Images, which may differ in size; uint8, uint16, or floating point in
            0..1. They decide how many channels the network reads: 3 where grey and
            RGB are mixed. A lazy sequence is loaded once to look at it, then an image
            for each crop, in threads.
        y : sequence of label maps, or of lists of them
            One item an image: a map (H, W) of any integer dtype, or a list of
            annotations. With ``annotations="mean"`` also an affinity map (H, W, 2),
            floating point in 0..1: that of another network. Such images are never
            held out.

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
        from ..pan.training.fitting import fit

        self._validate_params()
        check_pairs(X, y)
        course = getattr(self, "_course", None)
        self._take_over(
            fit(Settings.of(self), X, y, **self._last_training(), course=course)
        )
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
        from ..pan.training.fitting import partial_fit

        self._validate_params()
        check_pairs(X, y)
        self._take_over(partial_fit(Settings.of(self), X, y, **self._last_training()))
        return self

    def _last_training(self) -> dict[str, Any]:
        return {
            "net": getattr(self, "net_", None),
            "state": getattr(self, "_state", None),
        }

    def _take_over(self, fitted: Fitted) -> None:
        self.net_ = fitted.net
        self.history_ = fitted.history
        self.validation_indices_ = fitted.validation_indices
        self.n_iter_ = fitted.n_iter
        self._state, self._course = fitted.state, fitted.course
        if fitted.interrupted:
            raise KeyboardInterrupt

    def save(self, path: PathLike) -> None:
        """Write the network and the parameters to one file.

        The format is safetensors with JSON metadata, which says which architecture
        the weights are for; reading it can't execute code. Parameters that belong to
        a machine or a run (`device`, `n_jobs`, `checkpoint_dir`, ...) are left out,
        and so is a `loss` that is no string.

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
        write_estimator(path, self, self.get_params(deep=False))

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        path : path-like
            The file. One of `SEALSuperpixels.save` is read too, and one of the paper's
            authors' networks, whose parameters are then the defaults.

        Returns
        -------
        LearnedAffinity
            Fitted, with `weights` set to `path`: a clone of it transforms as well, and
            `fit` goes on from the file.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file, or it is truncated or of another kind.
        """
        estimator = cls(**read_params(path, cls))
        # A copy: what its owner does to it must not reach others of the same file.
        estimator.net_ = deepcopy(net_of_file(path))
        return estimator

    def _check_input(
        self, image: ArrayLike, *, mask: ArrayLike | None = None, name: str = "image"
    ) -> NDArray[Any]:
        if not self.__sklearn_is_fitted__():
            return check_image(image, mask=mask, name=name)
        n_channels = self._ready_net().in_channels
        return check_bands(image, n_channels, mask=mask, name=name)

    def _check_ready(self) -> None:
        self._ready_net()

    def _prepared(self) -> LearnedAffinity:
        if hasattr(self, "net_") or self.weights is None:
            return self
        prepared = copy(self)
        prepared.net_ = self._ready_net()
        return prepared

    def _affinity(self, image: NDArray[Any]) -> NDArray[np.float32]:
        (affinity,) = self._affinities([image])
        return affinity

    def _affinities(self, images: Iterable[Any]) -> Iterator[NDArray[np.float32]]:
        from ..pan.devices import resolve_device
        from ..pan.prediction import Predictor

        precision: Literal["bfloat16", "float32"] = "float32"
        if self.precision == "bfloat16":
            precision = "bfloat16"
        predictor = Predictor(self._ready_net(), resolve_device(self.device), precision)
        return predictor(images)

    def _ready_net(self) -> AffinityNet:
        """The network to predict with, on the CPU: not to be changed."""
        if hasattr(self, "net_"):
            return self.net_
        if self.weights is None:
            raise NotFittedError(
                "There is no trained network yet: call fit(X, y) first, or give "
                "weights='path/to/a/file'."
            )
        net = net_of_file(self.weights)
        check_width(net, self.width, repr(str(self.weights)))
        return net

    def _cache_key(self) -> dict[str, Any]:
        """What decides the affinities, and a training: equal where those are."""
        if hasattr(self, "net_"):
            return {
                "net": self.net_,
                "device": self.device,
                "precision": self.precision,
            }
        key = self.get_params(deep=False)
        del key["n_jobs"], key["verbose"]
        if self.weights is not None:
            # The file may be another one tomorrow.
            key["weights"] = net_of_file(self.weights)
        return key

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_") or self.weights is not None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = self.weights is None
        tags.target_tags.required = True
        return tags


def write_estimator(
    path: PathLike, affinity: LearnedAffinity, params: dict[str, Any]
) -> None:
    """Write a network and parameters: those of the estimator around it, perhaps."""
    from ..pan.weights import write_weights

    net = affinity._ready_net()
    write_weights(path, net, {**saved(params), "width": net.width})


def read_params(path: Any, cls: type[Any]) -> dict[str, Any]:
    """Parameters for `cls` from a file of `save`, `weights` among them."""
    from ..pan.weights import read_weights

    net, params = read_weights(SHIPPED.get(path, path))
    known = saved(dict.fromkeys(cls().get_params(deep=False)))
    params = {name: value for name, value in params.items() if name in known}
    if "width" in params:
        params["width"] = net.width
    if path in SHIPPED:
        return {**params, "weights": path}
    # Absolute, since clones outlive a change of folder.
    return {**params, "weights": str(Path(path).absolute())}
