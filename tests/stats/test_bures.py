"""Distances of Gaussians: the nuclear norm equals the square root of matrices, with and without shrinkage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.covariance import ledoit_wolf_shrinkage

from dsim.stats.bures import (
    gaussians,
    ledoit_wolf_weight,
    nuclear_norm,
    squared_bures_wasserstein,
    squared_bures_within,
    squared_diagonal,
)

D = 20


def sample(n: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, D)) * np.linspace(0.2, 2, D) + shift


def shrunk(x: np.ndarray, weight: float) -> np.ndarray:
    covariance = np.cov(x.T)
    return (1 - weight) * covariance + weight * np.trace(covariance) / D * np.eye(D)


def by_square_roots(x: np.ndarray, y: np.ndarray, wx: float = 0.0, wy: float = 0.0) -> float:
    """The formula as it is printed, by scipy's matrix square root; the covariances must not be singular."""
    s, t = shrunk(x, wx), shrunk(y, wy)
    root = sqrtm(s).real
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s + t - 2 * sqrtm(root @ t @ root).real))


@pytest.mark.parametrize(("n", "m"), [(50, 40), (21, 300)])
def test_equals_the_matrix_square_root_where_there_are_enough_samples(n: int, m: int) -> None:
    x, y = sample(n, 1), sample(m, 2, 0.3)
    value = squared_bures_wasserstein(gaussians([x]), gaussians([y]))[0, 0]
    assert value == pytest.approx(by_square_roots(x, y), rel=1e-8)


@pytest.mark.parametrize(("n", "m"), [(5, 7), (5, 60), (2, 2), (19, 21)])
def test_fewer_samples_than_dimensions_are_the_limit_of_ever_less_shrinkage(n: int, m: int) -> None:
    x, y = sample(n, 1), sample(m, 2, 0.3)
    value = squared_bures_wasserstein(gaussians([x]), gaussians([y]))[0, 0]
    assert value == pytest.approx(by_square_roots(x, y, 1e-6, 1e-6), rel=2e-2)
    cross = np.linalg.svd((x - x.mean(0)) @ (y - y.mean(0)).T, compute_uv=False).sum() / np.sqrt((n - 1) * (m - 1))
    spread = np.trace(np.cov(x.T)) + np.trace(np.cov(y.T))
    assert value == pytest.approx(((x.mean(0) - y.mean(0)) ** 2).sum() + spread - 2 * cross, rel=1e-9)


@pytest.mark.parametrize("shrinkage", [0.1, 1.0, "ledoit-wolf"])
@pytest.mark.parametrize(("n", "m"), [(5, 7), (5, 60), (50, 40)])
def test_shrunk_covariances_equal_the_matrix_square_root(shrinkage: float | str, n: int, m: int) -> None:
    x, y = sample(n, 1), sample(m, 2, 0.3)
    weights = [ledoit_wolf_shrinkage(z) if shrinkage == "ledoit-wolf" else shrinkage for z in (x, y)]
    value = squared_bures_wasserstein(gaussians([x], shrinkage), gaussians([y], shrinkage))[0, 0]
    assert value == pytest.approx(by_square_roots(x, y, *weights), rel=1e-8)


@pytest.mark.parametrize("n", [3, 15, 19, 20, 100])
def test_the_weight_of_ledoit_and_wolf_is_scikit_learns(n: int) -> None:
    assert ledoit_wolf_weight(sample(n, n, 5.0)) == pytest.approx(ledoit_wolf_shrinkage(sample(n, n, 5.0)), abs=1e-12)


def test_many_at_once_are_the_pairs_one_by_one_and_within_is_symmetric() -> None:
    groups = [sample(n, n, n / 10) for n in (1, 4, 25, 40)]
    together = gaussians(groups)
    table = squared_bures_wasserstein(together, together)
    pairs = [[squared_bures_wasserstein(gaussians([x]), gaussians([y]))[0, 0] for y in groups] for x in groups]
    assert np.allclose(table, pairs, rtol=1e-9, atol=1e-9)
    within = squared_bures_within(together)
    assert (within == within.T).all()
    assert np.allclose(within, table, atol=1e-6 * table.max())
    assert (np.diag(within) == 0).all()


def test_a_single_point_is_a_gaussian_without_extent() -> None:
    point, cloud = sample(1, 0), sample(30, 1)
    expected = ((cloud.mean(0) - point[0]) ** 2).sum() + np.trace(np.cov(cloud.T))
    assert squared_bures_wasserstein(gaussians([point]), gaussians([cloud]))[0, 0] == pytest.approx(expected)


def test_diagonal_covariances_are_one_dimension_at_a_time() -> None:
    x, y = sample(9, 1), sample(60, 2, 0.3)
    moments = [(z.mean(0), z.std(0, ddof=1)) for z in (x, y)]
    expected = sum(((one - other) ** 2).sum() for one, other in zip(*moments, strict=True))
    assert squared_diagonal(gaussians([x]), gaussians([y]))[0, 0] == pytest.approx(expected, rel=1e-10)


def test_nuclear_norm_of_low_rank_is_exact() -> None:
    matrix = np.outer(np.arange(1, 40.0), np.ones(50))
    assert nuclear_norm(matrix) == pytest.approx(np.linalg.norm(matrix), rel=1e-12)
    assert nuclear_norm(np.zeros((3, 4))) == 0
