"""The weights of VGG16 from files: generated ones, since the real ones are large."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from seal_sk import FeatureAffinity
from seal_sk.sources.vgg import vgg16_conv1_1

VGG16 = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
VGG19 = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)


def state_dict(convolutions=VGG16, classifier=True):
    torch.manual_seed(0)
    tensors = {}
    for i in convolutions:
        shape = (64, 3, 3, 3) if i == 0 else (2, 2, 3, 3)
        tensors[f"features.{i}.weight"] = torch.randn(shape)
        tensors[f"features.{i}.bias"] = torch.randn(shape[0])
    if classifier:
        tensors["classifier.0.weight"] = torch.randn(3, 3)
    return tensors


def save_legacy(tensors, path):
    # As torchvision's file is stored.
    torch.save(tensors, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("save", [torch.save, save_legacy, save_file])
@pytest.mark.parametrize("convolutions", [VGG16, (0,)])
def test_it_is_its_formula(tmp_path, rng, save, convolutions):
    tensors = state_dict(convolutions, classifier=convolutions == VGG16)
    save(tensors, tmp_path / "weights")
    net = vgg16_conv1_1(tmp_path / "weights")
    image = rng.random((3, 6, 7), dtype=np.float32)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    padded = np.zeros((3, 8, 9))
    for c in range(3):
        padded[c, 1:-1, 1:-1] = (image[c] - mean[c]) / std[c]
    weight = tensors["features.0.weight"].numpy()
    expected = np.zeros((64, 6, 7))
    for y in range(6):
        for x in range(7):
            expected[:, y, x] = np.tensordot(weight, padded[:, y : y + 3, x : x + 3], 3)
    expected += tensors["features.0.bias"].numpy()[:, None, None]
    features = net(torch.from_numpy(image)[None])
    np.testing.assert_allclose(features[0], np.maximum(expected, 0), atol=1e-4)


def test_it_is_a_source_of_features(tmp_path, scenes):
    torch.save(state_dict(), tmp_path / "vgg16.pth")
    images = scenes[0][:2]
    source = FeatureAffinity(vgg16_conv1_1(tmp_path / "vgg16.pth"))
    maps = source.fit_transform(images)
    assert [m.shape for m in maps] == [(*image.shape[:2], 4) for image in images]
    (tmp_path / "vgg16.pth").unlink()
    assert np.array_equal(source.transform(images)[0], maps[0])


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"download\.pytorch\.org"):
        vgg16_conv1_1(tmp_path / "vgg16.pth")


@pytest.mark.parametrize("save", [torch.save, save_legacy, save_file])
def test_truncated_files(tmp_path, save):
    path = tmp_path / "weights"
    save(state_dict(), path)
    content = path.read_bytes()
    ending = ".safetensors" if save is save_file else ".pth"
    for size in (0, 5, 40, 700, len(content) // 2, len(content) - 1):
        path.with_suffix(ending).write_bytes(content[:size])
        with pytest.raises(ValueError, match="is truncated or not"):
            vgg16_conv1_1(path.with_suffix(ending))


def test_files_that_are_no_weights(tmp_path, rng):
    path = tmp_path / "weights.pth"
    for content in (b"<html>Not found</html>", b"a" * 99, rng.bytes(500)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a file of weights"):
            vgg16_conv1_1(path)
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="not a state dict"):
        vgg16_conv1_1(path)


def test_nothing_in_a_file_is_executed(tmp_path):
    class Touch:
        def __reduce__(self):
            return (tmp_path.joinpath("touched").touch, ())

    torch.save(Touch(), tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="could execute code"):
        vgg16_conv1_1(tmp_path / "weights.pth")
    assert not (tmp_path / "touched").exists()


OTHERS = {
    "VGG19": state_dict(VGG19),
    "VGG16 with batch normalisation": state_dict()
    | {"features.1.running_mean": torch.zeros(64)},
    "another first layer": state_dict()
    | {"features.0.weight": torch.zeros(64, 1, 3, 3)},
    "no first layer": state_dict(VGG16[1:]),
    "no tensor": state_dict() | {"features.0.bias": 3},
    "another net": {"conv1.weight": torch.zeros(4, 3, 1, 7)},
    "names that are numbers": {0: torch.zeros(4)},
}


@pytest.mark.parametrize("tensors", OTHERS.values(), ids=OTHERS)
def test_another_network(tmp_path, tensors):
    torch.save(tensors, tmp_path / "weights.pth")
    with pytest.raises(
        ValueError, match="does not hold the weights of torchvision's VGG16"
    ):
        vgg16_conv1_1(tmp_path / "weights.pth")


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_must_be_numbers(tmp_path, value):
    tensors = state_dict()
    tensors["features.0.weight"][5, 1, 2, 2] = value
    save_file(tensors, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="NaN, infinite or not real numbers"):
        vgg16_conv1_1(tmp_path / "weights.safetensors")
