"""``seal-sk train``: train a network on images and ground truth."""

import json
import shlex
from argparse import Namespace, _ArgumentGroup
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data import add_data, load_data
from .files import check_output, make_folder
from .interrupts import import_torch
from .messages import complain, on_terminal
from .parsing import (
    Commands,
    add_command,
    add_device,
    add_force,
    add_jobs,
    add_output,
    add_quiet,
    add_verbose,
    count,
    file_or_folder,
    fraction,
    positive,
    whole,
)

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..superpixels import SEALSuperpixels

__all__ = ["add_train"]


_HELP = """\
Train a network on images and ground truth, from scratch or from --weights.

Some of the images are held out (--validation-fraction), or others are given
(--validation-data). The weights with the best achievable segmentation
accuracy (ASA) on them are kept, and this ASA is printed at the end.
"""

_NOTES = """\
The state of the training is saved in a folder after each validation and on
Ctrl-C. The same command with --resume continues from there; on a CPU the
result is identical to that without the interruption, with any number of
threads. Without --checkpoint, the folder is named after FILE
(net.safetensors: net.checkpoint), and is removed when training is complete.

Options that are not given are as in the file of --weights, or else have the
defaults below.

examples:
  seal-sk train --data photos -o net.safetensors
  seal-sk train --data bsds500 --subset train --network unet --loss bce \\
    --annotations mean --max-iter 18000 -o unet.safetensors
  seal-sk train --data photos --weights bsds500 --max-iter 500 --lr 1e-4 \\
    -o tuned.safetensors
  seal-sk train --data photos -o net.safetensors --resume
  seal-sk segment photos/images --weights net.safetensors -o labels
"""


def add_train(commands: Commands) -> None:
    """Add the command to the parser's."""
    train = add_command(
        commands,
        "train",
        _train,
        help="train a network on images and ground truth",
        description=_HELP,
        epilog=_NOTES,
    )
    add_output(train, "FILE", "the network, a .safetensors file", required=True)
    train.add_argument(
        "--history",
        type=file_or_folder,
        metavar="FILE",
        help="file for the history of the training, a .json file with one entry per "
        "validation",
    )
    train.add_argument(
        "--checkpoint",
        type=file_or_folder,
        metavar="DIR",
        help="folder for the state of the training",
    )
    train.add_argument(
        "--resume", action="store_true", help="continue from the saved state"
    )
    data = add_data(train, subset="train of bsds500 and cityscapes, all of others")
    data.add_argument(
        "--validation-data",
        metavar="NAME_OR_DIR",
        help="images to validate on, instead of a share of --data: bsds500, camvid or "
        "cityscapes, of which val is used, or a folder as for --data",
    )
    _add_network(train.add_argument_group("network"))
    _add_course(train.add_argument_group("training"))
    add_device(train)
    add_jobs(train, "number of threads", default=None)
    add_force(train, "replace existing files, and start over")
    add_quiet(train)
    add_verbose(train, "one line per validation, at the end")


def _add_network(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--weights",
        metavar="NAME_OR_FILE",
        help="start from this network: bsds500, which comes with the package; a file "
        "from seal-sk train; or one from the paper's authors",
    )
    group.add_argument(
        "--network",
        choices=("pan", "unet", "mobile"),
        help="the paper's network, or one of two that are faster and have a larger "
        "receptive field (default: pan)",
    )
    group.add_argument(
        "--width",
        type=count,
        metavar="N",
        help="number of channels; 128 in the paper (default: 32 for pan, 24 for unet, "
        "16 for mobile)",
    )


def _add_course(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--loss",
        choices=("seal", "bce", "balanced_bce"),
        help="the paper's loss, or cross-entropy, plain or balanced (default: seal)",
    )
    group.add_argument(
        "--annotations",
        choices=("each", "mean"),
        help="train on each annotation, or, with bce, on the mean affinities over all "
        "annotations (default: each)",
    )
    group.add_argument(
        "--augmentation",
        choices=("rigid", "full", "disturbed"),
        help="rotate and mirror (rigid), also vary scales and colours (full), and also "
        "disturb half of the samples: noise, blur, haze, darkness or compression "
        "(disturbed) (default: rigid)",
    )
    group.add_argument(
        "--averaging",
        type=fraction,
        metavar="DECAY",
        help="decay of the running average of the weights; 0 for no average (default: "
        "0)",
    )
    group.add_argument(
        "--max-iter", type=count, metavar="N", help="number of steps (default: 2000)"
    )
    group.add_argument(
        "--max-time",
        type=positive,
        metavar="SECONDS",
        help="stop after this time, even before --max-iter",
    )
    group.add_argument(
        "--batch-size", type=count, metavar="N", help="crops per step (default: 4)"
    )
    group.add_argument(
        "--crop-size",
        type=count,
        metavar="PIXELS",
        help="side length of the crops, at least 8 (default: 160)",
    )
    group.add_argument(
        "--lr", type=positive, metavar="RATE", help="learning rate (default: 0.001)"
    )
    group.add_argument(
        "--validation-fraction",
        type=fraction,
        metavar="SHARE",
        help="share of the images that is held out; their number is rounded, so a "
        "tenth of 5 or fewer images is 0 (default: 0.1)",
    )
    group.add_argument(
        "--validate-every",
        type=count,
        metavar="N",
        help="steps between validations (default: 100)",
    )
    group.add_argument(
        "--n-iter-no-change",
        type=count,
        metavar="N",
        help="stop when the ASA has not improved in N validations (default: never)",
    )
    group.add_argument(
        "--train-segment-size",
        type=positive,
        metavar="PIXELS",
        help="mean size of the superpixels in training (default: 515)",
    )
    group.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        help="arithmetic of the network; auto is bfloat16 where the hardware has it "
        "(default: auto)",
    )
    group.add_argument(
        "--seed",
        type=whole,
        default=0,
        metavar="N",
        help="seed of the initial weights, crops and held-out images (default: "
        "%(default)s)",
    )


def _train(args: Namespace) -> int:
    check_output(args.output, (".safetensors",), args.force)
    if args.history is not None:
        check_output(args.history, (".json",), args.force)
    checkpoint = args.checkpoint or args.output.with_suffix(".checkpoint")
    _check_checkpoint(checkpoint, args)

    import_torch()

    from ..pipeline.segmenting import bands_of

    base = _base(args)
    n_bands = bands_of(base)
    subset = "train" if args.data in ("bsds500", "cityscapes") else None
    dataset = load_data(args, subset=subset, n_bands=n_bands)
    held_out = _validation_data(args, dataset, n_bands)
    estimator = _make_estimator(base, args, checkpoint, dataset.ignore_label)
    try:
        if held_out is None:
            estimator.fit(dataset.images, dataset.annotations)
        else:
            estimator.fit(
                dataset.images,
                dataset.annotations,
                X_val=held_out.images,
                y_val=held_out.annotations,
            )
    except KeyboardInterrupt:
        if _state_in(checkpoint).exists():
            _say_how_to_go_on(args)
        raise
    estimator.save(args.output)
    if args.history is not None:
        _write_history(args.history, estimator.history_)
    n_held_out = len(estimator.validation_indices_)
    _report(args, estimator, n_held_out if held_out is None else len(held_out.images))
    if estimator.stopped_by_ == "max_time":
        complain(f"stopped by --max-time after {estimator.n_iter_} steps")
        _say_how_to_go_on(args)
        return 0
    if estimator.stopped_by_ == "no_change" and not args.quiet:
        complain(
            f"stopped after {estimator.n_iter_} of {estimator.max_iter} steps: in "
            f"{estimator.n_iter_no_change} validations the ASA did not improve; for "
            "more patience: --n-iter-no-change"
        )
    if args.checkpoint is None:
        _remove_checkpoint(checkpoint)
    return 0


def _validation_data(
    args: Namespace, dataset: "Dataset", n_bands: int | None
) -> "Dataset | None":
    """The data set of --validation-data, which is read like that of --data."""
    if args.validation_data is None:
        return None
    if args.validation_fraction is not None:
        raise ValueError(
            "--validation-data is held out instead of --validation-fraction: leave out "
            "one of them."
        )
    changes: dict[str, Any] = {"data": args.validation_data, "subset": None}
    if args.validation_data in ("bsds500", "camvid", "cityscapes"):
        changes["subset"] = "val"
    else:
        # A folder of one's own, which lies where it is.
        changes |= {"data_home": None, "download": False}
    held_out = load_data(Namespace(**{**vars(args), **changes}), n_bands=n_bands)
    if held_out.ignore_label != dataset.ignore_label:
        raise ValueError(
            f"--validation-data ignores the label {held_out.ignore_label} and --data "
            f"{dataset.ignore_label}; give data sets that ignore the same one."
        )
    return held_out


def _state_in(folder: Path) -> Path:
    from ..pan.training.settings import CHECKPOINT

    return folder / CHECKPOINT


def _check_checkpoint(folder: Path, args: Namespace) -> None:
    """Check that a saved state exists if, and only if, it is to be used."""
    state = _state_in(folder)
    if args.resume:
        if not state.is_file():
            raise FileNotFoundError(
                f"There is no saved training in {str(folder)!r}; leave out --resume."
            )
    elif state.exists() and not args.force:
        raise FileExistsError(
            f"{str(folder)!r} holds a saved training: continue it with --resume, or "
            "start over with --force."
        )


def _base(args: Namespace) -> "SEALSuperpixels":
    """An estimator, with the network and the parameters of --weights if given."""
    from ..superpixels import SEALSuperpixels

    if args.weights is None:
        return SEALSuperpixels()
    if args.network is not None:
        raise ValueError("--weights determine the network: leave out --network.")
    return SEALSuperpixels.load(args.weights)


def _make_estimator(
    base: "SEALSuperpixels",
    args: Namespace,
    checkpoint: Path,
    ignore_label: int | None,
) -> "SEALSuperpixels":
    from sklearn.base import clone

    from .._compat import check_params
    from ..pan.training.settings import NAMES

    # Unfitted, but with the training parameters in the file of --weights.
    estimator = clone(base)
    given = {
        name: value
        for name in NAMES
        if name != "weights" and (value := getattr(args, name, None)) is not None
    }
    given |= {
        "ignore_label": ignore_label,
        "checkpoint_dir": str(checkpoint),
        "warm_start": args.resume,
        "n_jobs": args.jobs,
        "random_state": args.seed,
        "verbose": int(on_terminal(args)),
    }
    estimator.set_params(**given)
    if estimator.max_iter == 0:
        raise ValueError(
            f"{args.weights!r} was saved for use without training; give the "
            "number of steps, --max-iter."
        )
    if not args.resume:
        # Only when the parameters are known to be right.
        check_params(estimator)
        if args.checkpoint is None:
            _remove_checkpoint(checkpoint)
        else:
            make_folder(checkpoint)
            _state_in(checkpoint).unlink(missing_ok=True)
    return estimator


def _remove_checkpoint(folder: Path) -> None:
    _state_in(folder).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    from .._files import replace_file

    replace_file(path, (json.dumps(history, indent=1) + "\n").encode())


def _say_how_to_go_on(args: Namespace) -> None:
    command = ["seal-sk", *args.argv]
    if not args.resume:
        command.append("--resume")
    written = [args.output, args.history]
    if not args.force and any(path is not None and path.exists() for path in written):
        command.append("--force")
    complain(f"to continue: {shlex.join(command)}")


def _report(args: Namespace, estimator: "SEALSuperpixels", n_held_out: int) -> None:
    history = estimator.history_
    if args.verbose:
        for line in history:
            asa = f", ASA {line['asa']:.4f}" if "asa" in line else ""
            complain(
                f"step {line['iteration']}: loss {line['loss']:.4f}{asa}, "
                f"{line['seconds']:.0f} s"
            )
    if not args.quiet:
        seconds = history[-1]["seconds"] if history else 0
        complain(f"trained {estimator.n_iter_} steps in {seconds:.0f} s: {args.output}")
    scores = [line["asa"] for line in history if "asa" in line]
    if scores:
        print(f"ASA {max(scores):.4f} on {n_held_out} held-out images")
    elif n_held_out == 0:
        print("no ASA: no image was held out")
    else:
        print("no ASA: no step was validated")
