"""LogME: the logarithm of the maximum evidence that a Bayesian linear model finds for labels in features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability.labelled import indicators, principal_axes

#: Ratios lambda = alpha / beta that are tried, in units of the largest squared singular value: a decade each.
_DECADES = np.arange(-14.0, 8.0)
#: Steps of golden-section search around the best decade: the bracket shrinks to 1e-8 of a decade.
_STEPS = 44
_GOLDEN = (np.sqrt(5.0) - 1) / 2


def logme(features: NDArray[np.floating], labels: NDArray[Any]) -> float:
    """Return the mean over classes of max_{alpha, beta} log p(y | F, alpha, beta) / n, y 1 for the class, else 0.

    The model is y = F w + noise with weights w ~ N(0, 1/alpha) and noise ~ N(0, 1/beta). For a ratio
    lambda = alpha / beta the best beta has a closed form, so the evidence is maximised over one number per class, from
    one eigendecomposition: the maximum itself, where the published fixed-point iteration stops when lambda
    changes by less than 1 %.

    Parameters
    ----------
    features : (n, d); neither centred nor given an intercept, as in the paper. labels : (n,).

    Returns
    -------
    float
        Any real number (a log density per sample), larger for features that explain the labels better. NaN for fewer
        than two classes and for features that are all 0.

    Raises ValueError where labels and features differ in number.

    References
    ----------
    You, Liu, Wang and Long 2021, arXiv:2102.11005.

    >>> x = np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 1.0], [0.9, 1.0]])
    >>> round(logme(x, np.array([0, 0, 1, 1])), 6), round(logme(x, np.array([0, 1, 0, 1])), 6)
    (-0.246144, -1.034598)
    """
    targets = indicators(labels)
    points = np.asarray(features, dtype=np.float64)
    if targets.shape[1] < 2 or not points.any():
        return float("nan")
    squares, axes = principal_axes(points)
    explained = (axes.T @ (points.T @ targets)) ** 2 / squares[:, None]
    beyond = np.maximum((targets**2).sum(axis=0) - explained.sum(axis=0), 0.0)
    return float(_maximum(squares / squares[-1], explained, beyond, len(points)).mean())


def _maximum(
    spectrum: NDArray[np.float64], explained: NDArray[np.float64], beyond: NDArray[np.float64], n: int
) -> NDArray[np.float64]:
    """Largest log evidence per sample of each class, (C,)."""

    def evidence(decades: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log evidence per sample at lambda = 10**decades, one per class; shape (C,)."""
        ratio = 10.0**decades
        shrunk = ratio / (ratio + spectrum[:, None])
        residual = (explained * shrunk).sum(axis=0) + beyond
        complexity = -np.log(shrunk).sum(axis=0)
        logs: NDArray[np.float64] = np.log(2 * np.pi * residual / n) + 1.0 + complexity / n
        return -0.5 * logs

    count = explained.shape[1]
    tried = np.stack([evidence(np.full(count, decade)) for decade in _DECADES])
    best = tried.argmax(axis=0)
    low, high = (_DECADES[np.clip(best + side, 0, len(_DECADES) - 1)] for side in (-1, 1))
    for _ in range(_STEPS):
        step = _GOLDEN * (high - low)
        left, right = high - step, low + step
        rising = evidence(left) < evidence(right)
        low, high = np.where(rising, left, low), np.where(rising, high, right)
    largest: NDArray[np.float64] = np.maximum(tried.max(axis=0), evidence((low + high) / 2))
    return largest
