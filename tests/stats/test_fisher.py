"""Distances of Fisher vectors against the reference's formulas, written out; factors against the covariance."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial import distance as scipy_distance

from dsim.stats.fisher import (
    asymmetric,
    class_factors,
    drawn_factors,
    jsd,
    kl,
    normalised_cosine,
    raw_cosine,
    scaled_cosine,
)

SYMMETRIC = (scaled_cosine, raw_cosine, normalised_cosine, kl, jsd)


def positive(seed: int, size: int = 50) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(size=size))


def posterior(seed: int, samples: int = 6, classes: int = 5, sharpness: float = 1.0) -> np.ndarray:
    logits = sharpness * np.random.default_rng(seed).normal(size=(samples, classes))
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("sharpness", [0.1, 1.0, 30.0, 3000.0])
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_factors_give_the_covariance_of_the_label(classes: int, sharpness: float) -> None:
    """The exact expectation rests on it, for a posterior that is near certainty too."""
    p = posterior(0, classes=classes, sharpness=sharpness)
    factors = class_factors(p)
    assert factors.shape == (classes - 1, 6, classes)
    covariance = np.einsum("knc,knd->ncd", factors, factors)
    expected = np.stack([np.diag(row) - np.outer(row, row) for row in p])
    np.testing.assert_allclose(covariance, expected, atol=1e-14)


def test_factors_of_a_certain_posterior_are_zero() -> None:
    assert (class_factors([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) == 0).all()


def test_drawn_factors_are_unbiased() -> None:
    """The mean over all labels, each as often as it is likely, is the covariance."""
    p = np.array([[0.5, 0.25, 0.25]])
    factors = drawn_factors(p, np.array([[0], [0], [1], [2]]))
    np.testing.assert_allclose(
        np.einsum("knc,knd->cd", factors, factors), np.diag(p[0]) - np.outer(p[0], p[0]), atol=1e-15
    )


@pytest.mark.parametrize(
    ("function", "written_out"),
    [
        (scaled_cosine, lambda a, b: scipy_distance.cosine(a / (a + b + 1e-8), b / (a + b + 1e-8))),
        (raw_cosine, scipy_distance.cosine),
        (normalised_cosine, lambda a, b: scipy_distance.cosine(1 / a, 1 / b)),
        (
            kl,
            lambda a, b: sum(
                max(gaussian_kl(1 / x, 1 / y), gaussian_kl(1 / y, 1 / x)) for x, y in zip(a, b, strict=True)
            ),
        ),
        (jsd, lambda a, b: np.mean([jensen(1 / x, 1 / y) for x, y in zip(a, b, strict=True)])),
    ],
    ids=["cosine", "raw-cosine", "normalised-cosine", "kl", "jsd"],
)
def test_distances_equal_the_formulas_of_the_reference(
    function: Callable[..., float], written_out: Callable[..., float]
) -> None:
    a, b = positive(1), positive(2)
    assert function(a, b) == pytest.approx(written_out(a, b), rel=1e-10)


def gaussian_kl(u: float, v: float) -> float:
    """KL(N(0, u) | N(0, v))."""
    return 0.5 * (u / v - 1 + math.log(v) - math.log(u))


def jensen(u: float, v: float) -> float:
    mean = (u + v) / 2
    return 0.5 * (gaussian_kl(u, mean) + gaussian_kl(v, mean))


def test_the_normalised_cosine_takes_variances_in_units_of_the_prior() -> None:
    a, b, s, t = (positive(seed) for seed in range(4))
    assert normalised_cosine(a, b, s, t) == pytest.approx(scipy_distance.cosine(s / a, t / b), rel=1e-10)
    assert normalised_cosine(a, 3 * a, s, 3 * s) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("function", SYMMETRIC)
def test_distances_are_symmetric_zero_of_itself_and_do_not_know_the_order_of_filters(
    function: Callable[..., float],
) -> None:
    a, b = positive(3), positive(4)
    order = np.random.default_rng(0).permutation(len(a))
    assert function(a, a) == 0
    assert function(a, b) > 0
    assert function(b, a) == pytest.approx(function(a, b), rel=1e-12)
    assert function(a[order], b[order]) == pytest.approx(function(a, b), rel=1e-12)


@pytest.mark.parametrize("function", [scaled_cosine, raw_cosine, normalised_cosine])
def test_cosines_do_not_see_the_scale_of_both(function: Callable[..., float]) -> None:
    """A task that is alike but harder in every filter is at distance 0, up to the absolute 1e-8."""
    a, b = positive(5), positive(6)
    assert function(100 * a, 100 * b) == pytest.approx(function(a, b), rel=1e-6)
    assert function(a, 5 * a) == pytest.approx(0, abs=1e-12)


def test_the_absolute_epsilon_lets_small_entries_fade() -> None:
    """As in the reference: entries of 1e-12 in both vectors no longer count."""
    a, b = np.array([1.0, 2.0, 1e-12]), np.array([2.0, 1.0, 5e-12])
    assert scaled_cosine(a, b) == pytest.approx(scaled_cosine(a[:2], b[:2]), rel=1e-3)
    assert scaled_cosine(1e12 * a, 1e12 * b) > 1.1 * scaled_cosine(a, b)


def test_small_distances_keep_their_digits() -> None:
    a = positive(7)
    near = a.copy()
    near[0] *= 1 + 1e-9
    exact = 0.5e-18 * (a[0] ** 2 / (a @ a)) * (1 - a[0] ** 2 / (a @ a))
    assert raw_cosine(a, near) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("function", [normalised_cosine, kl, jsd])
def test_a_filter_without_information_leaves_divergences_undefined(function: Callable[..., float]) -> None:
    with np.errstate(all="raise"):
        assert math.isnan(function([1.0, 0.0], [1.0, 2.0]))
        assert math.isnan(function([1.0, 0.0], [1.0, 0.0]))


@pytest.mark.parametrize("function", [scaled_cosine, raw_cosine])
def test_a_filter_without_information_does_not_disturb_cosines_but_no_information_at_all_does(
    function: Callable[..., float],
) -> None:
    assert function([1.0, 2.0, 0.0], [3.0, 1.0, 0.0]) == pytest.approx(function([1.0, 2.0], [3.0, 1.0]))
    assert math.isnan(function([0.0, 0.0], [1.0, 2.0]))


def test_jsd_of_extreme_ratios_is_finite() -> None:
    with np.errstate(all="raise"):
        assert math.isfinite(jsd([1e-30], [1e30]))


def test_the_asymmetric_distance_by_hand() -> None:
    """Two filters, trivial task (1, 1): cosines of (1/2, 3/4) and (1/2, 1/4) for one, of (1/2, 1/2) twice for other."""
    complex_task, simple_task, trivial = [1.0, 3.0], [1.0, 1.0], [1.0, 1.0]
    between = 1 - (0.5 * 0.5 + 0.75 * 0.25) / (math.hypot(0.5, 0.75) * math.hypot(0.5, 0.25))
    assert asymmetric(complex_task, simple_task, trivial, alpha=0.4) == pytest.approx(between - 0.4 * between, rel=1e-6)
    assert asymmetric(simple_task, complex_task, trivial, alpha=0.4) == pytest.approx(between, rel=1e-6)
    assert asymmetric(simple_task, complex_task, trivial, alpha=0.0) == pytest.approx(between, rel=1e-6)
