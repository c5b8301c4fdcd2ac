"""Labels as numbers, class means, and principal axes: what several scores of labelled features share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def codes(labels: NDArray[Any]) -> tuple[NDArray[np.intp], int]:
    """Return labels as integers 0 ... C-1 in the order of sorted labels, shape (n,), and the number of classes C.

    >>> codes(np.array(["b", "a", "b"]))[0].tolist()
    [1, 0, 1]
    """
    known, inverse = np.unique(labels, return_inverse=True)
    return inverse.reshape(-1), len(known)


def indicators(labels: NDArray[Any]) -> NDArray[np.float64]:
    """Return one column per class: 1 where the sample is of it, else 0; float64 (n, C).

    >>> indicators(np.array(["b", "a"])).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    found, count = codes(labels)
    return np.eye(count)[found]


def class_means(points: NDArray[np.float64], members: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the points (n, d) of each class, given ``indicators``; float64 (C, d).

    >>> class_means(np.array([[1.0], [2.0], [4.0]]), indicators(np.array([0, 1, 1]))).tolist()
    [[1.0], [3.0]]
    """
    means: NDArray[np.float64] = members.T @ points / members.sum(axis=0)[:, None]
    return means


#: Squared lengths below this share of the largest are rounding of the products.
_RANK = 1e-12


def principal_axes(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return squared singular values of points (n, d), (r,) ascending, and right singular vectors (d, r) of rank r.

    Source: Pearson 1901, doi:10.1080/14786440109462720.

    >>> squares, axes = principal_axes(np.array([[3.0, 0.0], [0.0, 0.0], [0.0, 4.0]]))
    >>> squares.tolist(), np.abs(axes).tolist()
    ([9.0, 16.0], [[1.0, 0.0], [0.0, 1.0]])
    """
    n, d = points.shape
    squares, vectors = np.linalg.eigh(points.T @ points if d <= n else points @ points.T)
    kept = squares > _RANK * squares[-1]
    squares, vectors = squares[kept], vectors[:, kept]
    return squares, vectors if d <= n else points.T @ (vectors / np.sqrt(squares))
