"""A weight of k is k copies: correlations equal scipy's of the repeated points."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dsim.stats.weighted import weighted_pearson, weighted_spearman


@pytest.mark.parametrize("ties", [False, True])
def test_correlations_equal_those_of_repeated_points(ties: bool) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20))
    if ties:
        x, y = np.round(x), np.round(y)
    weights = rng.integers(0, 4, size=(30, 20)).astype(float)
    pearson, spearman = weighted_pearson(x, y, weights), weighted_spearman(x, y, weights)
    for i, times in enumerate(weights.astype(int)):
        first, second = np.repeat(x, times), np.repeat(y, times)
        assert pearson[i] == pytest.approx(stats.pearsonr(first, second).statistic)
        assert spearman[i] == pytest.approx(stats.spearmanr(first, second).statistic)


def test_points_with_a_weight_that_are_all_equal_have_no_correlation() -> None:
    x, y = np.array([0.1, 0.1, 0.1, 7.0]), np.array([1.0, 2.0, 3.0, 4.0])
    weights = np.array([[1.0, 2, 3, 0], [1.0, 1, 1, 1]])
    for correlation in (weighted_pearson, weighted_spearman):
        found = correlation(x, y, weights)
        assert np.isnan(found[0])
        assert found[1] > 0
        assert np.isnan(correlation(y, x, weights)[0])
