"""Squared maximum mean discrepancy of two clouds of points: E k(x, x') + E k(y, y') - 2 E k(x, y).

Tables of all pairs are computed in tiles, those within one cloud only once of the two times that they occur, and summed
in float64; memory does not grow with the number of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dsim.stats.kernels import Kernel, Points

#: A tile fits into the caches of a processor, and is large enough for its matrix product to run at full speed.
_ROWS, _COLUMNS = 512, 1024

Weights = NDArray[np.float64]
Draws = Sequence[NDArray[np.intp]]
Blocks = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


def squared_mmd(
    kernel: Kernel, a: Points, b: Points, *, unbiased: bool = True, within: tuple[float, float] | None = None
) -> float:
    """Return the squared maximum mean discrepancy of two clouds.

    With the kernel ``negative_distance`` it is the energy distance 2 E|x - y| - E|x - x'| - E|y - y'|.

    Parameters
    ----------
    kernel : table of all pairs of two clouds; see ``dsim.stats.kernels``.
    a, b : (n, d) and (m, d), in the type that the kernel shall compute in; n and m at least 2 where ``unbiased``.
    unbiased : leave out pairs of a point with itself. The value is 0 on average where both clouds come from one
        distribution, so it can be negative; with those pairs it is at least 0, and grows as n falls.
    within : ``mean_within`` of either cloud, where they are known.

    Raises ValueError where the points of both have different dimensions.

    References
    ----------
    Gretton et al. 2012, Journal of Machine Learning Research 13, 723-773, Eq. 3 and 5; energy distance: Székely and
    Rizzo 2013, doi:10.1016/j.jspi.2013.03.018.

    >>> from dsim.stats.kernels import linear, negative_distance
    >>> a, b = np.array([[0.0], [2.0]]), np.array([[3.0], [3.0]])
    >>> squared_mmd(linear, a, b, unbiased=False), squared_mmd(linear, a, b)
    (4.0, 3.0)
    >>> squared_mmd(negative_distance, np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]]), unbiased=False)
    1.0
    """
    own = within or (mean_within(kernel, a, distinct=unbiased), mean_within(kernel, b, distinct=unbiased))
    return own[0] + own[1] - 2 * mean_between(kernel, a, b)


def mean_between(kernel: Kernel, a: Points, b: Points) -> float:
    """Return the mean of the kernel over all pairs of a point of ``a`` (n, d) and a point of ``b`` (m, d).

    Raises ValueError where the points of both have different dimensions.

    >>> from dsim.stats.kernels import linear
    >>> mean_between(linear, np.array([[0.0], [2.0]]), np.array([[3.0]]))
    3.0
    """
    total = sum(_sum(kernel(a[i], b[j])) for i in _tiles(len(a), _ROWS) for j in _tiles(len(b), _COLUMNS))
    return total / (len(a) * len(b))


def mean_within(kernel: Kernel, a: Points, *, distinct: bool = True) -> float:
    """Return the mean of the kernel over all pairs of points of ``a`` (n, d); only of distinct ones where ``distinct``.

    >>> from dsim.stats.kernels import linear
    >>> points = np.array([[0.0], [2.0], [3.0]])
    >>> mean_within(linear, points), round(mean_within(linear, points, distinct=False), 6)
    (2.0, 2.777778)
    """
    n, total = len(a), 0.0
    for i in _tiles(n, _COLUMNS):
        own = kernel(a[i], a[i])
        if distinct:
            # Not taken off the sum afterwards: the pair of a far point with itself may be all that the sum holds.
            np.fill_diagonal(own, 0)
        total += _sum(own)
        # The kernel is symmetric: what lies left of the diagonal lies right of it too.
        total += 2 * sum(_sum(kernel(a[i], a[j])) for j in _tiles(n, _COLUMNS) if j.start > i.start)
    return total / (n * (n - 1)) if distinct else total / n**2


def deal(order_a: NDArray[np.intp], order_b: NDArray[np.intp], block: int) -> Blocks:
    """Divide two clouds into equally many disjoint blocks of at least ``block`` points, all of them if there are fewer.

    Parameters
    ----------
    order_a, order_b : the indices of the points in random order, (n,) and (m,): a block must be a sample of its cloud.

    >>> [(i.tolist(), j.tolist()) for i, j in deal(np.array([1, 3, 0, 2]), np.arange(6), block=2)]
    [([1, 3], [0, 1, 2]), ([0, 2], [3, 4, 5])]
    """
    blocks = max(1, min(len(order_a), len(order_b)) // block)
    return list(zip(np.array_split(order_a, blocks), np.array_split(order_b, blocks), strict=True))


def weighted_mmd(
    kernel: Kernel, a: Points, b: Points, weights_a: Weights, weights_b: Weights, *, unbiased: bool = True
) -> NDArray[np.float64]:
    """Return ``squared_mmd`` of B resamples of both clouds, shape (B,), without computing any pair twice.

    Parameters
    ----------
    a, b : (n, d) and (m, d).
    weights_a, weights_b : how often each point was drawn, (B, n) and (B, m); see ``counts``. A point that was drawn
        twice counts twice, but its two copies are not a pair of distinct points: the replicates' mean is the unbiased
        value itself, not more. NaN where a draw holds one point only.

    Raises ValueError where the points of both have different dimensions.

    References
    ----------
    Gretton et al. 2008, arXiv:0805.2368 (the statistic).

    >>> from dsim.stats.kernels import linear
    >>> a, b = np.array([[0.0], [2.0]]), np.array([[3.0], [3.0]])
    >>> weighted_mmd(linear, a, b, np.array([[1.0, 1.0], [2.0, 0.0]]), np.ones((2, 2))).tolist()
    [3.0, nan]
    """
    within = _weighted_within(kernel, a, weights_a, unbiased) + _weighted_within(kernel, b, weights_b, unbiased)
    sums = np.zeros(len(weights_a))
    for rows in _bands(len(a), len(b)):
        sums += np.einsum("bi,bi->b", weights_a[:, rows] @ kernel(a[rows], b), weights_b)
    between: NDArray[np.float64] = sums / (weights_a.sum(axis=1) * weights_b.sum(axis=1))
    return within - 2 * between


def split_mmd(
    kernel: Kernel, whole: Points, first: Weights, second: Weights, *, unbiased: bool = True
) -> NDArray[np.float64]:
    """Return ``squared_mmd`` between two parts of one cloud (n, d), for B pairs of parts at once, shape (B,).

    ``first`` and ``second`` say how often each point is in either part, (B, n); see ``counts``. The table of all pairs
    is computed once.

    Source: Gretton et al. 2008, arXiv:0805.2368 (the statistic).

    >>> from dsim.stats.kernels import linear
    >>> whole = np.array([[0.0], [2.0], [3.0], [3.0]])
    >>> split_mmd(linear, whole, np.array([[1.0, 1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 1.0, 1.0]])).tolist()
    [3.0]
    """
    sums = np.zeros((3, len(first)))
    diagonal = np.empty(len(whole))
    for rows in _bands(len(whole), len(whole)):
        table = kernel(whole[rows], whole)
        diagonal[rows] = np.diagonal(table, rows.start)
        one, other = first[:, rows] @ table, second[:, rows] @ table
        for row, (left, right) in enumerate(((one, first), (other, second), (one, second))):
            sums[row] += np.einsum("bi,bi->b", left, right)
    within = _pair_means(sums[0], diagonal, first, unbiased) + _pair_means(sums[1], diagonal, second, unbiased)
    between: NDArray[np.float64] = sums[2] / (first.sum(axis=1) * second.sum(axis=1))
    return within - 2 * between


def counts(draws: Draws, n: int) -> Weights:
    """Return how often each of n points occurs in each draw, float64 (B, n).

    >>> counts([np.array([0, 2, 2])], 3).tolist()
    [[1.0, 0.0, 2.0]]
    """
    weights: Weights = np.stack([np.bincount(draw, minlength=n) for draw in draws]).astype(np.float64)
    return weights


def _weighted_within(kernel: Kernel, a: Points, weights: Weights, distinct: bool) -> NDArray[np.float64]:
    sums, diagonal = np.zeros(len(weights)), np.empty(len(a))
    for rows in _bands(len(a), len(a)):
        table = kernel(a[rows], a)
        diagonal[rows] = np.diagonal(table, rows.start)
        sums += np.einsum("bi,bi->b", weights[:, rows] @ table, weights)
    return _pair_means(sums, diagonal, weights, distinct)


def _pair_means(sums: Weights, diagonal: Weights, weights: Weights, distinct: bool) -> NDArray[np.float64]:
    """Weighted means over all pairs from their sums; without pairs of a point with itself where ``distinct``."""
    totals = weights.sum(axis=1) ** 2
    if not distinct:
        return np.asarray(sums / totals)
    squares = weights**2
    pairs = totals - squares.sum(axis=1)
    means = np.full(len(pairs), np.nan)
    np.divide(sums - squares @ diagonal, pairs, out=means, where=pairs > 0)
    return means


def _tiles(n: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _bands(rows: int, columns: int) -> Iterator[slice]:
    """Whole rows of a table, as many at once as a few tiles have entries."""
    return _tiles(rows, max(1, 8 * _ROWS * _COLUMNS // columns))


def _sum(table: Points) -> float:
    # numpy sums a short row pairwise, so that even float32 loses nothing; the rows are summed in float64.
    return float(table.sum(axis=1).sum(dtype=np.float64))
