"""H-score: the variance between the classes' mean features, in units of the features' covariance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability.classes import class_means, indicators

#: Variances below this share of the largest are rounding.
_RANK = 1e-10


def h_score(features: NDArray[np.floating], labels: NDArray[Any]) -> float:
    """tr(cov(f)^-1 cov(E[f | y])), with the pseudo-inverse of the sample covariance.

    Parameters
    ----------
    features : (n, d). labels : (n,) of C classes.

    Returns
    -------
    float
        In [0, min(d, C - 1)], larger for classes that are farther apart; linear maps of the features do not matter. NaN
        for fewer than two classes, for constant features, and where the centred features span n - 1 dimensions: then
        they explain any labels, and the score is C - 1 whatever they are.

    References
    ----------
    Bao et al. 2019, doi:10.1109/ICIP.2019.8803726.

    >>> round(h_score(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])), 6)
    0.8
    """
    variances, between, n, count = _spectra(features, labels)
    kept = variances > _RANK * variances.max(initial=0.0)
    if count < 2 or not kept.any() or kept.sum() >= n - 1:
        return float("nan")
    return float(np.sum(between[kept] / variances[kept]))


def regularised_h_score(features: NDArray[np.floating], labels: NDArray[Any]) -> float:
    """tr(cov_a(f)^-1 (1 - a) cov(E[f | y])), cov_a being the Ledoit-Wolf estimate with shrinkage a.

    cov_a = (1 - a) cov + a mean(diag cov) I. Both covariances are divided by n.

    Parameters
    ----------
    features : (n, d). labels : (n,) of C classes.

    Returns
    -------
    float
        In [0, min(d, C - 1)], larger for classes that are farther apart. NaN for fewer than two classes and for
        constant features.

    References
    ----------
    Ibrahim, Ponomareva and Mazumder 2021, arXiv:2110.06893; Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4.

    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
    >>> round(regularised_h_score(x, np.array([0, 0, 1, 1])), 6)
    0.531621
    """
    variances, between, _, count = _spectra(features, labels)
    if count < 2 or not variances.max(initial=0.0) > 0:
        return float("nan")
    shrinkage = ledoit_wolf_shrinkage(features)
    mean = variances.sum() / features.shape[1]
    return float(np.sum((1 - shrinkage) * between / ((1 - shrinkage) * variances + shrinkage * mean)))


def ledoit_wolf_shrinkage(features: NDArray[np.floating]) -> float:
    """The share a in [0, 1] of the scaled identity that Ledoit and Wolf mix into the covariance of features (n, d).

    >>> round(ledoit_wolf_shrinkage(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])), 6)
    0.518033
    """
    centred = _centred(features)
    n, d = centred.shape
    gram = centred @ centred.T / n if n < d else centred.T @ centred / n
    size = float(np.sum(gram**2))  # |cov|^2, the same for either Gram matrix
    spread = size - float(np.trace(gram)) ** 2 / d
    error = (float(np.mean(np.sum(centred**2, axis=1) ** 2)) - size) / n
    return min(error, spread) / spread if spread > 0 else 0.0


def _spectra(
    features: NDArray[np.floating], labels: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], int, int]:
    """Along the principal axes, (r,): the variance, and the variance between class means; then n and C."""
    centred = _centred(features)
    members = indicators(labels)
    n = len(centred)
    sides, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    # A column of noise that rounding left of constant features is no feature.
    lengths = np.where(lengths > 1e-10 * max(1.0, np.abs(features).max()), lengths, 0.0)
    means = class_means(sides * lengths, members)
    between = members.mean(axis=0) @ means**2
    return lengths**2 / n, between, n, members.shape[1]


def _centred(features: NDArray[np.floating]) -> NDArray[np.float64]:
    points = np.asarray(features, dtype=np.float64)
    centred: NDArray[np.float64] = points - points.mean(axis=0)
    return centred
