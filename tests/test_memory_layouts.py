"""Arrays as other programs hand them over: read-only, mapped from a file, strided, in
another order of bytes, not aligned."""

import numpy as np
import pytest

import seal_sk
from seal_sk import (
    EdgeAffinity,
    FeatureAffinity,
    GraphSuperpixels,
    OracleAffinity,
    SEALSuperpixels,
    SuperpixelClassifier,
    SuperpixelFeatures,
    adapters,
    affinity,
    export,
    features,
    labels,
    metrics,
    plotting,
    segmentation,
)

N = 12


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 60000, (4, 5, 3)).repeat(8, 0).repeat(8, 1)
    image = (blocks + rng.integers(0, 2000, blocks.shape)).astype(np.uint16)
    mask = np.ones((32, 40), dtype=bool)
    mask[:5], mask[:, 30:] = False, False
    truth = (np.indices((32, 40)) // 16).sum(0).astype(np.int64)
    return {
        "image": image,
        "bytes": (image // 256).astype(np.uint8),
        "floats": (image / 65535).astype(np.float32),
        "mask": mask,
        "truth": truth,
        "small_truth": truth.astype(np.int16),
        "superpixels": segmentation.snic(image, N, exact=True),
        "affinity": affinity.rgb_affinity(image),
        "edges": rng.random((32, 40)),
        "features": rng.random((5, 32, 40)),
        "values": rng.random((N, 2)),
    }


def read_only(array, folder):
    array = array.copy()
    array.setflags(write=False)
    return array


def mapped(array, folder):
    path = folder / f"{id(array)}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def strided(array, folder):
    wide = np.repeat(array, 2, axis=1)[::-1]
    return wide[::-1, ::2]


def columns_first(array, folder):
    return np.asfortranarray(array)


def swapped(array, folder):
    return array.astype(array.dtype.newbyteorder())


def unaligned(array, folder):
    content = b"\0" + array.tobytes()
    return np.frombuffer(content, array.dtype, offset=1).reshape(array.shape)


def estimated(estimator, **items):
    """Label maps of an estimator, with a mask and without."""
    whole = estimator.transform([items["image"]])
    return [*whole, *estimator.transform([items["image"]], [items["mask"]])]


CALLS = {
    "rgb_affinity": lambda a: affinity.rgb_affinity(a["image"]),
    "edge_affinity": lambda a: affinity.edge_affinity(a["edges"]),
    "feature_affinity": lambda a: affinity.feature_affinity(a["features"]),
    "oracle_affinity": lambda a: affinity.oracle_affinity([a["truth"]] * 2),
    "binary_affinity": lambda a: affinity.binary_affinity(a["small_truth"]),
    "to_eight_connected": lambda a: affinity.to_eight_connected(a["affinity"][..., :2]),
    "ers": lambda a: segmentation.ers(a["affinity"], N, mask=a["mask"]),
    "fh": lambda a: segmentation.fh(a["affinity"], n_segments=N, mask=a["mask"]),
    "fh_image": lambda a: segmentation.fh_image(a["image"], mask=a["mask"]),
    "snic": lambda a: segmentation.snic(a["image"], N, mask=a["mask"]),
    "slic": lambda a: segmentation.slic(a["image"], N, mask=a["mask"]),
    "slic, bytes": lambda a: segmentation.slic(a["bytes"], N, exact=True),
    "lsc": lambda a: segmentation.lsc(a["bytes"], N),
    "seeds": lambda a: segmentation.seeds(a["bytes"], N),
    "merge_regions": lambda a: segmentation.merge_regions(
        a["superpixels"], a["affinity"], 5, image=a["image"]
    ),
    "refine_boundaries": lambda a: segmentation.refine_boundaries(
        a["superpixels"], a["image"], a["affinity"], mask=a["mask"]
    ),
    "refine_boundaries, bands": lambda a: segmentation.refine_boundaries(
        a["small_truth"], np.tile(a["floats"], 2)
    ),
    "adjacency": lambda a: labels.adjacency(a["superpixels"]).toarray(),
    "boundaries": lambda a: labels.boundaries(a["superpixels"]),
    "force_n_segments": lambda a: labels.force_n_segments(
        a["superpixels"], 20, image=a["floats"]
    ),
    "merge_small": lambda a: labels.merge_small(
        a["superpixels"], 90, image=a["floats"]
    ),
    "paint": lambda a: labels.paint(a["values"], a["superpixels"]),
    "relabel_consecutive": lambda a: labels.relabel_consecutive(a["superpixels"]),
    "split_components": lambda a: labels.split_components(a["small_truth"]),
    "evaluate": lambda a: list(
        metrics.evaluate(
            [a["truth"], a["small_truth"]],
            a["superpixels"],
            image=a["image"],
            ignore_label=2,
        ).values()
    ),
    "superpixel_features": lambda a: features.superpixel_features(
        a["image"], a["superpixels"]
    ),
    "superpixel_table": lambda a: export.superpixel_table(
        a["image"], a["superpixels"]
    ).to_numpy(dtype=float),
    "polygons": lambda a: [len(str(p)) for p in export.polygons(a["superpixels"])],
    "draw_boundaries": lambda a: plotting.draw_boundaries(a["image"], a["superpixels"]),
    "napari_layers": lambda a: adapters.napari_layers(a["image"], a["superpixels"])[0][
        0
    ],
    "captum_feature_mask": lambda a: adapters.captum_feature_mask(
        [a["superpixels"]]
    ).numpy(),
    "segmentation_fn": lambda a: adapters.segmentation_fn(
        seal_sk.SNICSuperpixels(N)
    )(a["floats"]),
    "SEALSuperpixels": lambda a: estimated(
        SEALSuperpixels(N, weights="bsds500"), image=a["image"], mask=a["mask"]
    ),
    "training": lambda a: SEALSuperpixels(
        N, width=4, max_iter=1, crop_size=16, batch_size=1,
        random_state=0, validation_fraction=0,
    )
    .fit([a["bytes"]], [a["truth"]])
    .predict_affinity([a["bytes"]])[0],
    "EdgeAffinity": lambda a: EdgeAffinity("precomputed").transform([a["edges"]])[0],
    "EdgeAffinity, canny": lambda a: EdgeAffinity().transform([a["bytes"]])[0],
    "FeatureAffinity": lambda a: FeatureAffinity("precomputed")
    .fit([a["features"]])
    .transform([a["features"]])[0],
    "OracleAffinity": lambda a: GraphSuperpixels(N, affinity=OracleAffinity())
    .transform([a["truth"]])[0],
    "precomputed affinities": lambda a: GraphSuperpixels(N, affinity="precomputed")
    .transform([a["affinity"]], [a["mask"]])[0],
    "SuperpixelFeatures": lambda a: SuperpixelFeatures("precomputed").fit_transform(
        [(a["image"], a["superpixels"])]
    )[0],
    "SuperpixelClassifier": lambda a: SuperpixelClassifier(
        segmenter=seal_sk.SNICSuperpixels(N)
    )
    .fit([a["image"]], [a["truth"]])
    .predict([a["image"]])[0],
    **{
        f"{name}Superpixels": lambda a, name=name: estimated(
            getattr(seal_sk, f"{name}Superpixels")(N), image=a["floats"], mask=a["mask"]
        )
        for name in ("ERS", "FH", "SNIC", "SLIC")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_layout_of_arrays_changes_nothing(name, arrays, tmp_path):
    call = CALLS[name]
    want = call(arrays)
    for change in (read_only, mapped, strided, columns_first, swapped, unaligned):
        got = call({key: change(a, tmp_path) for key, a in arrays.items()})
        for one, other in zip(got, want, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=change.__name__)
