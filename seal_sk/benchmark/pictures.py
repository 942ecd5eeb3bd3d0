"""Photographs and boundaries of the images where methods differ most."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed

from .._files import replace_file
from .._validation import as_uint8, check_annotations, check_image
from ..labels import boundaries
from .summary import common_images

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["draw_pictures", "most_different", "read_pictures"]

N_PICTURES = 8
# Longest side of a picture; larger images are reduced.
_LONGEST = 1000


def most_different(table: pd.DataFrame, n_images: int = N_PICTURES) -> list[str]:
    """Images on which the ASA of the methods differs most, largest difference first.

    Parameters
    ----------
    table : DataFrame
        Table of `Results.table`.
    n_images : int, default=8

    Returns
    -------
    list of str
    """
    # The oracle is always far above; differences among the others are of interest.
    others = table[table["method"] != "oracle"]
    table = table if others.empty else others
    asa = table.groupby(["image", "requested", "method"], observed=True)["asa"].mean()
    asa = asa.unstack()
    spread = (asa.max(axis=1) - asa.min(axis=1)).groupby("image", observed=True).mean()
    return list(spread.sort_values(ascending=False, kind="stable").index[:n_images])


def draw_pictures(results, dataset, callers, *, n_jobs=1):
    """Write photographs and boundaries for the report, segmenting the images again.

    ``pictures/INDEX/`` has ``image.jpg``, ``truth.png`` and ``METHOD-COUNT.png``, which
    are 1 at boundaries; ``pictures/index.json`` lists the images.
    """
    # Absolute, since processes that were started elsewhere write into it.
    folder = (results.folder / "pictures").absolute()
    folder.mkdir(exist_ok=True)
    table = results.table
    # Existing ones are kept: methods of an earlier call are drawn on them.
    before = list(read_pictures(results.folder))
    try:
        new = [n for n in most_different(common_images(table)) if n not in before]
    except ValueError:  # No image has results of all methods: some failed.
        new = []
    chosen = [*before, *new][:N_PICTURES]
    # Some methods may not have been run at every count.
    counts = table.groupby("method", observed=True)["requested"].unique()
    index = {name: dataset.names.index(name) for name in chosen}
    tasks = []
    for i in index.values():
        one = dataset.select([i])
        place = folder / f"{i:06d}"
        place.mkdir(parents=True, exist_ok=True)
        for method, caller in callers.items():
            missing = [
                count
                for count in map(int, counts.get(method, []))
                if not (place / f"{method}-{count}.png").exists()
            ]
            if missing:
                tasks.append(delayed(_cut)(place, one, method, caller, missing))
        if not (place / "truth.png").exists():
            tasks.append(delayed(_draw_image)(place, one))
    Parallel(n_jobs=n_jobs, batch_size=1)(tasks)
    replace_file(
        folder / "index.json",
        json.dumps({f"{i:06d}": name for name, i in index.items()}, indent=1).encode(),
    )


def _cut(place, one, method, caller, counts):
    image = one.images[0]
    annotations = check_annotations(one.annotations[0], np.shape(image)[:2])
    more = (one.names[0], None if one.masks is None else one.masks[0])
    for count in counts:
        labels = caller.segment(np.array(image), annotations, count, *more)
        _write_png(
            place / f"{method}-{count}.png", boundaries(_smaller(np.asarray(labels)))
        )


def _draw_image(place, one):
    from PIL import Image

    image = check_image(one.images[0])
    image = image[..., :3] if image.shape[2] >= 3 else image[..., :1].repeat(3, axis=2)
    buffer = BytesIO()
    Image.fromarray(_smaller(as_uint8(image))).save(buffer, "JPEG", quality=90)
    replace_file(place / "image.jpg", buffer.getvalue())
    annotations = check_annotations(one.annotations[0], image.shape[:2])
    drawn = [boundaries(_smaller(truth)) for truth in annotations]
    _write_png(place / "truth.png", np.any(drawn, axis=0))


def _smaller(array):
    """Reduce what is too large for a picture, by skipping pixels."""
    step = -(-max(array.shape[:2]) // _LONGEST)
    return np.ascontiguousarray(array[::step, ::step])


def _write_png(path, marked):
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(marked).convert("1").save(buffer, "PNG", optimize=True)
    replace_file(path, buffer.getvalue())


def read_pictures(folder: Path) -> dict[str, Path]:
    """Names and folders of existing pictures.

    Returns
    -------
    dict of str to Path
    """
    index = Path(folder) / "pictures" / "index.json"
    if not index.is_file():
        return {}
    return {
        name: index.parent / key for key, name in json.loads(index.read_text()).items()
    }
