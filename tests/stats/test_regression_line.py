"""The line of least squares and its bounds: against scipy, and against fitting each resample anew."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress

from dsim.stats.correlation import line, normal_band, resampled_lines

RNG = np.random.default_rng(0)
X, Y = RNG.normal(3, 2, 30), RNG.normal(size=30)
AT = np.linspace(-1, 8, 5)


def test_the_line_is_that_of_scipy() -> None:
    fit = linregress(X, Y)
    assert line(X, Y, AT) == pytest.approx(fit.intercept + fit.slope * AT)


def test_the_band_of_independent_errors_holds_the_true_line_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = []
    for _ in range(2000):
        low, high = normal_band(X, 2 - X + rng.normal(size=len(X)), AT, 0.9)
        held.append((low <= 2 - AT) & (high >= 2 - AT))
    assert np.mean(held, axis=0) == pytest.approx(0.9, abs=0.02)


def test_at_zero_the_band_is_the_interval_of_the_intercept() -> None:
    fit = linregress(X, Y)
    low, high = normal_band(X, Y, np.zeros(1), 0.95)
    assert (high - low)[0] / 2 == pytest.approx(2.048407141795244 * fit.intercept_stderr)


def test_lines_of_resamples_are_those_of_the_groups_put_together() -> None:
    groups = np.repeat(np.arange(3), [5, 10, 15])
    drawn = np.array([[0, 1, 2], [1, 1, 2], [0, 0, 0]])
    for found, held in zip(resampled_lines(X, Y, groups, drawn, AT), drawn, strict=True):
        rows = np.concatenate([np.flatnonzero(groups == group) for group in held])
        assert found == pytest.approx(line(X[rows], Y[rows], AT))


def test_without_two_different_places_there_is_no_line() -> None:
    equal = np.full(4, 0.1)
    assert np.isnan(line(equal, Y[:4], AT)).all()
    assert np.isnan(normal_band(equal, Y[:4], AT, 0.95)).all()
    assert np.isnan(normal_band(X[:2], Y[:2], AT, 0.95)).all(), "two points have no error"
    assert np.isnan(normal_band(X[:0], Y[:0], AT, 0.95)).all()
    assert np.isnan(resampled_lines(equal, Y[:4], np.array([0, 0, 1, 1]), np.array([[0, 1]]), AT)).all()
