"""Separation of classes: GBC, their overlap as Gaussians, and PARC, a rank correlation over pairs of images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability.labelled import class_means, codes, indicators


def gbc(features: NDArray[np.floating], labels: NDArray[Any], gaussian: str = "spherical") -> float:
    """Return - sum over ordered pairs of classes of exp(-D_B), D_B the Bhattacharyya distance of two Gaussians.

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

    Raises ValueError where labels and features differ in number.

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


def parc(features: NDArray[np.floating], labels: NDArray[Any]) -> float:
    """Return Spearman's correlation, over pairs of images, of 1 - Pearson(features) with 1 - Pearson(one-hot labels).

    Every feature is standardised over the images first. The distance of labels has but two values, equal and unequal,
    so one ranking of the feature distances suffices.

    Parameters
    ----------
    features : (n, d) with d >= 2. labels : (n,).

    Returns
    -------
    float
        In [-1, 1] (the published code multiplies by 100), larger for features that follow the labels. NaN for fewer
        than two classes or no two images of one class, for fewer than two features, and where an image has no
        variation over its standardised features: it has no correlation.

    References
    ----------
    Bolya, Mittapalli and Hoffman 2021, arXiv:2111.06977.

    >>> x = np.array([[0.0, 1.0, 0.0], [0.1, 0.9, 0.0], [1.0, 0.0, 0.2], [0.9, 0.1, 0.0]])
    >>> round(parc(x, np.array([0, 0, 1, 1])), 6)
    0.828079
    """
    found, count = codes(labels)
    unit = _unit_rows(np.asarray(features, dtype=np.float64))
    if count < 2 or not np.isfinite(unit).all():
        return float("nan")
    first, second = np.triu_indices(len(unit), k=1)
    # Two features have correlations 1 and -1 alone, but for rounding: ranks must not see that.
    distances = np.round(1.0 - unit @ unit.T, 9)[first, second]
    return _rank_correlation(distances, found[first] == found[second])


def _unit_rows(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of columns that were standardised, centred and of unit length, so that inner products are correlations."""
    centred = points - points.mean(axis=0)
    deviations = np.sqrt(np.mean(centred**2, axis=0))
    # What rounding leaves of a constant column is not to be blown up.
    noise = deviations <= 1e-10 * np.abs(points).max(axis=0, initial=0.0)
    standard = np.divide(centred, deviations, out=np.zeros_like(centred), where=~noise)
    rows = standard - standard.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.sum(rows**2, axis=1, keepdims=True))
    defined = lengths > 1e-10 * np.abs(standard).max(initial=0.0)
    unit: NDArray[np.float64] = np.divide(rows, lengths, out=np.full_like(rows, np.nan), where=defined)
    return unit


def _rank_correlation(distances: NDArray[np.float64], alike: NDArray[np.bool_]) -> float:
    """Spearman's correlation of distances with unlike = 1, alike = 0; NaN where either does not vary.

    One sort of the values and the mean rank of the pairs that are alike, ties counting with their middle rank: the
    distances need not be ranked one by one.
    """
    count, share = len(distances), float(alike.mean()) if len(distances) else 0.0
    ordered = np.sort(distances)
    edges = np.flatnonzero(np.diff(ordered, prepend=-np.inf, append=np.inf))
    ties = np.diff(edges).astype(np.float64)
    variance = (count**2 - 1 - float(np.sum(ties**3 - ties)) / max(count, 1)) / 12
    if not 0.0 < share < 1.0 or variance <= 0:
        return float("nan")
    among = np.sort(distances[alike])
    middle = (np.searchsorted(ordered, among, "left") + np.searchsorted(ordered, among, "right") - 1) / 2
    gap = ((count - 1) / 2 - float(middle.mean())) / (1 - share)
    return gap * float(np.sqrt(share * (1 - share) / variance))
