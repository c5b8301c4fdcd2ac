"""Scores of maps are scikit-learn's, splits keep groups whole, and what cannot be scored is NaN with a reason."""

from __future__ import annotations

import math
import time
import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, silhouette_samples
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from dsim.stats.map_scores import _splits, group_neighbours, knn_accuracy, read_classes, repeated_knn, silhouettes


def overlapping(n: int = 300, classes: int = 3) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Clouds that overlap, of unequal size."""
    rng = np.random.default_rng(0)
    codes = np.sort(rng.integers(0, classes, n) * rng.integers(0, 2, n))
    return rng.normal(size=(n, 2)) + 1.5 * codes[:, None], np.array([*"abc"])[codes]


def test_the_paper_s_accuracy_is_that_of_scikit_learn() -> None:
    points, labels = overlapping()
    for seed in range(3):
        train, test, known, wanted = train_test_split(points, labels, test_size=0.1, stratify=labels, random_state=seed)
        expected = KNeighborsClassifier(15).fit(train, known).score(test, wanted)
        assert knn_accuracy(points, labels, seed=seed) == pytest.approx(expected, abs=0)


def test_repeated_accuracies_are_those_of_plain_scikit_learn_on_the_same_splits() -> None:
    points, labels = overlapping()
    groups = [str(number % 40) for number in range(len(points))]
    found = repeated_knn(points, labels, groups, repeats=2, seed=4)
    codes = np.unique(labels, return_inverse=True)[1]
    units = np.unique(groups, return_inverse=True)[1]
    for repeat, accuracy in enumerate(found.accuracies):
        predicted = np.empty_like(codes)
        for train, test in _splits(codes, units, 10, [4, repeat]):
            predicted[test] = KNeighborsClassifier(15).fit(points[train], codes[train]).predict(points[test])
        assert accuracy == pytest.approx((predicted == codes).mean())
    single = repeated_knn(points, labels, groups, repeats=1, seed=4)
    predicted = np.where(single.shares == 1, codes, codes + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert single.balanced == pytest.approx(balanced_accuracy_score(codes, predicted))


@pytest.mark.parametrize("grouped", [True, False])
def test_every_point_is_tested_once_and_no_group_is_on_both_sides(grouped: bool) -> None:
    _, labels = overlapping()
    codes = np.unique(labels, return_inverse=True)[1]
    units = np.random.default_rng(1).integers(0, 25, len(codes)) if grouped else np.arange(len(codes))
    splits = list(_splits(codes, units, 10, [0, 0]))
    assert sorted(np.concatenate([test for _, test in splits]).tolist()) == list(range(len(codes)))
    assert all(not set(units[train]) & set(units[test]) for train, test in splits)


def test_a_map_by_smear_is_seen_through_by_groups_alone() -> None:
    rng = np.random.default_rng(0)
    smear = np.repeat(np.arange(40), 25)
    points = 100 * rng.normal(size=(40, 2))[smear] + rng.normal(size=(1000, 2))
    labels = rng.permutation(np.repeat([*"ab"], 20))[smear]
    groups = [str(number) for number in smear]
    assert repeated_knn(points, labels, repeats=1).accuracy > 0.99
    assert repeated_knn(points, labels, groups, repeats=3).accuracy < 0.7
    shares = group_neighbours(points, groups, labels)
    assert shares.same_group > 0.99
    assert shares.group_in_class > 0.99
    assert shares.same_group_chance == pytest.approx(24 / 999)


def test_splits_do_not_depend_on_the_map() -> None:
    points, labels = overlapping()
    one = repeated_knn(points, labels, repeats=2)
    other = repeated_knn(points * [1.0, 0.0], labels, repeats=2)
    assert np.array_equal(repeated_knn(3 * points, labels, repeats=2).shares, one.shares)
    assert other.accuracy != one.accuracy


def test_silhouettes_are_those_of_scikit_learn() -> None:
    points, labels = overlapping()
    found = silhouettes(points, labels)
    reference = silhouette_samples(points, labels)
    assert np.allclose(found.values, reference)
    assert found.mean == pytest.approx(reference.mean())
    assert found.by_class["b"] == pytest.approx(reference[labels == "b"].mean())
    part = silhouettes(points, labels, most=50)
    assert part.evaluated == 50
    assert np.allclose(part.values, np.where(np.isnan(part.values), np.nan, reference), equal_nan=True)


def test_silhouettes_of_coincident_points_are_zero_as_in_scikit_learn() -> None:
    assert silhouettes(np.zeros((4, 2)), [*"aabb"]).mean == 0


def test_labels_that_are_not_known_and_single_points_of_a_class_are_left_out() -> None:
    points, labels = overlapping(60)
    more = np.concatenate([points, [[0.0, 0.0], [1.0, 1.0], [50.0, 50.0]]])
    given = [*labels, "", float("nan"), "only one"]
    found = silhouettes(more, given)
    assert found.mean == pytest.approx(silhouettes(points, labels).mean)
    assert found.singletons == ("only one",)
    shares = repeated_knn(more, given, repeats=1)
    assert np.isnan(shares.shares[[-3, -2]]).all()
    assert shares.shares[-1] == 0
    assert shares.untrained == ("only one",)
    assert read_classes([None, np.nan, "nan", " a "]).names == ("a",)


@pytest.mark.parametrize(
    ("labels", "groups", "word"),
    [
        (["a"] * 6, None, "one class"),
        ([*"aaabbb"], ["s"] * 6, "one group"),
        ([*"abcdef"], None, "single point"),
        ([""] * 6, None, "no point"),
    ],
)
def test_what_cannot_be_scored_is_nan_with_a_reason(labels: list[str], groups: list[str] | None, word: str) -> None:
    points = np.arange(12.0).reshape(6, 2)
    found = repeated_knn(points, labels, groups)
    assert math.isnan(found.accuracy)
    assert math.isnan(found.balanced)
    assert word in found.note
    assert math.isnan(knn_accuracy(points, labels))
    if len(set(labels)) != 2:
        assert math.isnan(silhouettes(points, labels).mean)
        assert silhouettes(points, labels).note


def test_shares_of_neighbours_agree_with_a_table_by_hand() -> None:
    points = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    groups, labels = [*"ssttss"], [*"aaabbb"]
    found = group_neighbours(points, groups, labels, k=2)
    assert found.same_class == 1
    assert found.same_class_chance == pytest.approx(2 / 5)
    # Neighbours are the two others of the class: s has one s of two, t none.
    assert found.same_group == found.group_in_class == found.group_in_class_chance == pytest.approx(4 * 0.5 / 6)
    assert found.same_group_chance == pytest.approx((4 * 3 + 2 * 1) / 6 / 5)
    assert math.isnan(group_neighbours(points, None, labels).same_group)


def test_points_that_are_not_finite_and_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        silhouettes(np.full((2, 2), np.nan), [*"ab"])
    with pytest.raises(ValueError, match="one label each"):
        repeated_knn(np.zeros((3, 2)), [*"ab"])
    with pytest.raises(ValueError, match="groups"):
        repeated_knn(np.zeros((2, 2)), [*"ab"], ["s"])


@pytest.mark.slow
def test_ten_thousand_points_take_seconds() -> None:
    rng = np.random.default_rng(0)
    labels, points = rng.integers(0, 10, 10_000), rng.normal(size=(10_000, 2))
    groups = [str(group) for group in rng.integers(0, 500, 10_000)]
    began = time.process_time()
    repeated_knn(points, labels, groups)
    silhouettes(points, labels)
    group_neighbours(points, groups, labels)
    assert time.process_time() - began < 30
