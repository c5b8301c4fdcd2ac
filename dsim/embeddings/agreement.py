"""Agreement of two embeddings of the same points: in shape, and in who is near whom."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.embeddings.neighbours import Metric, find_neighbours
from dsim.stats.euclidean import squared_distances

Points = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

#: Distances held at once: 32 MB in float64.
_HELD = 4_000_000


def align(points: Points, onto: Points) -> Floats:
    """Return points moved, turned, mirrored and scaled so that they lie as near as possible to others.

    Parameters
    ----------
    points, onto : (n, d), finite; row i of both is the same thing. Narrower ones count as padded with zeros.

    Returns
    -------
    float64 (n, d), the least squares solution.

    Raises
    ------
    ValueError
        Where the number of points differs, or either set is one point.

    References
    ----------
    Schönemann 1966, doi:10.1007/BF02289451 (rotation); Gower 1975, doi:10.1007/BF02291478 (with scale).

    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> align(3 * square[:, ::-1] + 5, square + 1).round(6).tolist()
    [[1.0, 1.0], [2.0, 1.0], [2.0, 2.0], [1.0, 2.0]]
    """
    a, b, centre, scale = _unit_shapes(points, onto)
    turn, strength = _rotation(a, b)
    aligned: Floats = scale * strength * (a @ turn) + centre
    return aligned[:, : max(onto.shape[1], points.shape[1])]


def procrustes_disparity(a: Points, b: Points) -> float:
    """Return the share of the variance of ``b`` that the best similarity transform of ``a`` leaves, in [0, 1].

    0 where the shapes are the same up to place, size, rotation and reflection; symmetric in its arguments.

    Parameters
    ----------
    a, b : (n, d) and (n, e), finite; row i of both is the same thing. The narrower counts as padded with zeros.

    Raises
    ------
    ValueError
        Where the number of points differs, or either set is one point.

    References
    ----------
    Gower 1975, doi:10.1007/BF02291478; equals ``scipy.spatial.procrustes``.

    >>> a = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> round(procrustes_disparity(a, np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), 6)
    0.075
    """
    first, second, _, _ = _unit_shapes(a, b)
    _, strength = _rotation(first, second)
    return float(np.clip(1 - strength**2, 0, 1))


def neighbour_overlap(a: Points, b: Points, k: int, *, metric: Metric = "euclidean") -> Floats:
    """Return, of each point, the share of its k nearest neighbours in ``a`` that are so in ``b`` too.

    Parameters
    ----------
    a, b : (n, d) and (n, e), finite; row i of both is the same thing.
    k : from 1 to n - 1. Points without relation share k / (n - 1) on average.
    metric : of both; see ``find_neighbours``.

    Returns
    -------
    float64 (n,), in [0, 1]; higher is better.

    Raises
    ------
    ValueError
        Where the number of points differs, k is out of range, or a number is not finite.

    References
    ----------
    Lee and Verleysen 2009, doi:10.1016/j.neucom.2008.12.017 (its mean is their Q_NX).

    >>> a = np.array([[0.0], [1.0], [5.0], [6.0]])
    >>> neighbour_overlap(a, np.array([[0.0], [1.0], [2.5], [9.0]]), k=1).tolist()
    [1.0, 1.0, 0.0, 1.0]
    """
    _check_pairs(a, b)
    near = [find_neighbours(points, points, k, metric=metric, leave_one_out=True).indices for points in (a, b)]
    shared = (near[0][:, :, None] == near[1][:, None, :]).any(axis=2)
    overlap: Floats = shared.mean(axis=1)
    return overlap


def trustworthiness(original: Points, embedded: Points, k: int) -> float:
    """Return how far neighbours in an embedding are neighbours in the original space too, in [0, 1].

    A neighbour that is not among the k nearest of the original costs as many points as its rank there is beyond k.
    With the arguments exchanged it is the continuity of the embedding.

    Parameters
    ----------
    original, embedded : (n, d) and (n, e), finite; row i of both is the same thing.
    k : from 1 to less than n / 2.

    Returns
    -------
    1 where nothing is near that was not; higher is better. Memory is bounded.

    Raises
    ------
    ValueError
        Where the number of points differs, or k is out of range.

    References
    ----------
    Venna and Kaski 2001, doi:10.1007/3-540-44668-0_68; equals ``sklearn.manifold.trustworthiness``.

    >>> original = np.array([[0.0], [1.0], [2.0], [9.0], [10.0]])
    >>> round(trustworthiness(original, np.array([[0.0], [1.0], [8.0], [9.0], [10.0]]), k=1), 6)
    0.8
    """
    _check_pairs(original, embedded)
    n = len(original)
    if not 1 <= k < n / 2:
        raise ValueError(f"{k} neighbours of {n} points: k must be from 1 to less than half of the points")
    near = find_neighbours(embedded, embedded, k, leave_one_out=True).indices
    rows = max(1, _HELD // n)
    cost = sum(_ranks_beyond(original, near[start : start + rows], start, k) for start in range(0, n, rows))
    return 1 - cost * 2 / (n * k * (2 * n - 3 * k - 1))


def _ranks_beyond(points: Points, near: NDArray[np.intp], start: int, k: int) -> int:
    """By how many ranks the neighbours of the points from ``start`` on are beyond the k nearest, in all."""
    table = squared_distances(points[start : start + len(near)], points)
    rows = np.arange(len(near))
    table[rows, rows + start] = np.inf
    cost = 0
    # Only k ranks of each row are needed: counting what is nearer takes less time than sorting it.
    for column in near.T:
        reach = table[rows, column][:, None]
        ranks = (table < reach).sum(axis=1) + 1
        for row in np.flatnonzero((table <= reach).sum(axis=1) > ranks):
            # Of equally near points the first comes first.
            ranks[row] += int((table[row, : column[row]] == reach[row]).sum())
        cost += int(np.maximum(ranks - k, 0).sum())
    return cost


def _check_pairs(a: Points, b: Points) -> None:
    if len(a) != len(b):
        raise ValueError(f"the same points twice: {len(a)} and {len(b)} rows differ")


def _unit_shapes(a: Points, b: Points) -> tuple[Floats, Floats, Floats, float]:
    """Both sets centred, with norm 1 and equally wide; centre and norm of the second."""
    _check_pairs(a, b)
    width = max(a.shape[1], b.shape[1])
    first, second = (np.pad(np.asarray(x, dtype=np.float64), ((0, 0), (0, width - x.shape[1]))) for x in (a, b))
    centre: Floats = second.mean(axis=0)
    first, second = first - first.mean(axis=0), second - centre
    norms = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if 0 in norms:
        raise ValueError("a shape needs two different points at least")
    return first / norms[0], second / norms[1], centre, norms[1]


def _rotation(a: Floats, b: Floats) -> tuple[Floats, float]:
    """The orthogonal matrix that turns ``a`` onto ``b``, and the sum of the singular values: their correlation."""
    left, values, right = np.linalg.svd(a.T @ b)
    turn: Floats = left @ right
    return turn, float(values.sum())
