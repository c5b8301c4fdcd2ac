"""Which cases to score next, so that the best of several candidates is known soonest.

A case that separates the candidates well, but not as cases usually do, misleads: what is measured on it is not what is
asked for. So cases are chosen whose *sample* looks like all of them. What can be compared without a score is how the
candidates agree with one another; where two candidates agree entirely, their scores are equal, and where they do not,
the difference is bounded by what they disagree on. A set of cases on which the likely candidates agree as they do on
average measures the differences between them with the least error, whether few cases or many are taken.

Nothing here knows what a case or a candidate is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: How much likelier a candidate is taken to be the best for each unit of expected score: exp(8 x 0.1) = 2.2.
SHARPNESS = 8.0
#: Numbers of further cases whose gain per case is looked at.
_BATCHES = (1, 2, 4, 8, 16, 32)


def likeliness(expected: Array, sharpness: float = SHARPNESS) -> Array:
    """Return how much each candidate matters for the choice, (c,), positive, of sum 1, from expected scores (c,).

    >>> likeliness(np.array([0.8, 0.8, 0.5])).round(3).tolist()
    [0.478, 0.478, 0.043]
    """
    weights = np.exp(sharpness * (expected - expected.max()))
    shares: Array = weights / weights.sum()
    return shares


def agreement_profiles(agreements: Array, weights: Array) -> Array:
    """Return how the candidates agree on each case beside how they do on average, (n, pairs).

    Parameters
    ----------
    agreements : (n, c, c) in [0, 1], of every two candidates on each case. weights : (c,), of the candidates; a pair
        counts by the product of both.

    The squared length of a row is the weighted mean squared deviation of a case. One candidate has no pairs: (n, 0).

    >>> agreements = np.array([[[1, 0.2], [0.2, 1]], [[1, 0.6], [0.6, 1]]])
    >>> agreement_profiles(agreements, np.array([0.5, 0.5])).round(3).tolist()
    [[-0.141], [0.141]]
    """
    first, second = np.triu_indices(agreements.shape[1], 1)
    pairs = agreements[:, first, second]
    profiles: Array = (pairs - pairs.mean(axis=0)) * np.sqrt(2 * weights[first] * weights[second])
    return profiles


def likeness_of_cases(features: Array, groups: Sequence[str] | None = None) -> Array:
    """Return how much of the same two cases tell, (n, n) in [0, 1]: 1 on the diagonal.

    Parameters
    ----------
    features : (n, d). Two cases at a quarter of the median distance share 0.61, at half of it 0.14.
    groups : name of the group of each case; two of one group share at least half.

    >>> likeness_of_cases(np.array([[0.0], [0.0], [4.0]])).round(3).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    squares = (features**2).sum(axis=1)
    distances = np.clip(squares[:, None] + squares[None, :] - 2 * features @ features.T, 0, None)
    apart = distances[np.triu_indices(len(features), 1)]
    scale = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0
    likeness = np.exp(-8 * distances / scale)
    if groups is not None:
        same = np.array(groups, dtype=object)[:, None] == np.array(groups, dtype=object)[None, :]
        likeness = np.where(same, np.maximum(likeness, 0.5), likeness)
    np.fill_diagonal(likeness, 1.0)
    result: Array = likeness
    return result


def choose_cases(profiles: Array, likeness: Array, count: int, scored: Sequence[int] = ()) -> tuple[int, ...]:
    """Return the cases to score next, the most useful first.

    Each is the one with which the squared error of a mean over all chosen cases, those ``scored`` already among them,
    is expected to be the smallest:

    |mean of profiles|^2 + v (mean of likeness over all pairs of chosen cases),

    with v the mean squared length of a profile: what profiles do not show varies about as much as what they do, and
    cases that are alike repeat each other. The first term is kernel herding (Chen, Welling and Smola 2010,
    arXiv:1203.3472) with the profiles as features.

    Parameters
    ----------
    profiles : (n, p), of mean 0 over the cases that are asked about. likeness : (n, n), see ``likeness_of_cases``.
    count : at most so many; fewer where no more are left.

    >>> choose_cases(np.array([[-3.0], [1.0], [2.0], [0.1]]), np.eye(4), 2)
    (3, 1)
    >>> choose_cases(np.array([[-3.0], [1.0], [2.0], [0.1]]), np.eye(4), 1, scored=[2])
    (0,)
    """
    chosen = [int(case) for case in scored]
    left = np.ones(len(profiles), dtype=bool)
    left[chosen] = False
    variance = max(float((profiles**2).sum(axis=1).mean()), np.finfo(float).tiny)
    total, shared = profiles[chosen].sum(axis=0), likeness[chosen].sum(axis=0)
    inner = float(likeness[np.ix_(chosen, chosen)].sum())
    for _ in range(min(count, int(left.sum()))):
        size = len(chosen) + 1
        error = (((total + profiles) / size) ** 2).sum(axis=1)
        error = error + variance * (inner + 2 * shared + likeness.diagonal()) / size**2
        case = int(np.where(left, error, np.inf).argmin())
        inner += float(2 * shared[case] + likeness[case, case])
        total, shared = total + profiles[case], shared + likeness[case]
        left[case] = False
        chosen.append(case)
    return tuple(chosen[len(scored) :])


def expected_gain(mean: Array, cov: Array, noise: Array, count: int, normals: Array) -> float:
    """Return how much the expected score of the chosen candidate grows once ``count`` further cases are scored.

    The difference between choosing after the scores and choosing now: E max_c m'_c - max_c m_c, where the later
    means m' are Gaussian about the present ones with covariance V (V + R / count)^-1 V. This is the knowledge gradient
    with correlated beliefs (Frazier, Powell and Dayanik 2009, doi:10.1287/ijoc.1080.0314), of a batch of cases on which
    all candidates are scored. Never negative.

    Parameters
    ----------
    mean, cov : of the expected scores, m (c,) and V (c, c). noise : R (c, c), of the scores on one case.
    normals : (d, c), standard normal draws; the same ones for cases that are compared.

    >>> draws = np.random.default_rng(0).standard_normal((100_000, 2))
    >>> bool(abs(expected_gain(np.zeros(2), np.eye(2), np.zeros((2, 2)), 1, draws) - 1 / np.sqrt(np.pi)) < 0.01)
    True
    """
    learnt = cov @ np.linalg.pinv(cov + noise / count, hermitian=True) @ cov
    values, vectors = np.linalg.eigh((learnt + learnt.T) / 2)
    drawn = mean + (normals * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    # Less the mean of the draws, whose error would otherwise be taken for a gain.
    later = drawn.max(axis=1).mean() - (drawn[:, mean.argmax()].mean() - mean.max())
    return max(0.0, float(later - mean.max()))


def gain_per_case(mean: Array, cov: Array, noise: Array, left: int, normals: Array) -> float:
    """Return the expected gain of a further case: the largest mean gain of 1, 2, 4 ... cases, at most ``left``.

    One case alone may be unable to change a choice that a few together would change; by the gain of the first alone one
    would stop too early (Frazier and Powell, "Paradoxes in learning and the marginal value of information", Decision
    Analysis 2010). 0 where no case is left.

    >>> gain_per_case(np.array([0.9, 0.1]), 1e-4 * np.eye(2), 0.04 * np.eye(2), 8, np.zeros((1, 2)))
    0.0
    """
    batches = [count for count in _BATCHES if count <= left]
    return max((expected_gain(mean, cov, noise, count, normals) / count for count in batches), default=0.0)
