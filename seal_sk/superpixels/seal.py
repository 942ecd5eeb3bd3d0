"""SEALSuperpixels: affinities learned from ground truth, cut by a graph algorithm."""

from copy import deepcopy
from numbers import Integral, Real
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state

from .._compat import Interval, Options, StrOptions
from .._validation import check_images, check_pairs, check_rgb
from ..affinity import to_eight_connected
from ..segmentation import ers
from .base import SuperpixelTransformer

__all__ = ["SEALSuperpixels"]

_DEFAULT_WIDTH = 32
_CHECKPOINT = "checkpoint.pt"
# Parameters that say nothing about the network.
_NOT_SAVED = (
    "checkpoint_dir",
    "device",
    "max_time",
    "n_jobs",
    "random_state",
    "verbose",
    "warm_start",
    "weights",
)


class SEALSuperpixels(SuperpixelTransformer):
    """Superpixels along learned affinities.

    A network (PAN) learns from images and ground truth how likely neighbouring
    pixels belong to one object, under a loss that weighs every boundary pixel by how
    far the superpixels of the current prediction leak over it; a graph algorithm
    cuts new images along its predictions.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; exactly so many come out. In training, a crop gets its
        share by area.
    segmenter : {"ers"}, default="ers"
        Graph algorithm.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph of `transform`. In training it is 4.
    balance : float, default=0.5
        Weight of equal sizes, at least 0; see `seal_sk.ers`.
    network : {"pan"}, default="pan"
        Architecture.
    width : int, optional
        Channels of the network: the paper has 128. None takes the width of
        `weights`, or 32, a sixteenth of the work.
    loss : {"seal", "bce", "balanced_bce"}, default="seal"
        What training minimises; see `seal_sk.pan`.
    weights : path-like, optional
        A file of `save`, or one of the paper's authors (``.pkl``). With it the
        estimator transforms without `fit`, and `fit` goes on from it.
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
        Of the network's arithmetic in training; "auto" takes bfloat16 where the
        hardware has it. `transform` computes in float32.
    checkpoint_dir : path-like, optional
        Folder that the state of the training is written to after each validation
        and when it is interrupted.
    warm_start : bool, default=False
        Go on with the training in `checkpoint_dir`, or with that of the last `fit`,
        instead of starting over. With the same parameters and data, on a CPU with the
        same number of torch threads, the result is bit for bit that of a training
        which was never interrupted.
    device : str, default="auto"
        Where the network computes; "auto" is CUDA, then MPS, then the CPU.
    n_jobs : int, optional
        Threads that cut superpixels beside the network, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Of initial weights, crops, and the images held out.
    verbose : int, default=0
        1 shows a progress bar in training.

    Attributes
    ----------
    net_ : seal_sk.pan.PAN
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
    ERSSuperpixels : the same segmentation of colour differences.

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

    _check_image = staticmethod(check_rgb)
    _takes_mask = False

    _parameter_constraints: dict = {
        **SuperpixelTransformer._parameter_constraints,
        "segmenter": [StrOptions({"ers"})],
        "connectivity": [Options(Integral, {4, 8})],
        "balance": [Interval(Real, 0, None, closed="left")],
        "network": [StrOptions({"pan"})],
        "width": [None, Interval(Integral, 1, None, closed="left")],
        "loss": [StrOptions({"seal", "bce", "balanced_bce"})],
        "weights": [None, str, Path],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "max_time": [None, Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "crop_size": [None, Interval(Integral, 8, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "lr_schedule": [StrOptions({"cosine", "step", "constant"})],
        "lr_step": [Interval(Integral, 1, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "validate_every": [Interval(Integral, 1, None, closed="left")],
        "n_iter_no_change": [None, Interval(Integral, 1, None, closed="left")],
        "ignore_label": [None, Integral],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "checkpoint_dir": [None, str, Path],
        "warm_start": ["boolean"],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_segments=300,
        *,
        segmenter="ers",
        connectivity=8,
        balance=0.5,
        network="pan",
        width=None,
        loss="seal",
        weights=None,
        max_iter=2000,
        max_time=None,
        batch_size=4,
        crop_size=160,
        lr=1e-3,
        lr_schedule="cosine",
        lr_step=30_000,
        weight_decay=1e-4,
        validation_fraction=0.1,
        validate_every=100,
        n_iter_no_change=None,
        ignore_label=None,
        precision="auto",
        checkpoint_dir=None,
        warm_start=False,
        device="auto",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.n_segments = n_segments
        self.segmenter = segmenter
        self.connectivity = connectivity
        self.balance = balance
        self.network = network
        self.width = width
        self.loss = loss
        self.weights = weights
        self.max_iter = max_iter
        self.max_time = max_time
        self.batch_size = batch_size
        self.crop_size = crop_size
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.lr_step = lr_step
        self.weight_decay = weight_decay
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

    def fit(self, X, y):
        """Train the network on images and ground truth.

        Parameters
        ----------
        X : sequence of array-like of shape (H, W), (H, W, 1) or (H, W, 3)
            Images, which may differ in size; uint8, uint16, or floating point in
            0..1. A lazy sequence is loaded once to look at it, then an image for each
            crop, in threads.
        y : sequence of label maps, or of lists of them
            One item an image: a map (H, W) of any integer dtype, or a list of
            annotations, each of which makes a training pair with the image.

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
        from ..pan.samples import check_data
        from ..pan.training import Course

        self._validate_params()
        check_pairs(X, y)
        device, precision = self._resolved()
        counts, checksum = check_data(X, y, self.n_segments)

        saved_course, saved = self._saved()
        seed = self._seed(saved)
        order = np.random.default_rng([seed, 2]).permutation(len(X))
        n_held_out = min(round(self.validation_fraction * len(X)), len(X) - 1)
        held_out, training = np.sort(order[:n_held_out]), np.sort(order[n_held_out:])
        course = Course.of(
            self.get_params(deep=False),
            precision=precision,
            n_train=sum(counts[i] for i in training),
            n_validation=len(held_out),
            seed=seed,
            data=checksum,
        )
        if self.n_iter_no_change is not None and not n_held_out:
            raise ValueError(
                f"n_iter_no_change={self.n_iter_no_change} needs images held out, but "
                f"validation_fraction={self.validation_fraction} of {len(X)} is none."
            )
        from_file = self.checkpoint_dir is not None and self._checkpoint_path().exists()
        if from_file:
            course.check_continues(saved_course)
        net = self._initial_net(seed)
        state = self._start(net.to(device), course, seed, saved)
        if saved is not None:
            changed = not from_file and course.differences(saved_course)
            if changed and state.iteration >= self.max_iter:
                raise ValueError(
                    f"max_iter={self.max_iter} steps are done already; to go on with "
                    f"{', '.join(changed)}, raise max_iter."
                )
            if changed:
                # What was best on other images is not what is looked for now.
                state.forget_validation()
            elif vars(course) != saved_course:
                # Asked for more steps, or more patience, than before.
                state.stale_validations = 0
        samples = self._samples(X, y, training, counts, net, (seed,))

        def validate(net):
            images = (X[i] for i in held_out)
            label_maps = self._cut_all(images, self.n_segments, net, device)
            return self._mean_asa([y[i] for i in held_out], label_maps)

        self.validation_indices_ = held_out
        self._run(
            state,
            course,
            samples,
            device,
            validate=validate if n_held_out else None,
            max_time=self.max_time,
            checkpoint_path=self._checkpoint_path(),
        )
        return self

    def partial_fit(self, X, y):
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
        """
        from ..pan.samples import check_data
        from ..pan.training import Course

        self._validate_params()
        check_pairs(X, y)
        device, precision = self._resolved()
        counts, checksum = check_data(X, y, self.n_segments)
        saved = getattr(self, "_state", None)
        seed = self._seed(saved)
        n_pairs = sum(counts)
        n_steps = -(-n_pairs // int(self.batch_size))
        iteration = saved["iteration"] if saved else 0
        course = Course.of(
            self.get_params(deep=False),
            precision=precision,
            n_train=n_pairs,
            n_validation=0,
            seed=seed,
            data=checksum,
            lr_schedule="constant",
            max_iter=iteration + n_steps,
            n_iter_no_change=None,
        )
        goes_on = hasattr(self, "net_")
        net = deepcopy(self.net_) if goes_on else self._initial_net(seed)
        state = self._start(net.to(device), course, seed, saved)
        if goes_on:
            # `fit` keeps the best weights, which need not be the last ones.
            state.net.load_state_dict(self.net_.state_dict())
        state.forget_validation()
        seeds, first = (seed, iteration), iteration * int(self.batch_size)
        samples = self._samples(X, y, range(len(X)), counts, net, seeds, first)
        self._run(state, course, samples, device)
        # None of them is held out any longer.
        self.validation_indices_ = np.arange(0)
        return self

    def predict_affinity(self, X):
        """Affinity maps of images.

        Parameters
        ----------
        X : sequence of images
            As for `transform`.

        Returns
        -------
        list of ndarray of shape (H, W, 2), float32
            Affinities in 0..1 to the right and down; the last column of the first
            channel and the last row of the second mean nothing.

        Raises
        ------
        NotFittedError
            Without `fit` and without `weights`.
        """
        from ..pan.network import predict_affinity

        self._validate_params()
        check_images(X, self._check_image)
        device, net = self._ready_net()
        return [
            predict_affinity(net, image, device) for image, _ in self._loaded(X, None)
        ]

    def save(self, path):
        """Write the network and the parameters to one file.

        The format is safetensors with JSON metadata, which says which architecture
        the weights are for; reading it can't execute code. Parameters that belong to
        a machine or a run (`device`, `n_jobs`, `checkpoint_dir`, ...) are left out.

        Parameters
        ----------
        path : path-like
            Written whole or not at all.
        """
        from ..pan.weights import write_weights

        _, net = self._ready_net("cpu")
        params = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params(deep=False).items()
            if name not in _NOT_SAVED
        }
        params["width"] = net.width
        write_weights(path, net, params)

    @classmethod
    def load(cls, path):
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
        from ..pan.weights import read_weights

        net, params = read_weights(path)
        known = set(cls().get_params(deep=False))
        params = {k: v for k, v in params.items() if k in known - set(_NOT_SAVED)}
        if "width" in params:
            params["width"] = net.width
        # Absolute, since clones outlive a change of folder.
        estimator = cls(**params, weights=str(Path(path).absolute()))
        estimator.net_ = net
        return estimator

    def _segment_all(self, X, mask, n_segments):
        device, net = self._ready_net()
        images = (image for image, _ in self._loaded(X, mask))
        return self._cut_all(images, n_segments, net, device)

    def _cut_all(self, images, n_segments, net, device):
        from ..pan.network import predict_affinity

        # Threads cut one image while the network looks at the next.
        return Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self._cut)(predict_affinity(net, image, device), n_segments)
            for image in images
        )

    def _cut(self, affinity, n_segments):
        if self.connectivity == 8:
            affinity = to_eight_connected(affinity)
        return ers(affinity, n_segments, balance=self.balance)

    def _ready_net(self, device=None):
        """Device, and the network to predict with on it."""
        from ..pan.training import resolve_device
        from ..pan.weights import read_weights

        if hasattr(self, "net_"):
            net = self.net_
        elif self.weights is not None:
            net, _ = read_weights(self.weights)
            self._check_width(net, self.weights)
        else:
            raise NotFittedError(
                "This SEALSuperpixels has no network yet: call fit(X, y) first, or "
                "give weights='path/to/a/file'."
            )
        device = resolve_device(device or self.device)
        return device, net if device.type == "cpu" else deepcopy(net).to(device)

    def _check_width(self, net, source):
        if self.width not in (None, net.width):
            raise ValueError(
                f"width={self.width}, but the weights in {str(source)!r} are "
                f"{net.width} channels wide; set width={net.width} or leave it None."
            )

    def _initial_net(self, seed):
        from ..pan.network import PAN
        from ..pan.weights import read_weights

        if self.warm_start and hasattr(self, "net_"):
            self._check_width(self.net_, "net_")
            return deepcopy(self.net_)
        if self.weights is not None:
            net, _ = read_weights(self.weights)
            self._check_width(net, self.weights)
            return net
        return PAN(width=self.width or _DEFAULT_WIDTH, seed=seed)

    def _resolved(self):
        from ..pan.training import resolve_device, resolve_precision

        device = resolve_device(self.device)
        return device, resolve_precision(self.precision, device)

    def _seed(self, saved):
        """Seed of a training; one that goes on keeps its own, if none is asked for."""
        if saved is not None and not isinstance(self.random_state, Integral):
            return saved["seed"]
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _checkpoint_path(self):
        if self.checkpoint_dir is None:
            return None
        return Path(self.checkpoint_dir) / _CHECKPOINT

    def _saved(self):
        """Course and state to go on from; None where there is none."""
        from ..pan.training import read_checkpoint

        path = self._checkpoint_path()
        if path is not None and path.exists():
            if not self.warm_start:
                raise ValueError(
                    f"{str(path)!r} holds a training already; set warm_start=True to "
                    "go on with it, or give another checkpoint_dir."
                )
            return read_checkpoint(path)
        if not self.warm_start or not hasattr(self, "_state"):
            return None, None
        return self._course, self._state

    def _start(self, net, course, seed, saved):
        from ..pan.training import TrainingState

        state = TrainingState.start(net, course, seed)
        if saved is None:
            return state
        if saved["architecture"] != net.architecture:
            raise ValueError(
                f"The saved training is of {saved['architecture']}, but the "
                f"parameters ask for {net.architecture}."
            )
        state.load_dict(saved)
        state.seed = seed
        for group in state.optimizer.param_groups:
            group["weight_decay"] = course.weight_decay
        return state

    def _samples(self, X, y, indices, counts, net, seed, first=0):
        from ..pan.samples import Samples

        return Samples(
            X,
            y,
            indices,
            counts,
            crop_size=self.crop_size,
            n_segments=self.n_segments,
            edges=net.edges,
            seed=seed,
            first=first,
        )

    def _run(
        self,
        state,
        course,
        samples,
        device,
        validate=None,
        max_time=None,
        checkpoint_path=None,
    ):
        from ..pan.training import train, write_checkpoint

        reason = train(
            state,
            course,
            samples,
            device=device,
            validate=validate,
            max_time=max_time,
            n_jobs=effective_n_jobs(self.n_jobs),
            checkpoint=(
                (lambda: write_checkpoint(checkpoint_path, state, course))
                if checkpoint_path
                else None
            ),
            progress=self.verbose > 0,
        )
        net = state.net.cpu().eval()
        self._course, self._state = dict(vars(course)), state.to_dict()
        net.load_state_dict(state.final_weights())
        self.net_ = net
        self.history_ = state.history
        self.n_iter_ = state.iteration
        if reason == "interrupted":
            raise KeyboardInterrupt

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_") or self.weights is not None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = self.weights is None
        tags.target_tags.required = True
        tags.non_deterministic = False
        return tags
