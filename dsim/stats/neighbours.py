"""Nearest neighbours in two clouds of points: their classifier's accuracy, precision, recall, density, coverage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.stats.euclidean import Points, squared_distances

#: Distances held at once: 32 MB in float64.
_BLOCK = 4_000_000
#: The same for balls: 64 MB.
_HELD = 8_000_000
#: A ball holds its own boundary, whatever its rounding.
_SLACK = 1 + 1e-9

Weights = NDArray[np.float64]
Floats = NDArray[np.float64]


def nearest_accuracy(a: Points, b: Points) -> float:
    """Return the share of points whose nearest other point is of their own cloud, in [0, 1].

    About 0.5 for one population. The leave-one-out accuracy of the nearest-neighbour classifier, as the mean of the
    accuracies in both clouds, so that their sizes do not matter: 1 where the clouds are separate, (n + m - 2) / (2 (n +
    m - 1)) on average where they are samples of one continuous distribution, 0 where they are the same points.

    Parameters
    ----------
    a, b : (n, d) and (m, d). Copies of a point within a cloud are not each other's neighbours: they are one point that
        counts so many times. A point as near to the other cloud as to its own counts half.

    Returns
    -------
    NaN where a cloud holds no two different points.

    Raises ValueError where the points of both have different dimensions.

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

    References
    ----------
    Lopez-Paz and Oquab 2017, arXiv:1610.06545.

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


class Prdc(NamedTuple):
    """The four shares; density alone can exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def squared_radii(points: Points, k: int) -> Floats:
    """Return the squared distance of each point of (n, d) to its k-th nearest other point, (n,).

    Raises ValueError where n is not greater than k.

    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991.

    >>> squared_radii(np.array([[0.0], [1.0], [3.0]]), k=1).round(6).tolist()
    [1.0, 1.0, 4.0]
    """
    rows = max(1, _HELD // len(points))
    found = np.empty(len(points))
    for start in range(0, len(points), rows):
        block = slice(start, start + rows)
        found[block] = kth_nearest(squared_distances(points[block], points), k)
    return found


def kth_nearest(table: Floats, k: int) -> Floats:
    """Return the k-th smallest distance of each row but its own, which is the smallest; (rows, n) to (rows,).

    Raises ValueError where n is not greater than k.

    >>> kth_nearest(np.array([[0.0, 4.0, 1.0]]), 1).tolist()
    [1.0]
    """
    return np.asarray(np.partition(table, k, axis=1)[:, k])


def prdc(source: Points, target: Points, k: int, radii: tuple[Floats, Floats] | None = None) -> Prdc:
    """Return precision, recall, density and coverage of ``source`` (generated) for ``target`` (real).

    Parameters
    ----------
    source, target : (n, d) and (m, d), each of more than k points.
    k : a point's ball reaches to its k-th nearest neighbour of its own cloud, which it includes.
    radii : ``squared_radii`` of both, where they are known.

    Returns
    -------
    Prdc
        precision: share of source points in a target point's ball; recall: share of target points in a source point's
        ball; density: number of target points' balls that a source point lies in, on average, over k; coverage: share
        of target points whose ball holds a source point.

    Raises ValueError where the points of both have different dimensions.

    References
    ----------
    Kynkäänniemi et al. 2019, arXiv:1904.06991 (precision, recall); Naeem et al. 2020, arXiv:2002.09797 (density,
    coverage), whose code leaves the boundary out of a ball.

    >>> prdc(np.array([[0.0], [0.2], [9.0]]), np.array([[0.0], [1.0], [2.0], [3.0]]), k=1)._asdict()
    {'precision': 0.6666666666666666, 'recall': 1.0, 'density': 1.3333333333333333, 'coverage': 0.5}
    """
    of_source, of_target = radii or (squared_radii(source, k), squared_radii(target, k))
    rows = max(1, _HELD // len(target))
    blocks = (slice(start, start + rows) for start in range(0, len(source), rows))
    counts = [_counts(squared_distances(source[block], target), of_source[block], of_target) for block in blocks]
    return _shares(counts, len(source), len(target), k)


def prdc_of_tables(between: Floats, of_source: Floats, of_target: Floats, k: int) -> Prdc:
    """Return ``prdc`` from squared distances (n, m) and squared radii (n,), (m,).

    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991; Naeem et al. 2020, arXiv:2002.09797.

    >>> table = np.array([[0.0, 4.0], [9.0, 1.0]])
    >>> tuple(prdc_of_tables(table, np.array([1.0, 1.0]), np.array([4.0, 0.5]), k=1))
    (0.5, 1.0, 0.5, 0.5)
    """
    return _shares([_counts(between, of_source, of_target)], len(of_source), len(of_target), k)


_Counts = tuple[int, int, NDArray[np.bool_], NDArray[np.bool_]]


def _counts(between: Floats, of_source: Floats, of_target: Floats) -> _Counts:
    """Of some source points: those in a ball, all balls that they lie in, targets that they reach, targets covered."""
    in_targets_ball = between <= of_target * _SLACK
    in_sources_ball = between <= of_source[:, None] * _SLACK
    precise = int(np.count_nonzero(in_targets_ball.any(axis=1)))
    recalled, covered = np.any(in_sources_ball, axis=0), np.any(in_targets_ball, axis=0)
    return precise, int(np.count_nonzero(in_targets_ball)), np.asarray(recalled), np.asarray(covered)


def _shares(counts: list[_Counts], n: int, m: int, k: int) -> Prdc:
    precise, held, recalled, covered = zip(*counts, strict=True)
    return Prdc(
        precision=sum(precise) / n,
        recall=float(np.any(recalled, axis=0).mean()),
        density=sum(held) / (k * n),
        coverage=float(np.any(covered, axis=0).mean()),
    )
