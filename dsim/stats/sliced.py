"""One-dimensional transport of many pairs of samples at once, and random directions to project onto."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating[Any]]

#: Numbers that are held at once while many lines are compared: 32 MB in float64.
_HELD = 4_000_000


def line_transport(a: Points, b: Points, order: int = 1) -> NDArray[np.float64]:
    """W_p^p of the samples on each of L lines: the integral of |quantile - quantile'|^p, exact for any two sizes.

    Parameters
    ----------
    a, b : (L, n) and (L, m), each row sorted.
    order : p, 1 or 2.

    Returns
    -------
    float64 (L,), at least 0: for p = 1 the distance itself, for p = 2 its square.

    References
    ----------
    Ramdas, García Trillos and Cuturi 2017, doi:10.3390/e19020047, section 3.

    >>> line_transport(np.array([[0.0, 1.0]]), np.array([[0.0, 1.0, 5.0]])).round(6).tolist()
    [1.5]
    """
    of_a, of_b, weights = _quantile_steps(a.shape[1], b.shape[1])
    rows = max(1, _HELD // len(weights))
    return np.concatenate(
        [_compared(a[i : i + rows, of_a], b[i : i + rows, of_b], weights, order) for i in range(0, len(a), rows)]
    )


def _quantile_steps(n: int, m: int) -> tuple[Any, Any, NDArray[np.float64]]:
    """Where two quantile functions of n and m values are both constant: index into either, and length."""
    if n == m:
        return slice(None), slice(None), np.full(n, 1 / n)
    # In units of 1 / nm all steps are whole numbers: nothing is rounded.
    ends_a, ends_b = np.arange(1, n + 1) * m, np.arange(1, m + 1) * n
    ends = np.union1d(ends_a, ends_b)
    return np.searchsorted(ends_a, ends), np.searchsorted(ends_b, ends), np.diff(ends, prepend=0) / (n * m)


def _compared(a: Points, b: Points, weights: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    differences = np.subtract(a, b, dtype=np.float64)
    powers = np.abs(differences, out=differences) if order == 1 else np.square(differences, out=differences)
    costs: NDArray[np.float64] = powers @ weights
    return costs


def directions(dimension: int, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Unit vectors drawn uniformly, (count, dimension).

    >>> np.linalg.norm(directions(5, 2, np.random.default_rng(0)), axis=1).round(6).tolist()
    [1.0, 1.0]
    """
    drawn = rng.standard_normal((count, dimension))
    unit: NDArray[np.float64] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def sliced_wasserstein(a: Points, b: Points, onto: Points, order: int = 2) -> float:
    """(mean over directions of W_p^p of the projections)^(1/p), in the unit of the points.

    Parameters
    ----------
    a, b : (n, d) and (m, d). ``onto`` : unit vectors, (L, d); see ``directions``.

    References
    ----------
    Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3.

    >>> sliced_wasserstein(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.eye(2), order=1)
    3.5
    """
    costs = line_transport(np.sort(onto @ a.T, axis=1), np.sort(onto @ b.T, axis=1), order)
    return float(costs.mean() ** (1 / order))


def marginal_wasserstein(a: Points, b: Points, order: int = 1) -> float:
    """Mean over the d dimensions of the one-dimensional W_p of (n, d) and (m, d), in the unit of the points.

    >>> marginal_wasserstein(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))
    3.5
    """
    costs = line_transport(np.sort(a.T, axis=1), np.sort(b.T, axis=1), order)
    return float((costs ** (1 / order)).mean())
