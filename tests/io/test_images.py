import numpy as np
import pytest
import rasterio
import rasterio.shutil
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
from seal_sk.io.rasters import opened


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
        with pytest.raises(ArgumentNeededError, match=rf", {bands}\); choose those"):
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
    wrong = [
        (5, 5),
        (0, np.inf),
        (0, 1e300),
        (0, 1e-300),
        (1, 2, 3),
        [(0, 1), (1, 0)],
        [],
        "ab",
        3,
        [[]],
    ]
    for value_range in wrong:
        with pytest.raises(ValueError, match="the lower one first"):
            read_image(tmp_path / "x.tif", value_range=value_range)
    with pytest.raises(ValueError, match=r"2 pairs.*number of bands is 1"):
        read_image(tmp_path / "x.tif", value_range=[(0, 1), (0, 1)])


# What GDAL knows about a file

PLACE = rasterio.Affine(0.5, 0, 5e5, 0, -0.5, 58e5)


def write_raster(path, image, *, mask=None, **options):
    """Write an (H, W, C) array with a place, so that GDAL reads it."""
    options = {"driver": "GTiff", "crs": "EPSG:32633", "transform": PLACE, **options}
    height, width, count = image.shape
    with rasterio.open(
        path, "w", height=height, width=width, count=count, dtype=image.dtype, **options
    ) as file:
        file.write(np.moveaxis(image, 2, 0))
        if mask is not None:
            file.write_mask(mask)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("n_bands", [1, 3, 7])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_both_readers_agree(tmp_path, rng, dtype, n_bands, interleave):
    image = rng.integers(0, 255, (20, 30, n_bands)).astype(dtype)
    if image.dtype.kind == "f":
        image /= 255
    write_raster(tmp_path / "placed.tif", image, interleave=interleave)
    planar = "contig" if interleave == "pixel" else "separate"
    stored = image if planar == "contig" else np.moveaxis(image, 2, 0)
    photometric = "rgb" if n_bands == 3 else "minisblack"
    tifffile.imwrite(
        tmp_path / "plain.tif",
        stored[..., 0] if n_bands == 1 and planar == "contig" else stored,
        photometric=photometric,
        planarconfig=planar if n_bands > 1 else None,
        compression="lzw",
    )
    bands = range(n_bands, 0, -1)
    for name in ("placed.tif", "plain.tif"):
        read = read_image(tmp_path / name, bands=bands)
        assert np.array_equal(read, image[..., ::-1])
        assert read.dtype == dtype
        assert image_size(tmp_path / name) == (20, 30)


@pytest.mark.parametrize("placed", [False, True])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16])
def test_zero_may_be_white(tmp_path, rng, dtype, placed):
    high = 1 if dtype is bool else np.iinfo(dtype).max
    image = rng.integers(0, high, (20, 32), endpoint=True).astype(dtype)
    # The corner of a matrix of a GeoTIFF.
    tags = [(33550, "d", 3, (1, 1, 0), True), (33922, "d", 6, (0, 0, 0, 9, 9, 0), True)]
    for photometric in ("minisblack", "miniswhite"):
        path = tmp_path / "a.tif"
        tags_here = tags if placed else []
        tifffile.imwrite(path, image, photometric=photometric, extratags=tags_here)
        expected = image * 255 if dtype is bool else image
        full = 255 if dtype is bool else high
        if photometric == "miniswhite":
            expected = full - expected
        assert np.array_equal(read_image(path)[..., 0], expected)
    with Image.open(path) as shown:
        assert dtype == np.uint16 or np.array_equal(
            np.asarray(shown.convert("L")), expected
        )


def test_zero_is_white_of_floats(tmp_path):
    image = np.zeros((4, 6), dtype=np.float32)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="miniswhite")
    with pytest.raises(ValueError, match="says that 0 is white"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("placed", [False, True])
@pytest.mark.parametrize("factor", [1, 257])
def test_palettes_of_tiffs(tmp_path, rng, factor, placed):
    colours = rng.integers(0, 256, (3, 256), dtype=np.uint16)
    index = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    options = {"photometric": "palette", "colormap": colours * factor}
    if placed:
        write_nodata(tmp_path / "a.tif", index, "3", **options)
    else:
        tifffile.imwrite(tmp_path / "a.tif", index, **options)
    read = read_image(tmp_path / "a.tif")
    assert read.dtype == np.uint8
    assert np.array_equal(read, colours.T[index])
    if placed:
        _, mask = read_masked_image(tmp_path / "a.tif", "nodata")
        assert np.array_equal(mask, index != 3)


@pytest.mark.parametrize(
    ("suffix", "driver"), [(".vrt", "VRT"), (".img", "HFA"), (".jp2", "JP2OpenJPEG")]
)
def test_other_formats_of_gdal(tmp_path, rng, suffix, driver):
    image = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
    write_raster(tmp_path / "source.tif", image)
    options = {"QUALITY": "100", "REVERSIBLE": "YES"} if suffix == ".jp2" else {}
    path = tmp_path / f"a{suffix}"
    rasterio.shutil.copy(tmp_path / "source.tif", path, driver=driver, **options)
    assert np.array_equal(read_image(path), image)
    assert np.array_equal(read_image(path, bands=[2])[..., 0], image[..., 1])
    assert image_size(path) == (20, 30)


def test_overviews_and_masks_are_no_images(tmp_path, rng):
    image = rng.integers(0, 255, (600, 520, 3), dtype=np.uint8)
    inside = np.full(image.shape[:2], 255, dtype=np.uint8)
    inside[:, :9] = 0
    write_raster(tmp_path / "source.tif", image, mask=inside)
    rasterio.shutil.copy(tmp_path / "source.tif", tmp_path / "cog.tif", driver="COG")
    with rasterio.open(tmp_path / "source.tif", "r+") as file:
        file.build_overviews([2, 4])
    for name in ("source.tif", "cog.tif"):
        assert np.array_equal(read_image(tmp_path / name), image)
        _, mask = read_masked_image(tmp_path / name, "nodata")
        assert np.array_equal(mask, inside > 0)


@pytest.mark.parametrize("beside", [False, True])
def test_masks_of_files(tmp_path, rng, beside):
    image = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
    inside = np.full((20, 30), 255, dtype=np.uint8)
    inside[3:9] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=not beside):
        write_raster(tmp_path / "a.tif", image, mask=inside)
    assert (tmp_path / "a.tif.msk").exists() == beside
    read, mask = read_masked_image(tmp_path / "a.tif", "nodata")
    assert np.array_equal(read, image)
    assert np.array_equal(mask, inside > 0)


@pytest.mark.parametrize("where", ["nodata", "alpha"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_alpha_is_a_mask(tmp_path, rng, suffix, where):
    image = rng.integers(0, 255, (20, 30, 4), dtype=np.uint8)
    image[:, :9, 3] = 0
    image[:, 9:, 3] = 7
    Image.fromarray(image).save(tmp_path / f"a{suffix}")
    with pytest.raises(ArgumentNeededError) as caught:
        read_image(tmp_path / f"a{suffix}")
    assert caught.value.arguments == ("drop_alpha", "bands", "mask alpha")
    read, mask = read_masked_image(tmp_path / f"a{suffix}", where)
    assert np.array_equal(read, image[..., :3])
    assert np.array_equal(mask, image[..., 3] > 0)
    for bands in ([4, 1, 2], [4]):
        read, mask = read_masked_image(tmp_path / f"a{suffix}", where, bands=bands)
        assert np.array_equal(read, image[..., [band - 1 for band in bands]])
        assert np.array_equal(mask, image[..., 3] > 0)


@pytest.mark.parametrize("where", ["nodata", "alpha"])
def test_alpha_of_a_palette_is_a_mask(tmp_path, where):
    index = pixels(20, 30) % 4
    image = Image.fromarray(index, "P")
    image.putpalette([9, 8, 7, 1, 2, 3, 4, 5, 6, 0, 0, 0])
    image.save(tmp_path / "a.png", transparency=bytes([255, 0, 90, 0]))
    read, mask = read_masked_image(tmp_path / "a.png", where)
    assert read[0, :2].tolist() == [[9, 8, 7], [1, 2, 3]]
    assert np.array_equal(mask, index % 2 == 0)
    assert np.array_equal(read_image(tmp_path / "a.png"), read)
    with opened(tmp_path / "a.png") as file:
        colours = file.colormap(1)
    write_raster(tmp_path / "a.img", index[..., None], driver="HFA")
    with rasterio.open(tmp_path / "a.img", "r+") as file:
        file.write_colormap(1, colours)
    read, mask = read_masked_image(tmp_path / "a.img", where)
    assert read[0, :2].tolist() == [[9, 8, 7], [1, 2, 3]]
    assert np.array_equal(mask, index % 2 == 0)


@pytest.mark.parametrize("where", ["nodata", "alpha"])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_a_transparent_colour_is_a_mask(tmp_path, rng, shape, where):
    image = rng.integers(0, 3, shape, dtype=np.uint8)
    colour = 1 if image.ndim == 2 else (1, 2, 0)
    Image.fromarray(image).save(tmp_path / "a.png", transparency=colour)
    _, mask = read_masked_image(tmp_path / "a.png", where)
    equal = image == colour
    assert np.array_equal(~mask, equal if image.ndim == 2 else equal.all(axis=2))


def write_png(path, bands, **options):
    """Write a PNG by GDAL, which keeps 16-bit colours and few bits."""
    nodata, tags = options.pop("nodata", None), options.pop("tags", {})
    alpha = {"alpha": "yes"} if len(bands) in (2, 4) else {}
    raster = path.with_suffix(".tif")
    write_raster(raster, np.moveaxis(bands, 0, -1), nodata=nodata, **alpha)
    with rasterio.open(raster, "r+") as file:
        file.update_tags(**tags)
    rasterio.shutil.copy(raster, path, driver="PNG", **options)


@pytest.mark.parametrize("where", ["nodata", "alpha"])
@pytest.mark.parametrize("n_bits", [1, 2, 4, 8, 16])
def test_a_transparent_grey_of_any_depth(tmp_path, rng, n_bits, where):
    dtype = np.uint16 if n_bits == 16 else np.uint8
    grey = rng.integers(0, 2, (1, 20, 30), dtype=dtype) * dtype(2**n_bits - 1)
    write_png(tmp_path / "a.png", grey, nbits=n_bits, nodata=2**n_bits - 1)
    image, mask = read_masked_image(tmp_path / "a.png", where)
    assert np.array_equal(mask, grey[0] == 0)
    assert np.array_equal(image[..., 0] == 0, mask)


@pytest.mark.parametrize("where", ["nodata", "alpha"])
@pytest.mark.parametrize("n_bands", [2, 3, 4])
@pytest.mark.filterwarnings("ignore:.*16-bit colours are read as 8 bits")
def test_transparency_of_deep_pngs(tmp_path, rng, n_bands, where):
    bands = rng.integers(0, 2, (n_bands, 20, 30), dtype=np.uint16) * 100 + 3000
    wanted = (bands == 3100).any(axis=0)
    if n_bands != 3:
        bands[-1] = 100 * wanted  # alpha, less than one of 8 bits
    write_png(tmp_path / "a.png", bands, tags={"NODATA_VALUES": "3000 3000 3000"})
    image, mask = read_masked_image(tmp_path / "a.png", where)
    assert image.shape == (20, 30, 3)
    assert np.array_equal(mask, wanted)


def test_alpha_and_palettes_in_the_tags_of_gdal(tmp_path, rng):
    bands = rng.integers(0, 2, (5, 20, 30), dtype=np.uint8) * 255
    write_raster(tmp_path / "alpha.tif", np.moveaxis(bands, 0, -1))
    with rasterio.open(tmp_path / "alpha.tif", "r+") as raster:
        names = ["red", "green", "blue", "undefined", "alpha"]
        raster.colorinterp = [rasterio.enums.ColorInterp[name] for name in names]
    assert not (tmp_path / "alpha.tif.aux.xml").exists()
    _, mask = read_masked_image(tmp_path / "alpha.tif", "alpha", bands=[3, 2, 1])
    assert np.array_equal(mask, bands[4] == 255)


def test_bands_of_several_dtypes(tmp_path, rng):
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    write_raster(tmp_path / "a.tif", image)
    rasterio.shutil.copy(tmp_path / "a.tif", tmp_path / "a.vrt", driver="VRT")
    text = (tmp_path / "a.vrt").read_text()
    text = text.replace('dataType="Byte" band="2"', 'dataType="UInt16" band="2"')
    (tmp_path / "a.vrt").write_text(text)
    read = read_image(tmp_path / "a.vrt")
    assert read.dtype == np.uint16
    assert np.array_equal(read, image)


@pytest.mark.parametrize("placed", [False, True])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_palettes_of_one_bit(tmp_path, rng, placed):
    index = rng.integers(0, 2, (20, 30, 1), dtype=np.uint8)
    colours = np.array([[255, 0, 0], [0, 0, 255]], dtype=np.uint8)
    place = {} if placed else {"crs": None, "transform": None}
    write_raster(tmp_path / "a.tif", index, nbits=1, **place)
    with rasterio.open(tmp_path / "a.tif", "r+") as raster:
        raster.write_colormap(1, {0: (255, 0, 0, 255), 1: (0, 0, 255, 255)})
    assert np.array_equal(read_image(tmp_path / "a.tif"), colours[index[..., 0]])


@pytest.mark.parametrize("where", ["nodata", "alpha"])
def test_alpha_of_floats(tmp_path, rng, where):
    image = rng.integers(0, 2, (20, 30, 4)).astype(np.float32)
    write_raster(tmp_path / "a.tif", image, photometric="rgb", alpha="yes")
    read, mask = read_masked_image(tmp_path / "a.tif", where)
    assert np.array_equal(read, image[..., :3])
    assert np.array_equal(mask, image[..., 3] == 1)


def test_alpha_need_not_be_the_last_band(tmp_path, rng):
    image = rng.integers(1, 255, (20, 30, 5), dtype=np.uint8)
    for name, extratags in (("plain", []), ("placed", [(42113, "s", 0, "0", True)])):
        tifffile.imwrite(
            tmp_path / f"{name}.tif",
            image,
            photometric="rgb",
            planarconfig="contig",
            extrasamples=["unassalpha", "unspecified"],
            extratags=extratags,
        )
        read, _, _ = read_with_notes(tmp_path / f"{name}.tif", "alpha", n_bands=8)
        assert np.array_equal(read, np.tile(image[..., [0, 1, 2, 4]], 2))


@pytest.mark.parametrize(
    ("declared", "stored"),
    [
        ("-3.402823E+38", np.finfo(np.float32).min),
        ("-3.40282e+38", np.finfo(np.float32).min),
        ("-3.39999999999999996e+38", np.finfo(np.float32).min),
        ("-3.4028234663852886e+38", np.float32(-3.4028230607371e38)),
        ("1e-7", np.float32(1e-7)),
    ],
)
def test_no_data_has_the_tolerance_of_gdal(tmp_path, rng, declared, stored):
    image = rng.uniform(0.1, 1, (20, 30)).astype(np.float32)
    image[:5] = stored
    write_nodata(tmp_path / "a.tif", image, declared)
    _, mask = read_masked_image(tmp_path / "a.tif", "nodata", value_range=(0, 1))
    assert np.array_equal(mask, np.arange(600).reshape(20, 30) >= 150)
    with opened(tmp_path / "a.tif") as file:
        assert np.array_equal(mask, file.dataset_mask() > 0)


def test_no_data_of_each_band(tmp_path):
    image = np.full((4, 5, 2), 9, dtype=np.uint8)
    image[0, :, 0], image[1, :, 1] = 1, 2
    image[2] = 1, 2
    for band, nodata in enumerate((1, 2)):
        write_raster(tmp_path / f"{band}.tif", image[..., [band]], nodata=nodata)
    sources = "".join(
        f'<VRTRasterBand dataType="Byte" band="{band + 1}"><NoDataValue>{band + 1}'
        '</NoDataValue><SimpleSource><SourceFilename relativeToVRT="1">'
        f"{band}.tif</SourceFilename></SimpleSource></VRTRasterBand>"
        for band in (0, 1)
    )
    size = 'rasterXSize="5" rasterYSize="4"'
    (tmp_path / "a.vrt").write_text(f"<VRTDataset {size}>{sources}</VRTDataset>")
    for bands, expected in (([1], [0, 2]), ([2], [1, 2]), ([1, 2], [2])):
        _, mask = read_masked_image(tmp_path / "a.vrt", "nodata", bands=bands)
        assert np.flatnonzero(~mask.all(axis=1)).tolist() == expected


@pytest.mark.parametrize("options", [{}, {"metadata": None}, {"imagej": True}])
def test_no_data_of_pages(tmp_path, rng, options):
    image = rng.integers(1, 255, (5, 20, 30), dtype=np.uint8)
    image[:, 3] = image[1, 4] = 0
    tags = [(42113, "s", 0, "0", False)]
    options = {"photometric": "minisblack", "extratags": tags, **options}
    tifffile.imwrite(tmp_path / "a.tif", image, **options)
    for bands, expected in (([1, 2, 3], [3]), ([2], [3, 4])):
        _, mask = read_masked_image(tmp_path / "a.tif", "nodata", bands=bands)
        assert np.flatnonzero(~mask.all(axis=1)).tolist() == expected


@pytest.mark.parametrize("where", ["nodata", "alpha"])
def test_nothing_to_mask_is_told(tmp_path, where):
    tifffile.imwrite(tmp_path / "a.tif", pixels(4, 6))
    with pytest.warns(UserWarning, match=r"a\.tif: no pixel is masked"):
        assert read_masked_image(tmp_path / "a.tif", where)[1] is None


@pytest.mark.parametrize(
    "source",
    ["/vsicurl/http://localhost:1/a.tif", "http://localhost:1/a.tif", "WMS:localhost"],
)
def test_networks_are_not_read(tmp_path, source):
    (tmp_path / "a.vrt").write_text(
        '<VRTDataset rasterXSize="5" rasterYSize="4"><VRTRasterBand dataType="Byte" '
        f'band="1"><SimpleSource><SourceFilename>{source}</SourceFilename>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(ValueError, match=f"refers to {source}, and images are not"):
        read_image(tmp_path / "a.vrt")


# Files of several images, and numbers that are no image


@pytest.mark.parametrize("bands", [None, [1]])
@pytest.mark.parametrize(
    "shapes",
    [[(20, 30, 3), (21, 30, 3)], [(5, 6, 3), (50, 60, 3)], [(20, 30)] * 2 + [(9, 9)]],
)
def test_pages_of_different_sizes(tmp_path, shapes, bands):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for shape in shapes:
            file.write(pixels(*shape), photometric="rgb" if len(shape) == 3 else None)
    with pytest.raises(ValueError, match=r"a\.tif holds \d images"):
        read_image(tmp_path / "a.tif", bands=bands)


@pytest.mark.parametrize(
    ("shape", "options", "said"),
    [
        ((5, 20, 30), {}, "5 pages of 20 x 30"),
        (
            (5, 20, 30),
            {"imagej": True, "metadata": {"axes": "ZYX"}},
            "5 slices of a vol",
        ),
        (
            (5, 20, 30),
            {"imagej": True, "metadata": {"axes": "TYX"}},
            "5 times of a ser",
        ),
        ((5, 20, 30), {"ome": True, "metadata": {"axes": "CYX"}}, "5 channels of"),
    ],
)
def test_pages_are_bands_on_demand(tmp_path, shape, options, said):
    image = pixels(*shape)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack", **options)
    with pytest.raises(ArgumentNeededError, match=said):
        read_image(tmp_path / "a.tif")
    read = read_image(tmp_path / "a.tif", bands=[5, 1, 2])
    assert np.array_equal(read, np.moveaxis(image[[4, 0, 1]], 0, -1))


@pytest.mark.parametrize(
    ("shape", "photometric"),
    [((4, 20, 30, 3), "rgb"), ((2, 5, 20, 30), "minisblack")],
)
def test_bands_along_several_axes(tmp_path, shape, photometric):
    tifffile.imwrite(tmp_path / "a.tif", pixels(*shape), photometric=photometric)
    for bands in (None, [1]):
        with pytest.raises(ValueError, match="holds several images, an array of shape"):
            read_image(tmp_path / "a.tif", bands=bands)


@pytest.mark.parametrize("n_bands", [2, 5, 16])
@pytest.mark.parametrize("options", [{}, {"metadata": None}])
def test_bands_last(tmp_path, n_bands, options):
    image = pixels(30, 40, n_bands, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack", **options)
    assert image_size(tmp_path / "a.tif") == (30, 40)
    with pytest.raises(ArgumentNeededError, match=rf"\(30, 40, {n_bands}\); choose"):
        read_image(tmp_path / "a.tif")
    read = read_image(tmp_path / "a.tif", bands=[n_bands])
    assert np.array_equal(read, image[..., -1:])


@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (1, 1), (1, 1, 1), (1, 30, 3)])
@pytest.mark.parametrize("options", [{}, {"metadata": None}, {"ome": True}])
def test_one_row_or_column(tmp_path, shape, options):
    image = pixels(*shape)
    tifffile.imwrite(tmp_path / "a.tif", image, **options)
    expected = image.reshape(*shape[:2], -1)
    assert np.array_equal(read_image(tmp_path / "a.tif"), expected)
    assert image_size(tmp_path / "a.tif") == shape[:2]


def test_a_row_of_colours_without_an_axis(tmp_path):
    colours = pixels(30, 3)
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb")
    assert np.array_equal(read_image(tmp_path / "a.tif"), colours[None])


def test_many_bands_last(tmp_path):
    image = pixels(30, 40, 20, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack")
    with pytest.raises(ValueError, match="save it in one page, in tifffile with"):
        read_image(tmp_path / "a.tif", bands=[1])
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", image, **options)
    assert np.array_equal(read_image(tmp_path / "a.tif", bands=[20]), image[..., 19:])


@pytest.mark.parametrize("name", ["complex64", "complex_int16"])
def test_complex_numbers(tmp_path, name):
    with rasterio.open(
        tmp_path / "a.tif", "w", "GTiff", 6, 4, 1, "EPSG:32633", PLACE, dtype=name
    ):
        pass
    with pytest.raises(ValueError, match=r"complex numbers.*numpy\.abs"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".gif", ".webp"])
def test_animations(tmp_path, suffix):
    frames = [Image.fromarray(pixels(8, 9, 3) + value) for value in (0, 90)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match=r"is animated \(2 images\); save one"):
        read_image(tmp_path / f"a{suffix}")


def test_other_pictures_after_a_photograph_are_told(tmp_path):
    first, second = (Image.fromarray(pixels(16, 16, 3) + value) for value in (0, 90))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    with pytest.warns(UserWarning, match="holds 2 pictures, of which the first one"):
        read = read_image(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        assert np.array_equal(read, np.asarray(image))


@pytest.mark.parametrize(
    "dtype", [np.int8, np.int16, np.int32, np.uint32, np.int64, np.uint64]
)
@pytest.mark.parametrize("placed", [False, True])
def test_dtypes_that_need_a_range(tmp_path, dtype, placed):
    image = pixels(5, 6, 1).astype(dtype)
    if placed:
        write_raster(tmp_path / "a.tif", image)
    else:
        tifffile.imwrite(tmp_path / "a.tif", image[..., 0])
    with pytest.raises(ArgumentNeededError, match=np.dtype(dtype).name) as caught:
        read_image(tmp_path / "a.tif")
    assert caught.value.arguments == ("value_range",)
    read = read_image(tmp_path / "a.tif", value_range=(0, 29))
    np.testing.assert_allclose(read, pixels(5, 6, 1) / 29, atol=1e-7)


def test_nan_needs_a_mask(tmp_path):
    image = np.linspace(0, 1, 30, dtype=np.float32).reshape(5, 6)
    image[2, 3] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", image)
    with pytest.raises(ArgumentNeededError, match="holds NaN; mask") as caught:
        read_image(tmp_path / "a.tif")
    assert caught.value.arguments == ("mask nodata",)


@pytest.mark.parametrize("value", [-3.4e38, -9999, np.inf])
def test_no_data_of_floats_needs_a_mask(tmp_path, rng, value):
    image = rng.random((20, 30, 3), dtype=np.float32)
    image[:5] = value
    write_raster(tmp_path / "a.tif", image, nodata=value)
    with pytest.raises(ArgumentNeededError, match="no data, with values") as caught:
        read_image(tmp_path / "a.tif")
    assert caught.value.arguments == ("mask nodata",)
    read, mask = read_masked_image(tmp_path / "a.tif", "nodata")
    assert np.array_equal(read[5:], image[5:])
    assert np.array_equal(mask.all(axis=1), np.arange(20) >= 5)


def test_a_source_that_is_missing_is_named(tmp_path, rng):
    image = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
    write_raster(tmp_path / "source.tif", image)
    rasterio.shutil.copy(tmp_path / "source.tif", tmp_path / "a.vrt", driver="VRT")
    (tmp_path / "source.tif").unlink()
    with pytest.raises(OSError, match=r"a\.vrt can't be read .*source\.tif"):
        read_image(tmp_path / "a.vrt")


def test_half_floats(tmp_path):
    image = np.linspace(0, 1, 30).reshape(5, 6).astype(np.float16)
    tifffile.imwrite(tmp_path / "a.tif", image)
    read = read_image(tmp_path / "a.tif")
    assert read.dtype == np.float32
    assert np.array_equal(read[..., 0], image)


def test_few_bits_are_stretched(tmp_path):
    image = pixels(4, 4) % 16
    write_raster(tmp_path / "a.tif", image[..., None], nbits=4)
    assert np.array_equal(read_image(tmp_path / "a.tif")[..., 0], image * 17)


def test_a_size_beyond_what_is_read_at_once(tmp_path):
    options = {"compress": "deflate", "sparse_ok": True, "tiled": True}
    with rasterio.open(
        tmp_path / "a.tif",
        "w",
        "GTiff",
        2**15,
        2**14,
        1,
        "EPSG:32633",
        PLACE,
        dtype="uint8",
        **options,
    ):
        pass
    with pytest.raises(ValueError, match="split it into tiles, or scale it down"):
        read_image(tmp_path / "a.tif")


def test_old_address_of_the_readers():
    from seal_sk.datasets import images

    assert images.read_image is read_image
    assert images.read_masked_image is read_masked_image
