"""Batches in which rare classes are as frequent as others, and the classifier beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dsim.learning import Position, Steps, TrainingConfig, fit
from dsim.plugin import Runtime
from dsim_simsearch.objectives import Classification, balanced_indices, class_weights

LABELS = torch.tensor([0] * 60 + [1] * 12 + [4] * 3)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_weights_of_classes_are_one_each() -> None:
    weights = class_weights(LABELS)
    for label in (0, 1, 4):
        assert float(weights[label == LABELS].sum()) == pytest.approx(1)


@pytest.mark.parametrize("batch", [8, 32, 75, 128])
def test_an_epoch_has_batches_for_all_patches_and_no_patch_twice_in_one(batch: int) -> None:
    batches = balanced_indices(LABELS, batch, seeded())
    assert len(batches) == -(-75 // batch)
    for rows in batches:
        assert len(rows) == min(batch, 75) == len(rows.unique())


def test_rare_classes_are_in_small_batches_as_often_as_others() -> None:
    drawn = torch.cat([rows for seed in range(200) for rows in balanced_indices(LABELS, 2, seeded(seed))])
    shares = torch.bincount(LABELS[drawn], minlength=5) / len(drawn)
    # Without replacement the rarest is slightly less frequent than a third.
    assert shares[[0, 1, 4]].tolist() == pytest.approx([1 / 3] * 3, abs=0.06)


def test_the_classifier_is_the_balanced_logistic_regression_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    labels = rng.choice(3, 240, p=[0.7, 0.2, 0.1])
    points = rng.normal(size=(240, 4)) + np.eye(3, 4)[labels]
    decay = 0.2
    objective = Classification(torch.from_numpy(points).float()[:, None], torch.from_numpy(labels), 3, 240)
    config = TrainingConfig(epochs=900, lr=Steps(0.03, 300, 0.2), weight_decay=decay, optimizer="adam", keep="last")
    fit(objective, config, seed=0, runtime=Runtime(device="cpu"))
    ours = torch.softmax(objective.linear(objective.features[:, 0]), dim=1).detach().numpy()
    # scikit-learn: the sum of weighted losses, plus half of the squared weights over C.
    theirs = LogisticRegression(C=1 / (decay * 240), class_weight="balanced", max_iter=1000, tol=1e-8)
    np.testing.assert_allclose(ours, theirs.fit(points, labels).predict_proba(points), atol=0.03)


def test_the_classifier_draws_classes_equally_often_and_one_view_of_each_patch() -> None:
    features = torch.arange(75 * 3).view(75, 3, 1).float()
    objective = Classification(features, LABELS.clamp_max(2), 3, 50)
    batches = [rows for seed in range(60) for rows in objective.batches(seeded(seed))]
    assert {len(rows) for rows in batches} == {50}
    drawn = torch.cat(batches)
    shares = torch.bincount(objective.labels[drawn], minlength=3) / len(drawn)
    assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.03)
    losses = objective.losses(batches[0], seeded(), Position(0, 1, 0, 1))
    assert losses["loss"].item() == pytest.approx(np.log(3))  # it begins without weights
