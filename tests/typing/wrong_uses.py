"""Mistakes, each of which mypy reports in its line; never run."""
# ruff: noqa: B018

import numpy as np
from numpy.typing import NDArray

import seal_sk
from seal_sk import EdgeAffinity, ERSSuperpixels, GraphSuperpixels, SEALSuperpixels
from seal_sk.datasets import Dataset, fetch_bsds500, make_scenes
from seal_sk.labels import boundaries
from seal_sk.metrics import asa_score


def mistakes(image: NDArray[np.uint8], affinity: NDArray[np.float32]) -> None:
    seal_sk.ers(affinity, "3")  # wrong
    seal_sk.ers(affinity, 300, 0.5)  # wrong
    seal_sk.fh(affinity, n_segment=300)  # wrong
    seal_sk.rgb_affinity(image, connectivity=6)  # wrong
    seal_sk.slic(image)  # wrong
    seal_sk.snic(image, 300, mask=object())  # wrong
    seal_sk.nothing  # wrong
    boundaries(image, mode="wide")  # wrong
    asa_score(image)  # wrong

    ERSSuperpixels(300, 0.5)  # wrong
    ERSSuperpixels(n_segments="300")  # wrong
    ERSSuperpixels().transform(5)  # wrong
    GraphSuperpixels(affinity="rgb")  # wrong
    GraphSuperpixels(affinity=image)  # wrong
    EdgeAffinity(5)  # wrong
    SEALSuperpixels(network="resnet")  # wrong
    SEALSuperpixels().fit([image], groups=object())  # wrong
    SEALSuperpixels().save(5)  # wrong
    labels: NDArray[np.int32] = ERSSuperpixels().transform([image])  # wrong
    del labels

    make_scenes(shape=128)  # wrong
    fetch_bsds500(subset="training")  # wrong
    Dataset("name", [image])  # wrong
