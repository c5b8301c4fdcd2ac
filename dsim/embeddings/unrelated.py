"""Nearest neighbours among those that have nothing to do with a point: of other groups, and no copies of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsim.embeddings.neighbours import Neighbours, find_neighbours

Integers = NDArray[np.intp]


def find_unrelated_neighbours(
    points: NDArray[np.floating], k: int, relations: Sequence[Integers], candidates: Integers | None = None
) -> Neighbours:
    """Return the k nearest points that are not related to each point, nearest first.

    Points are related where any of the numberings gives them the same number, such as that of their patient, or of the
    set of copies that they belong to; a point is related to itself.

    Parameters
    ----------
    points : (n, d), finite. k : at least 1. relations : numberings, each (n,).
    candidates : positions (m,) of the points that may be neighbours, in order; by default all.

    Returns
    -------
    Neighbours
        Where there are fewer, the last columns are -1, with distance NaN.

    >>> points = np.array([[0.0], [0.1], [1.0], [3.0]])
    >>> find_unrelated_neighbours(points, 2, [np.array([0, 0, 1, 2])]).indices.tolist()
    [[2, 3], [2, 3], [1, 0], [2, 1]]
    """
    among = np.arange(len(points)) if candidates is None else candidates
    nearest = Neighbours(np.full((len(points), k), -1, dtype=np.intp), np.full((len(points), k), np.nan))
    waiting, asked = np.arange(len(points)), min(len(among), k + 8)
    while len(waiting):
        places, distances = find_neighbours(points[waiting], points[among], asked)
        positions = among[places]
        allowed = positions != waiting[:, None]
        for numbers in relations:
            allowed &= numbers[positions] != numbers[waiting, None]
        order = np.argsort(~allowed, axis=1, kind="stable")[:, :k]
        chosen = np.take_along_axis(allowed, order, axis=1)
        width = order.shape[1]
        nearest.indices[waiting, :width] = np.where(chosen, np.take_along_axis(positions, order, axis=1), -1)
        nearest.distances[waiting, :width] = np.where(chosen, np.take_along_axis(distances, order, axis=1), np.nan)
        if asked == len(among):
            break
        waiting = waiting[allowed.sum(axis=1) < k]
        asked = min(len(among), 4 * asked)
    return nearest
