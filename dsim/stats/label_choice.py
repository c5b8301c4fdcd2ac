"""Which points to label next: those far from all labelled ones, or typical ones of clusters without a label."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: As in the code of TypiClust: neighbours, clusters at most, and the largest cluster that is too small to be typical.
NEIGHBOURS, CLUSTERS, TOO_SMALL = 20, 500, 5
#: Points in a cluster on average, at least: were most clusters too small, all choices would be of the few others.
MEAN_SIZE = 10


def k_centres(points: Array, labelled: Sequence[int], count: int) -> tuple[int, ...]:
    """Return points far from labelled ones and from each other, by the greedy algorithm for k centres.

    Each is the point farthest from all labelled and chosen ones (Euclidean); the first of equally far ones. Without a
    labelled point the first is the one nearest to the mean. Its largest distance to the chosen ones is at most twice
    the least that is possible.

    Parameters
    ----------
    points : (n, d). labelled : positions among them. count : at most so many; fewer where no more are left.

    References
    ----------
    Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5; Sener and Savarese 2018, arXiv:1708.00489.

    >>> k_centres(np.array([[0.0], [1.0], [5.0], [9.0]]), [0], 2)
    (3, 2)
    """
    left = np.ones(len(points), dtype=bool)
    left[list(labelled)] = False
    nearest = np.full(len(points), np.inf)
    for place in labelled:
        nearest = np.minimum(nearest, ((points - points[place]) ** 2).sum(axis=1))
    chosen: list[int] = []
    for _ in range(min(count, int(left.sum()))):
        if len(labelled) or chosen:
            place = int(np.where(left, nearest, -1.0).argmax())
        else:
            place = int(((points - points.mean(axis=0)) ** 2).sum(axis=1).argmin())
        nearest = np.minimum(nearest, ((points - points[place]) ** 2).sum(axis=1))
        left[place] = False
        chosen.append(place)
    return tuple(chosen)


def typical_points(
    points: Array, labelled: Sequence[int], count: int, *, seed: int = 0, clusters: NDArray[np.intp] | None = None
) -> tuple[int, ...]:
    """Return typical points of clusters that have the fewest labels, the largest clusters first (TypiClust).

    There are as many k-means clusters as labelled and wanted points together, but at most 500, and one for 10 points
    (a bound that the paper's large pools never met); those of up to 5 points are left out, unless all are so small.
    From each in turn the point of the largest typicality is taken: the inverse of its mean distance to its 20 nearest
    neighbours in the cluster, or to half of the cluster where that is less.

    Parameters
    ----------
    points : (n, d), usually of length 1. labelled : positions among them.
    count : at most so many; fewer where no more are left. clusters : (n,) given instead of k-means.

    References
    ----------
    Hacohen, Dekel and Weinshall 2022, arXiv:2202.02794.

    >>> points = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [5.4]])
    >>> typical_points(points, [], 2, clusters=np.array([0, 0, 0, 1, 1, 1, 1]))
    (4, 0)
    """
    open_points = np.ones(len(points), dtype=bool)
    open_points[list(labelled)] = False
    count = min(count, int(open_points.sum()))
    if not count:
        return ()
    if clusters is None:
        most = min(CLUSTERS, max(1, len(points) // MEAN_SIZE))
        clusters = _clusters(points, min(len(labelled) + count, most), seed)
    order = _order(clusters, labelled)
    chosen: list[int] = []
    turn = 0
    while len(chosen) < count:
        members = np.flatnonzero(open_points & (clusters == order[turn % len(order)]))
        turn += 1
        if len(members):
            place = int(members[_typicality(points[members]).argmax()])
            open_points[place] = False
            chosen.append(place)
        elif not any((open_points & (clusters == cluster)).any() for cluster in order):
            # Only points of small clusters are left.
            order = np.unique(clusters[open_points])
    return tuple(chosen)


def _clusters(points: Array, count: int, seed: int) -> NDArray[np.intp]:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Of points that are equal there are fewer clusters, which is all right.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(n_clusters=min(count, len(points)), n_init=1, random_state=seed).fit_predict(points)
    clusters: NDArray[np.intp] = found.astype(np.intp)
    return clusters


def _order(clusters: NDArray[np.intp], labelled: Sequence[int]) -> NDArray[np.intp]:
    """Clusters by their labels, the fewest first, then by their size, the largest first."""
    sizes = np.bincount(clusters)
    labels = np.bincount(clusters[list(labelled)], minlength=len(sizes))
    large = np.flatnonzero(sizes > TOO_SMALL)
    candidates = large if len(large) else np.flatnonzero(sizes)
    return candidates[np.lexsort((-sizes[candidates], labels[candidates]))]


def _typicality(points: Array) -> Array:
    """Inverse mean distance to the nearest others, (m,)."""
    near = min(NEIGHBOURS, len(points) // 2)
    if not near:
        return np.zeros(len(points))
    squares = (points**2).sum(axis=1)
    table = np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0.0))
    np.fill_diagonal(table, np.inf)
    nearest = np.partition(table, near - 1, axis=1)[:, :near]
    typicality: Array = 1 / (nearest.mean(axis=1) + 1e-5)
    return typicality
