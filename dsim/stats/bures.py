"""Squared 2-Wasserstein distances between Gaussians, many at once: what a sample gives is prepared once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Points = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Gaussians:
    """k Gaussians in d dimensions; the covariance of the i-th is F' F + r I with F = factors[i], r = ridges[i].

    Parameters
    ----------
    means : (k, d). traces : (k,), of the covariances. ridges : (k,), 0 without shrinkage.
    factors : k arrays (r_i, d) of at most d rows: centred points, or what a QR decomposition leaves of more than d.
    """

    means: Matrix
    factors: tuple[Matrix, ...]
    ridges: Matrix
    traces: Matrix


def gaussians(samples: Sequence[Points], shrinkage: float | str = 0.0) -> Gaussians:
    """Return means and unbiased covariances of samples (n_i, d), float64; a single point has covariance 0.

    Parameters
    ----------
    shrinkage : the covariance becomes (1 - w) S + w (tr S / d) I. A number is w; ``"ledoit-wolf"`` chooses w for every
        sample by itself, see ``ledoit_wolf_weight``.

    Raises ValueError where the samples have different dimensions, or there is none.

    References
    ----------
    Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4 (the shrinkage).

    >>> found = gaussians([np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[1.0, 1.0]])])
    >>> found.means.tolist(), found.traces.tolist()
    ([[1.0, 0.0], [1.0, 1.0]], [2.0, 0.0])
    """
    means, factors, ridges, traces = [], [], [], []
    for sample in samples:
        points = np.asarray(sample, dtype=np.float64)
        n, d = points.shape
        mean = points.mean(axis=0)
        centred = points - mean
        weight = ledoit_wolf_weight(points) if shrinkage == "ledoit-wolf" else float(shrinkage)
        trace = float(np.vdot(centred, centred)) / max(n - 1, 1)
        factor = np.linalg.qr(centred, mode="r") if n > d else centred
        means.append(mean)
        factors.append(factor * np.sqrt((1 - weight) / max(n - 1, 1)))
        ridges.append(weight * trace / d)
        traces.append(trace)
    return Gaussians(np.stack(means), tuple(factors), np.array(ridges), np.array(traces))


def ledoit_wolf_weight(points: Points, square: float | None = None) -> float:
    """Return the weight of the scaled identity that minimises the expected squared error of the covariance; in [0, 1].

    Parameters
    ----------
    points : (n, d). Costs n^2 d or n d^2, whichever is less; 0 where the points do not vary.
    square : |S|^2 of their covariance S, divided by n, where it is known; the cost is then n d.

    References
    ----------
    Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4; scikit-learn's ``ledoit_wolf_shrinkage`` gives the same.

    >>> round(ledoit_wolf_weight(np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0], [4.0, 1.0]])), 6)
    0.071111
    """
    centred = points - points.mean(axis=0, dtype=np.float64)
    n, d = centred.shape
    if square is None:
        gram = centred @ centred.T if n < d else centred.T @ centred
        square = float(np.vdot(gram, gram)) / n**2
    fourth = float((np.einsum("ij,ij->i", centred, centred) ** 2).sum()) / n
    spread = square - (float(np.vdot(centred, centred)) / n) ** 2 / d
    if spread <= 1e-14 * square:
        return 0.0
    return float(min(max(fourth - square, 0.0) / n, spread) / spread)


def squared_bures_wasserstein(a: Gaussians, b: Gaussians) -> Matrix:
    """Return |m - m'|^2 + tr S + tr S' - 2 tr (S^1/2 S' S^1/2)^1/2 of all pairs, float64 (k, k'), at least 0.

    Where S = F' F and S' = G' G, the last trace is the nuclear norm of F G': of an (n, n') matrix for samples of fewer
    points than dimensions, whatever the dimensions are. All F G' are blocks of one matrix product.

    Raises ValueError where both have different dimensions.

    References
    ----------
    Dowson and Landau 1982, doi:10.1016/0047-259X(82)90077-X.

    >>> a = gaussians([np.array([[0.0], [2.0]])])                     # N(1, 2)
    >>> b = gaussians([np.array([[3.0], [3.0]]), np.array([[0.0], [4.0]])])     # N(3, 0), N(2, 8)
    >>> squared_bures_wasserstein(a, b).round(6).tolist()             # 4 + 2, 1 + (8^1/2 - 2^1/2)^2
    [[6.0, 3.0]]
    """
    ridged = bool(a.ridges.any() or b.ridges.any())
    cross = _ridged_cross(a, b) if ridged else _factored_cross(a, b)
    distances = _squared_distances(a.means, b.means) + a.traces[:, None] + b.traces - 2 * cross
    return np.maximum(distances, 0.0)


def squared_bures_within(a: Gaussians) -> Matrix:
    """Return the same among the Gaussians of one set, (k, k): symmetric, 0 on the diagonal.

    Source: Dowson and Landau 1982, doi:10.1016/0047-259X(82)90077-X.

    >>> squared_bures_within(gaussians([np.array([[0.0], [2.0]]), np.array([[3.0], [3.0]])])).tolist()
    [[0.0, 6.0], [6.0, 0.0]]
    """
    table = np.zeros((len(a.means), len(a.means)))
    for i in range(1, len(table)):
        table[i, :i] = squared_bures_wasserstein(_chosen(a, slice(i, i + 1)), _chosen(a, slice(0, i)))[0]
    return table + table.T


def squared_diagonal(a: Gaussians, b: Gaussians) -> Matrix:
    """Return |m - m'|^2 + |s - s'|^2, s the standard deviations of each dimension, (k, k'): diagonal covariances.

    Raises ValueError where the shapes do not broadcast.

    Source: Dowson and Landau 1982, doi:10.1016/0047-259X(82)90077-X, of covariances that commute.

    >>> one, other = (gaussians([np.array([[0.0], [2.0]]) * scale]) for scale in (1, 2))
    >>> squared_diagonal(one, other).round(6).tolist()
    [[3.0]]
    """
    return squared_means(a, b) + _squared_distances(_deviations(a), _deviations(b))


def squared_means(a: Gaussians, b: Gaussians) -> Matrix:
    """Return |m - m'|^2 of all pairs, float64 (k, k').

    Raises ValueError where the shapes do not broadcast.

    >>> squared_means(gaussians([np.array([[0.0], [2.0]])]), gaussians([np.array([[3.0]])])).tolist()
    [[4.0]]
    """
    return _squared_distances(a.means, b.means)


def _chosen(a: Gaussians, rows: slice) -> Gaussians:
    return Gaussians(a.means[rows], a.factors[rows], a.ridges[rows], a.traces[rows])


def _deviations(a: Gaussians) -> Matrix:
    variances = [(factor**2).sum(axis=0) + ridge for factor, ridge in zip(a.factors, a.ridges, strict=True)]
    return np.sqrt(np.array(variances, dtype=np.float64))


def _squared_distances(x: Matrix, y: Matrix) -> Matrix:
    # From the differences themselves: there are few, and equal means must give 0.
    return np.array([((row - y) ** 2).sum(axis=1) for row in x])


def _factored_cross(a: Gaussians, b: Gaussians) -> Matrix:
    """tr (S^1/2 S' S^1/2)^1/2 of covariances without ridges, (k, k')."""
    product = np.concatenate(a.factors) @ np.concatenate(b.factors).T
    rows, columns = (np.cumsum([0, *(len(factor) for factor in g.factors)]) for g in (a, b))
    table = np.empty((len(a.factors), len(b.factors)))
    for i, j in np.ndindex(*table.shape):
        table[i, j] = nuclear_norm(product[rows[i] : rows[i + 1], columns[j] : columns[j + 1]])
    return table


def nuclear_norm(matrix: Matrix) -> float:
    """Return the sum of singular values, from the eigenvalues of the smaller Gram matrix: relative error about 1e-8.

    >>> nuclear_norm(np.array([[3.0, 0.0], [0.0, -4.0], [0.0, 0.0]]))
    7.0
    """
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    values = np.linalg.eigvalsh(gram)
    # What lies below rounding of the largest is rounding, and its square root would not be small.
    values[values < values[-1] * len(values) * np.finfo(np.float64).eps] = 0.0
    return float(np.sqrt(values).sum())


def _ridged_cross(a: Gaussians, b: Gaussians) -> Matrix:
    table = np.empty((len(a.factors), len(b.factors)))
    for i, (factor, ridge) in enumerate(zip(a.factors, a.ridges, strict=True)):
        for j, (other, other_ridge) in enumerate(zip(b.factors, b.ridges, strict=True)):
            table[i, j] = _cross_with_ridges(factor, float(ridge), other, float(other_ridge))
    return table


def _cross_with_ridges(factor: Matrix, ridge: float, other: Matrix, other_ridge: float) -> float:
    """tr (S^1/2 S' S^1/2)^1/2 for S = F' F + r I and S' = G' G + r' I.

    Outside the span of the rows of F and G both are multiples of the identity, and commute; inside, the trace is the
    nuclear norm of R Q' with R' R = S and Q' Q = S'.
    """
    d = factor.shape[1]
    if len(factor) + len(other) < d:
        basis = np.linalg.qr(np.concatenate([factor, other]).T)[0].astype(np.float64)
        factor, other = factor @ basis, other @ basis
    roots = [_square_root(*pair) for pair in ((factor, ridge), (other, other_ridge))]
    outside: int = d - factor.shape[1]
    return nuclear_norm(roots[0] @ roots[1].T) + outside * math.sqrt(ridge * other_ridge)


def _square_root(factor: Matrix, ridge: float) -> Matrix:
    """R with R' R = F' F + r I."""
    if not ridge:
        return factor
    covariance: Matrix = factor.T @ factor + ridge * np.eye(factor.shape[1])
    return np.asarray(np.linalg.cholesky(covariance).T, dtype=np.float64)
