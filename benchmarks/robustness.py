"""Learned affinities where they were not trained, beside ERS on colours.

    python benchmarks/robustness.py --weights bsds500

BSDS500 val as it is and disturbed, and generated scenes: those of `make_scenes`, and
streets in perspective. ASA and BR are means over all (image, annotation) pairs; the
ground truth of a disturbed image is that of the image itself.
"""

import argparse
import sys
from io import BytesIO

import imageio.v3 as iio
import numpy as np
from _data import bsds500
from joblib import Parallel, delayed
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2gray
from skimage.draw import disk, ellipse, polygon
from skimage.transform import resize

from seal_sk import SEALSuperpixels, ers, rgb_affinity, to_eight_connected
from seal_sk.datasets import make_scenes
from seal_sk.metrics import asa_score, boundary_recall_score

# ------------------------------------------------------------------ disturbances


def _noise(image, rng, sigma):
    return np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def _grey(image, rng):
    grey = np.rint(255 * rgb2gray(image)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _night(image, rng):
    return _noise(100 * (image / 255.0) ** 1.8, rng, 6)


def _fog(image, rng):
    return _noise(170 + 0.25 * (image - 128.0), rng, 2)


def _blurred(image, rng):
    return gaussian_filter(image, (1.5, 1.5, 0))


def jpeg(image, quality):
    buffer = BytesIO()
    iio.imwrite(buffer, image, extension=".jpg", quality=quality)
    return iio.imread(buffer.getvalue())


def _scaled(factor):
    def scale(values, order):
        shape = [round(factor * n) for n in values.shape[:2]] + list(values.shape[2:])
        scaled = resize(
            values, shape, order, preserve_range=True, anti_aliasing=order > 0
        )
        return np.rint(scaled).astype(values.dtype)

    return scale


DISTURBANCES = {
    "grey": _grey,
    "noise, sigma 20": lambda image, rng: _noise(image, rng, 20),
    "night (gamma 1.8, dark, noise)": _night,
    "fog (a quarter of the contrast)": _fog,
    "blur, sigma 1.5": _blurred,
    "JPEG, quality 10": lambda image, rng: jpeg(image, 10),
}

# ------------------------------------------------------------------ streets


def street(seed, shape=(384, 768)):
    """A street in perspective and its label map: every object has its own label.

    Facades have windows, roads have markings and shadows, leaves have texture: edges
    that are no boundaries.
    """
    rng = np.random.default_rng(seed)
    height, width = shape
    image = np.zeros((*shape, 3))
    labels = np.zeros(shape, dtype=np.int32)
    horizon = int(height * rng.uniform(0.38, 0.5))
    vanishing = width * rng.uniform(0.35, 0.65)

    def paint(where, colour, new=True):
        image[where] = colour
        if new:
            labels[where] = labels.max() + 1

    def box(top, left, bottom, right):
        return (
            slice(max(int(top), 0), max(int(bottom), 0)),
            slice(max(int(left), 0), max(int(right), 0)),
        )

    rows = np.linspace(0, 1, height)[:, None, None]
    image[:] = np.array([150, 180, 215]) + 40 * rows
    clouds = gaussian_filter(rng.normal(size=shape), 25)
    image += 25 * (clouds / clouds.std())[..., None]

    left = -rng.integers(0, 60)
    while left < width:
        right = left + rng.integers(60, 170)
        # Houses are higher away from the vanishing point.
        far = abs((left + right) / 2 - vanishing) / width
        top = horizon - height * (0.08 + far) * rng.uniform(0.5, 1.1)
        facade = rng.uniform(70, 190) + rng.normal(0, 18, 3)
        paint(box(top, left, horizon + 14, right), facade)
        pane = facade * rng.uniform(0.35, 0.7)
        step = rng.integers(14, 24)
        for y in range(int(max(top, 0)) + 6, horizon - 6, step):
            for x in range(max(left, 0) + 5, right - 8, step):
                paint(box(y, x, y + step // 2, x + step // 3), pane, new=False)
        left = right + rng.integers(0, 30) * (rng.random() < 0.3)

    # Pavement, road, markings.
    pavement = rng.uniform(120, 170)
    paint(box(horizon, 0, height, width), pavement + rng.normal(0, 4, 3))
    foot = width * np.array([rng.uniform(-0.3, 0.1), rng.uniform(0.9, 1.3)])
    road = polygon(
        [horizon, height, height, horizon],
        [vanishing - 12, *foot, vanishing + 12],
        shape,
    )
    paint(road, rng.uniform(70, 115) + rng.normal(0, 4, 3))
    for near in np.linspace(0.1, 0.9, 6):
        y, tall = horizon + (height - horizon) * near**1.5, 4 + 22 * near
        x = vanishing + (foot.mean() - vanishing) * near**1.5
        paint(box(y, x - 1 - 3 * near, y + tall, x + 1 + 3 * near), 215, new=False)

    for _ in range(rng.integers(2, 6)):  # trees
        x, size = rng.integers(0, width), rng.uniform(18, 55)
        y = horizon - size * rng.uniform(0.3, 1.0)
        crown = np.zeros(shape, dtype=bool)
        for _ in range(9):
            dy, dx = rng.normal(0, size / 2.2, 2)
            crown[disk((y + dy, x + dx), size / 2, shape=shape)] = True
        trunk = box(y, x - 3, horizon + 12, x + 3)
        paint(trunk, [70, 55, 45])
        leaves = np.array([60, 90, 45]) + rng.normal(0, 8, 3)
        texture = gaussian_filter(rng.normal(size=shape), 1.2)
        paint(crown, leaves)
        image[crown] += 18 * (texture / texture.std())[crown][:, None]

    for near in np.sort(rng.uniform(0.05, 0.8, rng.integers(3, 8))):  # cars
        bottom = horizon + (height - horizon) * near + 6
        long, tall = 30 + 150 * near, 16 + 62 * near
        x = vanishing + rng.uniform(-0.9, 0.9) * width * (0.08 + 0.5 * near)
        under = ellipse(bottom, x, tall / 6, long * 0.6, shape)
        image[under] *= 0.55
        body = rng.uniform(25, 220) + rng.normal(0, 25, 3)
        car = np.zeros(shape, dtype=bool)
        car[box(bottom - 0.6 * tall, x - long / 2, bottom, x + long / 2)] = True
        roof = np.array([x - 0.4 * long, x - 0.25 * long, x + 0.25 * long])
        roof = polygon(
            bottom - tall * np.array([0.6, 1, 1, 0.6]), [*roof, x + 0.4 * long], shape
        )
        car[roof] = True
        paint(car, body)
        glass = box(
            bottom - 0.92 * tall, x - 0.24 * long, bottom - 0.62 * tall, x + 0.24 * long
        )
        paint(glass, [60, 70, 80], new=False)
        for side in (-0.3, 0.3):
            wheel = ellipse(bottom, x + side * long, 0.16 * tall, 0.09 * long, shape)
            image[wheel] = 25
            labels[wheel] = labels.max()

    for near in np.sort(rng.uniform(0.05, 0.5, rng.integers(2, 7))):  # people
        bottom = horizon + (height - horizon) * near + 10
        tall, x = 26 + 90 * near, rng.integers(0, width)
        person = np.zeros(shape, dtype=bool)
        person[ellipse(bottom - 0.45 * tall, x, 0.45 * tall, 0.14 * tall, shape)] = True
        person[disk((bottom - 0.93 * tall, x), 0.09 * tall, shape=shape)] = True
        paint(person, rng.uniform(20, 170) + rng.normal(0, 25, 3))

    for _ in range(rng.integers(1, 4)):  # posts with signs
        x, top = rng.integers(0, width), rng.integers(horizon // 3, horizon - 20)
        paint(box(top, x, horizon + 40, x + 4), rng.uniform(60, 160))
        where = box(top, x - 8, top + 18, x + 12)
        image[where] = rng.uniform(0, 255, 3)
        labels[where] = labels.max()

    sun = np.linspace(rng.uniform(0.75, 1), rng.uniform(0.85, 1.1), width)
    image = gaussian_filter(image * sun[:, None], (0.8, 0.8, 0))
    return jpeg(_noise(image, rng, 5), 85), labels


# ------------------------------------------------------------------ the comparison


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", default="bsds500")
    parser.add_argument("-n", "--counts", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument(
        "--every", type=int, default=5, help="take every so manyth image of val"
    )
    parser.add_argument("--scenes", type=int, default=20, help="generated ones a kind")
    parser.add_argument("--jobs", type=int, default=2, help="threads")
    parser.add_argument("--data-home", help="folder that holds the data set")
    args = parser.parse_args()
    seal = SEALSuperpixels(weights=args.weights)
    print(f"{'images':32} {'K':>5}   SEAL ASA / BR    RGB ERS ASA / BR")
    for name, images, annotations, tolerance in _sets(args):
        affinities = zip(
            map(to_eight_connected, seal.predict_affinity(images)),
            map(rgb_affinity, images),
            strict=True,
        )
        with Parallel(n_jobs=args.jobs, prefer="threads") as parallel:
            jobs = (
                delayed(_scores)(pair, truths, args.counts, tolerance)
                for pair, truths in zip(affinities, annotations, strict=True)
            )
            scores = np.concatenate(parallel(jobs)).mean(axis=0)
        for k, (learned, colours) in zip(args.counts, scores, strict=True):
            print(
                f"{name:32} {k:5}   {learned[0]:.4f} / {learned[1]:.4f}"
                f"  {colours[0]:.4f} / {colours[1]:.4f}",
                flush=True,
            )


def _scores(affinities, annotations, counts, tolerance):
    """(pair, count, method, (ASA, BR)) of one image."""
    maps = [ers(affinity, counts) for affinity in affinities]
    return [
        [
            [
                (
                    asa_score(truth, labels),
                    boundary_recall_score(truth, labels, tolerance=tolerance),
                )
                for labels in of_count
            ]
            for of_count in zip(*maps, strict=True)
        ]
        for truth in annotations
    ]


def _sets(args):
    """(name, images, annotations, tolerance) of each kind of images."""
    data = bsds500("val", args.data_home)
    images = [np.asarray(image) for image in data.images[:: args.every]]
    annotations = [list(maps) for maps in data.annotations[:: args.every]]
    yield "BSDS500 val", images, annotations, 1
    for name, disturb in DISTURBANCES.items():
        rng = np.random.default_rng(0)
        yield name, [disturb(image, rng) for image in images], annotations, 1
    for factor in (0.5, 2):
        scale = _scaled(factor)
        yield (
            f"scaled by {factor}",
            [scale(image, 1) for image in images],
            [[scale(truth, 0) for truth in maps] for maps in annotations],
            1,
        )
    scenes, truths = make_scenes(args.scenes, random_state=0)
    yield "generated scenes", scenes, [[truth] for truth in truths], 1
    scenes, truths = zip(*map(street, range(args.scenes)), strict=True)
    yield "generated streets, tolerance 3", list(scenes), [[t] for t in truths], 3


if __name__ == "__main__":
    sys.exit(main())
