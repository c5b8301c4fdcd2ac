"""Counts corrected by a verified sample: closed forms, gaps that are said, intervals that hold the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from dsim.stats.verified_counts import STRATA, VerifiedCount, allocate, stratified_sample, verified_count

# Intervals hold the truth -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scenario:
    """A population that is drawn anew in each repeat.

    ``right`` : probabilities that the lowest and highest score are right, linear between. ``mean`` : missed objects of
    a window; ``size`` : of the negative binomial, infinite for Poisson. ``unchecked`` : strata that nobody checked.
    """

    detections: int
    right: tuple[float, float]
    mean: float
    windows: int = 300
    size: float = math.inf
    checked: int = 40
    searched: int = 10
    unchecked: tuple[int, ...] = ()
    uneven: bool = False


SCENARIOS = {
    "rare": Scenario(15, (0.4, 0.9), 0.02),
    "rare and often missed": Scenario(8, (0.9, 1.0), 0.3, windows=60),
    "many": Scenario(3000, (0.3, 1.0), 1.0, size=2),
    "none wrong, few missed": Scenario(400, (1.0, 1.0), 0.1),
    "none wrong, none missed": Scenario(400, (1.0, 1.0), 0.0),
    "all wrong": Scenario(300, (0.0, 0.0), 0.5),
    "half wrong": Scenario(300, (0.5, 0.5), 0.1),
    "hardly any wrong": Scenario(1000, (0.95, 1.0), 0.3),
    "sorted well": Scenario(1000, (-0.5, 1.6), 0.0),
    "many missed in clusters": Scenario(500, (0.5, 1.0), 4.0, size=1),
    "only clusters": Scenario(0, (0.0, 0.0), 1.0, size=0.5),
    "all windows searched": Scenario(200, (0.5, 1.0), 2.0, windows=10, size=0.5),
    "a stratum unchecked": Scenario(500, (0.2, 1.0), 0.3, unchecked=(2,)),
    "the lowest strata unchecked": Scenario(500, (0.0, 1.0), 0.3, unchecked=(0, 1)),
    "a small sample": Scenario(500, (0.6, 1.0), 0.5, checked=15, searched=5),
    "windows of two sizes": Scenario(500, (0.6, 1.0), 0.5, uneven=True),
}


def repeat(scenario: Scenario, rng: np.random.Generator) -> tuple[VerifiedCount, int]:
    """One population, one sample of it; returns what is estimated, and the true number."""
    scores = rng.random(scenario.detections)
    low, high = scenario.right
    right = rng.random(scenario.detections) < low + (high - low) * scores
    chosen, strata = stratified_sample(scores, scenario.checked, int(rng.integers(2**31)))
    kept = chosen[~np.isin(strata[chosen], scenario.unchecked)]
    areas = rng.choice([1.0, 3.0], scenario.windows) if scenario.uneven else np.ones(scenario.windows)
    crowding = 1.0 if math.isinf(scenario.size) else rng.gamma(scenario.size, 1 / scenario.size, scenario.windows)
    missed = rng.poisson(scenario.mean * areas * crowding)
    looked = rng.choice(scenario.windows, scenario.searched, replace=False)
    found = verified_count(
        np.bincount(strata, minlength=STRATA),
        np.bincount(strata[kept], minlength=STRATA),
        np.bincount(strata[kept], weights=right[kept], minlength=STRATA),
        missed[looked],
        areas[looked],
        float(areas.sum()),
    )
    return found, int(right.sum() + missed.sum())


@pytest.mark.parametrize("name", SCENARIOS)
def test_intervals_of_95_percent_hold_the_truth_in_93_percent_of_samples(name: str) -> None:
    """Of 1,200 samples; bounds are rounded outwards to whole objects."""
    rng = np.random.default_rng(5)
    repeats = [repeat(SCENARIOS[name], rng) for _ in range(1200)]
    held = [math.floor(found.total.low + 1e-9) <= true <= math.ceil(found.total.high - 1e-9) for found, true in repeats]
    assert np.mean(held) >= 0.93


def test_estimates_are_unbiased() -> None:
    rng = np.random.default_rng(0)
    for name in ("many", "rare", "windows of two sizes"):
        repeats = [repeat(SCENARIOS[name], rng) for _ in range(1500)]
        errors = np.array([found.total.value - true for found, true in repeats])
        assert abs(errors.mean()) < 4 * errors.std() / math.sqrt(len(errors))


def test_strata_of_confidence_narrow_the_interval() -> None:
    """Where confidence sorts right from wrong, a sample by strata says more than a simple one of the same size."""
    together = verified_count([1000], [40], [20])
    apart = verified_count([200] * 5, [8] * 5, [0, 1, 4, 7, 8])
    assert apart.correct.value == together.correct.value == 500
    assert apart.correct.high - apart.correct.low < 0.8 * (together.correct.high - together.correct.low)


# Closed forms -----------------------------------------------------------------------------------------------------


def test_one_stratum_of_very_many_has_the_interval_of_wilson() -> None:
    """Both bounds are where the observed share is a quantile away; the variance has n - 1, as in Cochran's book."""
    from scipy.stats import t

    found = verified_count([10**9], [40], [34]).precision
    for bound in (found.low, found.high):
        away = (found.value - bound) ** 2 / (bound * (1 - bound) / 39)
        assert away == pytest.approx(float(t.ppf(0.975, 39)) ** 2, rel=1e-6)


def test_missed_objects_of_few_windows_have_the_exact_poisson_interval() -> None:
    """Garwood's bounds by quantiles of chi squared, times the area, where the windows agree with Poisson's law."""
    found = verified_count([], [], [], [1, 0, 1, 1], [1.0] * 4, 4e6).missed
    assert found.value == pytest.approx(3e6)
    assert found.low == pytest.approx(chi2.ppf(0.025, 6) / 2 * 1e6, rel=1e-3)
    assert found.high == pytest.approx(chi2.ppf(0.975, 8) / 2 * 1e6, rel=1e-3)


def test_nothing_missed_leaves_room_for_what_chance_may_hide() -> None:
    found = verified_count([10], [10], [10], [0] * 10, [1.0] * 10, 1e6)
    assert (found.missed.value, found.missed.low) == (0, 0)
    assert found.missed.high == pytest.approx(-math.log(0.025) * 1e5, rel=1e-3)
    assert (found.total.value, found.total.low) == (10, 10)


def test_where_everything_was_looked_at_the_number_is_known() -> None:
    found = verified_count([7, 5], [7, 5], [3, 5], [2, 0, 1], [2.0, 1.0, 1.0], 4.0)
    for estimate, number in ((found.correct, 8), (found.missed, 3), (found.total, 11)):
        assert tuple(estimate[:3]) == pytest.approx((number,) * 3)


def test_a_longer_search_and_a_lower_confidence_narrow_the_interval() -> None:
    few = verified_count([300], [20], [15], [1, 0, 2, 0], [1.0] * 4, 100.0).total
    many = verified_count([300], [80], [60], [1, 0, 2, 0] * 4, [1.0] * 16, 100.0).total
    unsure = verified_count([300], [20], [15], [1, 0, 2, 0], [1.0] * 4, 100.0, confidence=0.8).total
    assert few.value == many.value == unsure.value
    assert few.low < many.low < many.high < few.high
    assert few.low < unsure.low < unsure.high < few.high


def test_the_unit_of_area_does_not_matter() -> None:
    one = verified_count([30], [10], [8], [1, 0, 4], [1.0, 2.0, 2.0], 50.0)
    other = verified_count([30], [10], [8], [1, 0, 4], [1e4, 2e4, 2e4], 5e5)
    assert tuple(one.total[:3]) == pytest.approx(tuple(other.total[:3]))


# Gaps -------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_said_is_not_a_number_and_says_why() -> None:
    unchecked = verified_count([10], [0], [0], [1], [1.0], 9.0)
    assert math.isnan(unchecked.total.value)
    assert math.isnan(unchecked.correct.value)
    assert "checked" in unchecked.total.note
    blind = verified_count([10], [5], [4])
    assert blind.correct.value == 8
    assert math.isnan(blind.total.value)
    assert "window" in blind.total.note


def test_no_detections_leave_the_missed_objects() -> None:
    found = verified_count([0, 0], [0, 0], [0, 0], [1, 2, 0], [1.0] * 3, 30.0)
    assert (found.detected, found.correct.value, found.total.value) == (0, 0, 30)
    assert math.isnan(found.precision.value)


def test_a_stratum_without_checks_may_hold_any_number() -> None:
    found = verified_count([100, 100], [20, 0], [20, 0])
    assert found.correct.value == 200
    assert found.correct.low < 100
    assert found.correct.high == 200
    assert "100" in found.precision.note


@pytest.mark.parametrize(
    "counts",
    [
        ([10], [5], [6]),
        ([10], [11], [6]),
        ([10], [5], [-1]),
        ([10, 2], [5], [1]),
        ([10], [5], [1], [1], [], 3.0),
        ([10], [5], [1], [-1], [1.0], 3.0),
        ([10], [5], [1], [1], [0.0], 3.0),
        ([10], [5], [1], [1], [4.0], 3.0),
    ],
)
def test_counts_that_do_not_fit_are_refused(counts: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"must|needs"):
        verified_count(*counts)  # type: ignore[arg-type]


# The sample -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[100, 3, 40], [5, 5, 5, 5], [1, 0, 9], [7]])
@pytest.mark.parametrize("count", [0, 1, 6, 11, 40, 1000])
def test_allocation_is_proportional_and_never_beyond_a_stratum(sizes: list[int], count: int) -> None:
    taken = allocate(sizes, count)
    assert taken.sum() == min(count, sum(sizes))
    assert (taken <= sizes).all()
    shares = np.array(sizes) * min(count, sum(sizes)) / sum(sizes)
    assert (np.abs(taken - shares) < 1).all()


def test_strata_are_equal_and_sorted_by_score() -> None:
    scores: NDArray[np.float64] = np.random.default_rng(3).random(203)
    chosen, strata = stratified_sample(scores, 40, seed=1)
    assert len(set(chosen.tolist())) == 40
    assert np.ptp(np.bincount(strata)) <= 1
    assert (np.diff(strata[np.argsort(scores)]) >= 0).all()
    assert np.bincount(strata[chosen]).tolist() == [8] * 5
    again, _ = stratified_sample(scores, 40, seed=1)
    other, _ = stratified_sample(scores, 40, seed=2)
    np.testing.assert_array_equal(chosen, again)
    assert chosen.tolist() != other.tolist()


def test_few_detections_are_all_chosen() -> None:
    chosen, strata = stratified_sample([0.5, 0.5, 0.1], 40, seed=0)
    assert chosen.tolist() == [0, 1, 2]
    assert strata[2] == 0
    nothing, _ = stratified_sample([], 40, seed=0)
    assert nothing.tolist() == []


def test_each_detection_is_as_likely_as_any_other() -> None:
    drawn = np.zeros(50)
    for seed in range(3000):
        chosen, _ = stratified_sample(np.linspace(0, 1, 50), 10, seed)
        drawn[chosen] += 1
    np.testing.assert_allclose(drawn / 3000, 0.2, atol=0.035)
