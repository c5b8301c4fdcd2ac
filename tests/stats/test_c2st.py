"""Classifier two-sample AUC: an AUC like scikit-learn's, folds that leak nothing, and a fair null."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.c2st import (
    HeldOut,
    auc,
    concordance,
    held_out_scores,
    logistic,
    neighbours,
    weighted_auc,
)
from dsim.stats.frames import LostDigitsError
from dsim.stats.mmd import counts


def groups(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Every image is a group of its own."""
    return np.arange(n), np.arange(n, n + m)


def held_out(a: np.ndarray, b: np.ndarray, classifier=None, **options) -> HeldOut:  # type: ignore[no-untyped-def]
    known = options.pop("groups", groups(len(a), len(b)))
    return held_out_scores(a, b, known, classifier or logistic(0.1), **options)


@pytest.fixture
def clouds() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 6)), rng.normal(0.5, 1, size=(30, 6))


def test_within_one_fold_the_auc_is_scikit_learns() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 6, 20).astype(float), rng.integers(1, 8, 15).astype(float)
    held = HeldOut(first, second, np.zeros(20, dtype=np.intp), np.zeros(15, dtype=np.intp))
    expected = roc_auc_score(np.repeat([0, 1], [20, 15]), np.concatenate([first, second]))
    assert auc(held) == pytest.approx(expected, rel=1e-12)


def test_scores_are_of_a_classifier_that_learned_from_the_other_folds(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    """One fold again, by scikit-learn's own pipeline."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    a, b = clouds
    held = held_out(a, b)
    for fold in range(5):
        learned = np.concatenate([a[held.first_folds != fold], b[held.second_folds != fold]])
        label = np.repeat([0, 1], [(held.first_folds != fold).sum(), (held.second_folds != fold).sum()])
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=10 / len(learned), class_weight="balanced", max_iter=1000)
        )
        expected = model.fit(learned, label).decision_function(b[held.second_folds == fold])
        assert held.second[held.second_folds == fold] == pytest.approx(expected, abs=1e-2)


def test_each_fold_has_its_share_of_both(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    held = held_out(*clouds)
    assert np.bincount(held.first_folds).tolist() == [8] * 5
    assert np.bincount(held.second_folds).tolist() == [6] * 5


@pytest.mark.parametrize("classifier", [logistic(0.1), neighbours(5)])
def test_neither_order_nor_direction_matters(classifier, clouds: tuple[np.ndarray, np.ndarray]) -> None:  # type: ignore[no-untyped-def]
    a, b = clouds
    value = auc(held_out(a, b, classifier))
    shuffled = np.random.default_rng(2).permutation(len(a))
    assert auc(held_out(a[shuffled], b[::-1], classifier)) == pytest.approx(value, rel=1e-12)
    assert auc(held_out(b, a, classifier)) == pytest.approx(value, rel=1e-12)
    assert auc(held_out(a, b, classifier, seed=1)) != value


def test_two_copies_of_one_cloud_cannot_be_told_apart(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    """Were copies in different folds, each would be taken for its copy's cloud, and the AUC be far below 1/2."""
    a, _ = clouds
    held = held_out(a, a)
    assert auc(held) == pytest.approx(0.5, abs=1e-12)
    assert (held.first_folds == held.second_folds).all()


def test_copies_and_groups_share_a_fold(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = clouds
    a = np.concatenate([a, a[:5]])
    of_a = np.arange(45) // 3
    held = held_out(a, b, groups=(of_a, 100 + np.arange(30) // 2))
    for group in range(15):
        assert len(set(held.first_folds[of_a == group])) == 1
    assert (held.first_folds[:5] == held.first_folds[40:]).all()
    assert (held.second_folds[::2] == held.second_folds[1::2]).all()


def test_groups_keep_a_classifier_from_knowing_patients() -> None:
    """Patients differ, the clouds do not: without groups a classifier recognises patients and seems to tell clouds."""
    of = np.arange(100) // 5
    known, unknown = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        images = rng.normal(size=(20, 30)).repeat(5, axis=0) + 0.3 * rng.normal(size=(100, 30))
        known.append(auc(held_out(images[:50], images[50:], groups=(of[:50], of[50:]))))
        unknown.append(auc(held_out(images[:50], images[50:])))
    assert min(unknown) > 0.9
    assert abs(np.mean(known) - 0.5) < 3 * np.std(known) / np.sqrt(12)


def test_one_population_gives_one_half_on_average() -> None:
    """Folds balanced along a feature would all repeat a chance difference: they gave 0.55 here."""
    rng = np.random.default_rng(4)
    for classifier in (logistic(0.1), neighbours(5)):
        values = [auc(held_out(*rng.normal(size=(2, 20, 10)), classifier)) for _ in range(60)]
        assert abs(np.mean(values) - 0.5) < 3 * np.std(values) / np.sqrt(60)


def test_far_clouds_are_told_apart_by_either_classifier(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = clouds
    assert auc(held_out(a, b + 10)) == 1
    assert auc(held_out(a, b + 10, neighbours(5))) == 1


def test_only_pairs_within_a_fold_count() -> None:
    held = HeldOut(np.array([0.0, 5.0]), np.array([1.0, 9.0]), np.array([0, 1]), np.array([0, 0]))
    paired = concordance(held)[1]
    assert paired.tolist() == [[True, True], [False, False]]
    assert auc(held) == 1


def test_replicates_spread_as_delong_says() -> None:
    """DeLong's variance from placements, as printed, for one fold."""
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=80), rng.normal(0.8, 1, size=60)
    held = HeldOut(first, second, np.zeros(80, dtype=np.intp), np.zeros(60, dtype=np.intp))
    draws = [[rng.integers(n, size=n) for _ in range(3000)] for n in (80, 60)]
    found = weighted_auc(held, counts(draws[0], 80), counts(draws[1], 60))
    wins = (second > first[:, None]) * 1.0
    delong = wins.mean(axis=1).var(ddof=1) / 80 + wins.mean(axis=0).var(ddof=1) / 60
    assert found.std() == pytest.approx(np.sqrt(delong), rel=0.06)
    assert found.mean() == pytest.approx(auc(held), abs=0.003)


@pytest.mark.parametrize("n", [1, 30])
def test_a_cloud_of_one_group_leaves_nothing_to_learn_from(n: int, clouds: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="leaves none of a dataset"):
        held_out(clouds[0][:1].repeat(n, axis=0), clouds[1])


def test_features_that_do_not_vary_tell_nothing(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = clouds
    constant = [np.concatenate([x, np.full((len(x), 1), 1e9)], axis=1) for x in (a, b)]
    held, expected = held_out(*constant), held_out(a, b)
    assert np.isfinite(held.first).all()
    assert abs(auc(held) - auc(expected)) < 0.15


def test_images_that_hide_all_others_are_refused() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(30, 2)), rng.normal(size=(30, 2)) + 1
    a[0] = 1e15
    with pytest.raises(LostDigitsError):
        held_out_scores(a, b, (np.arange(30), np.arange(30, 60)), logistic(0.1))
    # In one feature alone it only makes that one useless.
    a[0, 1] = 0.0
    assert auc(held_out_scores(a, b, (np.arange(30), np.arange(30, 60)), logistic(0.1))) > 0.5
