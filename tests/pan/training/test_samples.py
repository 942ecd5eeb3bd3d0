"""Training samples: every pair, every place, the same in every run."""

import numpy as np
import pytest

from seal_sk.affinity.edges import canny
from seal_sk.pan.training.samples import Samples, check_data


def make(X, y, **params):
    params = {"crop_size": 16, "in_channels": 3, "edges": "skimage", **params}
    counts = [len(item) if isinstance(item, list) else 1 for item in y]
    return Samples(X, y, range(len(X)), counts, seed=(3,), **params)


def test_every_pair_once_an_epoch(rng):
    images = [np.full((20, 20, 3), 10 * i, dtype=np.uint8) for i in range(3)]
    y = [[np.full((20, 20), 10 * i + k) for k in range(i + 1)] for i in range(3)]
    samples = make(images, y)
    for epoch in range(2):
        drawn = [samples.draw(6 * epoch + i) for i in range(6)]
        seen = sorted(int(sample.truth[0, 0]) for sample in drawn)
        assert seen == [0, 10, 11, 20, 21, 22]


def test_a_sample_is_a_function_of_its_number(scenes):
    samples, others = make(*scenes), make(*scenes)
    backwards = [others.draw(i) for i in range(40)[::-1]][::-1]
    for i, other in enumerate(backwards):
        sample = samples.draw(i)
        assert np.array_equal(sample.image, other.image)
        assert np.array_equal(sample.truth, other.truth)


def test_image_edges_and_truth_move_together():
    # The image is its own ground truth, and the channels are told apart.
    rng = np.random.default_rng(0)
    truth = np.kron(rng.integers(0, 2, (10, 12)), np.ones((4, 4), dtype=int))
    image = np.stack([truth * 200, truth * 100, truth * 50], -1).astype(np.uint8)
    samples = make([image], [truth], crop_size=24)
    seen = set()
    for i in range(200):
        sample = samples.draw(i)
        assert sample.image.shape == (3, 24, 24)
        for channel, value in zip(sample.image, (50, 100, 200), strict=True):
            np.testing.assert_allclose(channel, sample.truth * value / 255)
        on_edge = sample.edges[0] == 0
        nearby = np.pad(sample.truth, 2, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(nearby, (5, 5))
        mixed = windows.min(axis=(2, 3)) != windows.max(axis=(2, 3))
        assert mixed[2:-2, 2:-2][on_edge[2:-2, 2:-2]].all()
        seen.add(sample.truth.tobytes())
    assert len(seen) > 150


def test_crops_fit_into_their_image():
    images, truths = [np.zeros((40, 50), np.uint8)], [np.zeros((40, 50), int)]
    for size, shape in ((20, [20, 20]), (45, [40, 45]), (None, [40, 50])):
        sample = make(images, truths, crop_size=size).draw(0)
        assert sorted(sample.truth.shape) == shape


def test_bands_are_taken_as_they_are(rng):
    bands = rng.integers(0, 60_000, (20, 20, 7), dtype=np.uint16)
    truth = np.arange(400).reshape(20, 20)
    samples = make([bands], [truth], in_channels=7, edges=None)
    for i in range(5):
        sample = samples.draw(i)
        assert sample.edges is None
        values = (bands / 65535).reshape(-1, 7)[sample.truth].transpose(2, 0, 1)
        np.testing.assert_allclose(sample.image, values, rtol=1e-6)


def flat(n, shape=(20, 20)):
    """Images without content, each with its number as ground truth."""
    return [np.zeros(shape, np.uint8)] * n, [np.full(shape, i) for i in range(n)]


def test_all_eight_orientations():
    truth = np.arange(9).reshape(3, 3)
    samples = make(flat(1, (3, 3))[0], [truth], crop_size=None)
    assert len({samples.draw(i).truth.tobytes() for i in range(100)}) == 8


def test_epochs_have_different_orders():
    samples = make(*flat(6))
    drawn = [int(samples.draw(i).truth[0, 0]) for i in range(24)]
    assert len({tuple(drawn[i : i + 6]) for i in range(0, 24, 6)}) > 1


def test_the_first_epoch_begins_at_the_first_number():
    samples = make(*flat(6), first=4)
    assert sorted(int(samples.draw(4 + i).truth[0, 0]) for i in range(6)) == [*range(6)]


def test_crops_reach_every_pixel():
    truth = np.arange(9 * 11).reshape(9, 11)
    samples = make(flat(1, (9, 11))[0], [truth], crop_size=8)
    seen = np.concatenate([samples.draw(i).truth.ravel() for i in range(100)])
    assert np.array_equal(np.unique(seen), np.arange(99))


def test_edges_of_a_crop_are_those_of_the_image(rng):
    coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = np.kron(coarse, np.ones((6, 6, 1), np.uint8))
    whole = canny(image, "skimage").ravel()
    truth = np.arange(48 * 48).reshape(48, 48)
    samples = make([image], [truth], crop_size=24)
    differ = [
        np.mean((sample.edges[0] == 0) != whole[sample.truth])
        for sample in map(samples.draw, range(40))
    ]
    assert np.mean(differ) < 0.003


def test_small_numpy_integers_do_not_overflow():
    images, truths = flat(1, (400, 500))
    sample = make(images, truths, crop_size=np.uint8(200)).draw(0)
    assert sample.truth.shape == (200, 200)


def test_the_checksum_covers_images_and_truths():
    images, truths = flat(2)
    _, _, checksum, _ = check_data(images, truths)
    assert check_data(images, truths[::-1])[2] != checksum
    assert check_data([image + 1 for image in images], truths)[2] != checksum


def test_the_data_say_how_many_channels():
    truth = np.zeros((5, 6), int)

    def channels(*shapes):
        images = [np.zeros((5, 6, *shape), np.uint8) for shape in shapes]
        return check_data(images, [truth] * len(images))[3]

    assert channels((), (1,)) == 1
    assert channels((3,)) == channels((), (3,), (1,)) == 3
    assert channels((7,), (7,)) == 7
    for shapes, message in (
        ([(3,), (7,)], r"X\[0\] has 3, X\[1\] has 7"),
        ([(7,), (3,), ()], r"X\[0\] has 7, X\[1\] has 3"),
        # Those in between may be mixed.
        ([(), (3,), (3,), (7,)], r"X\[0\] has 1, X\[3\] has 7"),
    ):
        with pytest.raises(ValueError, match=message):
            channels(*shapes)


def test_nothing_known_is_nothing_to_learn():
    image, truth = np.zeros((9, 9, 3), np.uint8), np.full((9, 9), 7)
    with pytest.raises(ValueError, match="every pixel of y has the label 7"):
        check_data([image, image], [truth, [truth, truth]], ignore_label=7)
    known = truth.copy()
    known[3, 3] = 1
    check_data([image, image], [truth, [truth, known]], ignore_label=7)
    check_data([image], [truth])
