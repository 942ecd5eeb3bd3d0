"""
From superpixels to a map for a GIS
===================================

Object-based image analysis starts from superpixels: segments become rows of a table,
rows get classes, and neighbours of the same class become parcels with an outline and an
area. `seal_sk.export` writes files that a GIS reads. How large is the error of the
areas in the end?

Files with a reference system need ``pip install "seal_sk[geo]"``.
"""

import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Path2D
from shapely.geometry import shape
from shapely.ops import polylabel
from skimage import data

from seal_sk import SEALSuperpixels, paint
from seal_sk.datasets import make_scenes
from seal_sk.export import (
    Georeference,
    superpixel_table,
    to_networkx,
    write_polygons,
    write_table,
)
from seal_sk.metrics import asa_score
from seal_sk.plotting import SuperpixelDisplay

# %%
# A generated aerial image
# ------------------------
# No aerial photograph comes with the packages, so this one is composed of photographs
# of grass, gravel and brick in the colours of meadows, ground and roofs. The true areas
# are therefore known. A georeference gives its position: pixels of half a metre, in a
# UTM zone.
classes = ["ground", "meadow", "roof"]
tints = np.array([[0.62, 0.58, 0.52], [0.36, 0.50, 0.24], [0.60, 0.36, 0.28]])
(_,), (outline,) = make_scenes(1, shape=(200, 256), random_state=7)
truth = np.random.default_rng(3).integers(3, size=outline.max() + 1)[outline]
image = np.zeros((*truth.shape, 3))
for label, name in enumerate(["gravel", "grass", "brick"]):
    grey = getattr(data, name)()[::2, ::2][: truth.shape[0], : truth.shape[1]] / 255
    contrast = 1 + 0.8 * (grey - grey.mean()) / grey.std() * 0.25
    image[truth == label] = (contrast[..., None] * tints[label])[truth == label]
image = (image.clip(0, 1) * 255).astype(np.uint8)
place = Georeference("EPSG:32633", (0.5, 0, 412_300, 0, -0.5, 5_318_700))

# %%
# A table and a graph
# -------------------
# The table has one row per superpixel: area and position in metres, mean colours, and
# any other features that `~seal_sk.export.superpixel_table` offers.
seal = SEALSuperpixels(250, weights="bsds500")
(labels,) = seal.transform([image])
table = superpixel_table(
    image, labels, features=("mean", "contrast"), georeference=place
)
print(table[["label", "area_crs", "x", "y", "mean_0", "mean_1", "mean_2"]].head(3))

# %%
# Each row gets the class with the nearest of the three colours.
colors = table[["mean_0", "mean_1", "mean_2"]].to_numpy()
distance = np.linalg.norm(colors[:, None] - tints, axis=2)
table["class"] = np.array(classes)[distance.argmin(axis=1)]

# %%
# The graph of neighbours has the table as attributes of its nodes. Without the edges
# between different classes, its components are the parcels.
graph = to_networkx(labels, table)
print(graph)
same = nx.Graph(graph)
same.remove_edges_from(
    [
        (a, b)
        for a, b in graph.edges
        if graph.nodes[a]["class"] != graph.nodes[b]["class"]
    ]
)
parcel_of = np.zeros(len(table), dtype=int)
for parcel, members in enumerate(nx.connected_components(same)):
    parcel_of[list(members)] = parcel
parcels = paint(parcel_of, labels)
parcel_table = superpixel_table(image, parcels, features=(), georeference=place)
parcel_table["class"] = table.groupby(parcel_of)["class"].first().to_numpy()
print(f"{len(table)} superpixels, {len(parcel_table)} parcels")

# %%
# The areas
# ---------
for label, name in enumerate(classes):
    found = parcel_table.loc[parcel_table["class"] == name, "area_crs"].sum()
    true = np.sum(truth == label) * place.pixel_area
    print(f"{name:6} {found:6.0f} m², true {true:6.0f} m²: {found / true - 1:+.1%}")

right = paint(distance.argmin(axis=1), labels) == truth
print(f"correct pixels: {right.mean():.3f}, at most {asa_score(truth, labels):.3f}")

# %%
# Roofs lose the most: the bright joints between bricks are separate superpixels, and
# their colour is that of the ground. If each superpixel had its true majority class
# ("at most"), most of the error would be gone, so the boundaries are not the cause. A
# classifier that uses more than the nearest colour would do better
# (`~seal_sk.SuperpixelClassifier`).
#
# The files
# ---------
# Files are either written completely or not at all. GeoJSON holds longitude and
# latitude; with the suffix ``.gpkg``, the file would be a GeoPackage in the reference
# system itself. The file is read again for the figure, as a GIS would do.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "parcels.geojson")
    write_polygons(path, parcels, table=parcel_table, georeference=place, simplify=1)
    write_table(Path(folder, "superpixels.csv"), table)
    for file in sorted(Path(folder).iterdir()):
        print(f"{file.name}: {file.stat().st_size / 1024:.0f} KB")
    features = json.loads(path.read_text())["features"]
properties = features[0]["properties"]
print({key: properties[key] for key in ("label", "area_crs", "x", "y", "class")})

# %%
# The picture
# -----------
# The figure shows the superpixels, the graph, in which edges between two classes are
# thin, and the parcels as read from the file, with the areas of the larger ones in
# square metres.
figure, axes = plt.subplot_mosaic(
    [["cut", "parcels"], ["graph", "parcels"]],
    figsize=(10, 5.8),
    width_ratios=(2, 3),
    layout="constrained",
)
SuperpixelDisplay.from_labels(image, labels, name="250 superpixels", ax=axes["cut"])

shades = dict(zip(classes, tints**0.8, strict=True))
at = table[["centroid_col", "centroid_row"]].to_numpy() - 0.5
axes["graph"].imshow(image, alpha=0.35)
for edges, width in ((same.edges, 1.6), (set(graph.edges) - set(same.edges), 0.3)):
    lines = [at[list(edge)] for edge in edges]
    axes["graph"].add_collection(
        LineCollection(lines, colors="black", linewidths=width)
    )
axes["graph"].scatter(
    *at.T, s=14, c=[shades[c] for c in table["class"]], zorder=3, ec="black"
)
axes["graph"].set_title("the graph")
axes["graph"].set_axis_off()

for feature in features:
    outline = shape(feature["geometry"])
    parts = getattr(outline, "geoms", [outline])
    rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
    paths = [Path2D(ring.coords, closed=True) for ring in rings]
    face = shades[feature["properties"]["class"]]
    axes["parcels"].add_patch(
        PathPatch(Path2D.make_compound_path(*paths), fc=face, lw=0.8)
    )
    area = feature["properties"]["area_crs"]
    if area > 400:
        largest = max(parts, key=lambda part: part.area)
        middle = polylabel(largest, tolerance=1e-5).coords[0]
        axes["parcels"].text(
            *middle, f"{area:.0f}", ha="center", va="center", weight="bold"
        )
axes["parcels"].autoscale_view()
axes["parcels"].ticklabel_format(useOffset=False)
axes["parcels"].set(title=path.name, xlabel="longitude", ylabel="latitude")
axes["parcels"].set_aspect(1 / np.cos(np.radians(axes["parcels"].get_ylim()[0])))
axes["parcels"].locator_params(nbins=3)
plt.show()
