"""Euclidean distances of all pairs of points, exact also where points all but coincide, and their means.

Tables come from one matrix product; means never hold all pairs of large clouds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Squared distances below this share of the largest squared norms have lost half of their digits to cancellation.
_CANCELLED = 1e-8
#: Pairs that are computed again, one by one, at once.
_MENDED = 8192
#: Distances held at once for a mean: 64 MB in float64.
_BLOCK = 8_000_000

Points = NDArray[np.floating[Any]]


def squared_distances(a: Points, b: Points) -> NDArray[np.float64]:
    """Return squared Euclidean distances, from |x|^2 + |y|^2 - 2 x.y in float64 around the mean of ``b``.

    Parameters
    ----------
    a, b : (n, d) and (m, d).

    Returns
    -------
    float64 (n, m), at least 0, within 1e-8 relative of the sum of squared differences; exactly 0 for equal points.

    Raises ValueError where the points of both have different dimensions.

    >>> squared_distances(np.array([[0.0, 0.0], [1e6, 1.0]]), np.array([[3.0, 4.0], [1e6, 1.0]])).tolist()
    [[25.0, 1000000000001.0], [999994000018.0, 0.0]]
    """
    centre = b.mean(axis=0, dtype=np.float64)
    x, y = a - centre, b - centre
    squares = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    distances = x @ y.T
    distances *= -2
    distances += squares[0][:, None]
    distances += squares[1]
    largest = squares[0].max() + squares[1].max()
    _mend(distances, np.nonzero(distances < _CANCELLED * largest), a, b)
    found: NDArray[np.float64] = distances
    return found


def distances(a: Points, b: Points) -> NDArray[np.float64]:
    """Return the Euclidean distances of all pairs of (n, d) and (m, d), float64 (n, m), at least 0.

    Raises ValueError where the points of both have different dimensions.

    >>> distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
    [[5.0]]
    """
    squared = squared_distances(a, b)
    return np.sqrt(squared, out=squared)


def mean_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Return the mean Euclidean distance over all pairs of a point of ``a`` (n, k) and a point of ``b`` (m, k).

    At least 0, in the unit of the points. It is not a divergence: a broad cloud can be nearer to a compact one than to
    itself. Source: ASAP (Molina-Moreno et al., doi:10.1109/ACCESS.2025.3555020), III-D.

    Raises ValueError where the points of both have different dimensions.

    >>> mean_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]))
    3.0
    """
    from scipy.spatial.distance import cdist

    rows = max(1, _BLOCK // len(b))
    total = sum(float(cdist(a[start : start + rows], b).sum()) for start in range(0, len(a), rows))
    return total / (len(a) * len(b))


def mean_distance_within(points: NDArray[np.floating]) -> float:
    """Return the mean Euclidean distance over all pairs of distinct points of (n, k); NaN for fewer than two points.

    Source: ASAP (Molina-Moreno et al., doi:10.1109/ACCESS.2025.3555020), III-D.

    >>> mean_distance_within(np.array([[0.0], [1.0], [3.0]]))
    2.0
    """
    n = len(points)
    return mean_distance(points, points) * n / (n - 1) if n > 1 else float("nan")


def _mend(table: NDArray[np.float64], at: tuple[NDArray[np.intp], ...], a: Points, b: Points) -> None:
    """Compute these entries again from the differences themselves."""
    rows, columns = at
    for start in range(0, len(rows), _MENDED):
        i, j = rows[start : start + _MENDED], columns[start : start + _MENDED]
        differences = a[i].astype(np.float64) - b[j]
        table[i, j] = np.einsum("ij,ij->i", differences, differences)
