"""Groups that cluster by themselves: how often the neighbours of one class are of the same group, against chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

#: Neighbours of the same group that a group could have, below which it is too small to be judged.
FEWEST_PAIRS = 10


@dataclass(frozen=True)
class GroupCohesion:
    """How each of g groups clusters; float64 (g,) each.

    ``share`` : neighbours of the own group among those that could be, in [0, 1]. ``expected`` : that by chance, where
    groups are exchanged within classes. ``p`` : of so large a share by chance, adjusted for all groups; NaN, as
    ``share`` and ``expected``, for groups too small to be judged.
    """

    share: Floats
    expected: Floats
    p: Floats


def group_cohesion(
    neighbours: Integers, groups: Integers, classes: Integers, rng: np.random.Generator, permutations: int = 999
) -> GroupCohesion:
    """Return how much more often than by chance images of one group are neighbours within their class.

    The group of images is permuted within each class, so that a group of one class only is not taken for a cluster
    because the class is one; each group's excess, in standard deviations, is compared with the largest excess of any
    group in each permutation.

    Parameters
    ----------
    neighbours : (n, k), positions of the nearest points of the same class, -1 where there are fewer. groups : (n,),
        from 0; -1 where a point has none. classes : (n,), integers.

    References
    ----------
    Henze 1988 (neighbours), doi:10.1214/aos/1176350835; Westfall and Young 1993, Resampling-Based Multiple Testing
    (the largest of all).

    >>> neighbours = np.array([[j for j in range(5 * (i // 5), 5 * (i // 5) + 5) if j != i] for i in range(40)])
    >>> cohesion = group_cohesion(neighbours, np.arange(40) // 5, np.zeros(40, int), np.random.default_rng(0), 199)
    >>> cohesion.share[0], cohesion.expected[0] < 0.2, cohesion.p[0]
    (np.float64(1.0), np.True_, np.float64(0.005))
    """
    count = int(groups.max(initial=-1)) + 1
    observed = _own_neighbours(neighbours, groups, count)
    possible = _possible(neighbours.shape[1], groups, classes, count)
    drawn = np.empty((permutations, count))
    for draw in range(permutations):
        drawn[draw] = _own_neighbours(neighbours, _permuted(groups, classes, rng), count)
    judged = possible >= FEWEST_PAIRS
    mean, deviation = drawn.mean(axis=0), np.sqrt(drawn.var(axis=0) + 0.25)  # counts are discrete: a quarter of one
    excess = np.where(judged, (observed - mean) / deviation, np.nan)
    largest = np.where(judged, (drawn - mean) / deviation, -np.inf).max(axis=1, initial=-np.inf)
    above = (largest[:, None] >= excess).sum(axis=0)
    scale = np.where(judged, possible, np.nan)
    return GroupCohesion(observed / scale, mean / scale, np.where(judged, (1 + above) / (1 + permutations), np.nan))


def _own_neighbours(neighbours: Integers, groups: Integers, count: int) -> Floats:
    """Neighbours of their own group, of all images of each group, (count,)."""
    own = (neighbours >= 0) & (groups[neighbours] == groups[:, None]) & (groups >= 0)[:, None]
    weights = own.sum(axis=1)[groups >= 0].astype(np.float64)
    return np.bincount(groups[groups >= 0], weights=weights, minlength=count).astype(np.float64)


def _possible(k: int, groups: Integers, classes: Integers, count: int) -> Floats:
    """Neighbours of their own group and class that the images of each group could have among k."""
    total = np.zeros(count)
    for label in np.unique(classes):
        members = np.bincount(groups[(classes == label) & (groups >= 0)], minlength=count)
        total += members * np.minimum(k, np.maximum(members - 1, 0))
    return total


def _permuted(groups: Integers, classes: Integers, rng: np.random.Generator) -> Integers:
    """The groups, exchanged within classes."""
    order, shuffled = np.argsort(classes, kind="stable"), np.lexsort((rng.random(len(classes)), classes))
    permuted = np.empty_like(groups)
    permuted[order] = groups[shuffled]
    return permuted
