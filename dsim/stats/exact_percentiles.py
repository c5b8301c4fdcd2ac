"""Percentiles of more numbers than fit in memory: exact, from counts of their leading bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Bits that are counted at once.
_DIGIT = 16


def exact_percentiles(blocks: Callable[[], Iterable[NDArray[Any]]], percents: Sequence[float]) -> NDArray[np.float64]:
    """Return percentiles of each column of rows that come in blocks, float64 (len(percents), C).

    Equal to ``numpy.percentile`` of all rows together (linear between neighbours), in memory that does not grow with
    them: numbers are ordered by their bits, 16 at a time, so that types of 8 and 16 bits take one pass, 32 bits two.

    Parameters
    ----------
    blocks : returns the blocks (m, C), integers or finite floats of one dtype; called once for each pass.
    percents : each in [0, 100].

    Raises ValueError where there are no rows.

    >>> exact_percentiles(lambda: [np.array([[1], [2]]), np.array([[3]])], [50, 75]).tolist()
    [[2.0], [2.5]]
    """
    search = _Search.of(blocks, percents)
    while not search.is_done:
        search = search.narrowed(blocks)
    return search.interpolated()


@dataclass(frozen=True)
class _Search:
    """What is known of the wanted numbers: their leading bits, and how many numbers of these bits lie before them.

    Parameters
    ----------
    dtype : of the numbers. ``places`` : ranks in fractions, (q, 1).
    prefixes : leading bits of the numbers at the ranks below and above, uint64 (2, q, C); ``bits`` : how many.
    left : rank among the numbers that share the prefix, int64 (2, q, C).
    """

    dtype: np.dtype[Any]
    places: NDArray[np.float64]
    prefixes: NDArray[np.uint64]
    left: NDArray[np.int64]
    bits: int

    @classmethod
    def of(cls, blocks: Callable[[], Iterable[NDArray[Any]]], percents: Sequence[float]) -> _Search:
        counts, total, dtype = np.zeros((0, 0), np.int64), 0, np.dtype(float)
        for block in blocks():
            dtype = block.dtype
            own = _count(_digits(_sortable(block), _width(dtype), 0))
            counts = own if not total else counts + own
            total += len(block)
        if not total:
            raise ValueError("there are no numbers")
        places = np.asarray(percents, dtype=np.float64)[:, None] / 100 * (total - 1)
        below = np.floor(places).astype(np.int64)
        ranks = np.stack([below, np.minimum(below + 1, total - 1)])
        found, left = _at_ranks(counts[None, None], np.broadcast_to(ranks, (2, len(below), counts.shape[0])))
        return cls(dtype, places, found, left, min(_DIGIT, _width(dtype)))

    @property
    def is_done(self) -> bool:
        return self.bits >= _width(self.dtype)

    def narrowed(self, blocks: Callable[[], Iterable[NDArray[Any]]]) -> _Search:
        """The search with 16 bits more, after another pass."""
        counts = np.zeros((*self.prefixes.shape, 1 << _DIGIT), dtype=np.int64)
        width = _width(self.dtype)
        for block in blocks():
            keys = _sortable(block)
            leading = keys >> np.uint64(width - self.bits)
            digits = _digits(keys, width, self.bits)
            for column in range(digits.shape[1]):
                for prefix in np.unique(self.prefixes[..., column]):
                    found = np.bincount(digits[leading[:, column] == prefix, column], minlength=1 << _DIGIT)
                    counts[..., column, :][self.prefixes[..., column] == prefix] += found
        digit, left = _at_ranks(counts, self.left)
        return _Search(self.dtype, self.places, (self.prefixes << np.uint64(_DIGIT)) | digit, left, self.bits + _DIGIT)

    def interpolated(self) -> NDArray[np.float64]:
        below, above = (_restored(keys, self.dtype).astype(np.float64) for keys in self.prefixes)
        share = self.places - np.floor(self.places)
        # As numpy: from the nearer end.
        return np.where(share < 0.5, below + (above - below) * share, above - (above - below) * (1 - share))


def _width(dtype: np.dtype[Any]) -> int:
    return 8 * dtype.itemsize


def _sortable(numbers: NDArray[Any]) -> NDArray[np.uint64]:
    """Keys in the order of the numbers, uint64, that fill as many bits as the numbers' type."""
    width = numbers.dtype.itemsize
    keys = np.ascontiguousarray(numbers).view(f"u{width}")
    sign = keys.dtype.type(1 << (8 * width - 1))
    if numbers.dtype.kind == "i":
        keys = keys ^ sign
    elif numbers.dtype.kind == "f":
        # Minus zero is zero; of negative numbers all bits turn round.
        keys = np.ascontiguousarray(numbers + numbers.dtype.type(0)).view(f"u{width}")
        keys = np.where(keys & sign, ~keys, keys | sign)
    return keys.astype(np.uint64)


def _restored(keys: NDArray[np.uint64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The numbers of keys."""
    bits = keys.astype(f"u{dtype.itemsize}")
    sign = bits.dtype.type(1 << (8 * dtype.itemsize - 1))
    if dtype.kind == "i":
        bits = bits ^ sign
    elif dtype.kind == "f":
        bits = np.where(bits & sign, bits ^ sign, ~bits)
    return bits.view(dtype)


def _digits(keys: NDArray[np.uint64], width: int, done: int) -> NDArray[np.int64]:
    """The next 16 bits after the first ``done`` of keys of ``width`` bits (8 for bytes)."""
    size = min(_DIGIT, width)
    return ((keys >> np.uint64(width - done - size)) & np.uint64((1 << size) - 1)).astype(np.int64)


def _count(digits: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each digit occurs in each column, int64 (C, 65536)."""
    return np.stack([np.bincount(column, minlength=1 << _DIGIT) for column in digits.T])


def _at_ranks(counts: NDArray[np.int64], ranks: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Digit at each rank (2, q, C) by counts (2 or 1, q or 1, C, 65536), and the rank among those of that digit."""
    before = np.broadcast_to(np.cumsum(counts, axis=-1), (*ranks.shape, counts.shape[-1]))
    found = np.empty(ranks.shape, dtype=np.uint64)
    left = np.empty(ranks.shape, dtype=np.int64)
    for place in np.ndindex(ranks.shape):
        digit = int(np.searchsorted(before[place], ranks[place], side="right"))
        found[place] = digit
        left[place] = ranks[place] - (before[place][digit - 1] if digit else 0)
    return found, left
