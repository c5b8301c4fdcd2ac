"""Where the cells of an image lie: those of the network, in tiles with their context, and the pooled ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

#: Mirrored network pixels around an image, so that its border is not the border of the network's input.
MARGIN = 16
#: Longest side of the network's input, in network pixels.
TILE = 1024


@dataclass(frozen=True)
class Layout:
    """How cells follow from network pixels.

    Parameters
    ----------
    stride : network pixels from cell to cell. ``offset`` : centre of cell 0 if the input begins at pixel 0.
    halo : cells that must lie before and after a cell in the input, so that it sees all of its field.
    """

    stride: int
    offset: float
    halo: tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """Rows, or columns, of the cells of an image.

    Parameters
    ----------
    layout : of the network. ``begin`` : first network pixel of its input; ``cells`` : how many follow.
    first : centre of the first pooled cell in network pixels; ``count`` : number of pooled cells.
    taps : which network cells each pooled cell is the mean of, int64 (k, count), with weights (k,).
    """

    layout: Layout
    begin: int
    cells: int
    first: float
    count: int
    taps: NDArray[np.int64]
    weights: Tensor

    @classmethod
    def of(cls, length: float, side: int, layout: Layout) -> Axis:
        """Return the axis of an image that is ``length`` network pixels long; ``side`` cells are pooled to one.

        The pooled cells cover the image from border to border. Where they need cells outside, the cells inside that
        mirror these stand for them.
        """
        stride, offset = layout.stride, layout.offset
        begin = -stride * math.ceil(MARGIN / stride)
        cells = math.ceil((length - 2 * begin) / stride)
        # An even kernel is centred between two cells.
        shift = offset + (stride / 2 if side % 2 == 0 else 0)
        low, high = math.floor(-shift / stride), math.ceil((length - shift) / stride)
        numbers = np.arange(low, high + 1) + np.arange(side)[:, None] - (side - 1) // 2
        first_cell = begin // stride
        outside = (numbers < first_cell) | (numbers >= first_cell + cells)
        centres = offset + stride * numbers
        mirrored = np.where(centres < length / 2, -centres, 2 * length - centres)
        nearest = np.rint((mirrored - offset) / stride).astype(np.int64)
        taps = np.clip(np.where(outside, nearest, numbers) - first_cell, 0, cells - 1)
        return cls(layout, begin, cells, shift + stride * low, high + 1 - low, taps, gaussian(side))

    def ready(self, cells: int) -> int:
        """Return how many pooled cells can be made once this many cells of the network are known."""
        late = np.flatnonzero(self.taps.max(0) >= cells)
        return int(late[0]) if len(late) else self.count

    def tiles(self) -> Iterator[tuple[int, int]]:
        """Return first and last (exclusive) cell of each tile; none is longer than ``TILE`` with its context."""
        most = TILE // self.layout.stride
        if self.cells > most:
            most = max(4, most - sum(self.layout.halo))
        count = math.ceil(self.cells / most)
        for number in range(count):
            yield self.cells * number // count, self.cells * (number + 1) // count

    def input_of(self, first: int, last: int) -> tuple[NDArray[np.float64], int]:
        """Return the centres (n,) of the network pixels that a tile needs, and how many cells come before its own."""
        start, stop = max(0, first - self.layout.halo[0]), min(self.cells, last + self.layout.halo[1])
        pixels = np.arange(start * self.layout.stride, stop * self.layout.stride, dtype=np.float64)
        pixels += self.begin + 0.5
        return pixels, first - start


def gaussian(side: int, shift: float = 0) -> Tensor:
    """Return weights of a centred Gaussian over ``side`` cells, float32 (side,); sigma is a quarter of the side.

    They sum to 1. With a shift, the mean of two such kernels next to each other by their shares, (side + 1,): features
    between two cells.

    >>> gaussian(3).numpy().astype(float).round(3).tolist()
    [0.226, 0.549, 0.226]
    """
    places = np.arange(side) - (side - 1) / 2
    weights = np.exp(-0.5 * (places / (0.25 * side)) ** 2)
    weights /= weights.sum()
    if shift:
        weights = np.append(weights, 0) * (1 - shift) + np.insert(weights, 0, 0) * shift
    return torch.from_numpy(weights.astype(np.float32))


def weigh(cells: Tensor, taps: NDArray[np.int64], weights: Tensor, axis: int) -> Tensor:
    """Return the sum over taps (k, n) of weights (k,) times the cells (rows, cols, d) that they name along an axis."""
    indices = torch.from_numpy(np.ascontiguousarray(taps))
    total = cells.index_select(axis, indices[0]).mul_(weights[0])
    for index, weight in zip(indices[1:], weights[1:], strict=True):
        total.add_(cells.index_select(axis, index).mul_(weight))
    return total
