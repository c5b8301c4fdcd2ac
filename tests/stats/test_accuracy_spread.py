"""Both kinds of spread equal a plain loop, cover what they say, and tell extractors apart as often as they say."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from dsim.stats.accuracy_spread import TestUnits, compare_accuracies, measure_spread, resample_means
from dsim.stats.power_law import fit_power_law
from dsim.stats.resampling import draws


def predictions_of(
    rng: np.random.Generator, repeats: int, groups: int, each: int, lift: float = 0.0, shared: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Predictions (repeats, t) of three classes; groups are easy or hard, and so are draws."""
    truth = np.tile(np.arange(3), groups * each // 3 + 1)[: groups * each]
    names = np.repeat(np.arange(groups), each)
    ease = rng.normal(0, 1, groups) if shared is None else shared
    logits = 0.7 + lift + ease[names] + rng.normal(0, 0.3, (repeats, 1))
    right = rng.random((repeats, len(truth))) < 1 / (1 + np.exp(-logits))
    return np.where(right, truth, (truth + 1) % 3), truth, tuple(f"patient {name}" for name in names)


def expected_accuracy() -> float:
    """The accuracy over all groups and draws: a logistic of a normal deviate of variance 1 + 0.3^2."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    return float(weights @ (1 / (1 + np.exp(-(0.7 + math.sqrt(1.09) * nodes)))) / weights.sum())


@pytest.mark.parametrize("grouped", [True, False])
def test_the_mean_is_that_of_sklearn_and_resamples_that_of_a_loop(grouped: bool) -> None:
    rng = np.random.default_rng(0)
    predictions, truth, groups = predictions_of(rng, 6, 8, 5)
    names = np.array(groups if grouped else range(len(truth)), dtype=str)
    spread = measure_spread(predictions, truth, groups if grouped else None, resamples=30)
    accuracies = [balanced_accuracy_score(truth, row) for row in predictions]
    assert spread.mean == pytest.approx(np.mean(accuracies))
    assert spread.sd == pytest.approx(np.std(accuracies, ddof=1))
    found = resample_means(predictions[:, None], truth, groups if grouped else None, resamples=30, seed=3)
    units = np.unique(names)
    # Names are sorted as texts in both, so that the units are numbered alike.
    order = units if grouped else np.array(range(len(truth)), dtype=str)
    for row, of_draws, of_units in zip(found, draws(6, 30, 3), draws(len(units), 30, 4), strict=True):
        chosen = np.concatenate([np.flatnonzero(names == order[unit]) for unit in of_units])
        expected = np.mean([balanced_accuracy_score(truth[chosen], predictions[draw, chosen]) for draw in of_draws])
        assert row[0] == pytest.approx(expected)


def test_what_units_add_is_the_accuracy() -> None:
    predictions, truth, groups = predictions_of(np.random.default_rng(1), 4, 9, 4)
    units = TestUnits.of(truth, groups)
    hits = units.hits(predictions)
    np.testing.assert_allclose(units.shares(hits).sum(axis=1), units.accuracy(hits))


def test_a_resample_without_a_class_leaves_it_out() -> None:
    units = TestUnits.of(np.array([0, 0, 1]), ["a", "a", "b"])
    hits = units.hits(np.array([0, 1, 1]))
    assert units.accuracy(hits, np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])).tolist() == [0.75, 0.5, 1.0]


def test_intervals_over_groups_cover_the_accuracy_on_other_groups() -> None:
    """200 test sets of 25 groups; draws are the same in all, so that only groups vary; error 0.015."""
    rng, covered, by_images = np.random.default_rng(2), 0, 0
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    for seed in range(200):
        _, truth, groups = predictions_of(rng, 1, 25, 9)
        # The accuracy of a draw over all groups has no closed form, unless the draw has no effect.
        ease = rng.normal(0, 1, 25)
        chance = 1 / (1 + np.exp(-(0.7 + np.repeat(ease, 9))))
        predictions = np.where(rng.random((4, len(truth))) < chance, truth, (truth + 1) % 3)
        expected = float(weights @ (1 / (1 + np.exp(-(0.7 + nodes)))) / weights.sum())
        spread = measure_spread(predictions, truth, groups, resamples=300, seed=seed)
        alone = measure_spread(predictions, truth, resamples=300, seed=seed)
        covered += spread.low <= expected <= spread.high
        by_images += alone.low <= expected <= alone.high
    assert 0.91 <= covered / 200 <= 0.985
    # That images of a group go together is what the interval is for.
    assert by_images / 200 < 0.85


def test_joint_resamples_cover_other_groups_and_draws() -> None:
    rng, covered, expected = np.random.default_rng(3), 0, expected_accuracy()
    for seed in range(200):
        predictions, truth, groups = predictions_of(rng, 8, 25, 9)
        means = resample_means(predictions[:, None], truth, groups, resamples=300, seed=seed)[:, 0]
        low, high = np.quantile(means, [0.025, 0.975])
        covered += low <= expected <= high
    assert 0.91 <= covered / 200 <= 0.995


def test_a_difference_is_covered_and_equal_extractors_are_rarely_told_apart() -> None:
    """200 pairs of equal extractors on the same easy and hard groups: p is below 0.05 in about 5 % (error 0.015)."""
    rng, false, covered = np.random.default_rng(4), 0, 0
    for seed in range(200):
        ease = rng.normal(0, 1, 16)
        first, truth, groups = predictions_of(rng, 5, 16, 6, shared=ease)
        second, *_ = predictions_of(rng, 5, 16, 6, shared=ease)
        both = compare_accuracies(first, second, truth, groups, resamples=300, seed=seed)
        false += both.p < 0.05
        covered += both.low <= 0 <= both.high
    assert false / 200 <= 0.09
    assert covered / 200 >= 0.91


def test_a_better_extractor_is_told_apart() -> None:
    rng = np.random.default_rng(5)
    ease = rng.normal(0, 1, 20)
    first, truth, groups = predictions_of(rng, 10, 20, 9, lift=0.8, shared=ease)
    second, *_ = predictions_of(rng, 10, 20, 9, shared=ease)
    both, turned = (compare_accuracies(*pair, truth, groups) for pair in ((first, second), (second, first)))
    assert both.clear
    assert both.p < 0.01
    assert both.wins > 0.9
    assert turned.wins == pytest.approx(1 - both.wins)
    assert turned.difference == pytest.approx(-both.difference)
    assert (turned.low, turned.high) == pytest.approx((-both.high, -both.low), abs=0.01)
    same = compare_accuracies(first, first, truth, groups)
    assert (same.difference, same.p, same.p_units, same.p_draws, same.wins) == (0.0, 1.0, 1.0, 1.0, 0.5)


def test_one_draw_and_one_unit_have_no_spread() -> None:
    predictions, truth, _ = predictions_of(np.random.default_rng(6), 1, 2, 6)
    spread = measure_spread(predictions, truth, ["only"] * len(truth))
    assert all(math.isnan(value) for value in (spread.sd, spread.low, spread.high))
    both = compare_accuracies(predictions, predictions, truth, ["only"] * len(truth))
    assert math.isnan(both.p)
    assert not both.clear
    assert json.dumps([spread.to_dict(), both.to_dict()], allow_nan=False)


@pytest.mark.parametrize(
    ("predictions", "groups"), [(np.zeros((2, 4)), None), (np.zeros((0, 3)), None), (np.zeros((2, 3)), ["a"])]
)
def test_shapes_that_do_not_match_are_refused(predictions: np.ndarray, groups: list[str] | None) -> None:
    with pytest.raises(ValueError, match=r"predictions|groups"):
        measure_spread(predictions.astype(int), np.array([0, 1, 1]), groups)
    with pytest.raises(ValueError, match="same draws"):
        compare_accuracies(np.zeros((2, 3), int), np.zeros((3, 3), int), np.array([0, 1, 1]))


def test_resampled_means_are_replicates_of_a_power_law() -> None:
    rng = np.random.default_rng(7)
    truth = np.arange(60) % 3
    counts = np.array([1, 5, 10, 25])
    chance = 0.9 - 0.5 * counts**-0.5
    right = rng.random((10, 4, 60)) < chance[:, None]
    predictions = np.where(right, truth, (truth + 1) % 3)
    accuracies = (right.reshape(10, 4, 20, 3).mean(axis=2)).mean(axis=2)
    means = resample_means(predictions, truth, resamples=100)
    same_tests = resample_means(predictions, truth, resamples=100, over_tests=False)
    wide, narrow = (fit_power_law(counts, accuracies, replicates=each).at(25) for each in (means, same_tests))
    assert wide.high - wide.low > narrow.high - narrow.low
