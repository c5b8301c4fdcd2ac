"""How well nearest neighbours tell two clouds of points apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.euclidean import squared_distances

#: Distances held at once: 32 MB in float64.
_BLOCK = 4_000_000

Points = NDArray[np.floating[Any]]
Weights = NDArray[np.float64]


def nearest_accuracy(a: Points, b: Points) -> float:
    """Share of points whose nearest other point is of their own cloud, in [0, 1]; about 0.5 for one population.

    The leave-one-out accuracy of the nearest-neighbour classifier that tells the clouds apart, as the mean of the
    accuracies in both clouds, so that their sizes do not matter: 1 where the clouds are separate, (n + m - 2) / (2 (n +
    m - 1)) on average where they are samples of one continuous distribution, 0 where they are the same points.

    Parameters
    ----------
    a, b : (n, d) and (m, d). Copies of a point within a cloud are not each other's neighbours: they are one point that
        counts so many times. A point as near to the other cloud as to its own counts half.

    Returns
    -------
    NaN where a cloud holds no two different points.

    References
    ----------
    Lopez-Paz and Oquab 2017, arXiv:1610.06545; Xu et al. 2018, arXiv:1806.07755, section 2.

    >>> a, b = np.array([[0.0], [1.0], [5.0]]), np.array([[4.0], [9.0]])
    >>> round(nearest_accuracy(a, b), 6)  # 0 and 1 are right; 5, 4 and 9 are wrong
    0.333333
    """
    in_a, in_b = np.zeros((1, len(a) + len(b))), np.zeros((1, len(a) + len(b)))
    in_a[0, : len(a)] = in_b[0, len(a) :] = 1
    return float(split_accuracy(np.concatenate([a, b]), in_a, in_b)[0])


def split_accuracy(points: Points, ones: Weights, others: Weights) -> NDArray[np.float64]:
    """``nearest_accuracy`` between two parts of one cloud, for B such splits, shape (B,); distances are computed once.

    Parameters
    ----------
    points : (n, d).
    ones, others : how often each point is in either part, (B, n); resamples of two clouds are parts of both together.

    >>> points = np.array([[0.0], [1.0], [8.0], [9.0]])
    >>> ones, others = np.array([[1.0, 1, 0, 0], [1, 0, 2, 0]]), np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]])
    >>> split_accuracy(points, ones, others).tolist()
    [1.0, 0.0]
    """
    hits = np.zeros((2, len(ones)))
    for rows in _tiles(len(points), max(1, _BLOCK // len(points))):
        table = squared_distances(points[rows], points)
        for split, (one, other) in enumerate(zip(ones, others, strict=True)):
            hits[0, split] += _hits(table, rows, one, other)
            hits[1, split] += _hits(table, rows, other, one)
    shares: NDArray[np.float64] = (hits[0] / ones.sum(axis=1) + hits[1] / others.sum(axis=1)) / 2
    return shares


def _hits(table: NDArray[np.float64], rows: slice, own: Weights, other: Weights) -> float:
    """How many of the points of these rows that are in ``own`` are nearer to another one of it than to ``other``."""
    inside = own[rows] > 0
    among_own = table[np.ix_(inside, own > 0)]
    among_own[among_own == 0] = np.inf  # the point itself, and its copies
    to_own, to_other = among_own.min(axis=1), table[np.ix_(inside, other > 0)].min(axis=1)
    scores = np.where(to_own == to_other, 0.5, to_own < to_other)
    return float(np.where(np.isinf(to_own), np.nan, scores) @ own[rows][inside])


def _tiles(n: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, n)) for start in range(0, n, size))
