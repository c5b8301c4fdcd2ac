"""Labels as numbers, and what is summed over classes."""

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
