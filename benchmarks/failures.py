"""Pictures of failures of the shipped network, on photographs of scikit-image.

    python benchmarks/failures.py docs/failures.jpg

Strong compression, fine vessels and print, compared with ERS on colours.
"""

import argparse
import sys

import matplotlib.pyplot as plt
import numpy as np
from _disturbances import jpeg
from skimage import data
from skimage.segmentation import mark_boundaries

from seal_sk import SEALSuperpixels, ers, rgb_affinity


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("picture", help="file to write")
    parser.add_argument("-n", "--count", type=int, default=100)
    args = parser.parse_args()
    images = {
        "JPEG, quality 10": jpeg(data.coffee()[50:350, 100:500], 10),
        "fine vessels": data.retina()[400:700, 500:900],
        "print": np.repeat(data.page()[:191, :384, None], 3, axis=2),
    }
    seal = SEALSuperpixels(args.count, weights="bsds500")
    figure, axes = plt.subplots(
        len(images), 4, figsize=(12, 7), layout="constrained", squeeze=False
    )
    for row, (name, image) in zip(axes, images.items(), strict=True):
        (affinity,) = seal.predict_affinity([image])
        (learned,) = seal.transform([image])
        colours = ers(rgb_affinity(image), args.count)
        row[0].imshow(image)
        row[0].set_ylabel(name)
        row[1].imshow(affinity[:-1, :-1].min(axis=2), cmap="gray", vmin=0, vmax=1)
        row[2].imshow(mark_boundaries(image, learned, color=(1, 1, 0)))
        row[3].imshow(mark_boundaries(image, colours, color=(1, 1, 0)))
        for axis in row:
            axis.set(xticks=[], yticks=[])
    titles = ("photograph", "affinities", f"SEAL, {args.count}", "ERS on RGB")
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title)
    figure.savefig(args.picture, dpi=90)


if __name__ == "__main__":
    sys.exit(main())
