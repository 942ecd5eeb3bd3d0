"""The learned source of affinities: a network, trained on ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy, deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_array

from .._typing import Images, PathLike, Truths
from .._validation import check_bands, check_image, check_images, check_pairs
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

    The network (PAN) learns how likely it is that neighbouring pixels belong to one
    object. Its loss weighs every boundary pixel by how far the superpixels of the
    current prediction leak over it. The training does not depend on how the affinities
    are segmented later, so one network serves any number of superpixels.

    Parameters
    ----------
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
    n_jobs : int, optional
        Number of threads in the training, as in joblib; None means torch's number of
        threads. It affects only the time.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the crops, and the images held out.
    verbose : int, default=0
        With 1, show a progress bar in training.

    Attributes
    ----------
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

    See Also
    --------
    SEALSuperpixels : These affinities and their segmentation in one estimator.
    GraphSuperpixels : Superpixels from any affinities.

    Notes
    -----
    `transform` returns maps of two channels, right and down. Without `fit` or
    `weights`, it raises NotFittedError. Images must have as many channels as in the
    training; a network of three channels reads grey images too.

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
    stopped_by_: str
    # With them, the training goes on.
    _state: dict[str, Any] | None
    _course: dict[str, Any] | None

    _thread_safe = False

    _parameter_constraints: dict = CONSTRAINTS

    def __init__(
        self,
        *,
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
        X : sequence of array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
            Images, which may differ in size; uint8, uint16, or floating point in
            0..1. They determine how many channels the network reads: 3 if grey and RGB
            images are mixed. Every item of a lazy sequence is loaded once to check it,
            and then again for each crop, in threads.
        y : sequence of label maps, or of lists of them, optional
            One item per image: a map (H, W) of any integer dtype, or a list of
            annotations. With ``annotations="mean"``, an item may also be an affinity
            map (H, W, 2), floating point in 0..1, for example of another network. Such
            images are never held out.
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
        if not self._learns(y):
            return self._keep(X, y)
        if y is None:
            raise ValueError(
                "y is None, and there is no trained network to use as it is: give the "
                "ground truth, fit(X, y), or a network, weights='bsds500' or "
                "weights='path/to/a/file'."
            )
        if self.max_iter == 0:
            raise ValueError(
                "max_iter=0 keeps the network of weights as it is, but weights is "
                "None; give weights, or train for max_iter=1 or more steps."
            )
        from ..pan.training.fitting import fit

        X, y = check_pairs(X, y)
        held_out = check_held_out(len(X), X_val, y_val, groups)
        course = getattr(self, "_course", None)
        self._take_over(
            fit(
                Settings.of(self),
                X,
                y,
                **held_out,
                **self._last_training(),
                course=course,
            )
        )
        return self

    def _learns(self, y: Any) -> bool:
        return self.weights is None or (y is not None and self.max_iter > 0)

    def _keep(self, X: Images, y: Truths | None) -> Self:
        """Be fitted with the network of `weights` as it is."""
        net = net_of_file(self.weights)
        check_width(net, self.width, repr(str(self.weights)))
        if y is not None:
            X, y = check_pairs(X, y)
        check_images(X, partial(check_bands, n_channels=net.in_channels))
        # A copy: changes to it must not affect other estimators of the same file.
        self.net_ = deepcopy(net)
        self.history_, self.n_iter_ = [], 0
        self.validation_indices_ = np.arange(0)
        self.stopped_by_ = "max_iter"
        self._state = self._course = None
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
        from ..pan.training.fitting import partial_fit

        self._validate_params()
        X, y = check_pairs(X, y)
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
        self.stopped_by_ = fitted.stopped_by
        self._state, self._course = fitted.state, fitted.course
        if fitted.error is not None:
            raise fitted.error
        if fitted.stopped_by == "interrupted":
            raise KeyboardInterrupt

    def save(self, path: PathLike) -> None:
        """Write the network and the parameters to one file.

        The format is safetensors with JSON metadata, which names the architecture;
        reading the file can't execute code. Parameters that belong to a machine or a
        run (`device`, `n_jobs`, `checkpoint_dir`, ...) are left out. `loss` is saved
        only if it is a string.

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
        write_estimator(path, self, self.get_params(deep=False))

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Read an estimator that `save` wrote.

        Parameters
        ----------
        path : path-like
            File to read, or "bsds500", "bsds500-fast" or "bsds500-train", which ship
            with the package. Files of `SEALSuperpixels.save` can be read too, and so
            can the networks released by the paper's authors; with these, all parameters
            have their defaults.

        Returns
        -------
        LearnedAffinity
            A fitted estimator, with `weights` set to `path`. Its clones can transform
            as well, and `fit` continues from the file.

        Raises
        ------
        FileNotFoundError, ValueError
            If the file does not exist, is truncated, or has another format.
        """
        estimator = cls(**read_params(path, cls))
        # A copy: changes to it must not affect other estimators of the same file.
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
        """The network to predict with, on the CPU; it must not be changed."""
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
        """The values that determine the affinities, or the result of a training."""
        if hasattr(self, "net_"):
            return {
                "net": self.net_,
                "device": self.device,
                "precision": self.precision,
            }
        key = self.get_params(deep=False)
        del key["n_jobs"], key["verbose"]
        if self.weights is not None:
            # The file may change later.
            key["weights"] = net_of_file(self.weights)
        return key

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_") or self.weights is not None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = self.weights is None
        tags.target_tags.required = self.weights is None
        return tags


def check_held_out(
    n_images: int, X_val: Any, y_val: Any, groups: Any
) -> dict[str, Any]:
    """Check the arguments of `fit` that say what it validates on, and return them.

    The images themselves are not checked. Groups are returned as numbers from 0.
    """
    if X_val is not None or y_val is not None:
        if X_val is None or y_val is None:
            raise ValueError("Give both X_val and y_val, or neither of them.")
        try:
            X_val, y_val = check_pairs(X_val, y_val)
        except (TypeError, ValueError) as error:
            raise type(error)(f"Of the validation set X_val, y_val: {error}") from error
    if groups is not None:
        if X_val is not None:
            raise ValueError(
                "groups say which images of X are held out, but with X_val none are; "
                "give either."
            )
        groups = np.asarray(groups)
        if groups.shape != (n_images,):
            raise ValueError(
                f"groups has shape {groups.shape}; give the group of each of the "
                f"{n_images} images."
            )
        try:
            groups = check_array(
                groups, ensure_2d=False, dtype=None, input_name="groups"
            )
            groups = np.unique(groups, return_inverse=True)[1]
        except TypeError as error:
            raise TypeError(
                "groups must be numbers or strings, without missing ones, so that they "
                f"can be sorted ({error})."
            ) from error
    return {"X_val": X_val, "y_val": y_val, "groups": groups}


def write_estimator(
    path: PathLike, affinity: LearnedAffinity, params: dict[str, Any]
) -> None:
    """Write the network of `affinity`, with the parameters of any estimator."""
    from ..pan.weights import write_weights

    net = affinity._ready_net()
    write_weights(path, net, {**saved(params), "width": net.width})


def read_params(path: Any, cls: type[Any]) -> dict[str, Any]:
    """Parameters for `cls` from a file of `save`, including `weights`."""
    from ..pan.weights import read_weights

    net, params = read_weights(SHIPPED.get(path, path))
    known = saved(dict.fromkeys(cls().get_params(deep=False)))
    params = {name: value for name, value in params.items() if name in known}
    if "width" in params:
        params["width"] = net.width
    if path in SHIPPED:
        return {**params, "weights": path}
    # Absolute, so that clones still find it after a change of folder.
    return {**params, "weights": str(Path(path).absolute())}
