"""Mean distances between clouds of points, without ever holding all pairs of a large pair of clouds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Distances held at once: 64 MB in float64.
_BLOCK = 8_000_000


def mean_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Mean Euclidean distance over all pairs of a point of ``a`` (n, k) and a point of ``b`` (m, k).

    >>> import numpy as np
    >>> mean_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]))
    3.0
    """
    from scipy.spatial.distance import cdist

    rows = max(1, _BLOCK // len(b))
    total = sum(float(cdist(a[start : start + rows], b).sum()) for start in range(0, len(a), rows))
    return total / (len(a) * len(b))


def mean_distance_within(points: NDArray[np.floating]) -> float:
    """Mean Euclidean distance over all pairs of distinct points of (n, k); NaN for fewer than two points.

    >>> import numpy as np
    >>> mean_distance_within(np.array([[0.0], [1.0], [3.0]]))
    2.0
    """
    n = len(points)
    return mean_distance(points, points) * n / (n - 1) if n > 1 else float("nan")
