"""Fréchet distance and streaming moments: closed forms, published tools' values, and stability."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

from dsim.stats.frechet import (
    covariance_factor,
    extrapolated,
    frechet_distance,
    merged,
    moments,
    points_factor,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def relu_features(n: int, d: int = 512, seed: int = 0) -> np.ndarray:
    """Recipe of the frozen values: rectified Gaussians of different scales, float32 (n, d)."""
    rng = np.random.default_rng(seed)
    scales = np.exp(0.5 * rng.standard_normal(d))
    return np.maximum(rng.standard_normal((n, d)) * scales, 0).astype("f4")


def by_covariance(source: np.ndarray, target: np.ndarray) -> float:
    one, other = moments(source), moments(target)
    return frechet_distance(
        one.mean, covariance_factor(one.covariance), other.mean, covariance_factor(other.covariance)
    )


def by_points(source: np.ndarray, target: np.ndarray) -> float:
    means = (points.mean(axis=0, dtype=np.float64) for points in (source, target))
    return frechet_distance(next(means), points_factor(source), next(means), points_factor(target))


def by_eigenvalues(source: np.ndarray, target: np.ndarray) -> float:
    """The textbook's way: eigenvalues of the product of the covariances."""
    a, b = (np.cov(points.astype("f8"), rowvar=False) for points in (source, target))
    shift = source.mean(axis=0, dtype="f8") - target.mean(axis=0, dtype="f8")
    root = np.sqrt(np.maximum(np.linalg.eigvals(a @ b).real, 0)).sum()
    return float(shift @ shift + np.trace(a) + np.trace(b) - 2 * root)


def test_gaussians_with_one_basis_have_a_closed_form(rng: np.random.Generator) -> None:
    """Commuting covariances: |mu - mu'|^2 + sum of squared differences of standard deviations."""
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    s, t, shift = rng.uniform(0.1, 3, 6), rng.uniform(0.1, 3, 6), rng.normal(size=6)
    factors = [covariance_factor(basis @ np.diag(scale**2) @ basis.T) for scale in (s, t)]
    value = frechet_distance(shift, factors[0], np.zeros(6), factors[1])
    assert value == pytest.approx(shift @ shift + ((s - t) ** 2).sum(), rel=1e-12)


def test_it_equals_the_eigenvalues_of_the_product(rng: np.random.Generator) -> None:
    source, target = rng.normal(size=(200, 12)), rng.normal(1, 2, size=(150, 12)) @ rng.normal(size=(12, 12))
    assert by_covariance(source, target) == pytest.approx(by_eigenvalues(source, target), rel=1e-10)


def test_the_value_of_torch_fidelity() -> None:
    """relu_features(5000) of seeds 0 and 1: torch-fidelity 0.4.0 gives 176.5473343, with a mean in float32."""
    value = by_covariance(relu_features(5000), relu_features(5000, seed=1))
    assert value == pytest.approx(176.5473343221704, rel=1e-7)
    assert value == pytest.approx(176.54733523190612, rel=1e-11)


def test_fewer_points_than_dimensions_give_one_value_by_either_route() -> None:
    """300 points in 512 dimensions; frozen at 310.0323888 by the n x n' route, which takes no covariance."""
    source, target = relu_features(300), relu_features(300, seed=1)
    value = by_points(source, target)
    assert value == pytest.approx(310.0323888111467, rel=1e-11)
    assert by_covariance(source, target) == pytest.approx(value, rel=1e-6)
    assert by_eigenvalues(source, target) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("route", [by_covariance, by_points])
def test_shift_scale_rotation_and_order(rng: np.random.Generator, route) -> None:
    source, target = rng.normal(size=(20, 8)), rng.normal(0.5, 2, size=(30, 8))
    value = route(source, target)
    rotation = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    assert route(target, source) == pytest.approx(value, rel=1e-10)
    assert route(source + 7, target + 7) == pytest.approx(value, rel=1e-9)
    assert route(3 * source, 3 * target) == pytest.approx(9 * value, rel=1e-10)
    assert route(source @ rotation, target @ rotation) == pytest.approx(value, rel=1e-9)
    assert route(source[::-1], target) == pytest.approx(value, rel=1e-10)
    assert route(source, source) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("n", [5, 40])
def test_covariances_without_full_rank_have_a_value(rng: np.random.Generator, n: int) -> None:
    """Constant features and copies leave covariances that rounding makes indefinite."""
    source = rng.normal(size=(n, 10))
    source[:, 3:6] = 1.0
    source[:, 7] = source[:, 8]
    target = rng.normal(size=(n, 1)) * np.ones(10)
    for pair in ((source, target), (source, source), (target, target), (source, 0 * source)):
        assert by_covariance(*pair) == pytest.approx(by_points(*pair), rel=1e-6, abs=1e-6)


def test_an_indefinite_covariance_loses_its_negative_eigenvalues() -> None:
    factor = covariance_factor(np.array([[1.0, 0.0], [0.0, -1e-9]]))
    np.testing.assert_allclose(factor.T @ factor, [[1, 0], [0, 0]], atol=1e-15)


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_moments_do_not_depend_on_the_blocks(rng: np.random.Generator, block: int) -> None:
    """Far from the origin, where sums of squares would lose all digits."""
    points = (rng.normal(size=(300, 5)) * [1, 2, 3, 4, 5] + 1e7).astype(np.float64)
    found = reduce(merged, (moments(points[start : start + block]) for start in range(0, 300, block)))
    assert found.n == 300
    np.testing.assert_allclose(found.mean, points.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.covariance, np.cov(points, rowvar=False), rtol=1e-7, atol=1e-7)


def test_merging_is_commutative_and_nothing_adds_nothing(rng: np.random.Generator) -> None:
    one, other = moments(rng.normal(size=(5, 3))), moments(rng.normal(1, size=(9, 3)))
    np.testing.assert_allclose(merged(one, other).scatter, merged(other, one).scatter, rtol=1e-12)
    nothing = moments(np.empty((0, 3)))
    assert merged(nothing, one) is merged(one, nothing) is one
    assert merged(nothing, nothing).n == 0


def test_float32_points_are_summed_in_double_precision(rng: np.random.Generator) -> None:
    points = (rng.normal(size=(50, 3)) + 4096).astype(np.float32)
    np.testing.assert_allclose(moments(points).covariance, np.cov(points.astype("f8"), rowvar=False), rtol=1e-12)


def test_extrapolation_removes_a_bias_of_one_over_n() -> None:
    """Two samples of one Gaussian: the plain value is far from 0, the extrapolated is not."""
    rng = np.random.default_rng(3)
    source, target = rng.normal(size=(2, 800, 32)) / np.sqrt(32)
    whole = by_covariance(source, target)
    halves = [by_covariance(source[part], target[part]) for part in (slice(0, 400), slice(400, 800))]
    assert whole == pytest.approx(0.023, abs=0.004)
    assert extrapolated(whole, halves) == pytest.approx(0, abs=0.004)
