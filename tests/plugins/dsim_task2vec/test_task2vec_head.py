"""The head is the unique optimum of its penalised likelihood, whatever the units of the features."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from dsim_task2vec.probe import fit_head


def samples(seed: int = 0, count: int = 40, dimensions: int = 6, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = np.arange(count) % classes
    return (rng.normal(size=(count, dimensions)) + codes[:, None]).astype(np.float32), codes


@pytest.mark.parametrize("dimensions", [6, 100])
def test_equals_scikit_learn(dimensions: int) -> None:
    """With fewer dimensions than samples, and with more."""
    features, codes = samples(dimensions=dimensions)
    weights = np.random.default_rng(1).random(len(codes))
    weights /= weights.sum()
    head = fit_head(features, codes, weights, decay=0.02)
    centred = features - weights @ features
    penalty = 0.02 * (weights @ (centred**2).sum(axis=1))
    peer = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10000).fit(centred, codes, sample_weight=weights)
    np.testing.assert_allclose(head.posterior(features), peer.predict_proba(centred), atol=1e-5)


def test_posterior_does_not_depend_on_units_or_origin_of_the_features() -> None:
    features, codes = samples()
    equal = np.full(len(codes), 1 / len(codes))
    expected = fit_head(features, codes, equal, 0.01).posterior(features)
    moved = features * 1000 + 5
    np.testing.assert_allclose(fit_head(moved, codes, equal, 0.01).posterior(moved), expected, atol=1e-4)


def test_a_larger_penalty_is_less_certain() -> None:
    features, codes = samples()
    equal = np.full(len(codes), 1 / len(codes))
    certainty = [
        fit_head(features, codes, equal, decay).posterior(features).max(1).mean() for decay in (1e-3, 1e-1, 10)
    ]
    assert certainty == sorted(certainty, reverse=True)


def test_two_classes_are_treated_like_many() -> None:
    """One logit per class, so that the penalty means the same for two classes as for three."""
    features, codes = samples(classes=2)
    head = fit_head(features, codes, np.full(len(codes), 1 / len(codes)), 0.01)
    assert head.weight.shape == (2, 6)
    np.testing.assert_allclose(head.weight[0], -head.weight[1], atol=1e-5)
