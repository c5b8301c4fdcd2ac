"""Exact nearest neighbours of many points, block by block: the table of all distances is never held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Metric = Literal["euclidean", "cosine"]
Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

#: Queries that are looked up together.
_QUERIES = 1024
#: Numbers held at once: 32 MB in float64.
_HELD = 4_000_000


class Rows(Protocol):
    """An array (n, d), or rows of a file that are read by slices."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, key: Any, /) -> Any: ...


class Neighbours(NamedTuple):
    """The k nearest references of n queries, nearest first.

    ``indices`` : intp (n, k), positions of references. ``distances`` : float64 (n, k), at least 0.
    """

    indices: Positions
    distances: Floats


def find_neighbours(
    queries: Rows, references: Rows, k: int = 1, *, metric: Metric = "euclidean", leave_one_out: bool = False
) -> Neighbours:
    """Return the k nearest references of each query, by exact search; of equally near ones the first comes first.

    Candidates come from matrix products, their distances from differences in float64: the result depends neither on
    the size of blocks nor on the other queries.

    Parameters
    ----------
    queries, references : (n, d) and (m, d), finite numbers of any dtype, such as float32; arrays, or rows in a file,
        which are read in blocks.
    k : from 1 to m; to m - 1 where ``leave_one_out``.
    metric : "euclidean", or "cosine": 1 - cos, in [0, 2], for rows that are not all 0.
    leave_one_out : the queries are the references, and no point is its own neighbour; a copy of it is.

    Returns
    -------
    Neighbours
        Distances within 1e-12 relative of float64 arithmetic. Memory: some 100 MB, whatever n and m.

    Raises ValueError where k is out of range, dimensions differ, a number is not finite, or cosine meets a zero row.

    >>> points = np.array([[0.0], [1.0], [5.0]], dtype=np.float32)
    >>> find_neighbours(points, points, leave_one_out=True).indices.tolist()
    [[1], [0], [1]]
    >>> find_neighbours(np.array([[4.0]]), points, k=2).distances.tolist()
    [[1.0, 3.0]]
    """
    _check(queries, references, k, leave_one_out)
    size = min(_QUERIES, _count(queries))
    columns = max(1, min(_HELD // max(1, size), _HELD // max(1, references.shape[1])))
    centre = _prepared(references[:columns], metric).mean(axis=0)
    parts = []
    for start in range(0, _count(queries), size):
        block = _prepared(queries[start : start + size], metric)
        best = _nothing_yet(len(block), k)
        for first in range(0, _count(references), columns):
            others = _prepared(references[first : first + columns], metric)
            own = start - first if leave_one_out else None
            best = _merge(best, *_candidates(block, others, best.distances[:, -1], centre, own, k), first)
        parts.append(best)
    squares = np.concatenate([part.distances for part in parts])
    distances = np.sqrt(squares) if metric == "euclidean" else squares / 2
    return Neighbours(np.concatenate([part.indices for part in parts]), distances)


def _count(rows: Rows) -> int:
    """Number of rows."""
    return int(rows.shape[0])


def _check(queries: Rows, references: Rows, k: int, leave_one_out: bool) -> None:
    n, m = _count(queries), _count(references)
    if len(queries.shape) != 2 or len(references.shape) != 2 or queries.shape[1] != references.shape[1]:
        raise ValueError(f"queries {queries.shape} and references {references.shape} must be (n, d) and (m, d)")
    if not 1 <= k <= m - leave_one_out or n == 0:
        raise ValueError(f"{k} neighbours of {n} points among {m}: k must be from 1 to the number of other points")
    if leave_one_out and n != m:
        raise ValueError(f"leave_one_out takes the same points as queries and references, got {n} and {m}")


def _prepared(rows: Any, metric: Metric) -> Floats:
    """Rows (n, d) in float64, for cosine with unit norm: there |x - y|^2 is 2 (1 - cos)."""
    points = np.asarray(rows, dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("points must be finite: a row holds NaN or infinity")
    if metric == "euclidean":
        return points
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    if not norms.all():
        raise ValueError("cosine distance needs rows that are not all 0")
    unit: Floats = points / norms
    return unit


def _candidates(
    queries: Floats, references: Floats, reach: Floats, centre: Floats, own: int | None, k: int
) -> tuple[Positions, Positions, Floats]:
    """Pairs (row, column) that may be nearer than ``reach`` (n,) and among the k nearest, and their squared distances.

    ``own`` : how many columns before (if negative) or after the first column the first query itself stands.
    """
    x, y = queries - centre, references - centre
    norms = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    table = x @ y.T
    table *= -2
    table += norms[0][:, None]
    table += norms[1]
    if own is not None:
        here = np.arange(max(0, -own), min(len(x), len(y) - own))
        table[here, here + own] = np.inf
    # Several times the error that sums of d products in float64 can have.
    doubt = 4 * (x.shape[1] + 8) * np.finfo(np.float64).eps * (norms[0] + norms[1].max())
    if len(y) > k:
        reach = np.minimum(reach, np.partition(table, k - 1, axis=1)[:, k - 1] + doubt)
    rows, columns = np.nonzero((table <= (reach + doubt)[:, None]) & np.isfinite(table))
    return rows, columns, _squares(queries, references, rows, columns)


def _squares(a: Floats, b: Floats, rows: Positions, columns: Positions) -> Floats:
    """Squared distances of these pairs, from their differences."""
    squares = np.empty(len(rows))
    for part in _slices(len(rows), max(1, _HELD // max(1, a.shape[1]))):
        differences = a[rows[part]] - b[columns[part]]
        squares[part] = np.einsum("ij,ij->i", differences, differences)
    return squares


def _merge(best: Neighbours, rows: Positions, columns: Positions, squares: Floats, first: int) -> Neighbours:
    """The k nearest of those known and of the candidates, whose columns count from ``first``."""
    known = np.nonzero(np.isfinite(best.distances))
    rows = np.concatenate([known[0], rows])
    indices = np.concatenate([best.indices[known], columns + first])
    squares = np.concatenate([best.distances[known], squares])
    order = np.lexsort((indices, squares, rows))
    rows, indices, squares = rows[order], indices[order], squares[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    near = place < best.distances.shape[1]
    merged = _nothing_yet(*best.distances.shape)
    merged.indices[rows[near], place[near]] = indices[near]
    merged.distances[rows[near], place[near]] = squares[near]
    return merged


def _nothing_yet(n: int, k: int) -> Neighbours:
    return Neighbours(np.full((n, k), -1, dtype=np.intp), np.full((n, k), np.inf))


def _slices(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))
