"""Fisher information of tasks: its factors over classes, and distances between tasks' diagonals (Task2Vec)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Added to the sum of two Fisher entries before dividing by it: an absolute number, as in the reference code.
EPSILON = 1e-8
#: Share of a task's own complexity in the asymmetric distance: the paper's value for a ResNet-34.
ALPHA = 0.15


def class_factors(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return vectors whose outer products sum to the covariance of a label's one-hot code, so of the score.

    With the logits' Jacobian J of one sample, sum_k (J' f_k)^2 is the exact diagonal of E_y[grad log p(y) ^2]: the
    expectation over all C labels costs C - 1 products with J' and no draw. The factors are the columns of the Cholesky
    factor of diag(p) - p p', which has a closed form.

    Parameters
    ----------
    probabilities : (n, C), rows that sum to 1.

    Returns
    -------
    float64 (C - 1, n, C): factor k of sample i.

    References
    ----------
    Tanabe and Sagae 1992, doi:10.1111/j.2517-6161.1992.tb01875.x.

    >>> factor = class_factors([[0.5, 0.25, 0.25]])[:, 0]
    >>> (factor.T @ factor).round(6).tolist()
    [[0.25, -0.125, -0.125], [-0.125, 0.1875, -0.0625], [-0.125, -0.0625, 0.1875]]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    # What is left of the probability from class k on: summed from the small end, so that it never falls below p_k.
    tail = np.cumsum(p[:, ::-1], axis=1)[:, ::-1]
    factors = np.zeros((p.shape[1] - 1, *p.shape))
    for k in range(p.shape[1] - 1):
        before, after = tail[:, k], tail[:, k + 1]
        share = _ratio(p[:, k], before)
        factors[k, :, k] = np.sqrt(share * after)
        factors[k, :, k + 1 :] = -np.sqrt(share)[:, None] * _ratio(p[:, k + 1 :], np.sqrt(after)[:, None])
    return factors


def drawn_factors(probabilities: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Return scores of drawn labels, scaled so that their squared products estimate the Fisher diagonal without bias.

    Parameters
    ----------
    probabilities : (n, C), rows that sum to 1.
    labels : integers (T, n), T labels per sample, drawn from ``probabilities``.

    Returns
    -------
    float64 (T, n, C): (onehot(label) - p) / sqrt(T).

    References
    ----------
    Martens 2014, arXiv:1412.1193 (labels drawn from the model, not those of the data).

    >>> drawn_factors([[0.5, 0.25, 0.25]], [[0]]).tolist()
    [[[0.5, -0.25, -0.25]]]
    """
    p, drawn = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    factors: NDArray[np.float64] = (np.eye(p.shape[1])[drawn] - p) / np.sqrt(len(drawn))
    return factors


def scaled_cosine(a: ArrayLike, b: ArrayLike) -> float:
    """Return Task2Vec's symmetric distance: the cosine distance of the two Fisher vectors, each divided by their sum.

    Parameters
    ----------
    a, b : non-negative, (k,).

    Returns
    -------
    A distance in [0, 1], 0 for a = b; NaN where a vector is 0. ``EPSILON`` is absolute, as in the reference, so
    entries well below 1e-8 fade out.

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Achille et al. 2019, arXiv:1902.03545, section 3.

    >>> round(scaled_cosine([1.0, 1.0], [1.0, 3.0]), 6)
    0.131757
    """
    one, other = _pair(a, b)
    total = one + other + EPSILON
    return raw_cosine(one / total, other / total)


def raw_cosine(a: ArrayLike, b: ArrayLike) -> float:
    """Return the cosine distance of the Fisher vectors as they are, as the cats study used it.

    Returns
    -------
    A distance in [0, 1], 0 for proportional vectors; NaN where a vector is 0.

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Van den Brandt et al. 2021, Cats, not CAT scans, arXiv:2107.05940, IV-B.

    >>> round(raw_cosine([1.0, 0.0], [1.0, 1.0]), 6)
    0.292893
    """
    one, other = (_unit(vector) for vector in _pair(a, b))
    # From the difference of the unit vectors: 1 - cos would lose all digits of small distances.
    return float(0.5 * np.sum((one - other) ** 2))


def normalised_cosine(a: ArrayLike, b: ArrayLike, scale_a: ArrayLike = 1.0, scale_b: ArrayLike = 1.0) -> float:
    """Return the cosine distance of variances 1 / F in units of the prior's, as the reference's ``normalized_cosine``.

    Parameters
    ----------
    a, b : positive, (k,). ``scale_a``, ``scale_b`` : precision of the prior of each, 1 where there is none.

    Returns
    -------
    A distance in [0, 1]; NaN where an entry is 0, which has no variance.

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Achille et al. 2019, arXiv:1902.03545, the code published with it.

    >>> round(normalised_cosine([1.0, 1.0], [1.0, 0.5]), 6)
    0.051317
    """
    one, other = _pair(a, b)
    if not _all_positive(one, other):
        return float("nan")
    return raw_cosine(np.asarray(scale_a) / one, np.asarray(scale_b) / other)


def kl(a: ArrayLike, b: ArrayLike) -> float:
    """Return the Kullback-Leibler divergence of N(0, 1/F_a) and N(0, 1/F_b): per entry the larger direction, summed.

    Returns
    -------
    A distance in [0, inf), in nats; NaN where an entry is 0. As the reference's ``kl``.

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Achille et al. 2019, arXiv:1902.03545, the code published with it.

    >>> round(kl([1.0], [2.0]), 6)
    0.153426
    """
    one, other = _pair(a, b)
    if not _all_positive(one, other):
        return float("nan")
    log_ratio = np.log(one) - np.log(other)
    return float(np.maximum(_gaussian_kl(log_ratio), _gaussian_kl(-log_ratio)).sum())


def jsd(a: ArrayLike, b: ArrayLike) -> float:
    """Return the divergence of both N(0, 1/F) from the Gaussian with their mean variance, averaged over entries.

    Returns
    -------
    A distance in [0, inf), in nats per entry; NaN where an entry is 0. As the reference's ``jsd``.

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Achille et al. 2019, arXiv:1902.03545, the code published with it.

    >>> round(jsd([1.0], [2.0]), 6)
    0.029446
    """
    one, other = _pair(a, b)
    if not _all_positive(one, other):
        return float("nan")
    logarithms = -np.log(one), -np.log(other)
    mean = np.logaddexp(*logarithms) - np.log(2)
    return float(0.5 * np.mean(sum(_gaussian_kl(logarithm - mean) for logarithm in logarithms)))


def asymmetric(source: ArrayLike, target: ArrayLike, trivial: ArrayLike, alpha: float = ALPHA) -> float:
    """Return the paper's distance from a source to a target: complex sources come nearer.

    d(source, target) - alpha d(source, trivial), with ``scaled_cosine`` as d and the embedding of the trivial task,
    which asks nothing of the network.

    Returns
    -------
    A distance in [-alpha, 1]. That of a task to itself is -alpha d(source, trivial).

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Achille et al. 2019, arXiv:1902.03545, section 3.

    >>> round(asymmetric([1.0, 3.0], [1.0, 1.0], [1.0, 1.0], alpha=0.5), 6)
    0.065878
    """
    return scaled_cosine(source, target) - alpha * scaled_cosine(source, trivial)


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)


def _all_positive(*vectors: NDArray[np.float64]) -> bool:
    return all(bool((vector > 0).all()) for vector in vectors)


def _ratio(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """a / b, 0 where b is 0."""
    ratio: NDArray[np.float64] = np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b > 0)
    return ratio


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else np.full_like(vector, np.nan)


def _gaussian_kl(log_variance_ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """KL(N(0, u) | N(0, v)) in terms of log(u / v)."""
    return 0.5 * (np.expm1(log_variance_ratio) - log_variance_ratio)
