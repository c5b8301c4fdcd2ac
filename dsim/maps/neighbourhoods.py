"""Properties of the places of a map: how crowded they are, and whether other maps of the images agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Neighbours of an image in the plane: those that its density and its stability are of.
NEIGHBOURS = 15


def crowding(points: Floats, k: int = NEIGHBOURS) -> Floats:
    """Return how crowded the place of each of n points (n, 2) is: the share of points in less crowded places.

    Crowded is where the 15th nearest other point is near. float64 (n,), in [0, 1]; equally crowded places share the
    mean of their ranks. A rank, since units of the plane mean nothing. NaN for a single point.

    >>> crowding(np.array([[0.0, 0.0], [0.0, 1.0], [9.0, 0.0]]), k=1).tolist()
    [0.75, 0.75, 0.0]
    """
    from scipy.spatial import KDTree
    from scipy.stats import rankdata

    count = len(points)
    if count < 2:
        return np.full(count, np.nan)
    distances, _ = KDTree(points).query(points, min(k, count - 1) + 1)
    reach = np.asarray(distances)[:, -1]
    ranks: Floats = (rankdata(-reach, method="average") - 1) / (count - 1)
    return ranks


def stability(points: Floats, others: Sequence[Floats], k: int = NEIGHBOURS) -> Floats:
    """Return which share of its 15 nearest points each of n keeps on average in other maps of the same images.

    Parameters
    ----------
    points : (n, 2). ``others`` : maps of other seeds, (n, 2) each.

    Returns
    -------
    float64 (n,), in [0, 1]; NaN without other maps, and for a single point.

    References
    ----------
    Lee and Verleysen 2009, doi:10.1016/j.neucom.2008.12.017.

    >>> line = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [6.0, 0.0]])
    >>> stability(line, [line[:, ::-1] + 3], k=1).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    if not others or len(points) < 2:
        return np.full(len(points), np.nan)
    near = _nearest_others(points, k)
    shares = [_share_kept(near, _nearest_others(other, k)) for other in others]
    mean: Floats = np.mean(shares, axis=0)
    return mean


def _nearest_others(points: Floats, k: int) -> NDArray[np.intp]:
    """The nearest other points of each, (n, k): by a tree, since a plane may hold 100,000 points."""
    from scipy.spatial import KDTree

    count = len(points)
    k = min(k, count - 1)
    _, positions = KDTree(points).query(points, k + 1)
    found = np.asarray(positions, dtype=np.intp)
    itself = found == np.arange(count)[:, None]
    # Among more than k copies of a point it need not be found itself: then the last one goes.
    itself[~itself.any(axis=1), -1] = True
    nearest: NDArray[np.intp] = found[~itself].reshape(count, k)
    return nearest


def _share_kept(near: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
    share: Floats = (near[:, :, None] == others[:, None, :]).any(axis=2).mean(axis=1)
    return share
