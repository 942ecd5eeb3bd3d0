"""What a source of affinities should see outside a mask, by ASA of ERS.

    python benchmarks/masks.py

Images of BSDS500 train, evenly spaced, each with a slanted band as its mask and 200
superpixels in it. The ASA is that of the pixels in the mask, and of those within 12
pixels of its rim; means over all (image, annotation) pairs. The first line is that of
the whole image, which is not known where a mask is needed.
"""

import argparse

import numpy as np
import torch
from _data import bsds500
from scipy.ndimage import distance_transform_edt

from seal_sk import EdgeAffinity, LearnedAffinity, ers, to_eight_connected
from seal_sk.affinity.maps import filled
from seal_sk.metrics import asa_score, mean_over_pairs

N_SEGMENTS, RIM = 200, 12


def mirrored(image, mask):
    """Pixels outside are those as far inside, where there are any."""
    rows, columns = np.indices(mask.shape)
    places = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    across = 2 * places - np.stack([rows, columns])
    for axis, n in enumerate(mask.shape):
        across[axis] = across[axis].clip(0, n - 1)
    return filled(image[tuple(across)], mask[tuple(across)])


def of_one_colour(image, mask, colour):
    image = image.copy()
    image[~mask] = colour
    return image


FILLS = {
    "the image itself": lambda image, mask: image,
    "black": lambda image, mask: of_one_colour(image, mask, 0),
    "mean colour": lambda image, mask: of_one_colour(image, mask, image[mask].mean(0)),
    "nearest pixel": filled,
    "mirrored": mirrored,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--data-home", help="folder that holds BSDS500")
    args = parser.parse_args()

    torch.set_num_threads(1)
    data = bsds500("train", args.data_home)
    chosen = range(0, len(data.images), len(data.images) // args.images)[: args.images]
    images = [data.images[i] for i in chosen]
    truths = [data.annotations[i] for i in chosen]
    masks = [band(image.shape[:2]) for image in images]
    rims = [mask & (distance_transform_edt(mask) <= RIM) for mask in masks]

    sources = LearnedAffinity(weights="bsds500"), EdgeAffinity("sobel", connectivity=4)
    print("| outside | bsds500, inside | rim | Sobel, inside | rim |")
    print("| --- | --- | --- | --- | --- |")
    for name, fill in FILLS.items():
        cells = []
        for source in sources:
            label_maps = [
                ers(to_eight_connected(affinity, mask=mask), N_SEGMENTS, mask=mask)
                for affinity, mask in zip(
                    source.transform(list(map(fill, images, masks))), masks, strict=True
                )
            ]
            near = [
                np.where(rim, labels, -1)
                for rim, labels in zip(rims, label_maps, strict=True)
            ]
            for maps in (label_maps, near):
                cells.append(f"{mean_over_pairs(asa_score, truths, maps):.4f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def band(shape):
    """A slanted band across an image, about half of it."""
    rows, columns = np.indices(shape)
    height, width = shape
    return abs(rows - height / 2 + 0.35 * (columns - width / 2)) < 0.27 * height


if __name__ == "__main__":
    main()
