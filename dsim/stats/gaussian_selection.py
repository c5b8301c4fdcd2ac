"""Which of several candidates is the best, from a Gaussian prior and scores on a few common cases.

The model: a candidate c has the mean score mu_c; on case i it scores y_ci = mu_c + e_ci. The means of all candidates
are Gaussian, and so are the deviations of one case, which are correlated between candidates: a case that is hard for
one is hard for its like. Cases are independent. Nothing here knows what a candidate is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Added to the diagonal of covariances relative to their mean variance, so that candidates that agree entirely are no
#: division by zero; far below what a score is known to.
JITTER = 1e-9


def condition_on_cases(mean: Array, cov: Array, scores: Array, noise: Array) -> tuple[Array, Array]:
    """Return mean (c,) and covariance (c, c) of the candidates' expected scores after k common cases were scored.

    Parameters
    ----------
    mean, cov : of the expected scores before, (c,) and (c, c). scores : (c, k), of every candidate on every case; k may
        be 0, and then the prior is returned. noise : covariance of the deviations of one case, (c, c), or of each case,
        (k, c, c).

    Source: the conjugate update of a Gaussian, e.g. Rasmussen and Williams 2006, eq. A.6.

    >>> mean, cov = condition_on_cases(np.zeros(1), np.eye(1), np.array([[0.6]]), 0.5 * np.eye(1))
    >>> mean.round(3).tolist(), cov.round(3).tolist()
    ([0.4], [[0.333]])
    """
    count = scores.shape[1]
    if not count:
        return mean.copy(), cov.copy()
    seen, error = _pooled(scores, _jittered(noise))
    gain = np.linalg.solve(_jittered(cov + error), cov).T
    left = cov - gain @ cov
    return mean + gain @ (seen - mean), (left + left.T) / 2


def _pooled(scores: Array, noise: Array) -> tuple[Array, Array]:
    """The best estimate (c,) of the expected scores by the cases alone, and the covariance (c, c) of its error."""
    count = scores.shape[1]
    if noise.ndim == 2:
        return scores.mean(axis=1), noise / count
    precisions = np.linalg.inv(noise)
    error = np.linalg.inv(precisions.sum(axis=0))
    return error @ np.einsum("kij,jk->i", precisions, scores), error


def mean_of_rest(mean: Array, cov: Array, noise: Array, rest: int) -> tuple[Array, Array]:
    """Return mean (c,) and covariance (c, c) of the mean score over ``rest`` further cases, which are not scored yet.

    With ``rest`` 0 the expected scores themselves are meant: those of cases without number. ``noise`` is (c, c).

    >>> mean_of_rest(np.zeros(1), np.eye(1), np.eye(1), 4)[1].tolist()
    [[1.25]]
    """
    return mean.copy(), cov + noise / rest if rest else cov.copy()


def draw_scores(mean: Array, cov: Array, count: int, rng: np.random.Generator) -> Array:
    """Return draws (count, c) of correlated Gaussian scores, cut to [0, 1]: no score lies beyond.

    ``cov`` (c, c) may be singular.

    >>> draw_scores(np.array([0.2, 2.0]), np.zeros((2, 2)), 2, np.random.default_rng(0)).round(6).tolist()
    [[0.2, 1.0], [0.2, 1.0]]
    """
    values, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    drawn: Array = mean + rng.standard_normal((count, len(mean))) @ root.T
    return np.clip(drawn, 0, 1)


def mean_within_bounds(mean: Array, deviation: Array) -> Array:
    """Return the means (c,) of Gaussian scores that are cut to [0, 1], as ``draw_scores`` cuts them.

    They lie within the bounds, and off them wherever the deviation (c,) is not 0.

    >>> mean_within_bounds(np.array([0.5, 1.0, 2.0]), np.array([0.1, 0.1, 0.0])).round(4).tolist()
    [0.5, 0.9601, 1.0]
    """
    from scipy.stats import norm

    spread = np.maximum(deviation, JITTER)
    low, high = -mean / spread, (1 - mean) / spread
    inside = norm.cdf(high) - norm.cdf(low)
    cut: Array = inside * mean + spread * (norm.pdf(low) - norm.pdf(high)) + norm.sf(high)
    return np.clip(cut, 0, 1)


def best_shares(draws: Array) -> Array:
    """Return the share of draws (n, c) in which each candidate is the best, (c,); ties count in equal parts.

    >>> best_shares(np.array([[0.5, 0.5], [0.7, 0.1]])).tolist()
    [0.75, 0.25]
    """
    first = draws == draws.max(axis=1, keepdims=True)
    shares: Array = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
    return shares


def expected_loss(draws: Array, chosen: int) -> float:
    """Return the mean over draws (n, c) of what the chosen candidate lies behind the best.

    Nothing that could be learnt of the candidates is worth more than this.

    >>> round(expected_loss(np.array([[0.5, 0.6], [0.7, 0.1]]), 0), 3)
    0.05
    """
    return float((draws.max(axis=1) - draws[:, chosen]).mean())


def noise_covariance(level: Array, agreement: Array, spread: float, floor: float, common: float) -> Array:
    """Return the covariance (c, c) of the scores of one case, for candidates of these expected scores.

    Scores in [0, 1] spread most in the middle: the variance is ``floor``^2 + ``spread``^2 4 m (1 - m) at level m. Two
    candidates are correlated by ``common`` + (1 - ``common``) times their agreement.

    Parameters
    ----------
    level : expected scores (c,), any number; those beyond [0, 1] count as the nearest bound.
    agreement : of two candidates, (c, c) in [0, 1], positive semi-definite but for errors of sampling.

    >>> noise_covariance(np.array([0.5, 1.0]), np.eye(2), 0.2, 0.1, 0.0).round(4).tolist()
    [[0.05, 0.0], [0.0, 0.01]]
    """
    inside = np.clip(level, 0, 1)
    deviation = np.sqrt(floor**2 + spread**2 * 4 * inside * (1 - inside))
    correlation = common + (1 - common) * agreement
    return nearest_semidefinite(correlation * deviation[:, None] * deviation[None, :])


def nearest_semidefinite(matrix: Array) -> Array:
    """Return the symmetric matrix (c, c) with negative eigenvalues set to 0 and its diagonal kept.

    Agreements that were measured pair by pair need not be a covariance.

    >>> np.linalg.eigvalsh(nearest_semidefinite(np.array([[1.0, 2.0], [2.0, 1.0]]))).round(6).tolist()
    [0.0, 2.0]
    """
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    if values[0] >= 0:
        return (matrix + matrix.T) / 2
    mended = (vectors * np.clip(values, 0, None)) @ vectors.T
    own = np.diag(mended)
    scale = np.sqrt(np.where(own > 0, np.diag(matrix) / np.where(own > 0, own, 1), 0))
    result: Array = mended * scale[:, None] * scale[None, :]
    return result


def _jittered(cov: Array) -> Array:
    size = cov.shape[-1]
    level = np.trace(cov, axis1=-2, axis2=-1) / size + 1e-12
    jittered: Array = cov + JITTER * np.eye(size) * np.asarray(level)[..., None, None]
    return jittered
