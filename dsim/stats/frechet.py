"""Fréchet distance of the Gaussians that share mean and covariance with two clouds of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """Number of points n, their mean, float64 (d,), and their scatter, float64 (d, d): the sum of centred products."""

    n: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @property
    def covariance(self) -> NDArray[np.float64]:
        """The unbiased covariance, (d, d); NaN for a single point."""
        return self.scatter / (self.n - 1) if self.n > 1 else np.full_like(self.scatter, np.nan)


def moments(points: NDArray[Any]) -> Moments:
    """Return the moments of points (n, d), in float64 whatever their dtype.

    >>> moments(np.array([[1.0, 2.0], [3.0, 6.0]])).covariance.tolist()
    [[2.0, 4.0], [4.0, 8.0]]
    """
    points = np.asarray(points, dtype=np.float64)
    mean = points.mean(axis=0) if len(points) else np.zeros(points.shape[1])
    centred = points - mean
    return Moments(len(points), mean, centred.T @ centred)


def merged(one: Moments, other: Moments) -> Moments:
    """Return the moments of both clouds together, without the cancellation of sums of squares.

    So ``functools.reduce(merged, map(moments, blocks))`` are those of any number of points, in flat memory.

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Chan, Golub and LeVeque 1983, doi:10.1080/00031305.1983.10483115.

    >>> both = merged(moments(np.array([[1.0], [2.0]])), moments(np.array([[6.0]])))
    >>> both.n, both.mean.tolist(), both.covariance.tolist()
    (3, [3.0], [[7.0]])
    """
    if not (one.n and other.n):
        return one if one.n else other
    n = one.n + other.n
    shift = other.mean - one.mean
    scatter = np.outer(shift, shift)
    scatter *= one.n * other.n / n
    scatter += one.scatter
    scatter += other.scatter
    return Moments(n, one.mean + shift * (other.n / n), scatter)


def covariance_factor(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a factor F (d, d) of a covariance: S = F' F.

    Cholesky's; where rounding leaves the covariance indefinite, from its eigenvectors without the negative eigenvalues.

    >>> covariance_factor(np.array([[4.0, 2.0], [2.0, 10.0]])).tolist()
    [[2.0, 1.0], [0.0, 3.0]]
    """
    try:
        upper: NDArray[np.float64] = np.ascontiguousarray(np.linalg.cholesky(covariance).T)
        return upper
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
    factor: NDArray[np.float64] = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    return factor


def points_factor(points: NDArray[Any]) -> NDArray[np.float64]:
    """Return the factor (n, d) that points (n, d) are themselves, centred: exact, and small where n < d.

    >>> points_factor(np.array([[1.0, 2.0], [3.0, 6.0]])).tolist()
    [[-1.0, -2.0], [1.0, 2.0]]
    """
    points = np.asarray(points, dtype=np.float64)
    factor: NDArray[np.float64] = (points - points.mean(axis=0)) / np.sqrt(len(points) - 1)
    return factor


def frechet_distance(
    mean: NDArray[np.float64],
    factor: NDArray[np.float64],
    other_mean: NDArray[np.float64],
    other_factor: NDArray[np.float64],
) -> float:
    """Return the squared Fréchet (2-Wasserstein) distance of two Gaussians, as FID is defined.

    The trace of (S^1/2 S' S^1/2)^1/2 is the nuclear norm of F F'^T for *any* factors S = F^T F: no matrix square root
    is taken, and where n < d the singular values are those of an n x n' matrix.

    Parameters
    ----------
    mean, other_mean : float64 (d,).
    factor, other_factor : (r, d) and (r', d) with S = F^T F; see ``covariance_factor`` and ``points_factor``.

    Returns
    -------
    A distance, in squared units of the points; 0 for equal Gaussians.

    Raises ValueError where both have different dimensions.

    References
    ----------
    Dowson and Landau 1982, doi:10.1016/0047-259X(82)90077-X; Heusel et al. 2017, arXiv:1706.08500.

    >>> frechet_distance(np.zeros(1), np.array([[1.0]]), np.array([3.0]), np.array([[2.0]]))
    10.0
    """
    shift = mean - other_mean
    nuclear_norm = np.linalg.svd(factor @ other_factor.T, compute_uv=False).sum()
    value = shift @ shift + np.vdot(factor, factor) + np.vdot(other_factor, other_factor) - 2 * nuclear_norm
    # Equal Gaussians leave rounding of either sign.
    return max(0.0, float(value))


def extrapolated(whole: float, halves: NDArray[np.float64] | list[float]) -> float:
    """Return the value that a distance with a bias of a / n tends to as n grows, from that of all points and of halves.

    Linear extrapolation in 1 / n, as Chong and Forsyth do from many sizes; from n and n / 2 its slope has no
    curvature of small n in it. For the Fréchet distance the bias is a / n once n / 2 exceeds the dimension.

    References
    ----------
    Chong and Forsyth 2020, arXiv:1911.07023.

    >>> extrapolated(1.5, [1.9, 2.1])
    1.0
    """
    return 2 * whole - float(np.mean(halves))
