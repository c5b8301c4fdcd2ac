"""Kullback-Leibler divergence, and histograms whose bins are the same for every dataset."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The bins of ``shared_edges`` reach to ``scale * sinh(REACH)`` on either side of 0: 551 for scale 0.05.
REACH = 10.0


def kl_divergence(p: NDArray[Any], q: NDArray[Any]) -> NDArray[np.float64]:
    """Return the Kullback-Leibler divergence sum p log(p / q) along the last axis, natural logarithm.

    Parameters
    ----------
    p, q : (..., k), non-negative weights, which are normalised to sum to 1; leading axes broadcast.

    Returns
    -------
    float64 (...), distances in [0, inf], in nats: 0 where p = q, inf where q lacks something that p has, NaN where the
    weights of either are all 0 or any is negative or not finite: they are not a distribution. Not symmetric.

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Kullback and Leibler 1951, doi:10.1214/aoms/1177729694.

    >>> round(float(kl_divergence(np.array([0.5, 0.5]), np.array([0.9, 0.1]))), 6)
    0.510826
    >>> float(kl_divergence(np.array([0.5, 0.5]), np.array([1.0, 0.0])))
    inf
    """
    p, q = np.broadcast_arrays(_distribution(p), _distribution(q))
    undefined = np.isnan(p).any(axis=-1) | np.isnan(q).any(axis=-1)
    return np.where(undefined, np.nan, _kl_terms(p, q).sum(axis=-1))


def _kl_terms(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """p log(p / q) - p + q of each entry, at least 0: nothing cancels in their sum, however alike p and q are."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        excess = np.where(p > 0, (q - p) / p, 0.0)
        # x - log(1 + x), by its series where the difference would lose digits.
        near = excess**2 * (0.5 - excess * (1 / 3 - excess * (0.25 - excess * (0.2 - excess / 6))))
        terms = p * np.where(np.abs(excess) < 1e-3, near, excess - np.log1p(excess))
        # Beside a p of 1e-310 the excess is no number any more; the terms are.
        terms = np.where(np.isinf(excess), q - p - p * (np.log(q) - np.log(p)), terms)
    return np.where(p > 0, terms, q)


def soften(p: NDArray[Any]) -> NDArray[np.float64]:
    """Return the softmax of a distribution along its last axis: entries within [0, 1] differ by a factor e at most.

    Parameters
    ----------
    p : (..., k), non-negative weights, which are normalised first.

    References
    ----------
    Godau et al. 2024, arXiv:2412.08763, in the form of the code published with it.

    >>> soften(np.array([1, 0])).round(6).tolist()
    [0.731059, 0.268941]
    """
    raised = np.exp(_distribution(p))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)


def shared_edges(bins: int, scale: float) -> NDArray[np.float64]:
    """Return the inner edges of bins that depend on no data: equally wide in asinh(x / scale).

    Parameters
    ----------
    bins : number of bins; the first and last take everything beyond. ``scale`` : below it bins are equally wide, above
        it they grow in proportion to x, so that features of any magnitude are resolved alike.

    Returns
    -------
    float64 (bins - 1,), increasing, symmetric about 0.

    >>> shared_edges(4, 0.05).round(3).tolist()
    [-3.71, 0.0, 3.71]
    """
    return np.asarray(scale * np.sinh(np.linspace(-REACH, REACH, bins + 1)[1:-1]), dtype=np.float64)


def bin_of(x: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the bin of every number, 0 to len(edges); bins are closed below, so 0 lies with small positive numbers.

    >>> bin_of(np.array([-9.0, 0.0, 0.1, 9.0]), shared_edges(4, 0.05)).tolist()
    [0, 2, 2, 3]
    """
    return np.searchsorted(edges, x, side="right")


def count_bins(indices: NDArray[np.intp], bins: int) -> NDArray[np.int64]:
    """Return the histogram of every column.

    Parameters
    ----------
    indices : (n, d), the bin of each of d features of n images.

    Returns
    -------
    int64 (d, bins), every row with the sum n.

    >>> count_bins(np.array([[0, 1], [0, 0]]), 2).tolist()
    [[2, 0], [1, 1]]
    """
    columns = indices.shape[1]
    flat = indices + np.arange(columns) * bins
    return np.bincount(flat.ravel(), minlength=columns * bins).reshape(columns, bins).astype(np.int64, copy=False)


def binned_divergence(source: NDArray[Any], target: NDArray[Any], smoothing: float) -> float:
    """Return the mean over features of KL(source || target) of their smoothed histograms.

    Parameters
    ----------
    source, target : counts (d, bins) over the same bins.
    smoothing : share of the uniform distribution that is mixed in, in (0, 1]; unlike counts added to every bin it does
        not depend on the number of samples.

    Returns
    -------
    A distance in [0, log(bins / smoothing)], in nats, mean over features; 0 for equal histograms.

    Raises ValueError where the numbers of features or bins differ.

    References
    ----------
    Kullback and Leibler 1951, doi:10.1214/aoms/1177729694; of task fingerprints: Godau et al. 2024, arXiv:2412.08763.

    >>> round(binned_divergence(np.array([[4, 0]]), np.array([[0, 4]]), 0.5), 6)
    0.549306
    """
    bins = source.shape[1]
    # Bins that are empty on both sides add nothing: they are left out of the sum, not of the smoothing.
    seen = ((source > 0) | (target > 0)).any(axis=0)
    smoothed = [(1 - smoothing) * _distribution(counts)[:, seen] + smoothing / bins for counts in (source, target)]
    # Without the bins that are left out both sum to the same, so that what is added below is taken off again.
    return float(_kl_terms(*smoothed).sum(axis=1).mean())


def bkld(source: NDArray[Any], target: NDArray[Any], weights: NDArray[Any] | None = None) -> float:
    """Return the binned divergence of task fingerprints: the weighted mean of KL(target || softmax(source)).

    Parameters
    ----------
    source, target : counts (d, bins) over the same bins.
    weights : (d,), how much each feature counts; None: all alike.

    Returns
    -------
    A distance in [0, log(bins - 1 + e)], in nats. A dataset is not at distance 0 from itself: the softmax flattens the
    source's histogram almost to the uniform distribution.

    Raises ValueError where the numbers of features or bins differ.

    References
    ----------
    Godau et al. 2024, arXiv:2412.08763, in the form of the code published with it.

    >>> round(bkld(np.array([[1, 0]]), np.array([[1, 0]])), 6)
    0.313262
    """
    divergences = kl_divergence(target, soften(source))
    return float(np.average(divergences, weights=weights))


def _distribution(weights: NDArray[Any]) -> NDArray[np.float64]:
    """Weights divided by their sum; NaN where they are not a distribution."""
    weights = np.asarray(weights, dtype=np.float64)
    total = weights.sum(axis=-1, keepdims=True)
    proper = np.isfinite(total) & (total > 0) & (weights >= 0).all(axis=-1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(weights, total, out=np.full(weights.shape, np.nan), where=proper)
    return shares
