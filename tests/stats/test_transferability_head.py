"""The head that a source's labels teach: it is multinomial logistic regression, wherever the features lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.stats.frames import LostDigitsError
from dsim.stats.transferability import Head, train_head


def labelled(n: int = 80, d: int = 6, classes: int = 3, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return rng.standard_normal((classes, d))[labels] + rng.standard_normal((n, d)), labels


@pytest.mark.parametrize(("n", "d", "classes"), [(80, 6, 3), (30, 50, 4), (60, 5, 2)])
def test_equals_scikit_learn(n: int, d: int, classes: int) -> None:
    from sklearn.linear_model import LogisticRegression

    features, labels = labelled(n, d, classes)
    centred = features - features.mean(axis=0)
    unit = centred / np.sqrt(np.mean(centred**2))
    # Two classes are two columns w and -w here, and one column 2 w there: half the penalty.
    strength = 1 / 3.0 if classes > 2 else 2 / 3.0
    peer = LogisticRegression(C=strength, solver="newton-cg", tol=1e-12, max_iter=10000).fit(unit, labels)
    head = train_head(features, labels, penalty=3.0)
    np.testing.assert_allclose(head.posteriors(features), peer.predict_proba(unit), atol=1e-7)


def test_posteriors_are_probabilities_even_far_away() -> None:
    head = train_head(*labelled())
    found = head.posteriors(np.full((2, 6), 1e5))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_shifts_scales_and_rotations_of_the_features_do_not_matter() -> None:
    features, labels = labelled()
    rotation, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 6)))
    moved = 7.0 * features @ rotation + 30.0
    expected = train_head(features, labels).posteriors(features)
    np.testing.assert_allclose(train_head(moved, labels).posteriors(moved), expected, atol=1e-7)


def test_the_order_of_samples_does_not_matter() -> None:
    features, labels = labelled(60, 100)
    order = np.random.default_rng(2).permutation(60)
    again = train_head(features[order], labels[order]).posteriors(features)
    np.testing.assert_allclose(again, train_head(features, labels).posteriors(features), atol=1e-8)


def test_a_feature_that_hardly_varies_gets_no_huge_weight() -> None:
    # Standardised on its own it would: and where it varies, in another dataset, it would decide everything.
    features, labels = labelled()
    features[:, 0] = 1e-6 * labels
    assert np.abs(train_head(features, labels).weights[0]).max() < 1e-3


def test_few_samples_teach_broad_posteriors() -> None:
    features, labels = labelled(400)
    sharp, broad = (train_head(features[:n], labels[:n]).posteriors(features).max(axis=1).mean() for n in (400, 12))
    assert broad < sharp


def test_a_larger_penalty_pulls_posteriors_to_the_shares_of_the_classes() -> None:
    features, labels = labelled()
    labels[:40] = 0
    shares = np.bincount(labels) / len(labels)
    found = train_head(features, labels, penalty=1e9).posteriors(features)
    np.testing.assert_allclose(found, np.tile(shares, (80, 1)), atol=1e-4)


def test_coordinates_keep_the_distances_of_logits_in_fewer_dimensions() -> None:
    from scipy.spatial.distance import pdist

    features, labels = labelled(classes=4)
    head = train_head(features, labels)
    coordinates = head.coordinates(features)
    assert coordinates.shape == (80, 3)
    np.testing.assert_allclose(pdist(coordinates), pdist(head.logits(features)), rtol=1e-9)


def test_two_classes_have_one_coordinate() -> None:
    assert train_head(*labelled(classes=2)).coordinates(labelled()[0]).shape == (80, 1)


def test_logits_are_weights_and_bias() -> None:
    head = Head(np.array([[1.0, -1.0]]), np.array([0.5, -0.5]))
    assert head.logits(np.array([[2.0]])).tolist() == [[2.5, -2.5]]


@pytest.mark.parametrize("exponent", [-500, 500])
def test_a_head_does_not_depend_on_the_unit_of_the_features(exponent: int) -> None:
    features, labels = np.random.default_rng(5).normal(size=(20, 3)), np.arange(20) % 2
    head, scaled = train_head(features, labels), train_head(np.ldexp(features, exponent), labels)
    np.testing.assert_allclose(np.ldexp(scaled.weights, exponent), head.weights, rtol=1e-9)
    np.testing.assert_allclose(scaled.bias, head.bias, rtol=1e-9)


def test_a_head_that_would_see_one_image_only_is_refused() -> None:
    features = np.random.default_rng(5).normal(size=(20, 3))
    features[0] = 1e9
    with pytest.raises(LostDigitsError, match="times as far off"):
        train_head(features, np.arange(20) % 2)
