"""Ranks and standardised distances of several measures: by hand, beside scipy, and where there is nothing to tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, zscore

from dsim.stats.ensembles import mean_standardised, median_rank

POOL = np.random.default_rng(3).gamma(2.0, size=(5, 9)) * np.array([[1.0], [10.0], [0.1], [1e6], [1.0]])


@pytest.mark.parametrize("source", range(9))
def test_ranks_and_standardised_distances_are_scipys(source: int) -> None:
    ranks = np.median(rankdata(POOL, axis=1)[:, source])
    assert median_rank(POOL[:, source], POOL) == ranks
    assert mean_standardised(POOL[:, source], POOL) == pytest.approx(zscore(POOL, axis=1)[:, source].mean(), abs=1e-12)


def test_equal_distances_share_their_rank() -> None:
    pool = np.array([[1.0, 2.0, 2.0, 3.0]])
    assert [median_rank(pool[:, i], pool) for i in range(4)] == [1.0, 2.5, 2.5, 4.0]


def test_a_source_outside_the_pool_is_ranked_among_it() -> None:
    pool = np.array([[1.0, 2.0, 4.0]])
    assert median_rank(np.array([3.0]), pool) == 3.0
    assert median_rank(np.array([0.5]), pool) == 1.0


def test_one_odd_member_moves_the_mean_but_not_the_median() -> None:
    pool = np.tile(np.arange(1.0, 6.0), (3, 1))
    odd = pool.copy()
    odd[2, 0] = 1000.0
    assert median_rank(odd[:, 0], odd) == median_rank(pool[:, 0], pool) == 1.0
    assert mean_standardised(odd[:, 0], odd) > mean_standardised(pool[:, 0], pool)


def test_the_unit_of_a_member_does_not_matter() -> None:
    units = np.array([[1.0], [7.0], [1e-3], [2.0], [3e4]])
    assert mean_standardised((POOL * units)[:, 2], POOL * units) == pytest.approx(mean_standardised(POOL[:, 2], POOL))


def test_a_source_without_a_value_is_left_out() -> None:
    pool = np.array([[1.0, np.nan, 3.0], [2.0, 1.0, np.nan]])
    assert median_rank(np.array([3.0, 2.0]), pool) == 2.0
    assert np.isfinite(mean_standardised(np.array([3.0, 2.0]), pool))


def test_a_member_that_sees_no_difference_tells_nothing() -> None:
    assert mean_standardised(np.array([4.0]), np.array([[4.0, 4.0, 4.0]])) == 0.0
