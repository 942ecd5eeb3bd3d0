"""What a user's program sees: checked by mypy with --strict, never run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from typing_extensions import assert_type

import seal_sk
from seal_sk import (
    EdgeAffinity,
    ERSSuperpixels,
    FeatureAffinity,
    FHSuperpixels,
    GraphSuperpixels,
    LearnedAffinity,
    LSCSuperpixels,
    OracleAffinity,
    RGBAffinity,
    SEALSuperpixels,
    SEEDSSuperpixels,
    SLICSuperpixels,
    SNICSuperpixels,
    SuperpixelClassifier,
    SuperpixelFeatures,
)
from seal_sk.benchmark import (
    PROTOCOLS,
    LabelMaps,
    Metric,
    Protocol,
    Results,
    average_over_counts,
    compare,
    find_methods,
    read_results,
    run_benchmark,
    summarize,
)
from seal_sk.datasets import (
    Dataset,
    fetch_bsds500,
    find_dataset,
    load_cityscapes,
    load_image_folder,
    make_scenes,
    read_label_map,
)
from seal_sk.datasets.lazy import LazySequence
from seal_sk.labels import (
    boundaries,
    force_n_segments,
    merge_small,
    relabel_consecutive,
    split_components,
)
from seal_sk.metrics import (
    asa_score,
    asa_scorer,
    boundary_recall_score,
    compactness_score,
    evaluate,
    evaluate_scorer,
    size_statistics,
)
from seal_sk.pan import AffinityNet, SEALLoss, read_weights, superpixel_leak
from seal_sk.report import write_report
from seal_sk.segmentation import cut_tree

Image = NDArray[np.uint8]
LabelMap = NDArray[np.int32]
AffinityMap = NDArray[np.float32]


def functions(image: Image, mask: NDArray[np.bool_]) -> None:
    assert_type(seal_sk.__version__, str)
    affinity = seal_sk.rgb_affinity(image, sigma=4, connectivity=4)
    assert_type(affinity, AffinityMap)
    assert_type(seal_sk.to_eight_connected(affinity), AffinityMap)
    assert_type(seal_sk.edge_affinity([[0.0, 1.0]]), AffinityMap)
    assert_type(seal_sk.feature_affinity(image, metric="l2"), AffinityMap)
    assert_type(seal_sk.oracle_affinity([image, image]), AffinityMap)
    target, known = seal_sk.binary_affinity(image, ignore_label=255)
    assert_type(target, AffinityMap)
    assert_type(known, NDArray[np.bool_])

    labels = seal_sk.ers(affinity, 300, mask=mask)
    assert_type(labels, LabelMap)
    assert_type(seal_sk.ers(affinity, [100, 300], nested=True), list[LabelMap])
    fine, tree = seal_sk.ers(affinity, 300, nested=True, return_tree=True)
    assert_type(fine, LabelMap)
    assert_type(tree, NDArray[np.int32])
    several, _ = seal_sk.ers(affinity, range(2, 9), nested=True, return_tree=True)
    assert_type(several, list[LabelMap])
    assert_type(cut_tree(tree, 5, shape=(20, 30)), LabelMap)
    assert_type(seal_sk.fh(affinity, n_segments=300), LabelMap)
    assert_type(seal_sk.fh_image(image, scale=50), LabelMap)
    assert_type(seal_sk.snic(image, 300, exact=True), LabelMap)
    assert_type(seal_sk.slic(image.tolist(), 300), LabelMap)
    assert_type(seal_sk.lsc(image, 300), LabelMap)
    assert_type(seal_sk.seeds(image, 300), LabelMap)
    assert_type(seal_sk.merge_regions(labels, affinity, 9, image=image), LabelMap)
    assert_type(seal_sk.refine_boundaries(labels, image, affinity, n_jobs=2), LabelMap)

    assert_type(relabel_consecutive(labels), LabelMap)
    assert_type(split_components(labels, connectivity=8), LabelMap)
    assert_type(merge_small(labels, 20), LabelMap)
    assert_type(force_n_segments(labels, 9), LabelMap)
    assert_type(boundaries(labels, mode="thick"), NDArray[np.bool_])
    assert_type(seal_sk.paint([0.5, 0.25], labels), NDArray[Any])
    assert_type(seal_sk.superpixel_features(image, labels), NDArray[np.float64])
    assert_type(seal_sk.superpixel_features(image, labels, as_frame=True), pd.DataFrame)


def estimators(images: list[Image], truths: list[list[LabelMap]]) -> None:
    for kind in (SLICSuperpixels, SNICSuperpixels, FHSuperpixels, ERSSuperpixels):
        superpixels = kind(300, n_jobs=2)
        assert_type(superpixels.n_segments, int)
        assert_type(superpixels.transform(images), list[LabelMap])
    assert_type(LSCSuperpixels(ratio=0.1).fit(images), LSCSuperpixels)
    assert_type(SEEDSSuperpixels(n_bins=4).fit(images), SEEDSSuperpixels)
    ers = ERSSuperpixels(n_segments=300).fit(images)
    assert_type(ers, ERSSuperpixels)
    assert_type(ers.fit_transform(images, mask=[None, None]), list[LabelMap])
    assert_type(ers.transform_counts(images, [1, 2]), list[list[LabelMap]])
    assert_type(ers.score(images, truths), float)
    assert_type(ers.n_segments_, list[int])
    assert_type(ers.predict_affinity(images), list[AffinityMap])

    def cut(affinity: AffinityMap, n_segments: int) -> LabelMap:
        return seal_sk.fh(affinity, n_segments=n_segments)

    graph = GraphSuperpixels(300, affinity=EdgeAffinity("sobel"), segmenter=cut)
    assert_type(graph.fit(images, truths).transform(images), list[LabelMap])
    GraphSuperpixels(affinity="precomputed", segmenter="fh", connectivity=4)
    GraphSuperpixels(affinity=LearnedAffinity(max_iter=9))

    seal = SEALSuperpixels(300, network="unet", max_iter=9, weights=Path("net"))
    assert_type(seal.fit(images, truths), SEALSuperpixels)
    assert_type(seal.partial_fit(images, truths), SEALSuperpixels)
    assert_type(SEALSuperpixels.load("bsds500"), SEALSuperpixels)
    assert_type(seal.net_, AffinityNet)
    assert_type(seal.history_, list[dict[str, Any]])
    assert_type(seal.n_iter_, int)
    assert_type(seal.predict_affinity(images), list[AffinityMap])
    SEALSuperpixels(loss=SEALLoss(normalize=True))


def affinities(images: Sequence[Image], truths: list[LabelMap]) -> None:
    assert_type(RGBAffinity(sigma=3.0).transform(images), list[AffinityMap])
    assert_type(EdgeAffinity(lambda image: image).fit(images), EdgeAffinity)
    assert_type(OracleAffinity().transform(truths), list[AffinityMap])
    assert_type(FeatureAffinity(scale=0.1).fit(images), FeatureAffinity)
    learned = LearnedAffinity(network="pan").fit(images, truths)
    assert_type(learned, LearnedAffinity)
    assert_type(learned.net_, AffinityNet)
    assert_type(LearnedAffinity.load("net.safetensors"), LearnedAffinity)


def features_and_classes(images: list[Image], truths: list[LabelMap]) -> None:
    features = SuperpixelFeatures(SNICSuperpixels(40), features=("mean", "std"))
    assert_type(features.fit(images), SuperpixelFeatures)
    assert_type(features.label_maps_, list[LabelMap])
    assert_type(features.n_channels_, int)
    SuperpixelFeatures("precomputed").fit(list(zip(images, truths, strict=True)))
    classifier = SuperpixelClassifier(segmenter=ERSSuperpixels(), ignore_label=255)
    assert_type(classifier.fit(images, truths), SuperpixelClassifier)
    assert_type(classifier.predict(images), list[NDArray[Any]])
    assert_type(classifier.predict_proba(images), list[NDArray[np.float32]])
    assert_type(classifier.score(images, truths), float)


def metrics(image: Image, truth: LabelMap, labels: LabelMap) -> None:
    assert_type(asa_score([[0, 0, 1, 1]], [[5, 5, 5, 7]]), float)
    assert_type(boundary_recall_score([truth, truth], labels, tolerance=2), float)
    assert_type(compactness_score(labels), float)
    assert_type(evaluate(truth, labels, image=image), dict[str, Any])
    assert_type(size_statistics(labels), dict[str, Any])
    assert_type(asa_scorer(ERSSuperpixels(), [image], [truth]), float)
    assert_type(evaluate_scorer(ERSSuperpixels(), [image], [truth]), dict[str, float])


def datasets() -> None:
    images, truths = make_scenes(2, shape=(48, 64), random_state=0)
    assert_type(images, list[Image])
    assert_type(truths, list[LabelMap])
    scenes = Dataset("scenes", images, truths)
    assert_type(scenes.names, list[str])
    assert_type(scenes.tolerance, int)
    assert_type(scenes.select([1]), Dataset)
    assert_type(fetch_bsds500(subset="test"), Dataset)
    photographs, annotations = fetch_bsds500(return_X_y=True)
    assert_type(photographs, LazySequence[Image])
    assert_type(photographs[0], Image)
    assert_type(photographs[:9], LazySequence[Image])
    assert_type(annotations[0], list[LabelMap])
    assert_type(load_cityscapes("cityscapes", labels="labelTrainIds"), Dataset)
    assert_type(load_image_folder(Path("images"), "annotations"), Dataset)
    assert_type(find_dataset("scenes"), Dataset)
    assert_type(read_label_map("labels.png"), NDArray[Any])
    # A data set of files goes where lists of arrays go.
    ERSSuperpixels().score(photographs, annotations)
    ERSSuperpixels().score(scenes.images, scenes.annotations)


def benchmark(dataset: Dataset) -> None:
    results = run_benchmark(dataset, {"ers": ERSSuperpixels()}, [100], "out", n_jobs=2)
    assert_type(results, Results)
    assert_type(results.table, pd.DataFrame)
    assert_type(results.methods, list[str])
    assert_type(read_results("out"), Results)
    assert_type(summarize(results), pd.DataFrame)
    assert_type(average_over_counts(results, counts=(100, 600)), pd.DataFrame)
    assert_type(compare(results.table, at=300), pd.DataFrame)
    assert_type(write_report("out", protocol=PROTOCOLS["stutz2018"]), Path)
    assert_type(find_methods(["ers"]), dict[str, Any])
    assert_type(LabelMaps("maps").find(300, "tree"), Path)
    worst = Protocol("worst", "worst", {"BR": Metric("boundary_recall", "BR")}, "")
    assert_type(worst.metrics, dict[str, Metric])


def networks(labels: LabelMap) -> None:
    net, params = read_weights("net.safetensors")
    assert_type(net, AffinityNet)
    assert_type(params, dict[str, Any])
    assert_type(net.set_calibration(1.5, -5.0).width, int)
    assert_type(superpixel_leak(labels, labels), NDArray[np.float32])


def environment() -> None:
    show: Callable[[], None] = seal_sk.show_versions
    show()
