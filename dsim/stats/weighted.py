"""Correlations of weighted points, many weightings at once: a bootstrap of whole groups of points is a weighting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def weighted_pearson(x: Array, y: Array, weights: Array) -> Array:
    """Pearson's r of points that count as often as their weights say.

    Parameters
    ----------
    x, y : (n,) or (b, n), none NaN. weights : (b, n), at least 0.

    Returns
    -------
    (b,) in [-1, 1]; NaN where x or y of the points with a weight is constant.

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
    """Spearman's rho of the same: Pearson's r of the ranks among all copies of all points, ties sharing their mean.

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
