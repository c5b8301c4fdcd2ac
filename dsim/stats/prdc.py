"""Precision, recall, density and coverage: do the points of two clouds lie among each other's nearest neighbours?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.stats.euclidean import Points, squared_distances

Floats = NDArray[np.float64]

#: Distances that are held at once: 64 MB.
_HELD = 8_000_000
#: A ball holds its own boundary, whatever its rounding.
_SLACK = 1 + 1e-9


class Prdc(NamedTuple):
    """The four shares; density alone can exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def squared_radii(points: Points, k: int) -> Floats:
    """Squared distance of each point of (n, d) to its k-th nearest other point, (n,); n greater than k.

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
    """The k-th smallest distance of each row but its own, which is the smallest; (rows, n) to (rows,)."""
    return np.asarray(np.partition(table, k, axis=1)[:, k])


def prdc(source: Points, target: Points, k: int, radii: tuple[Floats, Floats] | None = None) -> Prdc:
    """Precision, recall, density and coverage of ``source`` (the generated set) for ``target`` (the real one).

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
    """``prdc`` from squared distances (n, m) and squared radii (n,), (m,)."""
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
