"""Neighbours that are not related are those of the whole table with related ones struck out."""

from __future__ import annotations

import numpy as np

from dsim.embeddings.unrelated import find_unrelated_neighbours


def test_they_are_the_nearest_of_those_that_share_no_number() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(90, 4))
    groups, copies = rng.integers(0, 3, 90), rng.integers(0, 40, 90)
    found = find_unrelated_neighbours(points, 12, [groups, copies])
    table = np.linalg.norm(points[:, None] - points, axis=2)
    table[(groups[:, None] == groups) | (copies[:, None] == copies)] = np.inf
    assert (found.indices == table.argsort(axis=1)[:, :12]).all()
    assert np.allclose(found.distances, np.sort(table, axis=1)[:, :12])


def test_where_there_are_fewer_the_rest_is_empty() -> None:
    found = find_unrelated_neighbours(np.arange(4.0)[:, None], 3, [np.array([0, 0, 0, 1])])
    assert found.indices.tolist() == [[3, -1, -1], [3, -1, -1], [3, -1, -1], [2, 1, 0]]
    assert np.isnan(found.distances[0, 1:]).all()
