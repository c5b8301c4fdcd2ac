"""Predictions on the draws, held to a plain scikit-learn pipeline."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import PowerTransformer
from sklearn.svm import SVC

from dsim.efficiency import draw_labelled, fit_reduction
from dsim.efficiency.classifiers import PREDICTORS

TESTED = 300


@cache
def numbers(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features, and classes as integers: real digits, or random numbers that say nothing."""
    if name == "digits":
        digits = load_digits()
        return digits.data, digits.target
    rng = np.random.default_rng(0)
    return rng.normal(size=(900, 24)) ** 3, rng.integers(0, 4, 900)


@cache
def plain_reduction(name: str, count: int, repeat: int, order: str) -> tuple[np.ndarray, ...]:
    """Training and test images as scikit-learn's steps show them, and the classes of the training images."""
    features, classes = numbers(name)
    draws = draw_labelled(classes[TESTED:].astype(str), (count,), repeat + 1, 0, name)
    draw = TESTED + draws.indices(repeat, count)
    training, test = features[draw], features[:TESTED]
    if order == "code":
        power = PowerTransformer().fit(training)
        training, test = power.transform(training), power.transform(test)
    axes = PCA(svd_solver="full").fit(training)
    rank = int((axes.singular_values_ > 1e-6 * axes.singular_values_[0]).sum())
    training, test = axes.transform(training)[:, :rank], axes.transform(test)[:, :rank]
    if order == "paper":
        power = PowerTransformer().fit(training)
        training, test = power.transform(training), power.transform(test)
    return training, test, classes[draw], draw


def plain_classifier(name: str, images: int, classes: int, order: str) -> Any:
    if name == "svm":
        return SVC(class_weight="balanced")
    if name == "logistic":
        return LogisticRegression(C=1.0 if order == "paper" else 2.5, class_weight="balanced", max_iter=1000)
    return KNeighborsClassifier(min(10 if order == "paper" else 5 * classes, images), weights="distance")


CASES = [("digits", 1), ("digits", 5), ("digits", 25), ("random", 1), ("random", 5), ("random", 25)]


@pytest.mark.parametrize("classifier", ["svm", "logistic", "knn"])
@pytest.mark.parametrize(("name", "count"), CASES)
def test_predictions_are_those_of_a_plain_pipeline(name: str, count: int, classifier: str) -> None:
    features, classes = numbers(name)
    for repeat in range(2):
        seen, judged, taught, draw = plain_reduction(name, count, repeat, "paper")
        expected = plain_classifier(classifier, len(draw), len(set(classes)), "paper").fit(seen, taught).predict(judged)
        reduction = fit_reduction(features[draw], "paper")
        found = PREDICTORS[classifier](
            reduction.apply(features[draw]), taught, reduction.apply(features[:TESTED]), "paper"
        )
        assert (found != expected).sum() == 0


@pytest.mark.parametrize("classifier", ["svm", "logistic", "knn"])
def test_the_order_of_the_code_is_a_plain_pipeline_too(classifier: str) -> None:
    features, _ = numbers("random")
    seen, judged, taught, draw = plain_reduction("random", 5, 0, "code")
    expected = plain_classifier(classifier, len(draw), 4, "code").fit(seen, taught).predict(judged)
    reduction = fit_reduction(features[draw], "code")
    found = PREDICTORS[classifier](reduction.apply(features[draw]), taught, reduction.apply(features[:TESTED]), "code")
    assert (found == expected).all()


@pytest.mark.parametrize("classifier", sorted(PREDICTORS))
def test_two_classes_are_predicted_as_in_scikit_learn(classifier: str) -> None:
    rng = np.random.default_rng(1)
    training, test, taught = rng.normal(size=(14, 3)), rng.normal(size=(60, 3)), np.arange(14) % 2
    expected = plain_classifier(classifier, 14, 2, "paper").fit(training, taught).predict(test)
    assert (PREDICTORS[classifier](training, taught, test, "paper") == expected).all()


def test_fewer_images_than_neighbours_are_no_fault() -> None:
    training, test = np.array([[0.0], [1.0]]), np.array([[0.0], [0.9]])
    assert PREDICTORS["knn"](training, np.array([0, 1]), test, "paper").tolist() == [0, 1]


def test_axes_that_are_noise_of_the_numbers_are_left_out() -> None:
    rng = np.random.default_rng(2)
    flat = rng.normal(size=(30, 4)) @ rng.normal(size=(4, 10))
    assert fit_reduction(flat).apply(flat).shape == (30, 4)
    steep = rng.normal(size=(30, 3)) * [1.0, 1e-4, 1e-5]
    assert fit_reduction(steep).apply(steep).shape == (30, 3)
    assert fit_reduction(np.ones((5, 3))).apply(np.ones((5, 3))).tolist() == [[0.0]] * 5


def test_a_steep_spectrum_is_resolved_as_by_singular_values() -> None:
    rng = np.random.default_rng(3)
    steep = rng.normal(size=(40, 5)) * [1.0, 0.1, 1e-3, 1e-4, 3e-6]
    ours = fit_reduction(steep, "paper").steps[0].apply(steep)
    theirs = PCA(svd_solver="full").fit_transform(steep)
    assert np.allclose(np.abs(ours), np.abs(theirs), rtol=1e-6, atol=1e-12)


def test_the_order_none_standardises_and_keeps_constant_features_in_place() -> None:
    values = np.column_stack([np.arange(6.0), np.full(6, 7.0)])
    seen = fit_reduction(values, "none").apply(values)
    assert np.allclose(seen[:, 0].var(), 1)
    assert (seen[:, 1] == 0).all()
