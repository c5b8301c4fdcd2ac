"""Local maxima of a map of scores, one per neighbourhood, in the order of their scores."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.floating[Any]]
Integers = NDArray[np.intp]


class Peaks(NamedTuple):
    """Local maxima of a map (rows, cols): three arrays (n,), by falling score.

    ``rows``, ``cols`` : intp. ``scores`` : of the map's dtype.
    """

    rows: Integers
    cols: Integers
    scores: Map


def local_maxima(values: Map, radius: float) -> Peaks:
    """Return the local maxima of a map, no two of them within a distance of ``radius``, by falling score.

    A local maximum is a cell that none of its eight neighbours exceeds. From the highest down, each one suppresses
    those within ``radius`` of it (greedy non-maximum suppression by distance). A peak depends on higher ones only, so
    that those above a threshold are the first ones of this list, whatever the threshold is.

    Parameters
    ----------
    values : (rows, cols). Cells of NaN and of minus infinity are no maxima, and are exceeded by all others.
    radius : in cells, at least 0; a distance of just ``radius`` suppresses.

    Returns
    -------
    Peaks. Where scores are equal, the upper one comes first, then the left one: on a plateau, which has many maxima of
    one score, that one stays.

    Raises ValueError for a map that is not two-dimensional or a negative radius.

    References
    ----------
    Neubeck and Van Gool 2006, doi:10.1109/ICPR.2006.479 (greedy suppression).

    >>> scores = np.array([[0.9, 0.1, 0.8], [0.2, 0.1, 0.2], [0.1, 0.7, 0.1]])
    >>> local_maxima(scores, radius=0)
    Peaks(rows=array([0, 0, 2]), cols=array([0, 2, 1]), scores=array([0.9, 0.8, 0.7]))
    >>> local_maxima(scores, radius=2).cols.tolist()  # 0.8 is 2 cells from 0.9; 0.7 is 2.24 from it
    [0, 1]
    """
    if values.ndim != 2:
        raise ValueError(f"a map has two dimensions, got an array of shape {values.shape}")
    if not radius >= 0:
        raise ValueError(f"radius must be at least 0, got {radius}")
    rows, cols = _maxima(values)
    order = np.argsort(-values[rows, cols], kind="stable")  # by row and column where scores are equal
    rows, cols = rows[order], cols[order]
    stay = _apart(rows, cols, values.shape, radius)
    rows, cols = rows[stay], cols[stay]
    return Peaks(rows, cols, values[rows, cols])


def _maxima(values: Map) -> tuple[Integers, Integers]:
    """Rows and columns of the cells that no neighbour exceeds, row by row."""
    padded = np.pad(np.where(np.isnan(values), -np.inf, values), 1, constant_values=-np.inf)
    # The highest of three rows, then of three columns of them, is the highest of the nine.
    tall = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    highest = np.maximum(np.maximum(tall[:, :-2], tall[:, 1:-1]), tall[:, 2:])
    inner = padded[1:-1, 1:-1]
    rows, cols = np.nonzero((inner == highest) & (inner > -np.inf))
    return rows, cols


def _apart(rows: Integers, cols: Integers, shape: tuple[int, ...], radius: float) -> Integers:
    """Positions of the cells that no earlier one within ``radius`` has suppressed."""
    reach = int(radius)
    offsets = np.arange(-reach, reach + 1)
    disc = offsets[:, None] ** 2 + offsets[None, :] ** 2 <= radius**2
    side = 2 * reach + 1
    suppressed = np.zeros((shape[0] + 2 * reach, shape[1] + 2 * reach), dtype=bool)
    stay: list[int] = []
    for position, (row, col) in enumerate(zip(rows.tolist(), cols.tolist(), strict=True)):
        if not suppressed[row + reach, col + reach]:
            stay.append(position)
            suppressed[row : row + side, col : col + side] |= disc
    return np.array(stay, dtype=np.intp)
