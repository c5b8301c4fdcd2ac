"""LogME, LEEP, NLEEP, H-score, GBC and PARC: each equal to its formula, computed in another way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.stats.bures import ledoit_wolf_weight
from dsim.stats.transferability import gbc, h_score, leep, logme, nleep, parc, regularised_h_score

Array = NDArray[Any]
REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "transferability.json").read_text("utf-8"))
SCORES: dict[str, Callable[[Array, Array], float]] = {
    "logme": logme,
    "nleep": nleep,
    "h_score": h_score,
    "regularised_h_score": regularised_h_score,
    "gbc": gbc,
    "parc": parc,
}


def labelled(n: int = 60, d: int = 8, classes: int = 3, seed: int = 0, apart: float = 1.5) -> tuple[Array, Array]:
    """Gaussian classes with random means."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    means = rng.standard_normal((classes, d)) * apart
    return means[labels] + rng.standard_normal((n, d)), labels


def posteriors(n: int = 40, z: int = 4, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(z), size=n)


# --- each formula in another way -------------------------------------------------------------------------------------


def log_evidence(features: Array, y: Array, alpha: float, beta: float) -> float:
    """log p(y | F, alpha, beta) as the density of a Gaussian with covariance F F' / alpha + I / beta."""
    covariance = features @ features.T / alpha + np.eye(len(y)) / beta
    _, determinant = np.linalg.slogdet(covariance)
    return -0.5 * float(len(y) * np.log(2 * np.pi) + determinant + y @ np.linalg.solve(covariance, y))


@pytest.mark.parametrize(("n", "d"), [(30, 5), (12, 20)])
def test_logme_is_the_evidence_at_its_numerical_maximum(n: int, d: int) -> None:
    from scipy.optimize import minimize

    features, labels = labelled(n, d, apart=1.0)
    best = []
    for c in range(3):
        y = (labels == c).astype(float)

        def loss(logs: Array, y: Array = y) -> float:
            return -log_evidence(features, y, *np.exp(logs))

        found = [minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-8}) for start in ([0, 0], [3, 2])]
        best.append(-min(float(result.fun) for result in found) / n)
    assert logme(features, labels) == pytest.approx(np.mean(best), abs=1e-7)


def test_logme_is_not_below_the_evidence_anywhere_on_a_grid() -> None:
    # The evidence can have several maxima: the search must find the highest.
    features, labels = labelled(25, 4, 2, seed=3, apart=0.2)
    y = (labels == 0).astype(float)
    grid = [log_evidence(features, y, 10.0**a, 10.0**b) for a in np.arange(-4, 7, 0.5) for b in np.arange(-2, 4, 0.25)]
    single = 2 * logme(features, labels) - logme_of_one(features, 1.0 - y)
    assert single >= max(grid) / len(y) - 1e-9


def logme_of_one(features: Array, y: Array) -> float:
    """The largest log evidence per sample of one target by a dense search over lambda alone."""
    n = len(y)
    values = []
    for ratio in 10.0 ** np.linspace(-6, 8, 4000):
        covariance = np.eye(n) + features @ features.T / ratio
        noise = float(y @ np.linalg.solve(covariance, y)) / n
        values.append(-0.5 * (np.log(2 * np.pi * noise) + 1 + np.linalg.slogdet(covariance)[1] / n))
    return float(max(values))


def test_leep_by_loops() -> None:
    theta, labels = posteriors(), np.arange(40) % 3
    joint = np.zeros((3, 4))
    for row, y in zip(theta, labels, strict=True):
        joint[y] += row / 40
    total = 0.0
    for row, y in zip(theta, labels, strict=True):
        total += np.log(sum(joint[y, z] / joint[:, z].sum() * row[z] for z in range(4)))
    assert leep(theta, labels) == pytest.approx(total / 40, rel=1e-12)


def test_leep_of_hard_assignments_is_minus_the_conditional_entropy() -> None:
    hard = np.eye(2)[[0, 0, 0, 0, 1, 1]]
    labels = np.array([0, 0, 0, 1, 1, 1])
    expected = (3 * np.log(3 / 4) + np.log(1 / 4)) / 6  # the second source class tells its label for certain
    assert leep(hard, labels) == pytest.approx(expected, rel=1e-12)


def test_leep_of_a_head_that_tells_nothing_is_minus_the_entropy_of_the_labels() -> None:
    assert leep(np.full((6, 3), 1 / 3), np.array([0, 0, 0, 0, 1, 1])) == pytest.approx(
        2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3), rel=1e-12
    )


def test_leep_passes_over_a_source_class_without_probability() -> None:
    theta, labels = posteriors(), np.arange(40) % 3
    assert leep(np.column_stack([theta, np.zeros(40)]), labels) == leep(theta, labels)


def test_nleep_is_leep_of_a_mixture_fitted_by_scikit_learn() -> None:
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    features, labels = labelled(90, 6, 3)
    reduced = PCA(n_components=0.8, svd_solver="full").fit_transform(features)
    reduced /= reduced[:, 0].std()
    mixture = GaussianMixture(6, max_iter=1000, random_state=5).fit(reduced)
    assert nleep(features, labels, components=2, seed=5) == pytest.approx(
        leep(mixture.predict_proba(reduced), labels), abs=1e-6
    )


def test_h_score_is_a_trace_of_covariances() -> None:
    features, labels = labelled()
    means = np.stack([features[labels == c].mean(axis=0) for c in range(3)])[labels]
    expected = np.trace(np.linalg.inv(np.cov(features.T)) @ np.cov(means.T))
    assert h_score(features, labels) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("n", "d"), [(60, 8), (15, 40)])
def test_regularised_h_score_with_the_shrinkage_of_scikit_learn(n: int, d: int) -> None:
    from sklearn.covariance import LedoitWolf

    features, labels = labelled(n, d)
    fitted = LedoitWolf().fit(features)
    assert ledoit_wolf_weight(features) == pytest.approx(fitted.shrinkage_, rel=1e-10)
    means = np.stack([features[labels == c].mean(axis=0) for c in range(3)])[labels]
    between = (1 - fitted.shrinkage_) * np.cov(means.T, bias=True)
    expected = np.trace(np.linalg.solve(fitted.covariance_, between))
    assert regularised_h_score(features, labels) == pytest.approx(expected, rel=1e-10)


def bhattacharyya(m: float, v: float, n: float, w: float) -> float:
    """The overlap of two Gaussians on the line, by integration of sqrt(p q)."""
    from scipy.integrate import quad
    from scipy.stats import norm

    value, _ = quad(
        lambda x: np.sqrt(norm.pdf(x, m, v**0.5) * norm.pdf(x, n, w**0.5)), -60, 60, points=[m, n], limit=200
    )
    return float(value)


def test_gbc_on_the_line_is_the_integral_of_the_root_of_both_densities() -> None:
    features, labels = labelled(30, 1)
    groups = [features[labels == c, 0] for c in range(3)]
    overlaps = [
        bhattacharyya(groups[i].mean(), groups[i].var(), groups[j].mean(), groups[j].var())
        for i in range(3)
        for j in range(3)
        if i != j
    ]
    assert gbc(features, labels) == pytest.approx(-sum(overlaps), rel=1e-7)
    assert gbc(features, labels, "diagonal") == pytest.approx(-sum(overlaps), rel=1e-7)


def test_gbc_of_independent_dimensions_multiplies_their_overlaps() -> None:
    features, labels = labelled(40, 3, 2)
    each = [-gbc(features[:, k : k + 1], labels) / 2 for k in range(3)]
    assert gbc(features, labels, "diagonal") == pytest.approx(-2 * np.prod(each), rel=1e-10)


def test_spherical_gbc_by_loops() -> None:
    features, labels = labelled(60, 5, 4)
    total = 0.0
    for i in range(4):
        for j in range(4):
            a, b = features[labels == i], features[labels == j]
            v, w = a.var(axis=0).mean(), b.var(axis=0).mean()
            gap = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2)
            total += (i != j) * np.exp(-gap / (4 * (v + w)) - 2.5 * np.log((v + w) / (2 * np.sqrt(v * w))))
    assert gbc(features, labels) == pytest.approx(-total, rel=1e-12)


def test_parc_by_scipy_and_numpy() -> None:
    from scipy.stats import spearmanr

    features, labels = labelled(40, 6, 4)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    upper = np.triu_indices(40, k=1)
    near, alike = (1 - np.asarray(np.corrcoef(rows))[upper].round(9) for rows in (standard, np.eye(4)[labels]))
    assert parc(features, labels) == pytest.approx(spearmanr(near, alike).statistic, rel=1e-10)


def test_parc_of_two_opposite_features_is_the_correlation_of_agreeing_signs_with_agreeing_labels() -> None:
    # What a source of two classes gives: all distances are 0 or 2, and rounding must not rank them.
    rng = np.random.default_rng(0)
    logit, labels = rng.standard_normal(50) * 1e3, np.arange(50) % 3
    sides = logit > logit.mean()
    upper = np.triu_indices(50, k=1)
    unlike = [(side[:, None] != side)[upper] for side in (sides, labels)]
    expected = np.asarray(np.corrcoef(*unlike))[0, 1]
    assert parc(np.stack([logit, -logit], axis=1), labels) == pytest.approx(expected, rel=1e-12)


# --- frozen values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REFERENCE["values"], ids=lambda case: f"{case['score']}-{case['n']}-{case['d']}")
def test_equals_the_frozen_value_of_the_published_recipe(case: dict[str, Any]) -> None:
    recipe: dict[str, Any] = {"np": np}
    exec("\n".join(REFERENCE["recipe"]), recipe)
    features, labels = recipe["labelled"](case["n"], case["d"], case["classes"])
    if case["score"] == "leep":
        features = recipe["softmax"](features[:, : case["sources"]])
        assert leep(features, labels) == pytest.approx(case["value"], rel=case["tolerance"])
    else:
        assert SCORES[case["score"]](features, labels) == pytest.approx(case["value"], rel=case["tolerance"])


# --- what must not matter, and what must -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCORES)
def test_names_of_classes_do_not_matter(name: str) -> None:
    features, labels = labelled()
    named = np.array(["zebra", "10", "9"])[labels]
    assert SCORES[name](features, named) == pytest.approx(SCORES[name](features, labels), rel=1e-9)


@pytest.mark.parametrize("name", [name for name in SCORES if name != "nleep"])
def test_the_order_of_images_does_not_matter(name: str) -> None:
    features, labels = labelled()
    order = np.random.default_rng(1).permutation(len(labels))
    assert SCORES[name](features[order], labels[order]) == pytest.approx(SCORES[name](features, labels), rel=1e-9)


@pytest.mark.parametrize("name", SCORES)
def test_the_unit_of_the_features_does_not_matter(name: str) -> None:
    features, labels = labelled()
    assert SCORES[name](1e4 * features, labels) == pytest.approx(SCORES[name](features, labels), rel=1e-6)


@pytest.mark.parametrize("name", [name for name in SCORES if name != "logme"])
def test_the_origin_of_the_features_does_not_matter(name: str) -> None:
    # But for LogME, which fits no intercept.
    features, labels = labelled()
    assert SCORES[name](features + 100, labels) == pytest.approx(SCORES[name](features, labels), rel=1e-6)


@pytest.mark.parametrize("name", SCORES)
def test_the_score_grows_as_classes_move_apart(name: str) -> None:
    scores = [SCORES[name](*labelled(90, 6, 3, apart=apart)) for apart in (0.0, 0.5, 1.0, 2.0)]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


def test_copies_of_all_images_change_no_score_of_moments() -> None:
    features, labels = labelled()
    twice = np.concatenate([features, features]), np.concatenate([labels, labels])
    for score in (gbc, h_score):
        assert score(*twice) == pytest.approx(score(features, labels), rel=1e-9)


# --- no plausible number where there is none -------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCORES)
def test_one_class_has_no_score(name: str) -> None:
    features, _ = labelled()
    assert np.isnan(SCORES[name](features, np.zeros(60, int)))


@pytest.mark.parametrize("name", [name for name in SCORES if name != "logme"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_constant_features_have_no_score(name: str, value: float) -> None:
    # 0.1 is not a binary number: its mean differs from it by rounding, which must not pass for a feature.
    _, labels = labelled()
    assert np.isnan(SCORES[name](np.full((60, 4), value), labels))


def test_logme_of_features_that_are_all_zero_is_undefined() -> None:
    assert np.isnan(logme(np.zeros((6, 2)), np.array([0, 0, 0, 1, 1, 1])))


@pytest.mark.parametrize("labels", [np.arange(20) % 2, np.arange(20) % 5])
def test_the_plain_h_score_refuses_features_that_explain_anything(labels: Array) -> None:
    # With n - 1 dimensions the formula gives C - 1 for any labels.
    features = np.random.default_rng(0).standard_normal((20, 30))
    assert np.isnan(h_score(features, labels))
    assert 0 < regularised_h_score(features, labels) < len(set(labels.tolist())) - 1


def test_gbc_refuses_a_class_of_one_image() -> None:
    features, labels = labelled()
    labels[0] = 7
    assert np.isnan(gbc(features, labels))


def test_nleep_refuses_fewer_images_than_gaussians() -> None:
    features, labels = labelled(14, 4, 3)
    assert np.isnan(nleep(features, labels))


def test_parc_needs_more_than_one_feature() -> None:
    features, labels = labelled(20, 1)
    assert np.isnan(parc(features, labels))
