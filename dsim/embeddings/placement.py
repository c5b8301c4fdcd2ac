"""Where points lie among known sets: mean distances, centres, and conformal p-values.

Source: ASAP (Molina-Moreno et al., IEEE Access 2024), III-D and V: its mean distance "can be adapted to
image-to-dataset similarity if we consider single test images instead of complete datasets".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

#: Relative: distances that differ by less are one distance, whatever the order in which they were summed.
_TIE = 1e-9
#: Rows of a cloud whose distances to all others are held at once.
_ROWS = 1024


@dataclass(frozen=True)
class Placement:
    """Positions of m points towards s sets.

    ``mean`` : float64 (m, s), mean distance to the points of each set. ``centre`` : float64 (m, s), distance to its
    centre. ``p`` : float64 (m, s), in (0, 1]: small where the point would be unusual there (see ``conformal_p``).
    """

    mean: Points
    centre: Points
    p: Points

    @property
    def nearest(self) -> NDArray[np.intp]:
        """The set of the smallest mean distance, intp (m,)."""
        nearest: NDArray[np.intp] = self.mean.argmin(axis=1)
        return nearest

    @property
    def nearest_centre(self) -> NDArray[np.intp]:
        """The set of the nearest centre, intp (m,)."""
        nearest: NDArray[np.intp] = self.centre.argmin(axis=1)
        return nearest


def place(points: Points, clouds: Sequence[Points]) -> Placement:
    """Return the placement of points among sets.

    Parameters
    ----------
    points : float64 (m, k), finite.
    clouds : the sets, float64 (n_i, k), none empty.

    Raises ValueError where the points of both have different dimensions.

    >>> near, far = np.zeros((3, 2)), np.full((2, 2), 3.0)
    >>> placement = place(np.array([[0.0, 0.0]]), [near, far])
    >>> placement.mean.round(3).tolist(), placement.p.round(3).tolist()
    ([[0.0, 4.243]], [[1.0, 0.333]])
    """
    from scipy.spatial.distance import cdist

    mean = np.stack([cdist(points, cloud).mean(axis=1) for cloud in clouds], axis=1)
    centres = np.stack([cloud.mean(axis=0) for cloud in clouds])
    return Placement(mean, cdist(points, centres), np.stack([conformal_p(points, cloud) for cloud in clouds], axis=1))


def conformal_p(points: Points, cloud: Points) -> Points:
    """Return the conformal p-value of each point as a member of a set; small values are unusual.

    The share of the set's points, and of the new point itself, that lie at least as far from all the others: each in
    turn is left out and its mean distance to all others taken, the new point being one of them. If the new point is of
    the set's kind, the share is at most p in p of all cases, whatever the distribution.

    Parameters
    ----------
    points, cloud : float64 (m, k) and (n, k), finite.

    Returns
    -------
    float64 (m,), in [1 / (n + 1), 1].

    Raises ValueError where the points of both have different dimensions.

    References
    ----------
    Vovk, Gammerman, Shafer 2005, Algorithmic Learning in a Random World, chapter 2, doi:10.1007/b106715.

    >>> cloud = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> conformal_p(np.array([[1.5], [9.0]]), cloud).tolist()
    [1.0, 0.2]
    """
    from scipy.spatial.distance import cdist

    to_new = cdist(cloud, points)
    own = distance_sums(cloud)[:, None] + to_new
    new = to_new.sum(axis=0)
    at_least_as_far = (own >= new * (1 - _TIE)).sum(axis=0)
    share: Points = (1 + at_least_as_far) / (len(cloud) + 1)
    return share


def conformal_p_within(cloud: Points) -> Points:
    """Return the conformal p-value of each point of a set among its others, float64 (n,) in [1 / n, 1].

    Parameters
    ----------
    cloud : float64 (n, k), finite.

    References
    ----------
    Vovk, Gammerman, Shafer 2005, Algorithmic Learning in a Random World, chapter 2, doi:10.1007/b106715.

    >>> conformal_p_within(np.array([[0.0], [1.0], [2.0], [9.0]])).tolist()
    [0.5, 1.0, 1.0, 0.25]
    """
    sums = distance_sums(cloud)
    # Farther ones are counted from the sorted sums: n log n instead of n squared.
    nearer = np.searchsorted(np.sort(sums), sums * (1 - _TIE), side="left")
    share: Points = (len(cloud) - nearer) / len(cloud)
    return share


def mean_to_others(cloud: Points) -> Points:
    """Return the mean distance of each point of (n, k) to the other points, float64 (n,); NaN for a single point.

    >>> mean_to_others(np.array([[0.0], [1.0], [3.0]])).tolist()
    [2.0, 1.5, 2.5]
    """
    n = len(cloud)
    return distance_sums(cloud) / (n - 1) if n > 1 else np.full(n, np.nan)


def distance_sums(cloud: Points) -> Points:
    """Return the sum of the distances of each point of (n, k) to all points, float64 (n,); memory is bounded.

    >>> distance_sums(np.array([[0.0], [1.0], [3.0]])).tolist()
    [4.0, 3.0, 5.0]
    """
    from scipy.spatial.distance import cdist

    blocks = [cdist(cloud[start : start + _ROWS], cloud).sum(axis=1) for start in range(0, len(cloud), _ROWS)]
    return np.concatenate(blocks)
