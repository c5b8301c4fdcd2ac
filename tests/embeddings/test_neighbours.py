"""Exact nearest neighbours: scikit-learn's numbers, copies, ties, blocks, rows in a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.embeddings import find_neighbours
from dsim.embeddings import neighbours as module


def cloud(n: int, d: int = 12, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def by_brute_force(queries: NDArray[Any], references: NDArray[Any], k: int, metric: str) -> tuple[Any, Any]:
    from sklearn.neighbors import NearestNeighbors

    finder = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric).fit(references.astype(np.float64))
    distances, indices = finder.kneighbors(queries.astype(np.float64))
    return indices, distances


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 7, 60])
def test_neighbours_are_those_of_scikit_learn(metric: Any, k: int) -> None:
    queries, references = cloud(35), cloud(60, seed=1)
    indices, distances = by_brute_force(queries, references, k, metric)
    result = find_neighbours(queries, references, k, metric=metric)
    np.testing.assert_array_equal(result.indices, indices)
    np.testing.assert_allclose(result.distances, distances, rtol=1e-12)
    assert result.distances.dtype == np.float64


@pytest.mark.parametrize("held", [1, 40, 333, 10**6])
@pytest.mark.parametrize("queries", [1, 9, 64])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, held: int, queries: int) -> None:
    points = np.concatenate([cloud(30), cloud(20)])  # twenty points twice
    whole = find_neighbours(points, points, 5, leave_one_out=True)
    monkeypatch.setattr(module, "_HELD", held)
    monkeypatch.setattr(module, "_QUERIES", queries)
    again = find_neighbours(points, points, 5, leave_one_out=True)
    np.testing.assert_array_equal(again.indices, whole.indices)
    np.testing.assert_array_equal(again.distances, whole.distances)


def test_leaving_one_out_leaves_out_the_point_and_not_its_copy() -> None:
    points = cloud(10)
    twice = np.concatenate([points, points])
    result = find_neighbours(twice, twice, leave_one_out=True)
    assert result.indices[:, 0].tolist() == [*range(10, 20), *range(10)]
    assert (result.distances == 0).all()


def test_of_equally_near_points_the_first_comes_first() -> None:
    result = find_neighbours(np.zeros((1, 2)), np.array([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0]]), 2)
    assert result.indices.tolist() == [[0, 1]]


def test_distances_far_from_the_origin_keep_their_digits() -> None:
    """Near 1e7 float32 has steps of 1: the differences are exact, and sums of squared norms lose them."""
    offset = np.float32(1e7)
    points = np.round(20 * cloud(50)).astype(np.float32) + offset
    exact = points.astype(np.float64)
    table = np.sqrt(((exact[:, None] - exact) ** 2).sum(axis=2))
    np.fill_diagonal(table, np.inf)
    result = find_neighbours(points, points, 3, leave_one_out=True)
    np.testing.assert_allclose(result.distances, np.sort(table, axis=1)[:, :3], rtol=1e-14)


def test_one_outlier_does_not_blur_the_others() -> None:
    """It takes all the digits of matrix products."""
    points = np.concatenate([cloud(40, 3).astype(np.float64), [[1e9, 0, 0]]])
    alone = find_neighbours(points[:40], points[:40], 4, leave_one_out=True)
    result = find_neighbours(points, points, 4, leave_one_out=True)
    np.testing.assert_array_equal(result.indices[:40], alone.indices)
    np.testing.assert_array_equal(result.distances[:40], alone.distances)


def test_rows_of_a_file_are_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counted:
        def __init__(self, array: NDArray[Any]) -> None:
            self.array, self.shape, self.largest = array, array.shape, 0

        def __getitem__(self, key: Any) -> Any:
            self.largest = max(self.largest, len(self.array[key]))
            return self.array[key]

    monkeypatch.setattr(module, "_HELD", 240)
    rows = Counted(cloud(100))
    result = find_neighbours(cloud(3, seed=1), rows, 2)
    np.testing.assert_array_equal(result.indices, find_neighbours(cloud(3, seed=1), rows.array, 2).indices)
    assert rows.largest == 20


@pytest.mark.parametrize(
    ("queries", "references", "k", "options", "culprit"),
    [
        (cloud(2), cloud(3, d=11), 1, {}, "11"),
        (cloud(2), cloud(3), 4, {}, "4 neighbours"),
        (cloud(3), cloud(3), 3, {"leave_one_out": True}, "3 neighbours"),
        (cloud(2), cloud(3), 1, {"leave_one_out": True}, "leave_one_out"),
        (np.full((1, 12), np.nan), cloud(3), 1, {}, "finite"),
        (np.zeros((1, 12)), cloud(3), 1, {"metric": "cosine"}, "all 0"),
    ],
)
def test_wrong_input_is_refused(queries: Any, references: Any, k: int, options: Any, culprit: str) -> None:
    with pytest.raises(ValueError, match=culprit):
        find_neighbours(queries, references, k, **options)
