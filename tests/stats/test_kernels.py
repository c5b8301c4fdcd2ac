"""Kernels: scikit-learn's tables, and a bandwidth that does not depend on the order of the points."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.kernels import cauchy, gaussian, linear, median_distance, negative_distance, polynomial


@pytest.fixture
def clouds() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 5)), rng.normal(1, 2, size=(6, 5))


def test_equal_the_tables_of_scikit_learn(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.metrics.pairwise import linear_kernel, polynomial_kernel, rbf_kernel

    a, b = clouds
    assert polynomial(a, b) == pytest.approx(polynomial_kernel(a, b, degree=3), rel=1e-12)
    assert polynomial(a, b, degree=2) == pytest.approx(polynomial_kernel(a, b, degree=2), rel=1e-12)
    assert gaussian(a, b, bandwidth=1.7) == pytest.approx(rbf_kernel(a, b, gamma=0.5 / 1.7**2), rel=1e-12)
    assert linear(a, b) == pytest.approx(linear_kernel(a, b), rel=1e-12)


def test_cauchy_and_distance_follow_their_formulas(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    from scipy.spatial.distance import cdist

    a, b = clouds
    assert cauchy(a, b, bandwidth=0.8) == pytest.approx(1 / (1 + cdist(a, b) ** 2 / 0.64), rel=1e-12)
    assert negative_distance(a, b) == pytest.approx(-cdist(a, b), rel=1e-12)


def test_polynomial_computes_in_the_type_it_is_given(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = (points.astype(np.float32) for points in clouds)
    assert polynomial(a, b).dtype == np.float32


def test_the_median_is_that_of_all_pairs(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    from scipy.spatial.distance import pdist

    assert median_distance(np.concatenate(clouds)) == pytest.approx(np.median(pdist(np.concatenate(clouds))), rel=1e-12)


def test_the_median_of_many_points_looks_at_a_fair_part_in_any_order() -> None:
    points = np.random.default_rng(1).normal(size=(1500, 3))
    of_some = median_distance(points, looked_at=300)
    shuffled = np.random.default_rng(2).permutation(points)
    assert median_distance(shuffled, looked_at=300) == pytest.approx(of_some, rel=1e-12)
    assert of_some == pytest.approx(median_distance(points), rel=0.05)
