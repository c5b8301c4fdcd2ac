"""Rankings of sources by distances against their scores, many rows at once, and several rankings as one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]


def pearson(x: ArrayLike, y: ArrayLike) -> Values:
    """Return Pearson's r of ``x`` and ``y``, along the last axis.

    Parameters
    ----------
    x, y : (..., n), real numbers without NaN; leading axes are broadcast.

    Returns
    -------
    float64 (...), in [-1, 1]; NaN where either is constant, or n < 2. Within 1e-12 of ``scipy.stats.pearsonr``.

    References
    ----------
    Pearson 1895, doi:10.1098/rspl.1895.0041.

    >>> pearson([[1, 2, 3], [1, 1, 1]], [1, 2, 4]).round(6).tolist()
    [0.981981, nan]
    """
    x, y = _pair(x, y)
    return np.where(_constant(x) | _constant(y), np.nan, np.clip((_unit(x) * _unit(y)).sum(axis=-1), -1, 1))


def spearman(x: ArrayLike, y: ArrayLike) -> Values:
    """Return Spearman's rho along the last axis: Pearson's r of the ranks of ``x`` and ``y``, mean ranks where tied.

    Parameters and result as those of ``pearson``; equals ``scipy.stats.spearmanr``.

    References
    ----------
    Spearman 1904, doi:10.2307/1412159.

    >>> spearman([1, 2, 3, 4], [[1, 10, 100, 99], [2, 2, 1, 1]]).round(6).tolist()
    [0.8, -0.894427]
    """
    from scipy.stats import rankdata

    x, y = _pair(x, y)
    return pearson(rankdata(x, axis=-1), rankdata(y, axis=-1))


def kendall(x: ArrayLike, y: ArrayLike) -> Values:
    """Return Kendall's tau-b of ``x`` and ``y``, along the last axis.

    Parameters and result as those of ``pearson``; equals ``scipy.stats.kendalltau``. Memory: n * n signs a row.

    References
    ----------
    Kendall 1945, doi:10.1093/biomet/33.3.239.

    >>> kendall([1, 2, 3, 4], [[1, 2, 4, 3], [1, 1, 2, 2]]).round(6).tolist()
    [0.666667, 0.816497]
    """
    first, second = (_signs(values) for values in _pair(x, y))
    return _tau(first, second, np.float64(1))


def weighted_kendall(x: ArrayLike, y: ArrayLike) -> Values:
    """Return Vigna's weighted tau along the last axis: orders among the largest values count most.

    Exchanging ranks r and s (from 0, the largest value first) weighs 1 / (r + 1) + 1 / (s + 1); the result is the mean
    of ranking by ``x`` and by ``y``, the other of them deciding between equals.

    Parameters and result as those of ``pearson``; equals ``scipy.stats.weightedtau`` with its defaults.

    References
    ----------
    Vigna 2015, doi:10.1145/2736277.2741088, arXiv 1404.3325.

    >>> weighted_kendall([4, 3, 2, 1], [[4, 3, 1, 2], [3, 4, 2, 1]]).round(6).tolist()
    [0.813333, 0.52]
    """
    first, second = (_signs(values) for values in _pair(x, y))
    both = [
        _tau(first, second, _weights(np.where(one == 0, other, one)))
        for one, other in ((first, second), (second, first))
    ]
    mean: Values = (both[0] + both[1]) / 2
    return mean


def top_k(distances: ArrayLike, scores: ArrayLike, k: int) -> Values:
    """Return the chance that a best source is among the ``k`` nearest, along the last axis.

    Parameters
    ----------
    distances : (..., n), small is near. Which of equals come first is drawn at random, hence a chance. Infinite for a
        source that cannot be chosen, though it may have been the best.
    scores : (..., n), large is good; any of the best counts.

    Returns
    -------
    float64 (...), in [0, 1]; 0 or 1 where no tie matters.

    >>> top_k([[1, 2, 3, 4], [2, 2, 2, 1]], [9, 5, 5, 5], 1).tolist()
    [1.0, 0.0]
    >>> top_k([2, 2, 2, 1], [9, 5, 5, 5], 2).round(6).tolist()
    0.333333
    """
    distances, scores = _pair(distances, scores)
    best = scores == scores.max(axis=-1, keepdims=True)
    last = np.sort(distances, axis=-1)[..., min(k, distances.shape[-1]) - 1, None]
    nearer, tied = distances < last, (distances == last) & np.isfinite(distances)
    places, among, right = k - nearer.sum(axis=-1), tied.sum(axis=-1), (tied & best).sum(axis=-1)
    missed = np.ones(distances.shape[:-1])
    for drawn in range(k):
        left = np.maximum(among - drawn, 1)
        missed *= np.where(drawn < np.minimum(places, among), np.maximum(left - right, 0) / left, 1.0)
    return np.where((nearer & best).any(axis=-1), 1.0, 1 - missed)


def regret(distances: ArrayLike, scores: ArrayLike) -> Values:
    """Return the regret of choosing the nearest source: the best score less its own, along the last axis.

    Parameters
    ----------
    distances, scores : as those of ``top_k``. Where several are tied for nearest, the mean of their scores counts.

    Returns
    -------
    float64 (...), at least 0, in the unit of the scores; NaN where no source can be chosen. ASAP calls it delta-DSC.

    References
    ----------
    ASAP (Molina-Moreno et al., doi:10.1109/ACCESS.2025.3555020).

    >>> regret([[1, 2, 3], [1, 1, 3]], [70, 90, 95]).tolist()
    [25.0, 15.0]
    """
    distances, scores = _pair(distances, scores)
    nearest = (distances == distances.min(axis=-1, keepdims=True)) & np.isfinite(distances)
    count = nearest.sum(axis=-1)
    chosen = np.where(nearest, scores, 0).sum(axis=-1) / np.maximum(count, 1)
    # The mean of equal scores may be rounded to above them.
    return np.where(count > 0, np.maximum(scores.max(axis=-1) - chosen, 0), np.nan)


def _pair(x: ArrayLike, y: ArrayLike) -> tuple[Values, Values]:
    one, other = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    return one, other


def _constant(x: Values) -> NDArray[np.bool_]:
    # Compared exactly: the rounded mean of equal numbers may differ from them.
    constant: NDArray[np.bool_] = (x == x[..., :1]).all(axis=-1)
    return constant


def _unit(x: Values) -> Values:
    """Rows with mean 0 and norm 1, whatever their scale; something finite for constant ones."""
    centred = x - x.mean(axis=-1, keepdims=True)
    # Squares of very large or very small numbers would overflow or vanish.
    centred = centred / _or_one(np.abs(centred).max(axis=-1, keepdims=True))
    unit: Values = centred / _or_one(np.linalg.norm(centred, axis=-1, keepdims=True))
    return unit


def _or_one(x: Values) -> Values:
    return np.where(x == 0, 1.0, x)


def _signs(x: Values) -> Values:
    """(..., n, n), 1 where the first of two values is the larger, -1 where it is the smaller, 0 for equals."""
    signs: Values = np.sign(x[..., :, None] - x[..., None, :])
    return signs


def _weights(signs: Values) -> Values:
    """(..., n, n), weights 1 / (r + 1) + 1 / (s + 1) of two things by their ranks; signs as of ``_signs``."""
    # Things that are equal in all may be ranked as they stand: their order changes no sum.
    earlier = np.tri(signs.shape[-1], k=-1, dtype=bool)
    ranks = ((signs < 0) | ((signs == 0) & earlier)).sum(axis=-1)
    one = 1 / (1 + ranks)
    weights: Values = one[..., :, None] + one[..., None, :]
    return weights


def _tau(first: Values, second: Values, weights: Any) -> Values:
    def total(x: Values) -> Values:
        summed: Values = (weights * x).sum(axis=(-2, -1))
        return summed

    scale = np.sqrt(total(first**2)) * np.sqrt(total(second**2))
    return np.where(scale == 0, np.nan, np.clip(total(first * second) / _or_one(scale), -1, 1))


def mean_known(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the mean along an axis of the values that are not NaN; unlike ``np.nanmean`` silent where there is none.

    Parameters
    ----------
    values : float64 of any shape.

    Returns
    -------
    float64 of the shape without that axis; NaN where all values are NaN.

    >>> mean_known(np.array([[1.0, np.nan], [3.0, np.nan]]), axis=0).tolist()
    [2.0, nan]
    """
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    mean: NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def median_rank(distances: NDArray[np.float64], pool: NDArray[np.float64]) -> float:
    """Return the median over measures of a source's rank among the pool, 1 for the nearest.

    Parameters
    ----------
    distances : float64 (k,), the source's distance to one target by each of k measures.
    pool : float64 (k, p), distances of the pool's sources to the same target; the source itself may be among them.
        NaN where a source has none: it is left out.

    Returns
    -------
    At least 1; sources at an equal distance share the mean of their ranks. Smaller is nearer.

    References
    ----------
    Dwork et al. 2001, doi:10.1145/371920.372165.

    >>> median_rank(np.array([2.0, 5.0, 1.0]), np.array([[2.0, 3, 4], [5.0, 1, 2], [1.0, 2, 3]]))
    1.0
    """
    nearer = (pool < distances[:, None]).sum(axis=1)
    # The source counts among its equals once, whether the pool holds it or not.
    equal = np.maximum((pool == distances[:, None]).sum(axis=1), 1)
    return float(np.median(nearer + (equal + 1) / 2))


def mean_standardised(distances: NDArray[np.float64], pool: NDArray[np.float64]) -> float:
    """Return the mean over measures of (d - m) / s, where m and s are mean and deviation over the pool.

    Parameters as in ``median_rank``. Any real number, smaller is nearer; a measure that puts the whole pool at one
    distance says nothing and counts as 0.

    >>> mean_standardised(np.array([1.0, 20.0]), np.array([[1.0, 3.0], [10.0, 20.0]]))
    0.0
    """
    centred = distances - np.nanmean(pool, axis=1)
    spread = np.nanstd(pool, axis=1)
    scores = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    return float(scores.mean())
