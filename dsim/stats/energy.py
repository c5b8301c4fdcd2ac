"""Energy distance of two clouds of points."""

from __future__ import annotations

from dsim.stats.kernels import Points, negative_distance
from dsim.stats.mmd import squared_mmd


def energy_distance(a: Points, b: Points, *, unbiased: bool = True) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'|, the squared discrepancy of the kernel -|x - y|.

    Parameters
    ----------
    a, b : (n, d) and (m, d), float64; n and m at least 2 where ``unbiased``.
    unbiased : the means within a cloud are over pairs of distinct points, so that the value is 0 on average where both
        clouds come from one distribution; else the value is at least 0, and for d = 1 twice the integral of the squared
        difference of the distribution functions: the square of what ``scipy.stats.energy_distance`` returns.

    References
    ----------
    Székely and Rizzo 2013, doi:10.1016/j.jspi.2013.03.018.

    >>> import numpy as np
    >>> a, b = np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]])
    >>> energy_distance(a, b, unbiased=False), energy_distance(a, b)
    (1.0, -1.0)
    """
    return squared_mmd(negative_distance, a, b, unbiased=unbiased)
