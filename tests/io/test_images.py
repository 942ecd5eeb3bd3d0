import numpy as np
import pytest
import tifffile
from PIL import Image

from seal_sk.io.images import (
    IMAGE_SUFFIXES,
    ArgumentNeededError,
    image_size,
    read_image,
    read_masked_image,
    read_with_notes,
    reading,
)


def pixels(*shape, dtype=np.uint8):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
def test_grey(tmp_path, suffix, dtype):
    image = pixels(4, 6, dtype=dtype)
    if suffix == ".png":
        Image.fromarray(image).save(tmp_path / f"a{suffix}")
    else:
        tifffile.imwrite(tmp_path / f"a{suffix}", image)
    read = read_image(tmp_path / f"a{suffix}")
    assert read.dtype == dtype
    np.testing.assert_array_equal(read[:, :, 0], image)
    assert read.shape == (4, 6, 1)
    assert image_size(tmp_path / f"a{suffix}") == (4, 6)


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_colours(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(pixels(4, 6, 3)).save(path)
    read = read_image(str(path))
    assert read.shape == (4, 6, 3)
    assert read.flags.c_contiguous
    if "jp" not in suffix:
        np.testing.assert_array_equal(read, pixels(4, 6, 3))
    assert image_size(path) == (4, 6)


def test_tiff_that_stores_plane_by_plane(tmp_path):
    planes = pixels(3, 4, 6, dtype=np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate"
    )
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.tif"), np.moveaxis(planes, 0, -1)
    )
    assert image_size(tmp_path / "a.tif") == (4, 6)


def test_two_colours_and_palettes(tmp_path):
    Image.fromarray(np.eye(4, 6) > 0).save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.png")[:, :, 0], 255 * np.eye(4, 6)
    )
    image = Image.fromarray(np.eye(4, 6, dtype=np.uint8), "L").convert("P")
    image.putpalette([1, 2, 3, 4, 5, 6])
    image.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :2].tolist() == [[4, 5, 6], [1, 2, 3]]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha(tmp_path, mode):
    Image.new(mode, (6, 4)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png has an alpha channel"):
        read_image(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png", drop_alpha=True)
    assert read.shape == (4, 6, 1 if mode == "LA" else 3)


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (pixels(2, 4, 6), {}, "several pages or bands: 2 pages of 4 x 6 pixels"),
        (pixels(4, 6, dtype=np.int32), {}, "int32"),
        (pixels(4, 6, dtype=np.float32), {}, "floats must lie in 0..1"),
        (pixels(4, 6, 4), {"photometric": "separated"}, "SEPARATED colours"),
    ],
)
def test_other_tiff(tmp_path, array, options, message):
    options = {"photometric": "minisblack", **options}
    tifffile.imwrite(tmp_path / "a.tif", array, **options)
    with pytest.raises(ValueError, match=rf"a\.tif.*{message}"):
        read_image(tmp_path / "a.tif")


def test_cmyk(tmp_path):
    Image.new("CMYK", (6, 4)).save(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match=r"a\.jpg is a CMYK image"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("read", [read_image, image_size])
@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_files_that_cannot_be_read(tmp_path, suffix, read):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(FileNotFoundError, match=rf"a\{suffix}"):
        read(path)
    path.write_bytes(b"")
    with pytest.raises(OSError, match=rf"a\{suffix} is an empty file"):
        read(path)
    path.write_bytes(b"nothing that is an image")
    with pytest.raises(OSError, match=rf"a\{suffix} can't be read"):
        read(path)


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_truncated(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(pixels(40, 60, 3)).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(OSError, match=rf"a\{suffix} can't be read"):
        read_image(path)


@pytest.mark.parametrize("bands", [2, 4])
def test_a_band_that_is_not_said_to_be_alpha_is_none(tmp_path, rng, bands):
    image = rng.integers(0, 255, (8, 9, bands), dtype=np.uint8)
    path = tmp_path / "nir.tif"
    tifffile.imwrite(path, image, photometric="minisblack", planarconfig="contig")
    for drop_alpha in (False, True):
        with pytest.raises(ArgumentNeededError, match=rf", {bands}\); choose one"):
            read_image(path, drop_alpha=drop_alpha)
    assert np.array_equal(read_image(path, bands=[2])[..., 0], image[..., 1])


@pytest.mark.parametrize("bands", [[7], [2, 5], [3, 2, 1], [4, 3, 2, 1], range(1, 8)])
def test_any_number_of_bands(tmp_path, rng, bands):
    image = rng.integers(0, 65535, (8, 9, 7), dtype=np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image, photometric="minisblack", planarconfig="contig")
    expected = image[..., np.array(bands) - 1]
    # Two and four channels would be grey and RGB with alpha.
    expected = np.tile(expected, {2: 3, 4: 2}.get(len(bands), 1))
    assert np.array_equal(read_image(path, bands=bands), expected)
    ranges = [(10.5 * band, 2000 * band) for band in bands]
    black, white = np.transpose(ranges)
    read = read_image(path, bands=bands, value_range=ranges)
    expected = ((image[..., np.array(bands) - 1] - black) / (white - black)).clip(0, 1)
    np.testing.assert_allclose(read[..., : len(bands)], expected, atol=1e-6)


def test_bands_that_are_none(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", pixels(4, 6))
    for bands, error, message in (
        ([], ValueError, "at least one band"),
        ([0], ValueError, "a band=0"),
        ([2], ValueError, "no band 2"),
        (2, TypeError, "a list of integers"),
        ([1.0], TypeError, "a list of integers"),
    ):
        with pytest.raises(error, match=message):
            read_image(tmp_path / "a.tif", bands=bands)


@pytest.mark.parametrize(("stored", "n_bands"), [(7, 7), (4, 8), (2, 6)])
def test_a_network_of_many_bands_needs_no_choice(tmp_path, stored, n_bands):
    path = tmp_path / "a.tif"
    image = pixels(5, 6, stored)
    tifffile.imwrite(path, image, photometric="minisblack", planarconfig="contig")
    read, _, _ = read_with_notes(path, n_bands=n_bands)
    assert np.array_equal(read, np.tile(image, n_bands // stored))
    for other in (None, 3, n_bands + 1):
        with pytest.raises(ArgumentNeededError, match=rf", {stored}\); choose"):
            read_with_notes(path, n_bands=other)


@pytest.mark.parametrize("compression", ["lzw", "zstd", "deflate"])
def test_compressed_tiffs(tmp_path, rng, compression):
    image = rng.integers(0, 255, (8, 9, 3), dtype=np.uint8)
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, image, photometric="rgb", compression=compression)
    assert np.array_equal(read_image(path), image)


def test_a_missing_decoder_is_named(tmp_path):
    (tmp_path / "x.tif").write_bytes(b"II*")
    with (
        pytest.raises(ImportError, match="pip install imagecodecs"),
        reading(tmp_path / "x.tif"),
    ):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")


def test_a_file_that_may_not_be_read(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    with pytest.raises(PermissionError, match="denied"), reading(tmp_path / "x.png"):
        raise PermissionError(13, "Permission denied", "x.png")


def write_nodata(path, image, value, **options):
    tag = [(42113, "s", 0, value, True)]
    tifffile.imwrite(path, image, extratags=tag, **options)


def test_no_data_is_looked_for_in_the_chosen_bands(tmp_path):
    image = np.full((4, 5, 4), 9, dtype=np.uint16)
    image[0, :, :3] = 0
    image[1, 0, 0] = 0
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    write_nodata(tmp_path / "x.tif", image, "0", **options)
    _, mask = read_masked_image(tmp_path / "x.tif", "nodata", bands=[1, 2, 3])
    assert np.array_equal(mask, np.arange(4)[:, None] > np.zeros(5))
    _, mask = read_masked_image(tmp_path / "x.tif", "nodata", bands=[4])
    assert mask is None


@pytest.mark.parametrize("value", ["-9999", "-1.7976931348623157e+308", "nan", None])
def test_nan_is_no_data(tmp_path, value, capfd):
    image = np.linspace(0, 1, 20, dtype=np.float32).reshape(4, 5)
    image[2, 3] = np.nan
    if value is None:
        tifffile.imwrite(tmp_path / "x.tif", image)
    else:
        write_nodata(tmp_path / "x.tif", image, value)
    read, mask = read_masked_image(tmp_path / "x.tif", "nodata")
    assert np.argwhere(~mask).tolist() == [[2, 3]]
    assert np.array_equal(read[mask, 0], image[mask])
    assert capfd.readouterr().err == ""


def test_a_number_that_no_pixel_can_have(tmp_path, capfd):
    write_nodata(tmp_path / "x.tif", pixels(4, 6), "-9999")
    with pytest.warns(UserWarning, match="no-data value that its pixels can have"):
        assert read_masked_image(tmp_path / "x.tif", "nodata")[1] is None
    assert capfd.readouterr().err == ""


def test_value_range(tmp_path):
    image = np.array([[-500, -200, 1300, 2800, 9000]], dtype=np.int16)
    tifffile.imwrite(tmp_path / "x.tif", image)
    with pytest.raises(ValueError, match=r"black and white\. \(value_range=\)"):
        read_image(tmp_path / "x.tif")
    read = read_image(tmp_path / "x.tif", value_range=(-200, 2800))
    assert read.dtype == np.float32
    assert read[0, :, 0].tolist() == [0, 0, 0.5, 1, 1]
    wrong = [(5, 5), (0, np.inf), (1, 2, 3), [(0, 1), (1, 0)], [], "ab", 3, [[]]]
    for value_range in wrong:
        with pytest.raises(ValueError, match="the lower one first"):
            read_image(tmp_path / "x.tif", value_range=value_range)
    with pytest.raises(ValueError, match=r"2 pairs.*number of bands is 1"):
        read_image(tmp_path / "x.tif", value_range=[(0, 1), (0, 1)])
