"""Label-free whitening: features centred and decorrelated by those of unlabelled patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating[Any]]

#: Share of the mean variance that replaces a part of the covariance.
SHRINKAGE = 0.05


@dataclass(frozen=True, eq=False)
class Whitening:
    """A linear map of features: ``matrix @ (features - mean)``.

    Parameters
    ----------
    mean : float64 (d,). matrix : float64 (d, d), symmetric.
    """

    mean: NDArray[np.float64]
    matrix: NDArray[np.float64]

    def whiten(self, points: Points) -> NDArray[np.float32]:
        """Return whitened points (..., d), float32."""
        return (np.asarray(points, dtype=np.float32) - self.mean.astype(np.float32)) @ self.matrix.astype(np.float32)


def fit_whitening(points: Points, strength: float = 1.0, shrinkage: float = SHRINKAGE) -> Whitening:
    """Return the whitening of points (n, d): they are centred, and multiplied by C to the power of -strength / 2.

    C is their covariance, shrunk towards a multiple of the identity, so that directions in which points hardly vary are
    not blown up. At strength 1 the covariance is about the identity afterwards; at 0.5, about C's square root: frequent
    directions count less than before, and are not hidden. Where points do not vary at all, they are only centred.

    Parameters
    ----------
    points : at least one. strength : in [0, 1]. shrinkage : in (0, 1]; at 1 only the scale changes.

    References
    ----------
    Kessy, Lewin, Strimmer 2018, doi:10.1080/00031305.2016.1277159 (the symmetric root); Hariharan, Malik, Ramanan 2012,
    doi:10.1007/978-3-642-33765-9_33 (whitened features make one example of a class a detector).

    >>> wide = np.array([[-4.0, 0], [4, 0], [0, -1], [0, 1]])
    >>> for strength in (1, 0.5, 0):
    ...     whitened = fit_whitening(wide, strength, 1e-9).whiten(wide)
    ...     np.diag(whitened.T @ whitened / 4).astype(float).round(2).tolist()
    [1.0, 1.0]
    [2.83, 0.71]
    [8.0, 0.5]
    """
    exact = points.astype(np.float64)
    mean = exact.mean(axis=0)
    centred = exact - mean
    covariance = centred.T @ centred / len(exact)
    variance = float(np.trace(covariance)) / len(mean)
    if not variance > 0:
        return Whitening(mean, np.eye(len(mean)))
    covariance = (1 - shrinkage) * covariance + shrinkage * variance * np.eye(len(mean))
    values, vectors = np.linalg.eigh(covariance)
    return Whitening(mean, (vectors * values ** (-strength / 2)) @ vectors.T)


def unit_vectors(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return points (..., d) of length 1; points that are almost 0 become 0.

    >>> unit_vectors(np.float32([[3, 4], [0, 0]])).round(1).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    lengths = np.linalg.norm(points, axis=-1, keepdims=True)
    units: NDArray[np.float32] = np.divide(points, lengths, out=np.zeros_like(points), where=lengths > 1e-12)
    return units
