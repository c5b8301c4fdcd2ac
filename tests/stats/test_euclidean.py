"""Distances of all pairs: scipy's, without the cancellation that a matrix product brings."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats import euclidean as module
from dsim.stats.euclidean import distances, mean_distance, mean_distance_within, squared_distances


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_scipy(dtype: type) -> None:
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 5)).astype(dtype), rng.normal(3, 2, size=(9, 5)).astype(dtype)
    assert distances(a, b) == pytest.approx(cdist(a, b), rel=1e-12)


def test_near_points_far_from_the_origin_keep_their_distance() -> None:
    """|x|^2 + |y|^2 - 2 x.y alone would give noise of order 1e-4 here."""
    rng = np.random.default_rng(1)
    a = 1e6 + rng.normal(size=(6, 4)) * [1e4, 1e4, 1e4, 1]
    b = a + 1e-3 * rng.normal(size=a.shape)
    exact = ((a[:, None] - b) ** 2).sum(axis=2)
    assert np.diag(squared_distances(a, b)) == pytest.approx(np.diag(exact), rel=1e-7)
    assert squared_distances(a, b) == pytest.approx(exact, rel=1e-7)


def test_equal_points_are_at_distance_zero_exactly() -> None:
    points = np.random.default_rng(2).normal(size=(50, 40)).astype(np.float32)
    assert (np.diag(distances(points, points)) == 0).all()
    assert (distances(points[:1].repeat(4, 0), points[:1].repeat(3, 0)) == 0).all()


def test_nothing_is_changed_in_place() -> None:
    points = np.random.default_rng(3).normal(size=(5, 3))
    before = points.copy()
    squared_distances(points, points)
    assert (points == before).all()


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_blocks_do_not_change_the_mean(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(13, 2)), rng.normal(size=(9, 2))
    full = np.linalg.norm(a[:, None] - b[None], axis=2).mean()
    assert mean_distance(a, b) == pytest.approx(full, rel=1e-12)


def test_within_counts_distinct_pairs_only() -> None:
    assert mean_distance_within(np.array([[0.0], [1.0], [5.0]])) == pytest.approx((1 + 5 + 4) / 3)
    assert np.isnan(mean_distance_within(np.zeros((1, 2))))
