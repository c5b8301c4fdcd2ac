"""Grids of patches and values between cells, beside the feature maps' own and scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from dsim_simsearch.features import FeatureMap
from dsim_simsearch.grids import cover_image, interpolate, places_between, whole_windows


@pytest.mark.parametrize("shape", [(480, 640), (7, 5), (101, 33), (1, 1)])
@pytest.mark.parametrize("stride", [4.8, 7.2, 2.0, 50.0])
def test_places_are_those_of_a_feature_map(shape, stride):
    grid = cover_image(shape, stride)
    theirs = FeatureMap(np.zeros((2, 2, 1), np.float32), (0, 0), 8.0, shape).grid(stride)
    assert theirs.shape == (grid.rows, grid.cols, 2)
    assert np.allclose(grid.centres(), theirs.reshape(-1, 2))


def test_whole_windows_lie_in_the_image_and_no_further_one_would():
    grid = whole_windows((100, 131), (32, 48), 4.8)
    assert (grid.xs()[0], grid.ys()[0]) == (24, 16)
    assert grid.xs()[-1] + 24 <= 131 < grid.xs()[-1] + 4.8 + 24
    assert grid.ys()[-1] + 16 <= 100 < grid.ys()[-1] + 4.8 + 16
    assert whole_windows((20, 131), (32, 48), 4.8).rows == 0


def test_interpolation_is_scipys():
    generator = np.random.default_rng(0)
    values = generator.random((3, 6, 9)).astype(np.float32)
    ys, xs = generator.uniform(-1, 6.5, 20), generator.uniform(-1, 9.5, 30)
    ours = interpolate(values, places_between(ys, 6), places_between(xs, 9))
    places = np.stack(np.meshgrid(ys, xs, indexing="ij"))
    theirs = np.stack([map_coordinates(one, places, order=1, mode="nearest") for one in values])
    assert np.allclose(ours, theirs, atol=1e-6)
    assert ours.dtype == np.float32


def test_a_single_cell_is_everywhere():
    ours = interpolate(
        np.full((1, 1, 4), 2.5, np.float32),
        places_between(np.array([-3.0, 0.7]), 1),
        places_between(np.array([1.5]), 4),
    )
    assert ours.tolist() == [[[2.5], [2.5]]]
