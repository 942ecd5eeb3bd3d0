"""Polygons of superpixels: they cover each pixel once, and nothing else."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from rasterio import features

from seal_sk import SNICSuperpixels
from seal_sk.export import polygons
from seal_sk.labels import relabel_consecutive, split_components


def maps(n_labels=4, side=9, low=-1):
    """Random label maps: speckled, nested, masked, one pixel wide or high."""
    shapes = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=side)
    return (
        shapes.flatmap(
            lambda s: arrays(np.int32, s, elements=st.integers(low, n_labels))
        )
        .filter(lambda labels: labels.max() >= 0)
        .map(relabel_consecutive)
    )


def parts_of(geometry):
    """Parts of a geometry, each the list of its rings as arrays."""
    assert set(geometry) == {"type", "coordinates"}
    parts = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        parts = [parts]
    else:
        assert geometry["type"] == "MultiPolygon"
        assert len(parts) > 1
    return [[np.array(ring) for ring in rings] for rings in parts]


def area(ring):
    x, y = ring.T
    return (x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2


def crossings(rings, shape):
    """For each pixel how many times the rings lie to the right of its centre.

    By the rule of even and odd crossings of a line, straight from the definition.
    """
    counts = np.zeros(shape, dtype=int)
    for ring in rings:
        for (x0, y0), (x1, y1) in pairwise(ring):
            assert x0 == x1 or y0 == y1
            for row in range(*sorted((y0, y1))):
                counts[row, :x0] += 1
    return counts


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[0]], [[[[0, 0], [1, 0], [1, 1], [0, 1]]]]),
        # Two parts that touch at a corner.
        (
            [[0, -1], [-1, 0]],
            [
                [[[0, 0], [1, 0], [1, 1], [0, 1]]],
                [[[1, 1], [2, 1], [2, 2], [1, 2]]],
            ],
        ),
        # One part that touches itself at a corner, around a hole.
        (
            [[0, 0, 0], [0, -1, 0], [0, 0, -1]],
            [
                [
                    [[0, 0], [3, 0], [3, 2], [2, 2], [2, 3], [0, 3]],
                    [[1, 2], [2, 2], [2, 1], [1, 1]],
                ]
            ],
        ),
        # Two holes that touch.
        (
            [[0] * 4, [0, -1, 0, 0], [0, 0, -1, 0], [0] * 4],
            [
                [
                    [[0, 0], [4, 0], [4, 4], [0, 4]],
                    [[1, 2], [2, 2], [2, 1], [1, 1]],
                    [[2, 3], [3, 3], [3, 2], [2, 2]],
                ]
            ],
        ),
        # A point on a straight side, where the others meet.
        ([[0, 0], [1, 2]], [[[[0, 0], [2, 0], [2, 1], [1, 1], [0, 1]]]]),
    ],
    ids=["pixel", "two parts", "touches itself", "two holes", "three meet"],
)
def test_by_hand(labels, expected):
    geometry = polygons(labels)[0]
    found = [[ring[:-1].tolist() for ring in rings] for rings in parts_of(geometry)]
    assert found == expected


def test_gdal_paints_them_back(rng, scenes):
    snic = SNICSuperpixels(60).transform(scenes[0][:1])[0]
    specks = relabel_consecutive(rng.integers(-1, 40, (50, 70)))
    for labels in (snic, specks):
        shapes = zip(polygons(labels), range(labels.max() + 1), strict=True)
        painted = features.rasterize(shapes, labels.shape, fill=-1, dtype="int32")
        np.testing.assert_array_equal(painted, labels)


@settings(max_examples=200, deadline=None)
@given(maps())
def test_each_pixel_centre_lies_in_its_polygon_alone(labels):
    geometries = polygons(labels)
    assert len(geometries) == labels.max() + 1
    for label, geometry in enumerate(geometries):
        inside = np.zeros(labels.shape, dtype=int)
        for rings in parts_of(geometry):
            inside += crossings(rings, labels.shape) % 2
        np.testing.assert_array_equal(inside, labels == label)


@settings(max_examples=100, deadline=None)
@given(maps())
def test_rings_are_closed_oriented_and_sum_to_the_area(labels):
    for label, geometry in enumerate(polygons(labels)):
        total = 0
        for outer, *holes in parts_of(geometry):
            assert area(outer) > 0
            for ring in (outer, *holes):
                assert ring[0].tolist() == ring[-1].tolist()
                # No ring comes to a point twice.
                assert len(np.unique(ring[:-1], axis=0)) == len(ring) - 1
            assert all(area(hole) < 0 for hole in holes)
            total += area(outer) + sum(area(hole) for hole in holes)
        assert total == np.count_nonzero(labels == label)


@settings(max_examples=100, deadline=None)
@given(maps())
def test_parts_are_connected_components(labels):
    parts = split_components(labels, connectivity=4)
    for label, geometry in enumerate(polygons(labels)):
        found = parts_of(geometry)
        assert len(found) == len(np.unique(parts[labels == label]))


@settings(max_examples=100, deadline=None)
@given(maps())
def test_points_lie_at_corners_and_where_regions_meet(labels):
    around = np.pad(labels, 1, constant_values=-1)
    for geometry in polygons(labels):
        for rings in parts_of(geometry):
            for ring in rings:
                for i, (x, y) in enumerate(ring[:-1]):
                    before, after = ring[i - 1 if i else -2], ring[i + 1]
                    turns = (before[0] == x) != (after[0] == x)
                    meet = len(np.unique(around[y : y + 2, x : x + 2])) > 2
                    assert turns or meet


@settings(max_examples=150, deadline=None)
@given(maps())
def test_valid_coverage(labels):
    shapely = pytest.importorskip("shapely")
    shapes = [shapely.geometry.shape(g) for g in polygons(labels)]
    assert shapely.is_valid(shapes).all(), shapely.is_valid_reason(shapes)
    assert shapely.coverage_is_valid(shapes)
    for label, found in enumerate(shapes):
        rows, columns = np.nonzero(labels == label)
        pixels = shapely.box(columns, rows, columns + 1, rows + 1)
        assert found.equals(shapely.union_all(pixels))


@settings(max_examples=150, deadline=None)
@given(maps(side=14, n_labels=3), st.floats(0, 8))
def test_simplified_without_gaps(labels, tolerance):
    shapely = pytest.importorskip("shapely", minversion="2.1")
    geometries = polygons(labels, simplify=tolerance)
    shapes = [shapely.geometry.shape(g) for g in geometries]
    assert shapely.is_valid(shapes).all(), shapely.is_valid_reason(shapes)
    assert shapely.coverage_is_valid(shapes)
    exact = shapely.union_all([shapely.geometry.shape(g) for g in polygons(labels)])
    assert shapely.union_all(shapes).equals(exact)
    assert sum(s.area for s in shapes) == pytest.approx(exact.area)
    for geometry in geometries:
        for outer, *holes in parts_of(geometry):
            assert area(outer) > 0
            assert all(area(hole) < 0 for hole in holes)
