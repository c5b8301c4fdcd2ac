"""Local maxima: those of a loop over all cells, of scikit-image, and what a threshold or a tie changes."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.feature import peak_local_max

from dsim.stats.peaks import local_maxima


def smooth(shape, seed, passes=2):
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(np.random.default_rng(seed).random(shape), passes).astype(np.float32)


def by_hand(values, radius):
    """The definition, cell by cell, and the greedy suppression pair by pair."""
    maxima = []
    for row in range(values.shape[0]):
        for col in range(values.shape[1]):
            around = values[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2]
            if np.isfinite(values[row, col]) and not (around > values[row, col]).any():
                maxima.append((-float(values[row, col]), row, col))
    stay = []
    for _, row, col in sorted(maxima):
        if all((row - r) ** 2 + (col - c) ** 2 > radius**2 for r, c in stay):
            stay.append((row, col))
    return stay


@pytest.mark.parametrize("radius", [0, 1, 1.5, 3.5, 12])
@pytest.mark.parametrize("seed", [0, 1])
def test_peaks_are_those_of_a_loop_over_cells(radius, seed):
    values = smooth((37, 52), seed, passes=1)
    peaks = local_maxima(values, radius)
    assert list(zip(peaks.rows.tolist(), peaks.cols.tolist(), strict=True)) == by_hand(values, radius)
    assert np.array_equal(peaks.scores, values[peaks.rows, peaks.cols])
    assert (peaks.rows.dtype, peaks.scores.dtype) == (np.intp, np.float32)


def test_maxima_without_suppression_are_those_of_scikit_image():
    values = smooth((64, 81), seed=3)
    ours = local_maxima(values, 0)
    theirs = peak_local_max(values, min_distance=1, exclude_border=False)
    assert {*zip(ours.rows, ours.cols, strict=True)} == {*map(tuple, theirs.tolist())}


def test_rounded_scores_have_ties_and_the_same_peaks_as_the_loop():
    values = np.round(smooth((30, 30), seed=5, passes=1), 1)
    peaks = local_maxima(values, 2.5)
    assert [*zip(peaks.rows.tolist(), peaks.cols.tolist(), strict=True)] == by_hand(values, 2.5)


def test_a_threshold_takes_the_first_peaks():
    """Peaks of a map whose low cells are cut off are the first ones of the whole map's."""
    values = smooth((60, 60), seed=7)
    threshold = float(np.quantile(values, 0.9))
    whole, cut = local_maxima(values, 4), local_maxima(np.where(values > threshold, values, -np.inf), 4)
    count = int((whole.scores > threshold).sum())
    assert 0 < count < len(whole.scores)
    assert np.array_equal(whole.rows[:count], cut.rows)
    assert np.array_equal(whole.cols[:count], cut.cols)


def test_masked_cells_are_no_peaks_and_do_not_hide_their_neighbours():
    values = np.array([[0.5, np.nan, 0.2], [0.1, 0.3, -np.inf]])
    peaks = local_maxima(values, 0)
    assert [*zip(peaks.rows.tolist(), peaks.cols.tolist(), strict=True)] == [(0, 0)]
    assert len(local_maxima(np.full((3, 4), np.nan), 1).rows) == 0
    assert len(local_maxima(np.empty((0, 4)), 1).rows) == 0


def test_an_even_map_is_covered_by_peaks_apart_from_each_other():
    peaks = local_maxima(np.zeros((20, 20)), 3)
    places = np.stack([peaks.rows, peaks.cols], axis=1)
    apart = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=-1))
    assert places[0].tolist() == [0, 0]
    assert apart[np.triu_indices(len(places), 1)].min() > 3


@pytest.mark.parametrize(("values", "radius"), [(np.zeros(4), 1), (np.zeros((2, 2)), -1), (np.zeros((2, 2)), np.nan)])
def test_what_is_no_map_or_no_radius_is_refused(values, radius):
    with pytest.raises(ValueError, match=r"two dimensions|radius"):
        local_maxima(values, radius)
