"""CC-FV: features of one class should agree between images (consistency) and spread within each (variety)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Softens the inverse distance of points that coincide: this share of the mean squared distance is added to squares.
_SOFTENING = 1e-3
#: Pairs of images whose covariances are multiplied at once.
_BATCH = 256


def class_consistency(clouds: Sequence[NDArray[np.floating]]) -> float:
    """Return the mean over pairs of images of W_2 between Gaussians fitted to one class's features.

    W^2 = |m - m'|^2 + tr(S + S' - 2 (S^1/2 S' S^1/2)^1/2), covariances divided by n - 1.

    Parameters
    ----------
    clouds : one (p_i, d) per image: features at the pixels of the class, p_i >= 2; images without it are left out.

    Returns
    -------
    float
        A distance >= 0 in units of the features: small where the class looks alike in all images. NaN for fewer than
        two images.

    References
    ----------
    Yang et al. 2023, arXiv:2307.11958.

    >>> class_consistency([np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]])])
    3.0
    """
    if len(clouds) < 2:
        return float("nan")
    means = np.stack([cloud.mean(axis=0, dtype=np.float64) for cloud in clouds])
    roots = np.stack([_root(np.cov(cloud, rowvar=False, ddof=1, dtype=np.float64)) for cloud in clouds])
    first, second = np.triu_indices(len(clouds), k=1)
    squares = np.concatenate(
        [
            _squared_distances(means, roots, first[start : start + _BATCH], second[start : start + _BATCH])
            for start in range(0, len(first), _BATCH)
        ]
    )
    return float(np.sqrt(squares).mean())


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The symmetric square root of a covariance, (d, d)."""
    values, axes = np.linalg.eigh(np.atleast_2d(covariance))
    root: NDArray[np.float64] = (axes * np.sqrt(np.maximum(values, 0.0))) @ axes.T
    return root


def _squared_distances(
    means: NDArray[np.float64], roots: NDArray[np.float64], first: NDArray[np.intp], second: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Squared Wasserstein distances of pairs of Gaussians."""
    sizes = np.einsum("ijk,ijk->i", roots, roots)
    # tr (S^1/2 S' S^1/2)^1/2 is the sum of the singular values of S^1/2 S'^1/2.
    shared = np.linalg.svd(roots[first] @ roots[second], compute_uv=False).sum(axis=1)
    apart = np.sum((means[first] - means[second]) ** 2, axis=1)
    squares: NDArray[np.float64] = np.maximum(apart + sizes[first] + sizes[second] - 2 * shared, 0.0)
    return squares


def feature_variety(clouds: Sequence[NDArray[np.floating]]) -> float:
    """Return the mean over images of the inverse potential energy of its feature vectors (s = 1).

    The energy is the mean of 1 / |v - v'| over pairs of the image's pixels, so its inverse is the harmonic mean of
    their distances. Squared distances are softened by a thousandth of their mean: equal patches have equal features.

    Parameters
    ----------
    clouds : one (p_i, d) per image: features at pixels of the whole image, p_i >= 2.

    Returns
    -------
    float
        >= 0, in units of the features: large where they spread. 0 where all are equal. NaN for no images.

    References
    ----------
    Yang et al. 2023, arXiv:2307.11958; Liu et al. 2018, arXiv:1805.09298.

    >>> round(feature_variety([np.array([[0.0], [2.0]])]), 4)
    2.001
    """
    return float(np.mean([_harmonic_distance(cloud) for cloud in clouds])) if clouds else float("nan")


def _harmonic_distance(cloud: NDArray[np.floating]) -> float:
    from scipy.spatial.distance import pdist

    squares = pdist(np.asarray(cloud, dtype=np.float64), "sqeuclidean")
    mean = squares.mean() if len(squares) else 0.0
    return 0.0 if mean == 0 else float(1 / np.mean(1 / np.sqrt(squares + _SOFTENING * mean)))


def cc_fv(consistencies: Sequence[float], variety: float) -> float:
    """Return log(variety / sum over classes of the consistency), any real number; larger is more transferable.

    The score of one layer. The scale of the features cancels. NaN where either is 0.

    References
    ----------
    Yang et al. 2023, arXiv:2307.11958.

    >>> round(cc_fv([0.5, 0.5], 2.0), 6)
    0.693147
    """
    total = float(np.sum(consistencies))
    if not (total > 0 and variety > 0):
        return float("nan")
    return float(np.log(variety / total))
