"""Matching is greedy and one-to-one; areas equal scikit-learn's and a loop; intervals cover what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import auc, average_precision_score, precision_recall_curve

from dsim.stats.detection_scores import (
    MatchedDetections,
    average_precision,
    match_detections,
    match_points,
    precision_recall,
    score_interval,
    trapezoid_area,
)

Floats = NDArray[np.float64]


def scene(seed: int, images: int = 6, ties: bool = False) -> tuple[list[Floats], list[Floats], list[Floats]]:
    """Points, scores and truth of random images, some of them empty."""
    rng = np.random.default_rng(seed)
    points = [rng.uniform(0, 60, (rng.integers(0, 30), 2)) for _ in range(images)]
    scores = [rng.random(len(each)).round(1 if ties else 9) for each in points]
    truth = [rng.uniform(0, 60, (rng.integers(0, 12), 2)) for _ in range(images)]
    return points, scores, truth


def loop(points: list[Floats], scores: list[Floats], truth: list[Floats], distance: float) -> float:
    """Average precision by the definition, without any array: for scores without ties."""
    free = {(image, number) for image, each in enumerate(truth) for number in range(len(each))}
    total, found, area = len(free), 0, 0.0
    ranked = sorted((-score, image, place) for image, each in enumerate(scores) for place, score in enumerate(each))
    for shown, (_, image, place) in enumerate(ranked, start=1):
        near = [
            (math.dist(points[image][place], truth[image][number]), number)
            for number in range(len(truth[image]))
            if (image, number) in free
        ]
        if near and min(near)[0] < distance:
            free.remove((image, min(near)[1]))
            found += 1
            area += found / shown / total
    return area


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_equals_a_loop_over_the_definition(seed: int) -> None:
    points, scores, truth = scene(seed)
    matched = match_detections(points, scores, truth, 6.0)
    assert float(average_precision(matched)) == pytest.approx(loop(points, scores, truth, 6.0), abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_areas_equal_those_of_scikit_learn_where_everything_is_detected(ties: bool) -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(300).round(1 if ties else 9)
    correct = rng.random(300) < scores
    order = np.argsort(-scores, kind="stable")
    matched = MatchedDetections(
        scores[order], np.zeros(300, np.intp), correct[order], np.array([int(correct.sum())], dtype=np.intp)
    )
    assert float(average_precision(matched)) == pytest.approx(average_precision_score(correct, scores))
    precision, recall, thresholds = precision_recall_curve(correct, scores)
    assert float(trapezoid_area(matched)) == pytest.approx(auc(recall, precision))
    ours = precision_recall(matched)
    np.testing.assert_allclose(ours.thresholds, thresholds[::-1])
    np.testing.assert_allclose(ours.precision, precision[-2::-1])
    np.testing.assert_allclose(ours.recall, recall[-2::-1])


def test_recall_that_is_not_reached_counts_nothing() -> None:
    found = MatchedDetections(np.array([0.9, 0.8]), np.zeros(2, np.intp), np.ones(2, bool), np.array([8]))
    assert float(average_precision(found)) == float(trapezoid_area(found)) == 0.25


def test_a_second_detection_of_one_object_is_a_false_positive() -> None:
    points = np.array([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]])
    assert match_points(points, np.array([0.1, 0.9, 0.5]), np.zeros((1, 2)), 3).tolist() == [-1, 0, -1]


def test_a_detection_takes_the_nearest_object_that_is_free() -> None:
    points, truth = np.array([[1.0, 0.0], [0.9, 0.0]]), np.array([[1.0, 0.0], [3.0, 0.0]])
    assert match_points(points, np.array([0.9, 0.8]), truth, 3).tolist() == [0, 1]


def test_an_object_exactly_at_the_distance_is_not_detected() -> None:
    assert match_points(np.array([[3.0, 0.0]]), np.ones(1), np.zeros((1, 2)), 3).tolist() == [-1]
    assert match_points(np.array([[2.999, 0.0]]), np.ones(1), np.zeros((1, 2)), 3).tolist() == [0]


def test_the_order_of_detections_does_not_matter() -> None:
    points, scores, truth = scene(3)
    turned = [np.random.default_rng(1).permutation(len(each)) for each in points]
    mixed = [each[order] for each, order in zip(points, turned, strict=True)]
    ranked = [each[order] for each, order in zip(scores, turned, strict=True)]
    first, second = (match_detections(*each, truth, 6.0) for each in ((points, scores), (mixed, ranked)))
    assert float(average_precision(first)) == float(average_precision(second))


@pytest.mark.parametrize("area", [average_precision, trapezoid_area])
def test_an_image_that_counts_twice_is_as_two_images(area: object) -> None:
    points, scores, truth = scene(2, ties=True)
    times = np.array([[1.0, 2, 0, 1, 1, 3]])
    repeated = [number for number, count in enumerate(times[0]) for _ in range(int(count))]
    written_out = match_detections(*([side[number] for number in repeated] for side in (points, scores, truth)), 6.0)
    weighted = area(match_detections(points, scores, truth, 6.0), times)  # type: ignore[operator]
    assert weighted[0] == pytest.approx(float(area(written_out)))  # type: ignore[operator]


def test_without_detections_the_areas_are_zero_and_without_truth_they_are_not_defined() -> None:
    empty = [np.zeros((0, 2))]
    nothing = match_detections(empty, [np.zeros(0)], [np.ones((2, 2))], 1.0)
    assert float(average_precision(nothing)) == float(trapezoid_area(nothing)) == 0
    alone = match_detections([np.ones((1, 2))], [np.ones(1)], empty, 1.0)
    assert math.isnan(average_precision(alone))
    assert math.isnan(trapezoid_area(alone))


def test_a_score_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        match_points(np.zeros((1, 2)), np.array([np.nan]), np.zeros((1, 2)), 1.0)


def simulated(rng: np.random.Generator, images: int, quality: float) -> MatchedDetections:
    """Ten objects in each image, detected with a quality that differs by image; as many false positives."""
    shift = quality + rng.normal(0, 0.7, images)
    scores = np.concatenate([rng.normal(0, 1, (images, 10)), rng.normal(shift, 1, (10, images)).T], axis=1).ravel()
    correct = np.tile(np.repeat([False, True], 10), images)
    places = np.repeat(np.arange(images), 20)
    order = np.argsort(-scores)
    return MatchedDetections(scores[order], places[order], correct[order], np.full(images, 10, dtype=np.intp))


def test_intervals_of_one_repeat_cover_the_value_of_many_images() -> None:
    rng = np.random.default_rng(0)
    true = float(average_precision(simulated(rng, 20000, 1.0)))
    found = [score_interval([[simulated(rng, 25, 1.0)]], resamples=200) for _ in range(200)]
    covered = np.mean([each.low <= true <= each.high for each in found])
    assert 0.91 <= covered <= 0.985
    assert "one repeat" in found[0].note


def test_the_spread_over_repeats_widens_the_interval_and_that_of_trainings_only_through_them() -> None:
    rng = np.random.default_rng(1)
    good, bad = simulated(rng, 30, 2.0), simulated(rng, 30, 0.0)
    alike = score_interval([[good, bad], [good, bad], [good, bad]])
    apart = score_interval([[good, good], [bad, bad], [good, bad]])
    assert alike.value == pytest.approx(apart.value)
    assert apart.high - apart.low > 1.5 * (alike.high - alike.low)


def test_a_difference_is_paired_by_repeat_and_image() -> None:
    rng = np.random.default_rng(2)
    repeats = [[simulated(rng, 30, 1.0 + shift)] for shift in (-0.8, -0.4, 0.0, 0.4, 0.8)]
    worse = [
        [MatchedDetections(one.scores, one.images, one.correct & (rng.random(600) < 0.9), one.truths)]
        for (one,) in repeats
    ]
    paired = score_interval(repeats, worse)
    alone = score_interval(repeats)
    assert paired.low > 0
    assert paired.high - paired.low < (alone.high - alone.low) * 0.7
    same = score_interval(repeats, repeats)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_repeats_that_do_not_fit_are_refused() -> None:
    one = simulated(np.random.default_rng(0), 3, 1.0)
    for repeats, less in (([], None), ([[]], None), ([[one]], [[one], [one]])):
        with pytest.raises(ValueError, match="repeat"):
            score_interval(repeats, less)
