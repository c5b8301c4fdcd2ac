"""Votes of neighbours equal scikit-learn's; contradicted labels are those of confident learning, and fewer."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from dsim.stats.label_votes import class_thresholds, find_disagreements, swap_power, vote_shares


def _blobs(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(place, 1, (count, 2)) for place in ((0, 0), (6, 0), (0, 6))])
    return points, np.repeat(np.arange(3), count)


def _neighbours(points: np.ndarray, k: int) -> np.ndarray:
    table = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(table, np.inf)
    return table.argsort(axis=1)[:, :k]


def test_shares_of_votes_are_the_probabilities_of_scikit_learn() -> None:
    points, labels = _blobs()
    shares = vote_shares(_neighbours(points, 7), labels, 3)
    for left_out in (0, 17, 100):
        others = np.arange(len(points)) != left_out
        model = KNeighborsClassifier(7).fit(points[others], labels[others])
        assert shares[left_out] == pytest.approx(model.predict_proba(points[[left_out]])[0])


def test_points_without_label_do_not_vote_and_nobody_s_vote_is_unknown() -> None:
    shares = vote_shares(np.array([[1, 2], [2, -1], [-1, -1]]), np.array([0, 1, -1]), 2)
    assert shares[0].tolist() == [0.0, 1.0]
    assert np.isnan(shares[1:]).all()


def test_a_swapped_label_is_contradicted_and_the_right_one_suggested() -> None:
    points, labels = _blobs()
    given = labels.copy()
    given[[3, 70]] = [2, 0]
    shares = vote_shares(_neighbours(points, 15), given, 3)
    thresholds = class_thresholds(shares, given)
    result = find_disagreements(shares, given, thresholds, most_own=0.1, least_other=0.7)
    assert np.flatnonzero(result.contradicted).tolist() == [3, 70]
    assert result.suggested[[3, 70]].tolist() == [0, 1]
    # At the own mean of a class a single other vote is one too many: the check caps thresholds, as here.
    capped = np.minimum(thresholds, 0.9)
    assert swap_power(shares, labels, capped, most_own=0.1, least_other=0.7) > 0.9


def test_classes_without_signal_are_rarely_contradicted_and_have_no_power() -> None:
    points = np.random.default_rng(1).normal(size=(200, 5))
    labels = np.random.default_rng(2).integers(0, 2, 200)
    shares = vote_shares(_neighbours(points, 15), labels, 2)
    thresholds = class_thresholds(shares, labels)
    limits = {"most_own": 0.1, "least_other": 0.7}
    assert find_disagreements(shares, labels, thresholds, **limits).contradicted.sum() <= 2
    assert swap_power(shares, labels, thresholds, **limits) < 0.05


def test_small_classes_have_no_threshold_and_are_neither_contradicted_nor_suggested() -> None:
    shares = np.array([[1.0, 0.0]] * 6 + [[0.0, 1.0]])
    labels = np.array([0] * 5 + [1, 0])
    thresholds = class_thresholds(shares, labels, fewest=3)
    assert np.isnan(thresholds[1])
    result = find_disagreements(shares, labels, thresholds, most_own=0.1, least_other=0.7)
    assert not result.contradicted.any()
    assert np.isnan(result.own[5])
    assert np.isnan(swap_power(shares[:0], labels[:0], thresholds, most_own=0.1, least_other=0.7))
