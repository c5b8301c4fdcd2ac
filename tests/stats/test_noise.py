"""The noise of repetitions, and what varies without it, are estimated without bias."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from dsim.stats.noise import difference, spread, squared_errors, without_noise


def test_squared_errors_are_those_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(size=(4, 3, 5))
    np.testing.assert_allclose(squared_errors(values), values.var(axis=2, ddof=1) / 5)


@pytest.mark.parametrize(("shared", "sources"), [(False, 4), (True, 4), (True, 2)])
def test_squared_errors_are_right_on_average(shared: bool, sources: int) -> None:
    rng = np.random.default_rng(0)
    folds = 10 * rng.normal(size=(1, 20000, 3)) if shared else 0.0
    values = rng.normal(size=(sources, 1, 1)) + folds + 0.3 * rng.normal(size=(sources, 20000, 3))
    np.testing.assert_allclose(squared_errors(values, shared).mean(axis=1), 0.3**2 / 3, rtol=0.03)


def test_what_a_fold_adds_to_all_sources_is_no_noise() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 3, 1)) + rng.normal(size=(1, 3, 4))
    assert (squared_errors(values, shared=True) == 0).all()
    assert (squared_errors(values) > 0.01).all()


def test_missing_repetitions() -> None:
    values = np.array([[[1.0, 3.0]], [[4.0, np.nan]], [[np.nan, np.nan]]])
    # The mean of one repetition has the variance of the others, undivided.
    np.testing.assert_allclose(squared_errors(values), [[1.0], [2.0], [np.nan]])
    assert np.isnan(squared_errors(values[1:])).all()
    assert np.isnan(squared_errors(values[:1], shared=True)).all()


@pytest.mark.parametrize(("sources", "bias"), [(6, 0.03), (9, 0.01), (20, 0.003)])
def test_the_share_of_variance_that_is_no_noise_is_right_on_average(sources: int, bias: float) -> None:
    """The means vary by 2, of which 0.6 is noise: B is 0.7. Its bound at 0 lifts the mean, where sources are few."""
    rng, kept = np.random.default_rng(0), []
    for _ in range(4000):
        means = np.sqrt(2) * rng.normal(size=sources)
        kept.append(without_noise(means, np.full(sources, 0.6)).var() / means.var())
    assert np.mean(kept) == pytest.approx(0.7, abs=bias)


def test_without_noise_nothing_is_drawn_together_and_with_nothing_else_all_is() -> None:
    means = np.array([3.0, 1.0, 2.0, 5.0])
    np.testing.assert_array_equal(without_noise(means, np.zeros(4)), means)
    assert np.ptp(without_noise(means, np.full(4, 100.0))) == 0
    np.testing.assert_array_equal(without_noise(means[:3], np.full(3, 100.0)), means[:3])


def test_spread_and_difference_are_students() -> None:
    first, second = [0.31, 0.35, 0.4, 0.29], [0.3, 0.38, 0.33, 0.2]
    found, paired = spread(first), difference(first, second)
    expected = scipy.stats.ttest_rel(first, second)
    bounds = scipy.stats.t.interval(0.95, 3, np.mean(first), scipy.stats.sem(first))
    assert (found.low, found.high) == pytest.approx(bounds)
    assert paired.p == pytest.approx(expected.pvalue)
    assert (paired.low, paired.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert difference([0.3, None], [0.2, 0.1]).note == "1 of 2 seeds have none"
    assert math.isnan(spread([None]).mean)
