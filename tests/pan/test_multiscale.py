"""UNet and MobileUNet: size, sight, seams, fusion, calibration, files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage.data import coffee
from sklearn.base import clone
from torch import nn
from torch.nn import functional

import seal_sk.pan
from seal_sk import LearnedAffinity, SEALSuperpixels, ers, to_eight_connected
from seal_sk.affinity import binary_affinity
from seal_sk.pan import (
    MobileUNet,
    Predictor,
    UNet,
    available_weights,
    load_net,
    read_weights,
    write_weights,
)
from seal_sk.pan.prediction import predict_affinity
from seal_sk.pan.shipped import net_of_file
from seal_sk.pan.weights import _build


def trained(net):
    """A small network whose running statistics are not those of a new one."""
    with torch.no_grad():
        # Of a new one, the residual blocks do nothing and all logits are alike.
        for name, parameter in net.named_parameters():
            if "norm" in name:
                parameter.add_(0.5)
        net.head.weight.mul_(20)
        for _ in range(20):
            net(torch.rand(2, 3, 48, 48))
    return net.eval()


@pytest.fixture(params=["unet", "mobile"])
def net(request):
    if request.param == "unet":
        return trained(UNet(width=4, seed=1))
    return trained(MobileUNet(width=4, seed=1, small=True))


def n_parameters(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("net", "n", "size"),
    [
        (UNet(), 984_170, 2_000_000),
        (MobileUNet(), 904_082, 2_000_000),
        (MobileUNet(small=True), 208_258, 500_000),
    ],
)
def test_files_are_small(tmp_path, net, n, size):
    assert n_parameters(net) == n
    write_weights(tmp_path / "half.safetensors", net, half=True)
    assert (tmp_path / "half.safetensors").stat().st_size <= size


@pytest.mark.parametrize("small", [1, "no", None])
def test_small_or_not(small):
    with pytest.raises(TypeError, match="small"):
        MobileUNet(4, small=small)


def test_channels_of_each_scale(tmp_path):
    net = UNet(8, multiples=(1, 1, 3, 2, 5)).eval()
    assert net.architecture["multiples"] == [1, 1, 3, 2, 5]
    widths = [down[0].conv.out_channels for down in net.down]
    assert widths == [8, 24, 16, 40]
    write_weights(tmp_path / "net.safetensors", net)
    read, _ = read_weights(tmp_path / "net.safetensors")
    images = torch.rand(1, 3, 20, 30)
    with torch.no_grad():
        assert torch.equal(read.logits(images), net.logits(images))
    for multiples in (
        (1, 2, 3, 4),
        (2, 2, 3, 4, 4),
        (1, 2, 0, 4, 4),
        (1, 2, 3.5, 4, 4),
    ):
        with pytest.raises((ValueError, TypeError), match="multiples"):
            UNet(8, multiples=multiples)


def test_seed_decides_the_weights_and_leaves_torch_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, same, other = UNet(4, seed=0), UNet(4, seed=0), UNet(4, seed=1)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first.stem.conv.weight, same.stem.conv.weight)
    assert not torch.equal(first.stem.conv.weight, other.stem.conv.weight)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (16, 16), (17, 31), (50, 33)])
def test_any_size_comes_out_as_it_went_in(net, shape):
    with torch.no_grad():
        affinity = net(torch.rand(1, 3, *shape))
    assert affinity.shape == (1, 2, *shape)
    assert affinity.isfinite().all()


@pytest.mark.parametrize(
    "net",
    [UNet(1), MobileUNet(1), MobileUNet(1, small=True)],
    ids=["unet", "mobile", "small mobile"],
)
def test_sees_no_further_than_it_says(net):
    """By the pixels that can change an output, whatever the weights are."""

    def mark(module, inputs, output):
        return (output > 0).float()

    net.eval()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight)
            module.register_forward_hook(mark)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    nn.init.zeros_(net.head.bias)
    if isinstance(net, MobileUNet):  # its encoder reads other values than 0 and 1
        net.encoder.stem.register_forward_pre_hook(lambda _, x: (x[0] > 0).float())
    n, reaches = 2 * net.margin + 48, []
    middle = n // 2
    with torch.no_grad():
        for phase in (0, 7, 15):  # of the coarsest cells
            image = torch.zeros(1, 3, n, n)
            image[..., middle + phase, middle + phase] = 1
            rows, columns = (net.logits(image)[0] > 0).any(dim=0).nonzero(as_tuple=True)
            assert torch.equal(rows.unique(), columns.unique())
            reaches += [middle + phase - rows.min(), rows.max() - middle - phase]
    assert net.margin - 24 < max(reaches) <= net.margin


def test_tiles_have_no_seams(net, rng, monkeypatch):
    image = rng.integers(0, 256, (210, 403, 3), dtype=np.uint8)
    whole = predict_affinity(net, image)
    assert whole.std() > 0.01
    monkeypatch.setattr("seal_sk.pan.prediction._TILE", 64)
    tiled = predict_affinity(net, image)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    # Without the margin there would be seams: the test can fail.
    monkeypatch.setattr(net, "margin", 0)
    assert np.abs(predict_affinity(net, image) - whole).max() > 1e-3


def test_fusion_changes_nothing(net):
    images = torch.rand(1, 3, 40, 56)
    with torch.no_grad():
        expected = net(images)
        torch.testing.assert_close(net.fused()(images), expected)
        # The network itself stays as it is.
        assert torch.equal(net(images), expected)
    fused = net.fused()
    assert not any("BatchNorm" in type(m).__name__ for m in fused.modules())
    own = {tensor.data_ptr() for tensor in net.state_dict().values()}
    assert own.isdisjoint(t.data_ptr() for t in fused.state_dict().values())


def test_calibration_is_an_affine_map_of_the_logits(net, tmp_path):
    images = torch.rand(1, 3, 20, 20)
    with torch.no_grad():
        logits = net.logits(images)
        torch.testing.assert_close(net(images), torch.sigmoid(logits))
        net.set_calibration(1.5, -7)
        torch.testing.assert_close(net(images), torch.sigmoid(1.5 * logits - 7))
        assert torch.equal(net.logits(images), logits)
    write_weights(tmp_path / "net.safetensors", net)
    again, _ = read_weights(tmp_path / "net.safetensors")
    assert again.calibration.tolist() == [1.5, -7.0, 0.0]
    for scale in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="scale"):
            net.set_calibration(scale, 0)
    with pytest.raises(ValueError, match="shift"):
        net.set_calibration(1, float("inf"))
    for dither in (-0.1, 1.1):
        with pytest.raises(ValueError, match="dither"):
            net.set_calibration(1, 0, dither)


def test_dither_lowers_affinities_by_a_fixed_pattern(net, rng, monkeypatch):
    image = rng.integers(0, 256, (70, 300, 3), dtype=np.uint8)
    plain = predict_affinity(net, image)
    net.set_calibration(1.0, 0.0, 0.1)
    dithered = predict_affinity(net, image)
    shares = 1 - dithered / plain
    assert shares.min() >= -1e-6
    assert shares.max() <= 0.1 + 1e-6
    assert abs(shares.mean() - 0.05) < 0.005
    other = predict_affinity(net, 255 - image)
    net.set_calibration(1.0, 0.0, 0.0)
    unlike = predict_affinity(net, 255 - image)
    # The same for every image, and for all tiles of one.
    np.testing.assert_allclose(1 - other / unlike, shares, atol=1e-5)
    net.set_calibration(1.0, 0.0, 0.1)
    monkeypatch.setattr("seal_sk.pan.prediction._TILE", 64)
    np.testing.assert_allclose(predict_affinity(net, image), dithered, atol=1e-5)


def test_flat_areas_are_cut_into_compact_pieces():
    """Not into strips along the direction that the network happens to prefer."""
    logits = np.full((100, 100, 2), 9.0, dtype=np.float32)
    logits[..., 1] += np.linspace(0.1, 0.2, 100)
    sides = []
    for dither in (0.0, 0.03):
        net = UNet(4).eval().set_calibration(1.0, 0.0, dither)
        labels = ers(to_eight_connected(Predictor(net).affinity(logits)), 50)
        sides.append(sum((np.diff(labels, axis=i) != 0).sum() for i in (0, 1)))
    assert sides[1] < 0.7 * sides[0]


def test_half_precision_in_files_only(net, tmp_path):
    path = tmp_path / "half.safetensors"
    write_weights(path, net, half=True)
    again, _ = read_weights(path)
    assert all(p.dtype == torch.float32 for p in again.parameters())
    images = torch.rand(1, 3, 40, 40)
    with torch.no_grad():
        torch.testing.assert_close(again(images), net(images), atol=2e-3, rtol=0)
        assert not torch.equal(again(images), net(images))


def test_bfloat16_is_close(net, rng):
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    (exact,) = Predictor(net)([image])
    (rough,) = Predictor(net, precision="bfloat16")([image])
    assert rough.dtype == np.float32
    np.testing.assert_allclose(rough, exact, atol=0.05)
    assert not np.array_equal(rough, exact)


def test_images_one_by_one_or_together(net, rng):
    shapes = [(40, 30, 3), (40, 30, 3), (20, 30, 3), (40, 30, 3)]
    images = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]
    together = list(Predictor(net)(iter(images)))
    for image, affinity in zip(images, together, strict=True):
        assert affinity.shape == (*image.shape[:2], 2)
        assert np.array_equal(affinity, predict_affinity(net, image))


def test_predictors_read_lazily(net):
    """No more than one image ahead."""
    alive = []

    def images():
        for i in range(4):
            alive.append(i)
            yield np.full((16, 16, 3), i, dtype=np.uint8)

    for i, _ in enumerate(Predictor(net)(images())):
        assert len(alive) <= i + 2


TRAINING = {
    "network": "unet",
    "width": 4,
    "loss": "bce",
    "annotations": "mean",
    "augmentation": "full",
    "averaging": 0.9,
    "batch_size": 2,
    "crop_size": 48,
    "validate_every": 4,
    "validation_fraction": 0.0,
    "random_state": 0,
}


@pytest.mark.slow
def test_learns_boundaries(rng):
    truth = np.kron(rng.integers(0, 5, (6, 6)), np.ones((12, 12), dtype=int))
    image = (50 * truth).astype(np.uint8)
    params = {**TRAINING, "augmentation": "rigid", "width": 8, "lr": 1e-2}
    learned = LearnedAffinity(**params, max_iter=60).fit([image], [truth])
    losses = [line["loss"] for line in learned.history_]
    assert losses[-1] < 0.3 * losses[0]
    affinity = learned.transform([image])[0]
    expected, known = binary_affinity(truth)
    assert affinity[known & (expected == 1)].mean() > 0.95
    assert affinity[known & (expected == 0)].mean() < 0.5


@pytest.mark.slow
def test_resumes_bit_for_bit(scenes, tmp_path):
    images, truths = scenes
    whole = LearnedAffinity(**TRAINING, max_iter=8).fit(images, truths)
    part = LearnedAffinity(
        **TRAINING, max_iter=8, checkpoint_dir=tmp_path, warm_start=True
    )
    part.set_params(max_time=1e-9).fit(images, truths)
    assert part.n_iter_ == 1
    again = LearnedAffinity(
        **TRAINING, max_iter=8, checkpoint_dir=tmp_path, warm_start=True
    ).fit(images, truths)
    assert again.n_iter_ == 8
    for name, tensor in whole.net_.state_dict().items():
        assert torch.equal(again.net_.state_dict()[name], tensor), name


def test_crops_too_small_to_train_on_are_refused(scenes):
    params = {**TRAINING, "batch_size": 1, "crop_size": 16, "augmentation": "rigid"}
    with pytest.raises(ValueError, match="crop_size over 16"):
        LearnedAffinity(**params, max_iter=1).fit(*scenes)


@pytest.mark.parametrize(
    "size",
    [{"width": 120}, {"width": 4, "multiples": [1, 2, 3, 4, 10**9]}, {"width": 10**9}],
)
def test_a_file_that_asks_for_a_huge_network_is_refused(
    net, tmp_path, monkeypatch, size
):
    class Huge(type(net)):
        architecture = {**net.architecture, **size}

    net.__class__ = Huge
    write_weights(tmp_path / "huge.safetensors", net)

    def build(*args):
        built = _build(*args)
        assert all(parameter.is_meta for parameter in built.parameters())
        return built

    # Before the memory is taken.
    monkeypatch.setattr("seal_sk.pan.weights._build", build)
    with pytest.raises(ValueError, match=r"another network|can't be built"):
        read_weights(tmp_path / "huge.safetensors")


def test_the_average_of_the_weights_is_kept(scenes):
    images, truths = scenes
    params = {**TRAINING, "max_iter": 6}
    averaged = LearnedAffinity(**params).fit(images, truths)
    last = LearnedAffinity(**{**params, "averaging": 0.0}).fit(images, truths)
    weight = averaged.net_.stem.conv.weight
    assert not torch.equal(weight, last.net_.stem.conv.weight)
    # The training itself is the same.
    assert torch.equal(
        averaged._state["net"]["stem.conv.weight"], last.net_.stem.conv.weight
    )
    assert [line["loss"] for line in averaged.history_] == [
        line["loss"] for line in last.history_
    ]


def test_fine_tuning_goes_on_from_a_file(scenes, tmp_path):
    images, truths = scenes
    path = tmp_path / "net.safetensors"
    first = SEALSuperpixels(20, **TRAINING, max_iter=2).fit(images, truths)
    first.net_.set_calibration(2.0, -1.0)
    first.save(path)
    # Whatever network the parameters say: the file decides.
    tuned = SEALSuperpixels(20, weights=path, max_iter=1, lr=1e-12, crop_size=48)
    tuned.fit(images, truths)
    assert tuned.net_.calibration.tolist() == [2.0, -1.0, 0.0]
    torch.testing.assert_close(
        tuned.net_.head.weight, first.net_.head.weight, atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(("loss", "sees"), [("seal", True), ("bce", False)])
def test_the_seal_loss_sees_the_affinities_that_are_cut(scenes, tmp_path, loss, sees):
    """The other losses make probabilities, which are calibrated afterwards."""
    losses = []
    for shift in (0.0, -3.0):
        path = tmp_path / f"{shift}.safetensors"
        write_weights(path, UNet(4, seed=0).set_calibration(1.0, shift))
        params = {**TRAINING, "annotations": "each", "loss": loss, "weights": path}
        learned = LearnedAffinity(**params, max_iter=1).fit(*scenes)
        losses.append(learned.history_[0]["loss"])
    assert (losses[0] != losses[1]) == sees


@pytest.mark.parametrize("loss", ["seal", "balanced_bce"])
def test_mean_affinities_need_a_loss_that_takes_them(scenes, loss):
    with pytest.raises(ValueError, match="annotations='mean'"):
        LearnedAffinity(**{**TRAINING, "loss": loss}).fit(*scenes)


@pytest.mark.slow
def test_learns_from_another_networks_affinities(scenes):
    images, truths = scenes
    teacher = LearnedAffinity(**TRAINING, max_iter=2).fit(images, truths)
    y = [*teacher.transform(images[:2]), *truths[2:]]
    student = LearnedAffinity(**TRAINING, max_iter=2).fit(images, y)
    assert student.n_iter_ == 2
    # Which are no ground truth to validate by.
    for fraction, n_held_out in ((0.5, 12), (0.95, 22)):
        params = {**TRAINING, "validation_fraction": fraction, "max_iter": 1}
        student = LearnedAffinity(**params).fit(images, y)
        assert len(student.validation_indices_) == n_held_out
        assert student.validation_indices_.min() >= 2
        assert 0 < student.history_[-1]["asa"] <= 1
    params = {**TRAINING, "annotations": "each", "loss": "seal"}
    with pytest.raises(ValueError, match=r"y\[0\] is an affinity map"):
        LearnedAffinity(**params, max_iter=1).fit(images, y)
    with pytest.raises(ValueError, match=r"y\[0\] is an affinity map of shape"):
        LearnedAffinity(**TRAINING, max_iter=1).fit(images, [y[0][:-1], *y[1:]])


@pytest.mark.gpu
def test_gpu_gives_the_same_affinities(net, rng):
    from seal_sk.pan.devices import resolve_device

    device = resolve_device("auto")
    if device.type == "cpu":
        pytest.skip("there is no GPU")
    image = rng.integers(0, 256, (100, 120, 3), dtype=np.uint8)
    images = [image, image[::-1].copy(), image[:50]]
    for here, there in zip(
        Predictor(net)(images), Predictor(net, device)(images), strict=True
    ):
        np.testing.assert_allclose(there, here, atol=1e-3)


def test_replicated_padding_at_the_end_only(net):
    """A size that is a multiple of the stride is not padded."""
    images = torch.rand(1, 3, 32, 37)
    padded = functional.pad(images, (0, 11, 0, 0), mode="replicate")
    with torch.no_grad():
        assert torch.equal(net.logits(images), net.logits(padded)[..., :37])


@pytest.mark.slow
def test_the_network_that_ships(tmp_path):
    path = Path(seal_sk.pan.__file__).with_name("bsds500.safetensors")
    assert path.stat().st_size <= 2_000_000
    image = coffee()[:200, :300]
    truth = np.arange(200 * 300).reshape(200, 300) // 30_000
    seal = SEALSuperpixels(100, weights="bsds500")
    (labels,) = seal.transform([image])
    assert len(np.unique(labels)) == 100
    assert seal.predict_affinity([image])[0].min() < 0.01
    # A clone by name, by file, and written anew are the same network.
    for other in (
        SEALSuperpixels.load("bsds500").set_params(n_segments=100),
        SEALSuperpixels(100, weights=path),
        clone(seal),
    ):
        assert np.array_equal(other.transform([image])[0], labels)
    tuned = SEALSuperpixels(
        100, weights="bsds500", max_iter=1, batch_size=1, crop_size=64, random_state=0
    ).fit([image], [truth])
    assert tuned.net_.architecture == net_of_file("bsds500").architecture
    tuned.save(tmp_path / "tuned.safetensors")
    assert SEALSuperpixels.load(tmp_path / "tuned.safetensors").transform([image])


def test_what_is_done_to_a_loaded_network_stays_with_it():
    image = coffee()[:100, :150]
    shipped = SEALSuperpixels(50, weights="bsds500")
    (before,) = shipped.predict_affinity([image])
    SEALSuperpixels.load("bsds500").net_.set_calibration(1.0, 0.0)
    (after,) = SEALSuperpixels(50, weights="bsds500").predict_affinity([image])
    assert np.array_equal(before, after)


def test_networks_by_name():
    assert available_weights() == ["bsds500", "bsds500-fast", "bsds500-train"]
    for name in available_weights():
        net = load_net(name)
        assert not net.training
        net.set_calibration(1.0, 0.0)
        assert load_net(name).calibration.tolist() != net.calibration.tolist()
    with pytest.raises(ValueError, match="no network 'bsds'; give one of bsds500, "):
        load_net("bsds")


@pytest.mark.slow
def test_precision_may_be_changed_after_the_training(tmp_path):
    image = coffee()[:100, :150]
    seal = SEALSuperpixels.load("bsds500").set_params(memory=str(tmp_path))
    (exact,) = seal.predict_affinity([image])
    (rough,) = seal.set_params(precision="bfloat16").predict_affinity([image])
    assert not np.array_equal(exact, rough)


@pytest.mark.parametrize("value", [0.0, -2.0, 1e300])
def test_calibrations_that_cannot_be_are_refused(net, tmp_path, value):
    path = tmp_path / "net.safetensors"
    net.double().calibration[0] = value
    with pytest.raises(ValueError, match="The network holds"):
        write_weights(path, net)
    tensors = {k: v for k, v in net.state_dict().items() if "num_batches" not in k}
    metadata = {"format": "seal_sk", "params": "{}"}
    save_file(tensors, path, metadata | {"architecture": json.dumps(net.architecture)})
    with pytest.raises(ValueError, match=r"net\.safetensors"):
        read_weights(path)
