"""Intervals of shares and the test against chance equal scipy's, closed forms and enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from dsim.stats.shares import benjamini_hochberg, chance_p, holm, share_difference_interval, wilson_interval


def test_wilsons_interval_is_that_of_scipy() -> None:
    for cases, hits in itertools.product((1, 3, 12, 50), (0, 1, 3, 12, 50)):
        if hits <= cases:
            expected = stats.binomtest(hits, cases).proportion_ci(0.95, method="wilson")
            assert wilson_interval(hits / cases, cases, 0.95) == pytest.approx(tuple(expected), abs=1e-12)


def test_wilsons_interval_stays_within_0_and_1_and_is_missing_without_cases() -> None:
    assert wilson_interval(0.0, 5, 0.99)[0] == 0.0
    assert wilson_interval(1.0, 5, 0.99)[1] == 1.0
    assert np.isnan(wilson_interval(np.nan, 0, 0.95)).all()


def test_the_interval_of_a_difference_is_that_of_agresti_and_min() -> None:
    """Their formula on the table of both, one, the other, neither, half a case added to each cell."""
    first, second = np.array([1, 1, 1, 1, 0, 0, 0, 1.0]), np.array([1, 0, 0, 0, 1, 0, 0, 1.0])
    n, only_first, only_second = len(first) + 2, 3 + 0.5, 1 + 0.5
    difference = (only_first - only_second) / n
    error = np.sqrt(only_first + only_second - (only_first - only_second) ** 2 / n) / n
    expected = (difference - 1.959964 * error, difference + 1.959964 * error)
    assert share_difference_interval(first - second, 0.95) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("differences", [np.zeros(6), np.ones(3), -np.ones(12), np.full(12, -1 / 9)])
def test_the_interval_of_a_difference_has_a_width_where_all_cases_are_alike(differences: np.ndarray) -> None:
    low, high = share_difference_interval(differences, 0.95)
    assert -1 <= low < high <= 1
    assert low <= differences.mean() <= high


def test_p_of_chance_equals_enumeration() -> None:
    chances = np.array([0.1, 0.5, 0.3, 0.9])
    outcomes = np.array(list(itertools.product([0, 1], repeat=4)))
    probabilities = np.prod(np.where(outcomes, chances, 1 - chances), axis=1)
    for hits in (0, 1, 1.5, 2, 4):
        far = np.abs(outcomes.sum(axis=1) - chances.sum()) >= abs(hits - chances.sum()) - 1e-9
        assert chance_p(hits, chances) == pytest.approx(probabilities[far].sum())


def test_no_hit_where_few_are_expected_is_no_evidence() -> None:
    """The sign-flip test calls six misses of a chance of 1 / 9 significant, p = 2^-5: they happen every other time."""
    assert chance_p(0, np.full(6, 1 / 9)) > 0.4
    assert chance_p(6, np.full(6, 1 / 9)) < 1e-5


def test_equals_the_definition() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 30):
        p = rng.uniform(0, 0.2, size)
        order = np.argsort(p)
        expected = np.empty(size)
        for rank, position in enumerate(order):
            expected[position] = min(1.0, max((size - r) * p[order[r]] for r in range(rank + 1)))
        np.testing.assert_allclose(holm(p), expected)


def test_a_test_that_was_not_done_takes_no_part() -> None:
    np.testing.assert_allclose(holm(np.array([np.nan, 0.02, 0.01])), [np.nan, 0.02, 0.02])
    assert np.isnan(holm(np.array([np.nan])))
    assert len(holm(np.array([]))) == 0


def test_the_order_of_the_tests_does_not_matter_and_none_is_made_smaller() -> None:
    p = np.array([0.04, 0.001, 0.5, 0.04])
    np.testing.assert_allclose(holm(p[::-1]), holm(p)[::-1])
    assert (holm(p) >= p).all()
    assert holm(np.array([0.9, 0.8])).max() == pytest.approx(1.0)


def test_benjamini_and_hochberg_s_adjustment_is_that_of_scipy() -> None:
    p = np.random.default_rng(0).uniform(size=40) ** 2
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))
    with_missing = np.insert(p, 7, np.nan)
    adjusted = benjamini_hochberg(with_missing)
    assert np.isnan(adjusted[7])
    assert np.delete(adjusted, 7) == pytest.approx(stats.false_discovery_control(p))
