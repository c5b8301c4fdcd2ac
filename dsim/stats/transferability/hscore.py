"""H-score: the variance between the classes' mean features, in units of the features' covariance."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.stats.bures import ledoit_wolf_weight
from dsim.stats.transferability.labelled import class_means, indicators, principal_axes


def h_score(features: NDArray[np.floating], labels: NDArray[Any]) -> float:
    """Return tr(cov(f)^-1 cov(E[f | y])), with the pseudo-inverse of the sample covariance.

    Parameters
    ----------
    features : (n, d). labels : (n,) of C classes.

    Returns
    -------
    float
        In [0, min(d, C - 1)], larger for classes that are farther apart; linear maps of the features do not matter. NaN
        for fewer than two classes, for constant features, and where the centred features span n - 1 dimensions: then
        they explain any labels, and the score is C - 1 whatever they are.

    Raises ValueError where labels and features differ in number.

    References
    ----------
    Bao et al. 2019, doi:10.1109/ICIP.2019.8803726.

    >>> round(h_score(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])), 6)
    0.8
    """
    found = _spectrum(features, labels)
    if found is None or len(found.variances) >= len(features) - 1:
        return float("nan")
    return float(np.sum(found.between / found.variances))


def regularised_h_score(features: NDArray[np.floating], labels: NDArray[Any]) -> float:
    """Return tr(cov_a(f)^-1 (1 - a) cov(E[f | y])), cov_a being the Ledoit-Wolf estimate with shrinkage a.

    cov_a = (1 - a) cov + a mean(diag cov) I. Both covariances are divided by n.

    Parameters
    ----------
    features : (n, d). labels : (n,) of C classes.

    Returns
    -------
    float
        In [0, min(d, C - 1)], larger for classes that are farther apart. NaN for fewer than two classes and for
        constant features.

    Raises ValueError where labels and features differ in number.

    References
    ----------
    Ibrahim, Ponomareva and Mazumder 2021, arXiv:2110.06893; Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4.

    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
    >>> round(regularised_h_score(x, np.array([0, 0, 1, 1])), 6)
    0.531621
    """
    found = _spectrum(features, labels)
    if found is None:
        return float("nan")
    kept = 1 - found.shrinkage
    spherical = found.shrinkage * found.variances.sum() / features.shape[1]
    return float(np.sum(kept * found.between / (kept * found.variances + spherical)))


class _Spectrum(NamedTuple):
    """Variances along the principal axes, and between class means, (r,); Ledoit and Wolf's shrinkage."""

    variances: NDArray[np.float64]
    between: NDArray[np.float64]
    shrinkage: float


def _spectrum(features: NDArray[np.floating], labels: NDArray[Any]) -> _Spectrum | None:
    """None for constant features or fewer than two classes."""
    points = np.asarray(features, dtype=np.float64)
    centred = points - points.mean(axis=0)
    members = indicators(labels)
    # Constant features stay out: only rounding is left of them.
    if members.shape[1] < 2 or not np.abs(centred).max() > 1e-10 * np.abs(points).max():
        return None
    squares, axes = principal_axes(centred)
    variances = squares / len(points)
    between = members.mean(axis=0) @ (class_means(centred, members) @ axes) ** 2
    return _Spectrum(variances, between, ledoit_wolf_weight(centred, square=float(np.sum(variances**2))))
