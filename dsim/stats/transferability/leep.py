"""LEEP and NLEEP: how well labels follow from a soft assignment of images to a source's classes, or to clusters."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability.labelled import codes, indicators

#: Share of the variance that the principal components keep before NLEEP clusters, as in the published code.
_KEPT_VARIANCE = 0.8


def leep(posteriors: NDArray[np.floating], labels: NDArray[Any]) -> float:
    """Return the mean over images of log sum_z P(y | z) theta(x)_z, P(y, z) the mean over images of y of theta(x)_z.

    Parameters
    ----------
    posteriors : theta, (n, Z): probabilities of a source's Z classes for each image; rows sum to 1.
    labels : (n,) of the images' own classes.

    Returns
    -------
    float
        A log-likelihood <= 0: 0 where a source class determines the label, minus the entropy of the labels where it
        says nothing. NaN for fewer than two classes.

    Raises ValueError where labels and posteriors differ in number.

    References
    ----------
    Nguyen, Hassner, Seeger and Archambeau 2020, arXiv:2002.12462.

    >>> theta = np.array([[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.25, 0.75]])
    >>> round(leep(theta, np.array([0, 0, 1, 1])), 6) == round(float(np.log(0.75**2 + 0.25**2)), 6)
    True
    """
    found, count = codes(labels)
    if count < 2:
        return float("nan")
    theta = np.asarray(posteriors, dtype=np.float64)
    joint = indicators(labels).T @ theta
    totals = joint.sum(axis=0)
    # A source class that no image is given any probability of has no conditional, and is multiplied by 0 anyway.
    conditional = np.divide(joint, totals, out=np.zeros_like(joint), where=totals > 0)
    expected = np.einsum("nz,nz->n", conditional[found], theta)
    return min(float(np.log(expected).mean()), 0.0)


def nleep(features: NDArray[np.floating], labels: NDArray[Any], components: int = 5, seed: int = 0) -> float:
    """Return LEEP of the posteriors of a Gaussian mixture that is fitted to the features, with no source head.

    Principal components that hold 80 % of the variance are clustered by a mixture of ``components`` x C Gaussians with
    full covariances, started by k-means.

    Parameters
    ----------
    features : (n, d), not constant. labels : (n,) of C classes.
    components : Gaussians per class; the paper has 5.
    seed : of the start of the mixture.

    Returns
    -------
    float
        A log-likelihood <= 0. NaN for fewer than two classes, for fewer images than Gaussians, for features that are
        constant, and where the mixture does not converge.

    References
    ----------
    Li et al. 2021, arXiv:2011.11200.

    >>> x = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    >>> round(nleep(x, np.array([0, 0, 0, 1, 1, 1]), components=1), 6)
    0.0
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    clusters = components * codes(labels)[1]
    reduced = _leading_components(np.asarray(features, dtype=np.float64))
    if clusters > len(reduced) or not reduced.size:
        return float("nan")
    mixture = GaussianMixture(clusters, max_iter=1000, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # shown by converged_
        mixture.fit(reduced)
    return leep(mixture.predict_proba(reduced), labels) if mixture.converged_ else float("nan")


def _leading_components(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores of the principal components that hold the kept share of the variance, in units of the largest deviation.

    The unit matters to the mixture alone, whose smallest variance is an absolute number. (n, 0) for constant points.
    """
    centred = points - points.mean(axis=0)
    sides, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    if lengths[0] <= 1e-10 * max(1.0, np.abs(points).max()):
        return points[:, :0]
    shares = np.cumsum(lengths**2) / np.sum(lengths**2)
    kept = int(np.searchsorted(shares, _KEPT_VARIANCE - 1e-12)) + 1
    scores: NDArray[np.float64] = sides[:, :kept] * (lengths[:kept] / lengths[0]) * np.sqrt(len(points))
    return scores
