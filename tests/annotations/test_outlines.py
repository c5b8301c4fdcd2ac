"""Outlines: filled again they are the mask, every ring is simple, and objects are what scipy says they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from dsim.annotations.outlines import Outlined, outlined


def filled(rings: list[NDArray[np.int64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels inside an odd number of rings, from their upright edges alone: another way than that of the tracing."""
    crossed = np.zeros((shape[0], shape[1] + 1), int)
    for ring in rings:
        for (x, y), (_, below) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            crossed[min(y, below) : max(y, below), x] += 1
    return (np.cumsum(crossed, axis=1)[:, :-1] % 2).astype(bool)


def doubled_area(ring: NDArray[np.int64]) -> int:
    x, y = ring.T
    return int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def masks() -> list[NDArray[np.bool_]]:
    rng = np.random.default_rng(0)
    noise = [rng.random(rng.integers(1, 20, 2)) < rng.uniform(0.1, 0.95) for _ in range(120)]
    smooth = [ndimage.gaussian_filter(rng.random((40, 50)), 2) > 0.5 for _ in range(5)]
    return [*noise, *smooth, np.ones((1, 1), bool), np.ones((4, 7), bool)]


def rings_of(found: Outlined) -> list[NDArray[np.int64]]:
    return [ring for polygon in found.polygons for ring in polygon]


def test_filled_again_the_outlines_give_the_mask() -> None:
    for mask in masks():
        found = outlined(mask)
        np.testing.assert_array_equal(filled([r for one in found for r in rings_of(one)], mask.shape), mask)
        again = np.zeros(mask.shape, bool)
        for one in found:
            alone = filled(rings_of(one), mask.shape)
            assert not (again & alone).any()
            again |= alone
            np.testing.assert_array_equal(np.transpose(np.nonzero(alone)), np.stack([one.rows, one.columns], axis=1))


def test_objects_are_pixels_that_touch_also_at_corners() -> None:
    for mask in masks():
        labels, count = ndimage.label(mask, np.ones((3, 3)))
        found = outlined(mask)
        assert len(found) == count
        for number, one in enumerate(found, 1):
            rows, columns = np.nonzero(labels == number)
            assert one.area == len(rows)
            left, top, width, height = one.box
            assert (left, top) == (columns.min(), rows.min())
            assert (left + width, top + height) == (columns.max() + 1, rows.max() + 1)


def test_every_ring_is_simple_and_turns_as_promised() -> None:
    """No corner twice in a ring, which would be invalid in QuPath; holes run the other way."""
    for mask in masks():
        for one in outlined(mask):
            assert len(one.polygons) == ndimage.label(filled(rings_of(one), mask.shape))[1]
            for outer, *holes in one.polygons:
                assert doubled_area(outer) > 0
                assert all(doubled_area(hole) < 0 for hole in holes)
                assert all(len(np.unique(ring, axis=0)) == len(ring) for ring in (outer, *holes))


def test_a_hole_that_touches_the_outside_at_a_corner_is_a_hole() -> None:
    mask = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool)
    [found] = outlined(mask)
    assert [len(polygon) for polygon in found.polygons] == [2]
    assert found.holed


def test_two_pixels_that_touch_at_a_corner_are_one_object_of_two_polygons() -> None:
    [found] = outlined(np.eye(2, dtype=bool))
    assert [len(polygon) for polygon in found.polygons] == [1, 1]
    assert not found.holed


@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
def test_nothing_has_no_outline(shape: tuple[int, int]) -> None:
    assert outlined(np.zeros(shape, bool)) == []
