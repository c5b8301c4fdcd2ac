"""Shares of few cases: intervals that have a width where all cases are alike, tests, and p-values of many tests."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def wilson_interval(share: float, cases: int, confidence: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share of cases: the shares that a normal test would not reject.

    Unlike the bootstrap it has a width where all cases are alike: of 12 misses the bootstrap says [0, 0].

    Parameters
    ----------
    share : in [0, 1], the mean over cases; a case that is partly a hit, by a tie, may count as a fraction: it varies
        less than a hit or miss, so the interval is then too wide rather than too narrow.
    cases : at least 1; the bounds are NaN for none.

    Returns
    -------
    Lower and upper bound, in [0, 1].

    References
    ----------
    Wilson 1927, doi:10.1080/01621459.1927.10502953.

    >>> [round(bound, 3) for bound in wilson_interval(0.0, 12, 0.95)]
    [0.0, 0.242]
    """
    from scipy.special import ndtri

    if cases < 1 or math.isnan(share):
        return math.nan, math.nan
    z = float(ndtri(0.5 + confidence / 2))
    shrink = 1 + z**2 / cases
    centre = (share + z**2 / (2 * cases)) / shrink
    half = z * math.sqrt(share * (1 - share) / cases + z**2 / (4 * cases**2)) / shrink
    # Where no case or every one is a hit, the bound is 0 or 1 but for rounding.
    low, high = centre - half, centre + half
    return (0.0 if share == 0 else low), (1.0 if share == 1 else high)


def share_difference_interval(differences: Values, confidence: float) -> tuple[float, float]:
    """Return Wald's interval of the difference of two shares of the same cases, after adding half a case to each cell.

    The cells are those of the table that counts in how many cases both, one, the other or neither is a hit.

    Parameters
    ----------
    differences : (n,), first less second, each in [-1, 1]; -1, 0 or 1 where no tie makes fractions. None NaN.

    Returns
    -------
    Lower and upper bound, in [-1, 1]; NaN without cases.

    References
    ----------
    Agresti and Min 2005, doi:10.1002/sim.1781.

    >>> [round(bound, 3) for bound in share_difference_interval(np.array([1.0, 0.0, 0.0, 1.0, -1.0, 0.0]), 0.95)]
    [-0.357, 0.607]
    """
    from scipy.special import ndtri

    if not len(differences):
        return math.nan, math.nan
    cases = len(differences) + 2
    mean = float(differences.sum()) / cases
    variance = (float((differences**2).sum()) + 1) / cases - mean**2
    half = float(ndtri(0.5 + confidence / 2)) * math.sqrt(variance / cases)
    return max(-1.0, mean - half), min(1.0, mean + half)


def chance_p(hits: float, chances: Values) -> float:
    """Return p of the test that every case was a hit by its chance alone: two-sided, exact.

    Parameters
    ----------
    hits : their number, which ties may make a fraction. chances : (n,), in [0, 1].

    Returns
    -------
    The probability that the number of hits is as far from the expected number as ``hits`` is, in [0, 1].

    References
    ----------
    The Poisson-binomial distribution: Poisson 1837; Hong 2013, doi:10.1016/j.csda.2012.10.006.

    >>> round(chance_p(3, np.full(3, 1 / 9)), 6), round(chance_p(0, np.full(3, 1 / 9)), 6)
    (0.001372, 1.0)
    """
    probability = np.ones(1)
    for chance in chances:
        probability = np.convolve(probability, [1 - chance, chance])
    expected = float(chances.sum())
    far = np.abs(np.arange(len(probability)) - expected) >= abs(hits - expected) - 1e-9
    return min(1.0, float(probability[far].sum()))


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted by Holm's step-down: the family-wise error keeps its level, whatever their dependence.

    Parameters
    ----------
    p : float64 (k,), each in [0, 1]; NaN where a test was not done: it takes no part.

    Returns
    -------
    float64 (k,) in [0, 1], NaN where ``p`` is.

    References
    ----------
    Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 65-70.

    >>> holm(np.array([0.01, 0.04, 0.03, np.nan])).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    remaining = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(remaining * p[order]))
    return adjusted


def benjamini_hochberg(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted by Benjamini and Hochberg: of what is at most q, a share q is expected to be false.

    Parameters
    ----------
    p : float64 (k,), each in [0, 1], independent or positively dependent; NaN where a test was not done: it takes no
        part.

    Returns
    -------
    float64 (k,) in [0, 1], NaN where ``p`` is.

    References
    ----------
    Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, np.nan])).round(6).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(-p[known], kind="stable")]
    ranks = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(p[order] * len(order) / ranks))
    return adjusted
