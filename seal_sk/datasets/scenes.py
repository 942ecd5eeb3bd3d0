"""Generated scenes whose exact segmentation is known."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

MIN_SIDE = 16
MIN_REGION = 12

# Muted tones of stone, soil, wood, foliage, water and cloth: RGB in 0..1.
_PALETTE = np.array(
    [
        [0.58, 0.55, 0.50],
        [0.46, 0.47, 0.50],
        [0.55, 0.45, 0.36],
        [0.43, 0.35, 0.30],
        [0.64, 0.56, 0.42],
        [0.42, 0.47, 0.33],
        [0.52, 0.56, 0.42],
        [0.36, 0.43, 0.40],
        [0.42, 0.52, 0.60],
        [0.55, 0.61, 0.65],
        [0.60, 0.40, 0.34],
        [0.50, 0.40, 0.46],
        [0.66, 0.60, 0.55],
        [0.37, 0.38, 0.45],
    ]
)


@dataclass(frozen=True)
class _Surface:
    """The material of an object: a mean colour and a texture."""

    colour: np.ndarray
    contrast: float
    kind: str
    angle: float
    period: float


def make_scenes(
    n_samples: int = 10,
    *,
    shape: tuple[int, int] = (128, 128),
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.int32]]]:
    """Generate photograph-like scenes with weak boundaries and exact truth.

    Each scene shows 4 to 10 overlapping objects in front of a background. At least
    half of them have the same mean colour as the surface behind them, and differ
    from it only in texture. Neighbouring pixels differ as much within a texture as
    across such a boundary, so colour differences miss it, but a network that sees
    about ten pixels around it can find it. The other objects differ in colour, and
    some are bars with a width of 2 to 4 pixels. Shading and sensor noise are added
    to the whole image.

    Parameters
    ----------
    n_samples : int, default=10
        Number of scenes.
    shape : tuple of two int, default=(128, 128)
        Height and width in pixels, both at least 16.
    random_state : int, RandomState, Generator or None, default=None
        Seed. With an int, every call returns the same scenes, and scene ``i`` is the
        same for every `n_samples` above ``i``.

    Returns
    -------
    images : list of uint8 arrays of shape (H, W, 3)
        RGB images.
    truths : list of int32 arrays of shape (H, W)
        Label maps, consecutive from 0. Each label is one 4-connected region: an
        object that another one divides in two has two labels. A part of fewer than
        12 pixels belongs to the neighbour with the longest common boundary.

    Raises
    ------
    ValueError
        If `n_samples` is not a positive integer, `shape` is not a pair of integers
        of at least 16, or `random_state` is not a seed.

    Notes
    -----
    The time is proportional to the number of pixels: about 15 ms for a scene of
    128 x 128 pixels.

    Examples
    --------
    >>> from seal_sk.datasets import make_scenes
    >>> images, truths = make_scenes(2, shape=(48, 64), random_state=0)
    >>> len(images), images[0].shape, images[0].dtype
    (2, (48, 64, 3), dtype('uint8'))
    >>> truths[0].shape, truths[0].dtype, int(truths[0].min())
    ((48, 64), dtype('int32'), 0)
    """
    if not _is_integer(n_samples) or n_samples < 1:
        raise ValueError(f"n_samples must be a positive integer, got {n_samples!r}.")
    try:
        height, width = shape
        valid = _is_integer(height) and _is_integer(width)
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f"shape must be a pair of integers (height, width), got {shape!r}."
        )
    if min(height, width) < MIN_SIDE:
        raise ValueError(
            f"shape must be at least {MIN_SIDE} pixels in height and in width, got "
            f"{shape!r}."
        )
    # A single draw for any number of scenes: each scene gets its own seed from it.
    if isinstance(random_state, np.random.Generator):
        entropy = random_state.integers(2**32, size=4)
    else:
        entropy = check_random_state(random_state).randint(
            2**32, size=4, dtype=np.uint32
        )
    seeds = np.random.SeedSequence(entropy.tolist()).spawn(int(n_samples))
    scenes = [
        _make_scene(np.random.default_rng(seed), int(height), int(width))
        for seed in seeds
    ]
    return [image for image, _ in scenes], [truth for _, truth in scenes]


def _is_integer(value):
    return isinstance(value, Integral) and not isinstance(value, bool)


def _make_scene(rng, height, width):
    """Return one image and its label map."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    side = min(height, width)
    surfaces = [_any_surface(rng)]
    image = _paint(rng, y, x, surfaces[0])
    labels = np.zeros((height, width), dtype=np.intp)

    n_objects = int(rng.integers(4, 11))
    n_weak = int(np.ceil(rng.uniform(0.5, 0.65) * n_objects))
    # Bars are too thin to show a texture, so they always differ in colour.
    n_bars = int(rng.integers(0, n_objects - n_weak))
    roles = ["weak"] * n_weak + ["bar"] * n_bars
    roles += ["strong"] * (n_objects - 1 - len(roles))
    # Large objects behind, small ones in front; the largest has a second colour.
    roles = ["strong", *rng.permutation(roles)]
    radii = side * np.sort(rng.uniform(0.13, 0.34, n_objects))[::-1]
    radii[0] = side * rng.uniform(0.35, 0.6)
    for role, radius in zip(roles, radii, strict=True):
        centre_y = rng.uniform(0.08, 0.92) * (height - 1)
        centre_x = rng.uniform(0.08, 0.92) * (width - 1)
        angle = rng.uniform(0, 2 * np.pi)
        u = (x - centre_x) * np.cos(angle) + (y - centre_y) * np.sin(angle)
        v = (y - centre_y) * np.cos(angle) - (x - centre_x) * np.sin(angle)
        if role == "bar":
            distance = _bar(rng, u, v, side)
        else:
            outline = (_ellipse, _polygon, _blob)[rng.integers(3)]
            distance = outline(rng, u, v, radius)
        inside = distance < 0
        if not inside.any():
            continue
        behind = surfaces[np.bincount(labels[inside]).argmax()]
        if role == "weak":
            near = [surfaces[label] for label in np.unique(labels[distance < 2])]
            surface = _same_colour(rng, behind, near)
        else:
            surface = _other_colour(rng, behind)
        painted = _paint(rng, y, x, surface)
        if role == "strong":
            # Lit from one side. On a weak object this would reveal the edge.
            painted *= 1 + 0.2 * np.clip(v / radius, -1, 1)[..., np.newaxis]
        # A ramp of 1.5 pixels, like an edge seen through a lens.
        cover = np.clip(0.5 - distance / 1.5, 0, 1)[..., np.newaxis]
        image += cover * (painted - image)
        labels[inside] = len(surfaces)
        surfaces.append(surface)

    light = _shading(rng, y, x)[..., np.newaxis]
    noise = rng.uniform(0.006, 0.014) * rng.standard_normal(image.shape)
    image = np.clip(image * light + noise, 0, 1)
    return np.round(image * 255).astype(np.uint8), _regions(labels)


# Outlines: approximate signed distances in pixels, negative inside. `u` and `v` are
# coordinates around the object's centre, `radius` its typical extent.


def _ellipse(rng, u, v, radius):
    a, b = radius * rng.uniform(0.9, 1.3), radius * rng.uniform(0.55, 0.9)
    q = np.hypot(u / a, v / b)
    return (q - 1) * q / np.maximum(np.hypot(u / a**2, v / b**2), 1e-9)


def _polygon(rng, u, v, radius):
    n_sides = int(rng.integers(3, 7))
    steps = rng.uniform(0.7, 1.3, n_sides)
    angles = np.cumsum(steps) * 2 * np.pi / steps.sum()
    offsets = radius * rng.uniform(0.6, 1.0, n_sides)
    sides = (
        u * np.cos(angle) + v * np.sin(angle) - offset
        for angle, offset in zip(angles, offsets, strict=True)
    )
    distance = next(sides)
    for side in sides:
        distance = np.maximum(distance, side)
    return distance


def _blob(rng, u, v, radius):
    r, angle = np.hypot(u, v), np.arctan2(v, u)
    outline, slope = np.full_like(r, radius), np.zeros_like(r)
    for waves in range(2, 6):
        amplitude = radius * rng.normal() * 0.35 / waves
        phase = waves * angle + rng.uniform(0, 2 * np.pi)
        outline += amplitude * np.cos(phase)
        slope -= amplitude * waves * np.sin(phase)
    outline = np.maximum(outline, 0.35 * radius)
    return (r - outline) / np.hypot(1, slope / np.maximum(r, 1))


def _bar(rng, u, v, side):
    half_length = side * rng.uniform(0.2, 0.45)
    wavelength = side * rng.uniform(1.0, 2.0)
    amplitude = side * rng.uniform(0, 0.12)
    phase = 2 * np.pi * u / wavelength + rng.uniform(0, 2 * np.pi)
    slope = amplitude * 2 * np.pi / wavelength * np.cos(phase)
    across = np.abs(v - amplitude * np.sin(phase)) / np.hypot(1, slope)
    return np.maximum(across - rng.uniform(1, 2), np.abs(u) - half_length)


# Surfaces


def _draw_colours(rng):
    """Return the palette in random lighting."""
    brightness = rng.normal(0, 0.04, (len(_PALETTE), 1))
    tint = rng.normal(0, 0.012, _PALETTE.shape)
    return np.clip(_PALETTE + brightness + tint, 0.3, 0.68)


def _draw_texture(rng):
    kind = rng.choice(["grating", "grating", "weave", "speckle", "blotch"])
    return str(kind), rng.uniform(0, np.pi), rng.uniform(2.4, 4.2)


def _any_surface(rng):
    colour = rng.choice(_draw_colours(rng))
    return _Surface(colour, rng.uniform(0.06, 0.13), *_draw_texture(rng))


def _other_colour(rng, behind):
    """Draw a surface that clearly differs in colour from the one behind it."""
    colours = _draw_colours(rng)
    order = np.argsort(np.linalg.norm(colours - behind.colour, axis=1))
    # One of the six most different of fourteen: different enough, and varied.
    colour = colours[order[-rng.integers(1, 7)]]
    return _Surface(colour, rng.uniform(0.04, 0.13), *_draw_texture(rng))


def _same_colour(rng, behind, near):
    """Draw a surface that differs only in texture from those near it."""
    contrast = max(behind.contrast, 0.07) * rng.uniform(0.9, 1.1)
    drawn = [_Surface(behind.colour, contrast, *_draw_texture(rng)) for _ in range(8)]
    near = [other for other in near if other.colour is behind.colour]
    return max(drawn, key=lambda one: min(_unlikeness(one, other) for other in near))


def _unlikeness(one, other):
    """Return how much two textures differ, in 0..1."""
    noise = {"speckle", "blotch"}
    if one.kind != other.kind:
        return 0.5 if {one.kind, other.kind} == noise else 1.0
    if one.kind in noise:
        return 0.0
    turn = np.pi if one.kind == "grating" else np.pi / 2
    difference = abs(one.angle - other.angle) % turn
    return min(difference, turn - difference) / (turn / 2)


def _paint(rng, y, x, surface):
    """Return an image (H, W, 3) of the surface alone."""
    pattern = _pattern(rng, y, x, surface)
    return surface.colour * (1 + surface.contrast / 0.5 * pattern[..., np.newaxis])


def _pattern(rng, y, x, surface):
    """Return a texture (H, W) of mean 0 and standard deviation 1."""
    if surface.kind == "speckle":
        pattern = rng.standard_normal(y.shape)
    elif surface.kind == "blotch":
        from scipy.ndimage import gaussian_filter

        pattern = rng.standard_normal(y.shape)
        pattern = gaussian_filter(pattern, 0.75) - gaussian_filter(pattern, 1.8)
    else:
        # The stripes bend slowly, as on cloth or bark.
        bend = 0.8 * _smooth_noise(rng, y.shape, 20)
        wave = 2 * np.pi / surface.period
        along = x * np.cos(surface.angle) + y * np.sin(surface.angle)
        across = y * np.cos(surface.angle) - x * np.sin(surface.angle)
        pattern = np.sin(wave * along + bend + rng.uniform(0, 2 * np.pi))
        if surface.kind == "weave":
            pattern *= np.sin(wave * across + bend + rng.uniform(0, 2 * np.pi))
    pattern -= pattern.mean()
    return np.clip(pattern / pattern.std(), -2.5, 2.5)


def _shading(rng, y, x):
    """Return the light (H, W) on the scene, with values near 1."""
    height, width = y.shape
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)
    soft = _smooth_noise(rng, y.shape, max(height, width) / 3)
    return 1 + rng.uniform(0.1, 0.35) * slope + 0.05 * soft


def _smooth_noise(rng, shape, scale):
    """Return a random cubic spline surface with a knot every `scale` pixels."""
    rows, columns = (_spline_basis(length, scale) for length in shape)
    knots = rng.standard_normal((rows.shape[1], columns.shape[1]))
    return 2 * rows @ knots @ columns.T  # 2 brings the standard deviation to 1


def _spline_basis(length, scale):
    position = np.arange(length) / scale
    knot = position.astype(np.intp)
    t = position - knot
    weights = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, 3 * (t + t**2 - t**3) + 1, t**3]
    basis = np.zeros((length, knot[-1] + 4))
    for i, weight in enumerate(weights):
        basis[np.arange(length), knot + i] = weight / 6
    return basis


# Ground truth


def _regions(labels):
    """Split labels into 4-connected regions, and merge the tiny ones."""
    from scipy.ndimage import label

    regions = np.empty_like(labels)
    n_regions = 0
    for value in np.unique(labels):
        parts, n_parts = label(labels == value)
        inside = parts > 0
        regions[inside] = parts[inside] + (n_regions - 1)
        n_regions += n_parts

    first = np.concatenate([regions[:, :-1].ravel(), regions[:-1].ravel()])
    second = np.concatenate([regions[:, 1:].ravel(), regions[1:].ravel()])
    border = np.bincount(first * n_regions + second, minlength=n_regions**2)
    border = border.reshape(n_regions, n_regions)
    border = border + border.T
    np.fill_diagonal(border, 0)
    size = np.bincount(regions.ravel(), minlength=n_regions).astype(np.float64)
    merged = np.arange(n_regions)
    for _ in range(n_regions - 1):
        tiny = size.argmin()
        if size[tiny] >= MIN_REGION:
            break
        into = border[tiny].argmax()
        border[into] += border[tiny]
        border[:, into] += border[:, tiny]
        border[tiny] = border[:, tiny] = 0
        border[into, into] = 0
        size[into] += size[tiny]
        size[tiny] = np.inf
        merged[merged == tiny] = into
    consecutive = np.unique(merged, return_inverse=True)[1]
    return consecutive[regions].astype(np.int32)
