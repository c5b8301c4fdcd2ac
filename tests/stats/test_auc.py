"""The AUC is sklearn's, also where values are tied; a class that nobody has weighs nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dsim.stats.auc import auc, one_against_all, weighted_auc


def drawn(classes: int, seed: int, n: int = 60, levels: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and chances that add up to one; of few distinct values where there should be ties."""
    rng = np.random.default_rng(seed)
    labels = np.r_[np.arange(classes), rng.choice(classes, n - classes, p=rng.dirichlet(np.ones(classes) * 2))]
    chances = rng.dirichlet(np.ones(classes), n) if levels is None else rng.integers(1, levels, (n, classes))
    return labels, chances / chances.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("seed", range(5))
def test_of_two_classes_it_is_that_of_sklearn(seed, levels):
    labels, chances = drawn(2, seed, levels=levels)
    expected = roc_auc_score(labels, chances[:, 1])
    assert auc(labels == 1, chances[:, 1]) == pytest.approx(expected, abs=1e-12)
    assert weighted_auc(labels, chances) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("classes", [3, 7])
def test_one_against_all_weighted_by_priors_is_that_of_sklearn(classes, levels):
    labels, chances = drawn(classes, classes, levels=levels)
    expected = roc_auc_score(labels, chances, multi_class="ovr", average="weighted")
    assert weighted_auc(labels, chances) == pytest.approx(expected, abs=1e-12)
    plain = roc_auc_score(labels, chances, multi_class="ovr", average="macro")
    assert one_against_all(labels, chances).mean() == pytest.approx(plain, abs=1e-12)


def test_it_is_the_share_of_pairs_in_the_right_order():
    labels, chances = drawn(2, 3, n=25, levels=4)
    pairs = itertools.product(chances[labels == 1, 1], chances[labels == 0, 1])
    wins = [1.0 if high > low else 0.5 if high == low else 0.0 for high, low in pairs]
    assert auc(labels == 1, chances[:, 1]) == pytest.approx(np.mean(wins), abs=1e-12)


def test_an_absent_class_weighs_nothing_and_is_not_guessed():
    labels, chances = drawn(3, 0)
    labels[labels == 2] = 0
    each = one_against_all(labels, chances)
    assert np.isnan(each[2])
    shares = np.bincount(labels) / len(labels)
    assert weighted_auc(labels, chances) == pytest.approx(each[:2] @ shares, abs=1e-12)


def test_of_one_class_only_there_is_none():
    assert np.isnan(auc([True, True], [0.1, 0.2]))
    assert np.isnan(weighted_auc([1, 1], [[0.1, 0.9], [0.2, 0.8]]))


def test_constant_scores_are_chance_and_perfect_ones_are_one():
    labels, _ = drawn(4, 1)
    assert weighted_auc(labels, np.ones((len(labels), 4))) == pytest.approx(0.5)
    assert weighted_auc(labels, np.eye(4)[labels]) == 1
    assert weighted_auc(labels, 1 - np.eye(4)[labels]) == 0


def test_only_the_order_of_scores_counts():
    labels, chances = drawn(3, 2)
    assert weighted_auc(labels, np.log(chances)) == pytest.approx(weighted_auc(labels, chances), abs=1e-12)
