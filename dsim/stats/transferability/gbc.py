"""GBC: how much the classes overlap as Gaussians, by the Bhattacharyya coefficient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability.labelled import class_means, indicators


def gbc(features: NDArray[np.floating], labels: NDArray[Any], gaussian: str = "spherical") -> float:
    """- sum over ordered pairs of classes i != j of exp(-D_B(i, j)), D_B the Bhattacharyya distance of two Gaussians.

    D_B = |m_i - m_j|^2 / 8 in units of the mean variance, + 1/2 log of the mean variance over the geometric mean of
    both, summed over dimensions.

    Parameters
    ----------
    features : (n, d). labels : (n,) of C classes.
    gaussian : ``spherical`` (one variance per class, the mean over dimensions) or ``diagonal``. Variances divide by the
        number of the class's images.

    Returns
    -------
    float
        In [-C (C - 1), 0]; 0 where no classes overlap. NaN for fewer than two classes, and where a class has no
        variance (in a dimension, for diagonal): the published code puts 1e-4 there, a number that decides the result.

    References
    ----------
    Pandy et al. 2022, arXiv:2111.12780; Bhattacharyya 1946.

    >>> x = np.array([[-1.0], [1.0], [1.0], [3.0]])
    >>> round(gbc(x, np.array([0, 0, 1, 1])), 6) == round(-2 * float(np.exp(-0.5)), 6)
    True
    """
    members = indicators(labels)
    points = np.asarray(features, dtype=np.float64)
    points = points - points.mean(axis=0)  # a far origin would cancel in the squares below
    means = class_means(points, members)
    variances = np.maximum(class_means(points**2, members) - means**2, 0.0)
    width = 1
    if gaussian == "spherical":
        variances, width = variances.mean(axis=1, keepdims=True), points.shape[1]
    resolution = 1e-14 * np.mean(points**2, axis=0).max(initial=0.0)
    if members.shape[1] < 2 or not (variances > resolution).all():
        return float("nan")
    overlaps = [_overlaps(means[i:], variances[i:], width) for i in range(members.shape[1] - 1)]
    return -2.0 * float(np.concatenate(overlaps).sum())


def _overlaps(means: NDArray[np.float64], variances: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Bhattacharyya coefficients of the first Gaussian with the others; ``width`` dimensions share a variance."""
    both = (variances[0] + variances[1:]) / 2
    apart = ((means[0] - means[1:]) ** 2 / both).sum(axis=1) / 8
    logs = np.log(variances)
    unequal = (np.log(both) - (logs[0] + logs[1:]) / 2).sum(axis=1) * width / 2
    coefficients: NDArray[np.float64] = np.exp(-(apart + unequal))
    return coefficients
