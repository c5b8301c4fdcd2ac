"""Correlations of rows are those of scipy; chances and means over ties are those of drawing every order."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from scipy import stats
from scipy.stats import rankdata, zscore

from dsim.stats.ranking import (
    kendall,
    mean_known,
    mean_standardised,
    median_rank,
    pearson,
    regret,
    spearman,
    top_k,
    weighted_kendall,
)

CORRELATIONS = [
    (pearson, lambda x, y: stats.pearsonr(x, y).statistic),
    (spearman, lambda x, y: stats.spearmanr(x, y).statistic),
    (kendall, lambda x, y: stats.kendalltau(x, y).statistic),
    (weighted_kendall, lambda x, y: stats.weightedtau(x, y).statistic),
]
ALL = pytest.mark.parametrize(("ours", "theirs"), CORRELATIONS, ids=lambda f: getattr(f, "__name__", ""))
OURS = pytest.mark.parametrize("ours", [ours for ours, _ in CORRELATIONS], ids=lambda f: f.__name__)


def rows(values: int | None, seed: int, n: int = 9, count: int = 40) -> np.ndarray:
    """Random rows, none of them constant; of few distinct values where there should be ties."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(count, n)) if values is None else rng.integers(values, size=(count, n)).astype(float)
    drawn[np.ptp(drawn, axis=1) == 0, 0] += 1
    return drawn


@ALL
@pytest.mark.parametrize("values", [None, 6, 3, 2])
def test_rows_have_the_correlations_that_scipy_finds_one_by_one(ours, theirs, values):
    x, y = rows(values, 1), rows(values, 2)
    np.testing.assert_allclose(ours(x, y), [theirs(a, b) for a, b in zip(x, y, strict=True)], atol=1e-12)


@ALL
def test_two_and_three_values_are_enough(ours, theirs):
    for n in (2, 3):
        x, y = rows(None, 3, n), rows(None, 4, n)
        np.testing.assert_allclose(ours(x, y), [theirs(a, b) for a, b in zip(x, y, strict=True)], atol=1e-12)


@OURS
def test_a_constant_row_has_no_correlation(ours):
    varied, flat = rows(None, 5, count=3), np.full((3, 9), 0.1)
    assert np.isnan(ours(varied, flat)).all()
    assert np.isnan(ours(flat, varied)).all()
    assert np.isnan(ours(flat, flat)).all()
    assert np.isnan(ours([[1.0]], [[2.0]])).all()


@OURS
def test_a_row_is_its_own_best_and_its_negative_the_worst(ours):
    x = rows(None, 6)
    np.testing.assert_allclose(ours(x, x), 1)
    np.testing.assert_allclose(ours(x, -x), -1)
    assert (np.abs(ours(x, x)) <= 1).all()


@OURS
def test_scale_shift_and_the_order_of_sources_change_nothing(ours):
    x, y, order = rows(4, 7), rows(None, 8), np.random.default_rng(9).permutation(9)
    expected = ours(x, y)
    np.testing.assert_allclose(ours(3 * x + 2, 0.5 * y - 7), expected, atol=1e-12)
    np.testing.assert_allclose(ours(x[:, order], y[:, order]), expected, atol=1e-12)
    np.testing.assert_allclose(ours(y, x), expected, atol=1e-12)


@OURS
def test_very_large_and_very_small_numbers_are_no_constants(ours):
    x, y = rows(None, 10, count=3), rows(None, 11, count=3)
    np.testing.assert_allclose(ours(x * 1e-200, y * 1e200), ours(x, y), atol=1e-12)


@OURS
def test_leading_axes_are_broadcast(ours):
    x, y = rows(None, 12, count=4), rows(None, 13, count=3)
    found = ours(x[:, None], y[None])
    assert found.shape == (4, 3)
    assert found[2, 1] == pytest.approx(float(ours(x[2], y[1])))


def orders(distances: np.ndarray) -> list[tuple[int, ...]]:
    """Every order of the sources that respects their distances, each as likely."""
    return [
        order
        for order in itertools.permutations(range(len(distances)))
        if all(distances[a] <= distances[b] for a, b in itertools.pairwise(order))
    ]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("k", [1, 2, 3, 5, 9])
def test_top_k_is_the_share_of_all_orders_of_equals_that_hold_a_best_source(seed, k):
    rng = np.random.default_rng(seed)
    distances, scores = rng.integers(3, size=5).astype(float), rng.integers(3, size=5).astype(float)
    best = set(np.flatnonzero(scores == scores.max()))
    expected = np.mean([bool(best & set(order[:k])) for order in orders(distances)])
    assert float(top_k(distances, scores, k)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(12))
def test_regret_is_the_mean_over_all_orders_of_equals(seed):
    rng = np.random.default_rng(seed)
    distances, scores = rng.integers(3, size=5).astype(float), rng.random(5)
    expected = np.mean([scores.max() - scores[order[0]] for order in orders(distances)])
    assert float(regret(distances, scores)) == pytest.approx(expected)


def test_many_rows_are_judged_at_once_as_one_by_one():
    distances, scores = rows(3, 20), rows(4, 21)
    np.testing.assert_array_equal(
        regret(distances, scores), [regret(*pair) for pair in zip(distances, scores, strict=True)]
    )
    for k in (1, 2, 3):
        one_by_one = [top_k(*pair, k) for pair in zip(distances, scores, strict=True)]
        np.testing.assert_array_equal(top_k(distances, scores, k), one_by_one)


def test_all_sources_tied_is_a_random_source():
    scores = np.array([10.0, 30, 80, 40])
    assert float(regret(np.zeros(4), scores)) == pytest.approx(80 - scores.mean())
    assert [float(top_k(np.zeros(4), scores, k)) for k in (1, 2, 3, 4)] == pytest.approx([0.25, 0.5, 0.75, 1])


def test_a_source_that_cannot_be_chosen_may_still_have_been_the_best():
    distances, scores = [np.inf, 2.0, 1.0], [90.0, 50.0, 60.0]
    assert float(regret(distances, scores)) == 30
    assert [float(top_k(distances, scores, k)) for k in (1, 2, 3)] == [0, 0, 0]
    assert [float(top_k(distances, [1, 2, 1], k)) for k in (1, 2, 3)] == [0, 1, 1]


def test_where_no_source_can_be_chosen_there_is_no_regret():
    assert np.isnan(regret([np.inf, np.inf], [1.0, 2.0]))
    assert float(top_k([np.inf, np.inf], [1.0, 2.0], 1)) == 0


def test_the_right_choice_costs_exactly_nothing():
    scores = np.full(3, 0.1)
    assert float(regret(np.zeros(3), scores)) == 0
    assert float(regret([1, 2, 3], [0.3, 0.1, 0.2])) == 0


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_mean_is_that_of_numpy_and_silent_where_nothing_is_known(axis: int) -> None:
    values = np.random.default_rng(0).normal(size=(4, 5, 3))
    values[values > 0.5] = np.nan
    values[:, :, 0] = values[2] = values[:, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mean_known(values, axis)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.nanmean(values, axis=axis)
    assert 0 < np.isnan(found).sum() < found.size
    np.testing.assert_allclose(found, expected, rtol=1e-12)


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
