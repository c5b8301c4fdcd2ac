"""Intervals and tests of few cases equal scipy's, closed forms and enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from dsim.stats.resampling import (
    FLIPS,
    draws,
    expanded_tail,
    expected_largest,
    percentile_interval,
    sign_flip_p,
    student_interval,
    times_drawn,
    weighted_pearson,
    weighted_spearman,
)


def test_draws_belong_to_the_number_of_cases_and_the_seed_and_to_nothing_else() -> None:
    first = draws(7, 500, 3).copy()
    np.random.default_rng(0).random()
    draws.cache_clear()
    np.testing.assert_array_equal(draws(7, 500, 3), first)
    assert (draws(7, 500, 4) != first).any()
    assert not draws(7, 500, 3).flags.writeable
    shares = np.bincount(draws(5, 20000, 0).ravel()) / 100000
    np.testing.assert_allclose(shares, 0.2, atol=0.005)


def test_times_drawn_weigh_the_cases_as_the_draws_do() -> None:
    drawn, values = draws(6, 50, 0), np.random.default_rng(0).random(6)
    np.testing.assert_allclose(times_drawn(drawn) @ values / 6, values[drawn].mean(axis=1))


def test_the_percentile_interval_is_that_of_scipy() -> None:
    """Scipy draws its own resamples: the bounds agree but for these, whose share of the width is about a hundredth."""
    values = np.random.default_rng(1).exponential(size=15)
    replicates = values[draws(15, 20000, 0)].mean(axis=1)
    found = percentile_interval(replicates, 15, 0.9, expanded=False)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20000, confidence_level=0.9, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert found == pytest.approx(tuple(expected), abs=0.03 * (expected.high - expected.low))


@pytest.mark.parametrize("cases", [6, 12, 30])
def test_the_expanded_interval_of_normal_cases_is_as_wide_as_students(cases: int) -> None:
    values = stats.norm.ppf((np.arange(cases) + 0.5) / cases)
    low, high = percentile_interval(values[draws(cases, 200000, 0)].mean(axis=1), cases, 0.95)
    t_low, t_high = stats.t.interval(0.95, cases - 1, values.mean(), stats.sem(values))
    # Means of six cases have thinner tails than the normal distribution that the expansion assumes.
    assert high - low == pytest.approx(t_high - t_low, rel=0.1 if cases == 6 else 0.03)


def test_the_expanded_tail_is_hesterbergs() -> None:
    """His formula, with scipy's distributions."""
    for cases in (2, 5, 10, 40):
        adjusted = stats.norm.cdf(math.sqrt(cases / (cases - 1)) * stats.t.ppf(0.025, cases - 1))
        assert expanded_tail(0.025, cases) == pytest.approx(adjusted, rel=1e-9)
        assert expanded_tail(0.025, cases) < 0.025


def test_a_resample_without_a_value_is_left_out_and_one_case_has_no_interval() -> None:
    replicates = np.array([np.nan, 1.0, 2.0, 3.0])
    assert percentile_interval(replicates, 4, 0.5, expanded=False) == (1.5, 2.5)
    assert np.isnan(percentile_interval(replicates, 1, 0.95)).all()
    assert np.isnan(percentile_interval(np.full(3, np.nan), 4, 0.95)).all()


def test_students_interval_from_replicates_is_students_interval() -> None:
    values = np.array([0.1, 0.5, 0.9, 0.3])
    found = student_interval(values.mean(), values[draws(4, 200000, 0)].mean(axis=1), 4, 0.95)
    assert found == pytest.approx(stats.t.interval(0.95, 3, values.mean(), stats.sem(values)), abs=0.01)


def test_the_sign_flip_test_is_scipys() -> None:
    rng = np.random.default_rng(0)
    for cases in (2, 5, 9, 12):
        first, second = rng.normal(0.6, 1, cases), rng.normal(0, 1, cases)
        expected = stats.permutation_test(
            (first, second),
            lambda x, y, axis: np.mean(x - y, axis=axis),
            permutation_type="samples",
            n_resamples=np.inf,
        )
        assert sign_flip_p(first - second) == pytest.approx(expected.pvalue)


def test_drawn_flips_come_near_the_exact_test_and_never_give_zero() -> None:
    differences = np.random.default_rng(0).normal(0.5, 1, 16)
    flips = np.array(list(itertools.product([1.0, -1.0], repeat=16))) @ differences
    exact = (np.abs(flips) >= abs(differences.sum()) - 1e-9).mean()
    assert sign_flip_p(differences) == pytest.approx(exact, abs=4 * math.sqrt(exact / FLIPS))
    assert sign_flip_p(differences, seed=1) != sign_flip_p(differences, seed=2)
    assert sign_flip_p(np.ones(40)) == 1 / (FLIPS + 1)


def test_no_difference_is_no_evidence() -> None:
    assert sign_flip_p(np.zeros(5)) == 1.0
    assert np.isnan(sign_flip_p(np.array([])))
    # A difference of 0 changes nothing: it is neither for nor against.
    assert sign_flip_p(np.array([1.0, 2, 3, 0, 0])) == sign_flip_p(np.array([1.0, 2, 3])) == 0.25


def test_p_is_two_sided_and_equal_sums_are_equal_in_spite_of_rounding() -> None:
    differences = np.array([0.1, 0.2, -0.3, 0.7])
    assert sign_flip_p(differences) == sign_flip_p(-differences) == sign_flip_p(1e6 * differences)
    # 0.1 + 0.2 - 0.3 is 0 but for rounding: half of all flips reach 0.7, and all reach the sum of this one.
    assert sign_flip_p(np.array([0.1, 0.2, -0.3])) == 1.0


def test_the_expected_largest_equals_enumeration() -> None:
    choices = [np.array([0.0, 1.0, 5.0]), np.array([2.0, 2.0]), np.array([3.0]), np.array([0.0, 9.0, 9.0, 1.0])]
    expected = np.mean([max(drawn) for drawn in itertools.product(*choices)])
    assert expected_largest(choices) == pytest.approx(expected)


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
