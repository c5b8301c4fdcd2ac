"""Certainty of statistics of few cases: bootstrap intervals, the sign-flip test, correlations of weighted points.

A bootstrap of whole groups of points is a weighting of the points, and many weightings are correlated at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Up to this many cases all their flips are tried: 2^14 of them.
EXACT = 14
#: Flips that are drawn where there are more.
FLIPS = 9999


@lru_cache(maxsize=32)
def draws(cases: int, resamples: int, seed: int) -> NDArray[np.intp]:
    """Return cases drawn with replacement, (resamples, cases); read-only.

    They depend on nothing but the arguments: whatever is measured on the same number of cases is resampled alike, so
    that differences are paired.

    Source: Efron 1979, doi:10.1214/aos/1176344552.

    >>> bool((draws(5, 10, 0) == draws(5, 10, 0)).all()), draws(5, 10, 0).shape
    (True, (10, 5))
    """
    drawn = np.random.default_rng([seed, cases]).integers(cases, size=(resamples, cases), dtype=np.intp)
    drawn.flags.writeable = False
    return drawn


def times_drawn(drawn: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how often each of n cases is in each resample, (resamples, n), of ``draws`` of that shape.

    Source: Efron 1979, doi:10.1214/aos/1176344552.

    >>> times_drawn(np.array([[0, 2, 2], [1, 0, 2]])).tolist()
    [[1.0, 0.0, 2.0], [1.0, 1.0, 1.0]]
    """
    resamples, n = drawn.shape
    flat = (drawn + n * np.arange(resamples)[:, None]).ravel()
    return np.bincount(flat, minlength=resamples * n).reshape(drawn.shape).astype(np.float64)


def expanded_tail(tail: float, cases: int) -> float:
    """Return the share of replicates to cut off on each side, so that the interval of a mean is as wide as Student's.

    The percentile bootstrap of n cases is too narrow in two ways: it uses normal quantiles where the deviation is
    estimated, and a deviation with the divisor n. The tail becomes Phi(sqrt(n / (n - 1)) t), with Student's quantile t
    of n - 1 degrees of freedom.

    Parameters
    ----------
    tail : in (0, 0.5), 0.025 for a confidence of 95 %. cases : at least 2.

    References
    ----------
    Hesterberg 2015, doi:10.1080/00031305.2015.1089789.

    >>> round(expanded_tail(0.025, 12), 4), round(expanded_tail(0.025, 10000), 4)
    (0.0108, 0.025)
    """
    from scipy.special import ndtr, stdtrit

    return float(ndtr(math.sqrt(cases / (cases - 1)) * stdtrit(cases - 1, tail)))


def percentile_interval(
    replicates: NDArray[np.float64], cases: int, confidence: float, expanded: bool = True
) -> tuple[float, float]:
    """Return the bounds between which the replicates of a bootstrap lie, but for their tails.

    Parameters
    ----------
    replicates : (resamples,); NaN where a resample has no value: it is left out. cases : how many were resampled.
    expanded : cut off ``expanded_tail`` on each side instead of (1 - confidence) / 2.

    Returns
    -------
    Lower and upper bound; NaN for fewer than two cases, or without replicates.

    References
    ----------
    Efron 1979, doi:10.1214/aos/1176344552; Hesterberg 2015, doi:10.1080/00031305.2015.1089789.

    >>> replicates = np.array([1.0, 2.0, 6.0, 9.0])[draws(4, 2000, 0)].mean(axis=1)
    >>> [round(bound, 2) for bound in percentile_interval(replicates, 4, 0.95, expanded=False)]
    [1.5, 7.5]
    """
    known = replicates[~np.isnan(replicates)]
    if cases < 2 or not len(known):
        return math.nan, math.nan
    tail = (1 - confidence) / 2
    tail = expanded_tail(tail, cases) if expanded else tail
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def student_interval(
    value: float, replicates: NDArray[np.float64], cases: int, confidence: float
) -> tuple[float, float]:
    """Return Student's interval with the standard error of the replicates of a bootstrap.

    For few cases, where no percentile will do: resamples lie between the smallest and the largest of n cases, and these
    hold the median of what the cases are drawn from with a probability of 1 - 2^(1 - n) only, 0.75 for three.

    Parameters
    ----------
    value : of the cases themselves. replicates : (resamples,), not all NaN. cases : at least 2.

    References
    ----------
    Student 1908, doi:10.1093/biomet/6.1.1; sqrt(n / (n - 1)) as in ``expanded_tail``.

    >>> replicates = np.array([1.0, 2.0, 6.0])[draws(3, 20000, 0)].mean(axis=1)
    >>> [round(bound, 1) for bound in student_interval(3.0, replicates, 3, 0.95)]     # scipy.stats: -3.6, 9.6
    [-3.6, 9.6]
    """
    from scipy.special import stdtrit

    error = math.sqrt(cases / (cases - 1)) * float(np.nanstd(replicates))
    half = float(stdtrit(cases - 1, 0.5 + confidence / 2)) * error
    return value - half, value + half


def mean_interval(
    value: float, replicates: NDArray[np.float64], cases: int, confidence: float, expanded: bool = True
) -> tuple[float, float]:
    """Return the interval of a mean over cases: Student's where they are few, else of percentiles.

    What n cases span holds the median of what they are drawn from with a probability of 1 - 2^(1 - n) only: Student's
    below 6 cases at a confidence of 95 %. Without ``expanded`` always the plain percentiles.

    Source: Hesterberg 2015, doi:10.1080/00031305.2015.1089789; Student 1908, doi:10.1093/biomet/6.1.1.

    >>> replicates = np.array([1.0, 2.0, 6.0])[draws(3, 20000, 0)].mean(axis=1)
    >>> [round(bound, 1) for bound in mean_interval(3.0, replicates, 3, 0.95)]
    [-3.6, 9.6]
    """
    if expanded and 2.0 ** (1 - cases) > 1 - confidence:
        return student_interval(value, replicates, cases, confidence)
    return percentile_interval(replicates, cases, confidence, expanded)


def expected_largest(choices: Sequence[NDArray[np.float64]]) -> float:
    """Return the expected largest of several numbers, each drawn from its choices with equal chance.

    What a source drawn at random for each target is expected to cost the worst of them.

    Parameters
    ----------
    choices : for each number, (n_i,) with n_i at least 1; none NaN.

    >>> expected_largest([np.array([0.0, 2.0]), np.array([1.0, 5.0])])         # 1, 5, 2, 5
    3.25
    """
    values = np.unique(np.concatenate(choices))
    below = np.prod([np.searchsorted(np.sort(of), values, side="right") / len(of) for of in choices], axis=0)
    return float(values @ np.diff(below, prepend=0.0))


def sign_flip_p(differences: NDArray[np.float64], seed: int = 0) -> float:
    """Return p of the test that paired differences are as likely positive as negative: signs are flipped at random.

    The statistic is the absolute mean, two-sided. All 2^n flips are tried up to n = 14; beyond, 9999 are drawn, and the
    observed one is counted among them. It is a test of exchange, not for differences from an expectation, whose
    distribution may be lopsided (``chance_p`` is one, for shares).

    Parameters
    ----------
    differences : (n,), none NaN.

    Returns
    -------
    p in (0, 1]; not below 2^(1 - n) where no difference is 0. 1 where all are 0; NaN without differences.

    References
    ----------
    Fisher 1935, The Design of Experiments, section 21; Phipson and Smyth 2010, doi:10.2202/1544-6115.1585.

    >>> sign_flip_p(np.array([1.0, 2.0, 3.0]))
    0.25
    """
    # A difference of 0 has no sign: its flips would only double the others.
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0 if len(differences) else math.nan
    exact = len(moved) <= EXACT
    sums = np.abs(_signs(len(moved), seed) @ moved)
    observed = abs(float(moved.sum()))
    # Sums that differ by rounding only are equal.
    extreme = int((sums >= observed * (1 - 1e-9) - 1e-12 * float(np.abs(moved).max())).sum())
    return extreme / len(sums) if exact else (extreme + 1) / (len(sums) + 1)


@lru_cache(maxsize=16)
def _signs(n: int, seed: int) -> NDArray[np.float64]:
    """Signs of the flips that are tried, (flips, n)."""
    if n > EXACT:
        return np.random.default_rng([seed, n]).choice([-1.0, 1.0], size=(FLIPS, n))
    # A flip and its mirror image have the same absolute sum: the first sign may stay.
    bits = np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1
    return (1 - 2 * bits).astype(np.float64)


def weighted_pearson(x: Array, y: Array, weights: Array) -> Array:
    """Return Pearson's r of points that count as often as their weights say.

    Parameters
    ----------
    x, y : (n,) or (b, n), none NaN. weights : (b, n), at least 0.

    Returns
    -------
    (b,) in [-1, 1]; NaN where x or y of the points with a weight is constant.

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Pearson 1895, doi:10.1098/rspl.1895.0041.

    >>> weights = np.array([[1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]])
    >>> weighted_pearson(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 0.0]), weights).round(6).tolist()
    [1.0, -1.0]
    """
    first, second = (_centred(np.broadcast_to(values, weights.shape), weights) for values in (x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        norms = np.sqrt((weights * first**2).sum(axis=1) * (weights * second**2).sum(axis=1))
        correlations: Array = (weights * first * second).sum(axis=1) / norms
    return np.clip(correlations, -1, 1)


def weighted_spearman(x: Array, y: Array, weights: Array) -> Array:
    """Return Spearman's rho of the same: Pearson's r of ranks among all copies of all points, ties sharing their mean.

    Parameters
    ----------
    x, y : (n,), none NaN. weights : (b, n): how many copies there are of each point.

    References
    ----------
    Spearman 1904, doi:10.2307/1412159.

    >>> weighted_spearman(np.array([1.0, 2.0, 9.0]), np.array([1.0, 8.0, 7.0]), np.ones((1, 3))).round(6).tolist()
    [0.5]
    """
    return weighted_pearson(_ranks(x, weights), _ranks(y, weights), weights)


def _centred(values: Array, weights: Array) -> Array:
    """Values less their weighted means; exactly 0 where all that have a weight are equal."""
    with np.errstate(divide="ignore", invalid="ignore"):
        means = (weights * values).sum(axis=1) / weights.sum(axis=1)
    highest = np.where(weights > 0, values, -np.inf).max(axis=1)
    lowest = np.where(weights > 0, values, np.inf).min(axis=1)
    centred: Array = np.where((highest > lowest)[:, None], values - means[:, None], 0.0)
    return centred


def _ranks(values: Array, weights: Array) -> Array:
    """Mean rank of the copies of each point, (b, n)."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    together = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks: Array = (np.cumsum(together, axis=1) - together / 2 + 0.5)[:, group]
    return ranks
