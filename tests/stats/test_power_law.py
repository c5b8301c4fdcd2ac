"""The power law of a learning curve: closed forms, scipy's fit, bounds, reasons and intervals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.optimize import curve_fit

from dsim.stats.power_law import EXPONENTS, NO_PRIOR, Prior, fit_power_law

COUNTS = [1, 5, 10, 25, 50, 100, 250, 500, 1000]


def curve(n: np.ndarray | list[int], plateau: float, slope: float, exponent: float) -> np.ndarray:
    return plateau - slope * np.asarray(n, float) ** -exponent


@pytest.mark.parametrize("points", [3, 4, 6, 9])
@pytest.mark.parametrize("law", [(0.9, 0.6, 0.5), (1.0, 0.7, 0.2), (0.7, 0.3, 1.2), (0.95, 0.05, 0.8)])
def test_an_exact_curve_is_recovered_by_plain_least_squares(law: tuple[float, float, float], points: int) -> None:
    found = fit_power_law(COUNTS[:points], [curve(COUNTS[:points], *law)], prior=NO_PRIOR)
    assert (found.plateau, found.slope, found.exponent) == pytest.approx(law, abs=1e-5)
    assert found.at(2000).value == pytest.approx(curve([2000], *law)[0], abs=1e-5)
    assert found.needed(float(curve([300], *law)[0])).value == pytest.approx(300, rel=1e-3)


def test_the_fit_is_that_of_scipy_with_the_same_weights() -> None:
    """Curve_fit weighs by the standard error of each mean, from the draws."""
    rng = np.random.default_rng(0)
    spread = np.array([0.05, 0.03, 0.02, 0.01, 0.01, 0.005, 0.004])
    rows = curve(COUNTS[:7], 0.85, 0.5, 0.6) + rng.normal(size=(40, 7)) * spread
    found = fit_power_law(COUNTS[:7], rows, prior=NO_PRIOR)
    errors = rows.std(axis=0, ddof=1) / math.sqrt(len(rows))
    expected, _ = curve_fit(curve, np.array(COUNTS[:7], float), rows.mean(axis=0), p0=(0.8, 0.4, 0.5), sigma=errors)
    assert (found.plateau, found.slope, found.exponent) == pytest.approx(tuple(expected), abs=2e-5)


def test_the_prior_is_a_penalty_that_scipy_finds_too() -> None:
    """The deviation of the exponent is one further residual of least squares."""
    prior, means = Prior(exponent=0.4, spread=0.3, misfit=0.02), curve(COUNTS[:5], 0.8, 0.55, 0.7)

    def residuals(_: np.ndarray, plateau: float, slope: float, exponent: float) -> np.ndarray:
        misfits = (curve(COUNTS[:5], plateau, slope, exponent) - means) / prior.misfit_at(np.array(COUNTS[:5], float))
        return np.append(misfits, math.log(exponent / prior.exponent) / prior.spread)

    expected, _ = curve_fit(residuals, np.arange(6.0), np.zeros(6), p0=(0.8, 0.5, 0.5))
    found = fit_power_law(COUNTS[:5], [means], prior=prior)
    assert (found.plateau, found.slope, found.exponent) == pytest.approx(tuple(expected), abs=2e-5)


def test_plateau_slope_and_exponent_stay_within_their_bounds() -> None:
    rng = np.random.default_rng(1)
    for points in (3, 5, 9):
        for _ in range(20):
            law = fit_power_law(COUNTS[:points], rng.random((1, points)), resamples=50)
            assert law.plateau <= 1
            assert law.slope >= 0
            assert EXPONENTS[0] - 1e-9 <= law.exponent <= EXPONENTS[1] + 1e-9
            assert (law.replicates[:, 0] <= 1).all()
            assert (law.replicates[:, 1] >= 0).all()


def test_a_straight_line_in_the_logarithm_is_bounded_by_one() -> None:
    """Accuracy that rises without bending would have a plateau far above 1."""
    law = fit_power_law([1, 10, 100], [[0.3, 0.5, 0.7]], prior=NO_PRIOR)
    assert law.plateau == 1
    assert law.at(1e9).value <= 1


def test_what_cannot_be_reached_is_infinite_with_a_reason() -> None:
    law = fit_power_law(COUNTS, [curve(COUNTS, 0.8, 0.5, 0.5)], prior=NO_PRIOR)
    beyond = law.needed(0.85)
    assert math.isinf(beyond.value)
    assert "plateau" in beyond.note
    assert law.needed(0.1) == (1.0, 1.0, 1.0, "")
    assert "times the largest count" in law.needed(0.7999).note
    assert json.dumps(beyond.to_dict(), allow_nan=False)


def test_a_curve_that_does_not_rise_says_so() -> None:
    law = fit_power_law([1, 5, 10, 25], [[0.5, 0.5, 0.49, 0.48]])
    assert law.slope == 0
    assert "does not rise" in law.note
    assert law.at(100).value == pytest.approx(law.plateau)
    assert math.isinf(law.needed(0.6).value)


def test_too_few_counts_give_nan_with_a_reason() -> None:
    law = fit_power_law([1, 5, 10], [[0.3, np.nan, 0.5], [0.35, np.nan, 0.55]])
    for estimate in (law.at(50), law.needed(0.6), law.plateau_estimate):
        assert math.isnan(estimate.value)
        assert "3 counts" in estimate.note
    assert json.dumps(law.to_dict(), allow_nan=False)
    assert np.isnan(law.line(np.array([1.0, 2.0]))).all()


@pytest.mark.parametrize(
    ("counts", "rows"), [([1, 5], [[0.1, 0.2, 0.3]]), ([0, 1, 5], [[0.1, 0.2, 0.3]]), ([1, 1, 5], [[0.1, 0.2, 0.3]])]
)
def test_counts_that_cannot_be_are_refused(counts: list[int], rows: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="count"):
        fit_power_law(counts, rows)


def test_a_fit_is_the_same_every_time_and_in_every_order_of_counts() -> None:
    rows = np.random.default_rng(2).normal(curve(COUNTS[:6], 0.8, 0.5, 0.5), 0.02, (10, 6))
    first, again = fit_power_law(COUNTS[:6], rows), fit_power_law(COUNTS[:6], rows)
    np.testing.assert_array_equal(first.replicates, again.replicates)
    turned = fit_power_law(COUNTS[:6][::-1], rows[:, ::-1])
    assert turned.plateau == pytest.approx(first.plateau, abs=1e-7)


def test_intervals_widen_with_the_distance_from_the_labels_at_hand() -> None:
    law = fit_power_law(COUNTS[:5], np.random.default_rng(3).normal(curve(COUNTS[:5], 0.8, 0.5, 0.5), 0.03, (20, 5)))
    widths = [law.at(n).high - law.at(n).low for n in (50, 200, 1000)]
    assert widths == sorted(widths)
    for n in (50, 200, 1000):
        assert law.at(n).low <= law.at(n).value <= law.at(n).high
        needed = law.needed(law.at(n).value)
        assert needed.value == pytest.approx(n, rel=1e-6)
        assert needed.low <= n <= needed.high


def test_intervals_cover_curves_that_are_drawn_from_the_prior() -> None:
    """Exponent and misfit as the prior says: 95 % intervals cover about as often; 150 curves, error 0.018."""
    rng, prior, known = np.random.default_rng(4), Prior(), np.array(COUNTS[:5], float)
    hits = {"at": 0, "needed": 0}
    for seed in range(150):
        plateau, slope = rng.uniform(0.6, 0.95), rng.uniform(0.3, 0.5)
        exponent = float(np.clip(prior.exponent * np.exp(prior.spread * rng.standard_normal()), *EXPONENTS))
        means = curve(known, plateau, slope, exponent) + prior.misfit_at(known) * rng.standard_normal(5)
        law = fit_power_law(known, [means], resamples=100, seed=seed)
        truth = float(curve([200], plateau, slope, exponent)[0])
        at, needed = law.at(200), law.needed(truth)
        hits["at"] += at.low <= truth <= at.high
        hits["needed"] += needed.low <= 200 <= needed.high
    assert 0.88 <= hits["at"] / 150 <= 1
    assert 0.88 <= hits["needed"] / 150 <= 1


def test_replicates_of_the_caller_widen_the_interval() -> None:
    means = curve(COUNTS[:6], 0.8, 0.5, 0.5)
    shifts = np.random.default_rng(5).normal(0, 0.05, (500, 1))
    wide, narrow = fit_power_law(COUNTS[:6], [means], replicates=means + shifts), fit_power_law(COUNTS[:6], [means])
    assert wide.at(50).high - wide.at(50).low > 2 * (narrow.at(50).high - narrow.at(50).low)
    assert wide.plateau == narrow.plateau
    with pytest.raises(ValueError, match="replicates"):
        fit_power_law(COUNTS[:6], [means], replicates=np.ones((5, 3)))
