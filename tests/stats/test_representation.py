"""Promises of effective rank and spread: golden values, invariances, bounds, and NaN instead of a plausible number."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import entropy, special_ortho_group

from dsim.stats.representation import effective_rank, spread_of_normalised

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("points", "rank"),
    [
        (np.eye(8), 8),
        (np.outer(RNG.normal(size=20), RNG.normal(size=6)), 1),
        (np.diag([2.0, 1.0, 1.0]), 2 * math.sqrt(2)),
        (np.diag([2.0, 1.0, 1.0, 0.0]), 2 * math.sqrt(2)),
    ],
)
def test_effective_ranks_that_are_known(points: np.ndarray, rank: float) -> None:
    assert effective_rank(points) == pytest.approx(rank, abs=1e-9)


def test_effective_rank_is_the_exponential_of_the_entropy_of_singular_values() -> None:
    points = RNG.normal(size=(50, 12)) * np.geomspace(1, 0.01, 12)
    eigenvalues = np.linalg.eigvalsh(points.T @ points)
    assert effective_rank(points) == pytest.approx(math.exp(entropy(np.sqrt(eigenvalues))))


def test_effective_rank_ignores_rotation_scale_and_order() -> None:
    points = RNG.normal(size=(40, 5)) * [5, 4, 3, 2, 1]
    changed = 7 * RNG.permutation(points) @ special_ortho_group.rvs(5, random_state=1)
    assert effective_rank(changed) == pytest.approx(effective_rank(points))
    assert 1 <= effective_rank(points) <= 5


def test_the_spread_of_isotropic_features_is_one_and_of_equal_ones_zero() -> None:
    assert spread_of_normalised(RNG.normal(size=(4000, 64))) == pytest.approx(1, abs=0.01)
    assert spread_of_normalised(np.tile(RNG.normal(size=16), (9, 1))) == pytest.approx(0, abs=1e-12)


def test_the_spread_does_not_see_lengths() -> None:
    points = RNG.normal(size=(30, 6)) + 2
    lengths = RNG.uniform(0.1, 9, size=(30, 1))
    assert spread_of_normalised(points * lengths) == pytest.approx(spread_of_normalised(points))


def test_the_spread_of_two_directions_by_hand() -> None:
    points = np.array([[3.0, 0.0], [0.0, 0.5]])
    assert spread_of_normalised(points) == pytest.approx(0.5 * math.sqrt(2))


@pytest.mark.parametrize("points", [np.empty((0, 3)), np.array([[1.0, np.nan]]), np.array([[np.inf, 1.0]])])
def test_without_finite_points_there_is_no_number(points: np.ndarray) -> None:
    assert math.isnan(effective_rank(points))
    assert math.isnan(spread_of_normalised(points))


def test_zeros_have_no_rank_and_no_spread() -> None:
    assert math.isnan(effective_rank(np.zeros((4, 3))))
    assert spread_of_normalised(np.zeros((4, 3))) == 0
