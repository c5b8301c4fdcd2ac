"""Every score has an interval that its kind allows, or a reason for none; what is measured alike is resampled alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dsim.errors import UsageError
from dsim.evaluation import BY_NAME, SCORES, Intervals
from dsim.stats.resampling import draws

MEAN, SHARE, REGRET = BY_NAME["pearson"], BY_NAME["top1"], BY_NAME["regret"]
VALUES = np.array([0.1, 0.9, 0.3, -0.2, 0.5, 0.6, 0.4, -0.1])


def test_a_mean_has_the_bootstraps_interval_and_the_expanded_one_is_wider() -> None:
    expanded = Intervals(8).over_targets(MEAN, VALUES)
    plain = Intervals(8, method="percentile").over_targets(MEAN, VALUES)
    replicates = VALUES[draws(8, 2000, 0)].mean(axis=1)
    assert (plain.low, plain.high) == pytest.approx(tuple(np.percentile(replicates, [2.5, 97.5])))
    assert expanded.low < plain.low < plain.value < plain.high < expanded.high
    assert (expanded.value, expanded.targets, expanded.note) == (VALUES.mean(), 8, "")


def test_a_share_has_wilsons_interval_or_the_bootstraps_where_that_was_asked_for() -> None:
    misses = np.zeros(12)
    score = Intervals(12).over_targets(SHARE, misses)
    assert (score.low, score.high) == pytest.approx(tuple(stats.binomtest(0, 12).proportion_ci(0.95, method="wilson")))
    plain = Intervals(12, method="percentile").over_targets(SHARE, misses)
    assert (plain.low, plain.high) == (0.0, 0.0)
    assert "alike" in plain.note


def test_a_target_without_a_value_is_left_out_and_counted() -> None:
    with_gap = Intervals(9).over_targets(MEAN, np.append(VALUES, np.nan))
    without = Intervals(8).over_targets(MEAN, VALUES)
    assert (with_gap.value, with_gap.low, with_gap.high, with_gap.targets) == (
        without.value,
        without.low,
        without.high,
        8,
    )
    assert with_gap.note == "1 of 9 targets have none"


def test_one_target_has_no_interval_and_none_has_no_score() -> None:
    one = Intervals(2).over_targets(MEAN, np.array([0.3, np.nan]))
    assert one.value == 0.3
    assert np.isnan([one.low, one.high]).all()
    assert "one target has no interval" in one.note
    # A share of one target has: Wilson's is of any number.
    assert Intervals(1).over_targets(SHARE, np.array([1.0])).low == pytest.approx(0.2065, abs=1e-4)
    none = Intervals(2).over_targets(MEAN, np.full(2, np.nan))
    assert np.isnan([none.value, none.low, none.high]).all()
    assert (none.targets, none.note) == (0, "no target has one")


def test_targets_too_few_for_percentiles_have_students_interval() -> None:
    values = np.array([0.2, 0.3, 0.7])
    score = Intervals(3).over_targets(REGRET, values)
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert low < 0
    assert score.low == 0.0, "no regret is below 0"
    assert score.high == pytest.approx(high, abs=0.02)
    # At a confidence of 60 % three targets are enough: 1 - 2^-2.
    assert Intervals(3, confidence=0.6).over_targets(REGRET, values).low >= values.min()


def test_a_regret_below_zero_keeps_its_bound() -> None:
    """No transfer may be better than every source: its regret is negative."""
    assert Intervals(3).over_targets(REGRET, np.array([-3.0, -1.0, 1.0])).low < -1


@pytest.mark.parametrize("targets", [2, 3, 5, 12])
def test_bounds_of_correlations_and_shares_are_possible(targets: int) -> None:
    values = np.random.default_rng(targets).choice([0.0, 1.0], size=targets)
    for spec in SCORES:
        if spec.per_target and not spec.in_score_units:
            score = Intervals(targets).over_targets(spec, values)
            assert (0 if spec.share else -1) <= score.low <= score.value <= score.high <= 1


def test_the_sum_is_the_mean_times_the_targets() -> None:
    regrets = np.abs(VALUES)
    mean, total = (Intervals(8).over_targets(BY_NAME[name], regrets) for name in ("regret", "regret_sum"))
    assert (total.value, total.low, total.high) == pytest.approx((8 * mean.value, 8 * mean.low, 8 * mean.high))


def test_the_worst_regret_has_no_upper_bound_and_says_why() -> None:
    worst = Intervals(8).over_targets(BY_NAME["worst_regret"], np.abs(VALUES))
    assert worst.value == 0.9
    assert worst.low == pytest.approx(np.quantile(np.abs(VALUES)[draws(8, 2000, 0)].max(axis=1), 0.025))
    assert np.isnan(worst.high)
    assert "worst seen" in worst.note


def test_equal_settings_give_equal_intervals_and_another_seed_others() -> None:
    first, again, other = (Intervals(8, seed=seed).over_targets(MEAN, VALUES) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_differences_are_paired() -> None:
    """A constant added to every target moves the difference and leaves it no width, however wide either score is."""
    value, low, high, targets = Intervals(8).difference(VALUES + 0.25, VALUES)
    assert (value, low, high) == pytest.approx((0.25, 0.25, 0.25))
    assert targets == 8
    _, low, high, targets = Intervals(8).difference(VALUES, np.where(VALUES > 0.5, np.nan, 0))
    assert low < high
    assert targets == 6


def test_differences_of_few_targets_and_of_shares() -> None:
    how, hits = Intervals(6), np.array([1.0, 0, 0, 0, 0, 0])
    assert np.isnan(how.difference(VALUES[:1], VALUES[1:2])[1:3]).all()
    assert how.difference(VALUES[:1], np.array([np.nan]))[3] == 0
    assert how.difference(hits, hits)[1:3] == (0.0, 0.0)
    _, low, high, _ = how.difference(hits, hits, SHARE)
    assert low < 0 < high


def pairs(sources: int = 9, targets: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    distances = rng.random((sources, targets))
    scores = rng.random((1, targets)) - 0.3 * distances + 0.1 * rng.random((sources, targets))
    return distances, scores, rng.random((sources, targets)) > 0.2


@pytest.mark.parametrize(
    ("name", "reference"), [("pooled_pearson", stats.pearsonr), ("pooled_spearman", stats.spearmanr)]
)
def test_pooled_correlations_resample_whole_targets(name: str, reference: object) -> None:
    distances, scores, counted = pairs()
    how = Intervals(12, resamples=200, method="percentile")
    score = how.pooled(BY_NAME[name], distances, scores, counted)

    def correlation(columns: np.ndarray) -> float:
        known = counted[:, columns]
        return float(reference(-distances[:, columns][known], scores[:, columns][known]).statistic)  # type: ignore[operator]

    assert score.value == pytest.approx(correlation(np.arange(12)))
    replicates = [correlation(drawn) for drawn in draws(12, 200, 0)]
    assert (score.low, score.high) == pytest.approx(tuple(np.percentile(replicates, [2.5, 97.5])))
    assert score.targets == 12


def test_pooled_correlations_that_are_undefined_say_why() -> None:
    distances, scores, counted = pairs(3, 4)
    pooled = BY_NAME["pooled_pearson"]
    few = Intervals(4).pooled(pooled, distances, scores, np.eye(3, 4, dtype=bool) & (np.arange(4) < 2))
    assert np.isnan(few.value)
    assert few.note == "2 pairs are too few"
    constant = Intervals(4).pooled(pooled, np.full((3, 4), 0.1), scores, counted)
    assert np.isnan(constant.value)
    assert "equal" in constant.note
    one = Intervals(4).pooled(pooled, distances, scores, np.ones((3, 4), dtype=bool) & (np.arange(4) == 1))
    assert not np.isnan(one.value)
    assert np.isnan([one.low, one.high]).all()
    assert one.targets == 1


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"confidence": 1.0}, "confidence 1"),
        ({"confidence": 95}, "confidence 95"),
        ({"resamples": 10}, "10 resamples"),
        ({"method": "bca"}, "'bca'"),
    ],
)
def test_settings_that_do_not_exist_are_refused(settings: dict[str, float], expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as raised:
        Intervals(5, **settings)  # type: ignore[arg-type]
    assert raised.value.hint
