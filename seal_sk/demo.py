"""A demonstration of the package that needs no data."""

import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ._typing import PathLike

__all__ = ["run_demo"]

# Enough to be better than colours; under a minute on two idle cores.
_STEPS = 600

_TITLES = {
    "SEAL": "SEAL (learned)",
    "ERS": "ERS (colour)",
    "SLIC": "SLIC",
    "oracle": "oracle",
}
_REMARKS = {
    "SEAL": "learned affinities",
    "ERS": "colour differences",
    "SLIC": "scikit-image, tuned on such scenes",
    "oracle": "affinities of the truth: upper bound",
}

_SCENES_DRAWN = 2
_PHOTOGRAPH_COUNT = 100
_LEAK = np.array([255, 40, 70])


def run_demo(
    output: PathLike = "seal_sk_demo.png",
    *,
    max_time: float | None = None,
    seed: int = 0,
    max_iter: int = _STEPS,
    n_train: int = 60,
    n_test: int = 20,
    shape: tuple[int, int] = (128, 128),
    counts: Sequence[int] = (40, 100),
    verbose: int = 2,
) -> list[dict[str, Any]]:
    """Train a small network on generated scenes and compare its superpixels.

    Parameters
    ----------
    output : path-like
        File for the figure, a PNG. It is written completely or not at all.
    max_time : float, optional
        Seconds after which the training stops, even before its last step; the table and
        the picture then say so. By default there is no limit.
    seed : int, default=0
        Seed of the scenes and of the training.
    max_iter : int, default=600
        Number of training steps.
    n_train, n_test : int
        Number of scenes to train on, and to hold out for the scores.
    shape : tuple of two int
        Height and width of the scenes.
    counts : sequence of int
        Requested numbers of superpixels; the first one is drawn.
    verbose : int, default=2
        0 prints only the results, 1 also each step of the work, and 2 also shows the
        progress of the training.

    Returns
    -------
    list of dict
        The rows of the table: ``method``, ``asked`` (the requested number),
        ``superpixels`` (the mean number returned), ``asa``, ``boundary_recall`` and
        ``contour_density``.

    Raises
    ------
    ValueError, FileNotFoundError
        If `output` does not end in .png, or its folder does not exist.

    Examples
    --------
    >>> from seal_sk.demo import run_demo
    >>> rows = run_demo("demo.png")  # doctest: +SKIP
    """
    began = time.monotonic()
    say = _say if verbose > 0 else _keep_quiet
    output = Path(output)
    if output.suffix.lower() != ".png":
        raise ValueError(f"The picture {str(output)!r} must end in .png.")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(output.parent)!r}.")

    from ._files import replace_file
    from .datasets import make_scenes

    say(f"Generating {n_train + n_test} scenes of {shape[0]} x {shape[1]} pixels.")
    images, truths = make_scenes(n_train + n_test, shape=shape, random_state=seed)

    limit = "" if max_time is None else f", or {max_time:g} s"
    say(
        f"Training a small network on {n_train} of them with the SEAL loss, for "
        f"{max_iter} steps{limit}."
    )
    seal = _train(
        images[:n_train], truths[:n_train], max_iter, max_time, seed, int(verbose > 1)
    )
    seconds = time.monotonic() - began
    say(f"Trained for {seal.n_iter_} steps; {seconds:.0f} s since the start.")
    warning = None
    if seal.n_iter_ < max_iter:
        warning = (
            f"The training was cut short after {seal.n_iter_} of {max_iter} steps, by "
            f"the limit of {max_time:g} s: SEAL is worse than after all steps."
        )

    say(f"Segmenting the {n_test} held-out scenes.")
    images, truths = images[n_train:], truths[n_train:]
    cutters = _cutters(seal)
    label_maps = {
        (method, count): [
            cut(image, truth, count)
            for image, truth in zip(images, truths, strict=True)
        ]
        for count in counts
        for method, cut in cutters.items()
    }
    table = [_row(*key, maps, truths) for key, maps in label_maps.items()]
    if warning is not None:
        _say(f"\n{warning}")
    _say(_as_text(table, n_test))

    say(
        f"Segmenting a photograph into {_PHOTOGRAPH_COUNT} superpixels, with the "
        "network that comes with the package.\nIt has no ground truth, and is an "
        "illustration, not a result."
    )
    rows = [
        _scene_row(
            images[i],
            truths[i],
            [label_maps[method, counts[0]][i] for method in cutters],
        )
        for i in range(min(_SCENES_DRAWN, n_test))
    ]
    rows.append(_photograph_row())
    replace_file(output, _figure(rows, warning))
    seconds = time.monotonic() - began
    _say(f"{seconds:.0f} s in total. The superpixels side by side: {output}")
    return table


def _say(text):
    print(text, flush=True)


def _keep_quiet(text):
    pass


def _train(images, truths, max_iter, max_time, seed, verbose):
    from .superpixels import SEALSuperpixels

    return SEALSuperpixels(
        width=16,
        train_segment_size=270,
        max_iter=max_iter,
        max_time=max_time,
        crop_size=min(96, *images[0].shape[:2]),
        lr=5e-3,
        validation_fraction=0.0,
        random_state=seed,
        verbose=verbose,
    ).fit(images, truths)


def _cutters(seal):
    """For each method, a function from (image, truth, count) to a label map."""
    from .affinity import oracle_affinity
    from .segmentation import ers, slic
    from .superpixels import ERSSuperpixels

    def by_network(image, truth, count):
        return seal.set_params(n_segments=count).transform([image])[0]

    def by_color(image, truth, count):
        return ERSSuperpixels(n_segments=count).transform([image])[0]

    def by_slic(image, truth, count):
        # The setting with the best ASA on the training scenes, of eight (compactness 10
        # to 30, sigma 1 and 2).
        return slic(image, count, sigma=1, exact=True)

    def by_truth(image, truth, count):
        return ers(oracle_affinity(truth), count)

    return {"SEAL": by_network, "ERS": by_color, "SLIC": by_slic, "oracle": by_truth}


def _row(method, count, label_maps, truths):
    from .metrics import (
        asa_score,
        boundary_recall_score,
        contour_density,
        mean_over_pairs,
    )

    return {
        "method": method,
        "asked": count,
        "superpixels": float(np.mean([len(np.unique(one)) for one in label_maps])),
        "asa": mean_over_pairs(asa_score, truths, label_maps),
        "boundary_recall": mean_over_pairs(boundary_recall_score, truths, label_maps),
        "contour_density": float(np.mean([contour_density(one) for one in label_maps])),
    }


def _as_text(table, n_test):
    lines = [
        "",
        f"Means over {n_test} held-out scenes: achievable segmentation accuracy (ASA)",
        "and boundary recall (BR), of which 1 is the best value; and contour density",
        "(CD), the share of pixels on boundaries: longer contours find more.",
        "",
        "method  asked  superpixels    ASA     BR     CD",
    ]
    for i, row in enumerate(table):
        if i and row["asked"] != table[i - 1]["asked"]:
            lines.append("")
        lines.append(
            f"{row['method']:6}  {row['asked']:5d}  {row['superpixels']:11.1f}  "
            f"{row['asa']:.3f}  {row['boundary_recall']:.3f}  "
            f"{row['contour_density']:.3f}  "
            f"{_REMARKS[row['method']]}"
        )
    return "\n".join([*lines, ""])


def _scene_row(image, truth, label_maps):
    """Drawings of a scene and its label maps, with captions."""
    from .metrics import asa_score
    from .plotting import draw_boundaries

    row = [(draw_boundaries(image, truth, color="white", scale=3), "ground truth")]
    for labels in label_maps:
        tinted = image.copy()
        leak = _leaks(labels, truth)
        tinted[leak] = 0.35 * image[leak] + 0.65 * _LEAK
        drawing = draw_boundaries(tinted, labels, scale=3)
        caption = f"ASA {asa_score(truth, labels):.3f}, {_size(labels)}"
        row.append((drawing, caption))
    return row


def _photograph_row():
    """Drawings of a photograph that comes with scikit-image, with captions."""
    from skimage.data import astronaut

    from .plotting import draw_boundaries
    from .superpixels import SEALSuperpixels

    cutters = _cutters(SEALSuperpixels(weights="bsds500"))
    image = astronaut()[8:200, 124:316]
    row = [(image.repeat(2, axis=0).repeat(2, axis=1), "photograph")]
    for method in ("SEAL", "ERS", "SLIC"):
        labels = cutters[method](image, None, _PHOTOGRAPH_COUNT)
        # Yellow would be hard to see on skin and on the wall.
        drawing = draw_boundaries(image, labels, color="#ff00d0", scale=2)
        row.append((drawing, _size(labels)))
    return row


def _size(labels):
    return f"{len(np.unique(labels))} superpixels"


def _leaks(labels, truth):
    """Mark pixels outside the segment that their superpixel overlaps most."""
    n_truth = int(truth.max()) + 1
    overlap = np.bincount(
        labels.ravel() * n_truth + truth.ravel(),
        minlength=(int(labels.max()) + 1) * n_truth,
    ).reshape(-1, n_truth)
    return overlap.argmax(axis=1)[labels] != truth


def _figure(rows, warning):
    """PNG of rows of drawings with the same columns, a legend, and a warning."""
    from matplotlib.figure import Figure

    # Sizes in pixels, so that no line is lost in resampling.
    side = max(max(drawing.shape) for row in rows for drawing, _ in row)
    gap, below, top = side // 24, side // 8, side // 6
    n_columns = 1 + len(_TITLES)
    width = gap + n_columns * (side + gap)
    height = top + len(rows) * (side + below) + (below if warning else 0)
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")

    def write(x, y, text, size, **style):
        style = {"ha": "center", "va": "center", "fontsize": 0.72 * size, **style}
        figure.text(x / width, 1 - y / height, text, **style)

    for c, title in enumerate(["image", *_TITLES.values()]):
        x = gap + c * (side + gap) + side / 2
        write(x, top / 2, title, side / 14, weight="bold")
    for r, row in enumerate(rows):
        for c, (drawing, caption) in enumerate(row):
            h, w = drawing.shape[:2]
            x, y = gap + c * (side + gap), top + r * (side + below)
            axes = figure.add_axes(
                (x / width, 1 - (y + h) / height, w / width, h / height)
            )
            axes.imshow(drawing, interpolation="nearest")
            axes.set_axis_off()
            write(x + w / 2, y + h + 0.42 * below, caption, side / 18)
    # The photograph has no oracle: the last cell is free for the legend.
    legend = (
        "Scenes: held out from the\ntraining. Red pixels leak\ninto a superpixel of"
        " another\nobject; ASA is the share of\nall other pixels.\n\n"
        "Photograph: segmented by\nthe network that comes with\nthe package. It has "
        "no\nground truth: it is an\nillustration, not a result."
    )
    x = gap + (n_columns - 1) * (side + gap) + side / 20
    y = top + (len(rows) - 1) * (side + below) + side / 2
    style = {"ha": "left", "linespacing": 1.3, "color": "0.25"}
    write(x, y, legend, side / 18, **style)
    if warning:
        write(width / 2, height - below / 2, warning, side / 16, color="darkred")
    content = BytesIO()
    figure.savefig(content, format="png", dpi=100)
    return content.getvalue()
