"""Kernels of all pairs of points, and the bandwidth of those that have one.

A kernel is a function of two clouds, (n, d) and (m, d), that returns the table of all pairs, (n, m); ``dsim.stats.mmd``
takes any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.euclidean import distances, squared_distances

Points = NDArray[np.floating[Any]]
Kernel = Callable[[Points, Points], Points]

#: Points of which all pairs are looked at for a median.
_LOOKED_AT = 2000


def polynomial(a: Points, b: Points, degree: int = 3) -> Points:
    """Return the kernel of KID, (x.y / d + 1)^degree, (n, m), computed in the type of the points.

    Raises ValueError where the points of both have different dimensions.

    References
    ----------
    Bińkowski et al. 2018, arXiv:1801.01401.

    >>> polynomial(np.array([[1.0, 1.0]]), np.array([[1.0, 1.0], [1.0, -1.0]])).tolist()
    [[8.0, 1.0]]
    """
    table = a @ b.T
    table /= a.shape[1]
    table += 1
    if degree == 3:  # two products cost a tenth of a general power
        cube: Points = table * table
        cube *= table
        return cube
    power: Points = table**degree
    return power


def linear(a: Points, b: Points) -> Points:
    """Return x.y, (n, m): the discrepancy is the squared distance of the means.

    Raises ValueError where the points of both have different dimensions.

    >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])).tolist()
    [[11.0]]
    """
    products: Points = a @ b.T
    return products


def gaussian(a: Points, b: Points, bandwidth: float) -> NDArray[np.float64]:
    """Return exp(-|x - y|^2 / (2 bandwidth^2)), float64 (n, m) in (0, 1].

    Raises ValueError where the points of both have different dimensions.

    Source: Sriperumbudur et al. 2010, arXiv:0907.5309.

    >>> gaussian(np.array([[0.0]]), np.array([[0.0], [2.0]]), bandwidth=2.0).round(6).tolist()
    [[1.0, 0.606531]]
    """
    table = squared_distances(a, b)
    table *= -0.5 / bandwidth**2
    return np.exp(table, out=table)


def cauchy(a: Points, b: Points, bandwidth: float) -> NDArray[np.float64]:
    """Return 1 / (1 + |x - y|^2 / bandwidth^2), float64 (n, m) in (0, 1]: its tail forgets no distance.

    Raises ValueError where the points of both have different dimensions.

    Source: Bińkowski et al. 2018, arXiv:1801.01401 (rational quadratic kernels).

    >>> cauchy(np.array([[0.0]]), np.array([[0.0], [2.0]]), bandwidth=2.0).tolist()
    [[1.0, 0.5]]
    """
    table = squared_distances(a, b)
    table /= bandwidth**2
    table += 1
    return np.reciprocal(table, out=table)


def negative_distance(a: Points, b: Points) -> NDArray[np.float64]:
    """Return -|x - y| of all pairs, float64 (n, m): its squared discrepancy is the energy distance.

    Unbiased, the discrepancy is 0 on average where both clouds come from one distribution; else it is at least 0, and
    in one dimension the square of what ``scipy.stats.energy_distance`` returns.

    Raises ValueError where the points of both have different dimensions.

    References
    ----------
    Sejdinovic et al. 2013, doi:10.1214/13-AOS1140; Székely and Rizzo 2013, doi:10.1016/j.jspi.2013.03.018.

    >>> negative_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
    [[-5.0]]
    """
    table = distances(a, b)
    return np.negative(table, out=table)


def median_distance(points: Points, looked_at: int = _LOOKED_AT) -> float:
    """Return the median distance over all pairs of distinct points: the usual bandwidth of a kernel.

    Parameters
    ----------
    points : (n, d), n at least 2.
    looked_at : of more points, this many: those at evenly spaced ranks along one fixed direction, so that the order of
        the points does not matter.

    References
    ----------
    Gretton et al. 2012, Journal of Machine Learning Research 13, 723-773; Garreau, Jitkrittum and Kanagawa 2017,
    arXiv:1707.07269.

    >>> median_distance(np.array([[0.0], [1.0], [3.0]]))
    2.0
    """
    if len(points) > looked_at:
        direction = np.random.default_rng(0).standard_normal(points.shape[1])
        order = np.argsort(points @ direction, kind="stable")
        points = points[order[np.linspace(0, len(points) - 1, looked_at).round().astype(np.intp)]]
    table = squared_distances(points, points)
    pairs = np.concatenate([table[i, i + 1 :] for i in range(len(points))])
    middle = [(len(pairs) - 1) // 2, len(pairs) // 2]
    return float(np.sqrt(np.partition(pairs, middle)[middle]).mean())


def with_bandwidth(name: str, bandwidth: float) -> Kernel:
    """Return the kernel ``gaussian`` or ``cauchy`` of a fixed bandwidth. Raises KeyError for another name.

    >>> float(with_bandwidth("cauchy", 2.0)(np.array([[0.0]]), np.array([[2.0]]))[0, 0])
    0.5
    """
    return partial({"gaussian": gaussian, "cauchy": cauchy}[name], bandwidth=bandwidth)
