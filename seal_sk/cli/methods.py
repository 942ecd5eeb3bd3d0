"""The segmentation method: its options, and the estimator they describe."""

from argparse import Namespace
from typing import Any

from ..superpixels.methods import METHODS, method_class
from .interrupts import import_torch
from .parsing import N_SEGMENTS, Parser, add_device, cost, real

__all__ = [
    "add_method",
    "given_options",
    "make_estimator",
]

# Options that only some methods have: as arguments, and as estimator parameters.
_OPTIONS = {
    "--weights": "weights",
    "--balance": "balance",
    "--connectivity": "connectivity",
    "--boundary-cost": "boundary_cost",
    "--device": "device",
}


def add_method(parser: Parser, *, default: str) -> None:
    """Add the options of `make_estimator`; `default` is for the help of --method."""
    method = parser.add_argument_group("method")
    method.add_argument(
        "--method",
        choices=METHODS,
        help="seal uses learned affinities; ers, fh, snic, slic, lsc and seeds use "
        f"colours (default: {default})",
    )
    method.add_argument(
        "--weights",
        metavar="NAME_OR_FILE",
        help="network of seal: bsds500, which comes with the package and is the "
        "default; a file from seal-sk train; or one from the paper's authors",
    )
    method.add_argument(
        "--balance",
        type=real,
        metavar="B",
        help="weight of equal sizes in seal and ers, at least 0 (default: 0.5, or "
        "as saved in the file of --weights)",
    )
    method.add_argument(
        "--connectivity",
        type=int,
        choices=(4, 8),
        help="neighbours per pixel in seal, ers and fh; with 8, parts of a superpixel "
        "may be connected by a corner only (default: 8, or as saved in the file of "
        "--weights)",
    )
    method.add_argument(
        "--boundary-cost",
        type=cost,
        metavar="COST",
        help="refine boundaries: 0 for those that fit the colours best, 10 or more for "
        "short ones; auto, for seal, chooses the cost; none leaves them as they are "
        "(default: auto for seal, or as saved in the file of --weights; none for other "
        "methods)",
    )
    add_device(method)


def given_options(args: Namespace) -> list[str]:
    """Options of `add_method` that were given."""
    given = ["--method"] if args.method is not None else []
    return given + [
        option for option, name in _OPTIONS.items() if getattr(args, name) is not None
    ]


def make_estimator(args: Namespace, *, masked: bool = False) -> Any:
    """Make the requested estimator, and try it as it will be used."""
    import numpy as np

    from ..pipeline.segmenting import bands_of

    method = args.method or "seal"
    kind = method_class(method)
    known = kind().get_params()
    given = {}
    for option, name in _OPTIONS.items():
        value = getattr(args, name)
        if value is None:
            continue
        if name not in known:
            others = [m for m in METHODS if name in method_class(m)().get_params()]
            raise ValueError(
                f"--method {method} has no {option}, which is for {', '.join(others)}: "
                "leave one of them out."
            )
        given[name] = value
    if given.get("boundary_cost") == "none":
        given["boundary_cost"] = None
    elif given.get("boundary_cost") == "auto" and method != "seal":
        raise ValueError(
            f"--method {method} has no --boundary-cost auto, which is for seal: give a "
            "number or none."
        )
    if method == "seal":
        import_torch()
        estimator = kind.load(given.pop("weights", "bsds500"))
    else:
        estimator = kind()
    if "exact" in known:
        given["exact"] = True
    estimator.set_params(**given, n_jobs=args.jobs, n_segments=1)
    # Wrong parameters, devices or installations show before any work.
    mask = [[np.ones((16, 16), dtype=bool)]] if masked else []
    n_bands = bands_of(estimator) or 3
    if method == "seal" and args.bands is not None:
        _check_bands(args.bands, n_bands)
    estimator.transform([np.zeros((16, 16, n_bands), dtype=np.uint8)], *mask)
    return estimator.set_params(n_segments=args.n_segments or N_SEGMENTS)


def _check_bands(bands: list[int], n_bands: int) -> None:
    """Refuse bands that a network can't read."""
    # Two and four bands are repeated; a network of colours reads grey images, too.
    n = {2: 6, 4: 8}.get(len(bands), len(bands))
    if n != n_bands and (n, n_bands) != (1, 3):
        several = {
            3: "three bands, or one",
            6: "two bands, or six",
            8: "four bands, or eight",
        }
        raise ValueError(
            f"The network reads {several.get(n_bands, f'{n_bands} bands')}, but "
            f"--bands names {len(bands)}: name as many, or give other --weights."
        )
