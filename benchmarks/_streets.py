"""Generated street scenes with ground truth."""

import numpy as np
from _disturbances import jpeg, noise
from scipy.ndimage import gaussian_filter
from skimage.draw import disk, ellipse, polygon


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
    return jpeg(noise(image, rng, 5), 85), labels
