"""Labels as numbers, class means, and principal axes: what several scores of labelled features share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def codes(labels: NDArray[Any]) -> tuple[NDArray[np.intp], int]:
    """Labels as integers 0 ... C-1 in the order of sorted labels, shape (n,), and the number of classes C.

    >>> codes(np.array(["b", "a", "b"]))[0].tolist()
    [1, 0, 1]
    """
    known, inverse = np.unique(labels, return_inverse=True)
    return inverse.reshape(-1), len(known)


def indicators(labels: NDArray[Any]) -> NDArray[np.float64]:
    """One column per class: 1 where the sample is of it, else 0; float64 (n, C)."""
    found, count = codes(labels)
    return np.eye(count)[found]


def class_means(points: NDArray[np.float64], members: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the points (n, d) of each class, given ``indicators``; (C, d)."""
    means: NDArray[np.float64] = members.T @ points / members.sum(axis=0)[:, None]
    return means


#: Squared lengths below this share of the largest are rounding of the products.
_RANK = 1e-12


def principal_axes(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared singular values of points (n, d), (r,) ascending, and right singular vectors (d, r); r is their rank.

    >>> squares, axes = principal_axes(np.array([[3.0, 0.0], [0.0, 0.0], [0.0, 4.0]]))
    >>> squares.tolist(), np.abs(axes).tolist()
    ([9.0, 16.0], [[1.0, 0.0], [0.0, 1.0]])
    """
    n, d = points.shape
    squares, vectors = np.linalg.eigh(points.T @ points if d <= n else points @ points.T)
    kept = squares > _RANK * squares[-1]
    squares, vectors = squares[kept], vectors[:, kept]
    return squares, vectors if d <= n else points.T @ (vectors / np.sqrt(squares))
