"""Which method cuts: its options, and the estimator that they make."""

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from .. import __all__ as _PUBLIC
from .interrupts import import_torch
from .parsing import Parser, add_device

__all__ = [
    "METHODS",
    "add_method",
    "batch_size",
    "given_options",
    "make_estimator",
    "segment_each",
]

_SUFFIX = "Superpixels"


def _class_names() -> dict[str, str]:
    """The package's estimators by name, as in "snic" for SNICSuperpixels."""
    names = [name for name in _PUBLIC if name.endswith(_SUFFIX)]
    # It has no affinities of its own.
    names.remove("GraphSuperpixels")
    return {name.removesuffix(_SUFFIX).lower(): name for name in sorted(names)}


#: Class names of the package's estimators, by the names that the command line has.
METHODS = _class_names()

# Options that not every method has: as arguments, and as the estimators call them.
_OPTIONS = {
    "--weights": "weights",
    "--balance": "balance",
    "--connectivity": "connectivity",
    "--device": "device",
}


def add_method(parser: Parser, *, default: str) -> None:
    """Options of `make_estimator`; `default` is what the help says of the method."""
    method = parser.add_argument_group("method")
    method.add_argument(
        "--method",
        choices=METHODS,
        help="seal cuts along learned affinities; ers, fh, snic, slic, lsc and seeds "
        f"look at colours (default: {default})",
    )
    method.add_argument(
        "--weights",
        metavar="NAME_OR_FILE",
        help="network of seal: bsds500, which comes with the package and is the "
        "default; what seal-sk train wrote; or one of the paper's authors",
    )
    method.add_argument(
        "--balance",
        type=float,
        metavar="B",
        help="weight of equal sizes in seal and ers, at least 0 (default: 0.5, or "
        "what is in the file of --weights)",
    )
    method.add_argument(
        "--connectivity",
        type=int,
        choices=(4, 8),
        help="neighbours of a pixel in seal, ers and fh; with 8, parts of a superpixel "
        "may hang together by a corner only (default: 8, or what is in the file of "
        "--weights)",
    )
    add_device(method)


def given_options(args: Namespace) -> list[str]:
    """The options of `add_method` that are given."""
    given = ["--method"] if args.method is not None else []
    return given + [
        option for option, name in _OPTIONS.items() if getattr(args, name) is not None
    ]


def make_estimator(args: Namespace, n_segments: int, *, masked: bool = False) -> Any:
    """Make the estimator that is asked for, and try it as it will be used."""
    import numpy as np

    import seal_sk

    method = args.method or "seal"
    kind = getattr(seal_sk, METHODS[method])
    known = kind().get_params()
    given = {}
    for option, name in _OPTIONS.items():
        value = getattr(args, name)
        if value is None:
            continue
        if name not in known:
            others = [m for m, c in METHODS.items() if name in _params(c)]
            raise ValueError(
                f"--method {method} has no {option}, which is for {', '.join(others)}: "
                "leave one of them out."
            )
        given[name] = value
    if method == "seal":
        import_torch()
        estimator = kind.load(given.pop("weights", "bsds500"))
    else:
        estimator = kind()
    if "exact" in known:
        given["exact"] = True
    estimator.set_params(**given, n_jobs=args.jobs, n_segments=1)
    # What is wrong with parameters, device or installation shows before any work.
    mask = [[np.ones((16, 16), dtype=bool)]] if masked else []
    estimator.transform([np.zeros((16, 16, 3), dtype=np.uint8)], *mask)
    return estimator.set_params(n_segments=n_segments)


def batch_size(n_jobs: int) -> int:
    """Images to take at a time: a few for each thread keep it busy."""
    return 1 if n_jobs == 1 else 4 * n_jobs


def segment_each(
    estimator: Any, images: Sequence[Any], masks: Sequence[Any] | None = None
) -> list[Any]:
    """A label map for each image, or the error that it made.

    Errors among the images come out as they are. A mask may be None.
    """
    if masks is None:
        masks = [None] * len(images)
    pairs = zip(images, masks, strict=True)
    good = [pair for pair in pairs if not isinstance(pair[0], Exception)]
    found: list[Any] = []
    if good:
        inside = [mask for _, mask in good]
        more = [inside] if any(mask is not None for mask in inside) else []
        try:
            found = estimator.transform([image for image, _ in good], *more)
        except Exception as error:
            if len(good) == 1:
                found = [error]
            else:
                # One of them spoils the batch: find out which.
                found = [segment_each(estimator, [i], [m])[0] for i, m in good]
    results = iter(found)
    return [i if isinstance(i, Exception) else next(results) for i in images]


def _params(class_name: str) -> dict[str, Any]:
    import seal_sk

    return getattr(seal_sk, class_name)().get_params()
