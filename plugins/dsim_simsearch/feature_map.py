"""The features of one image: vectors on a regular grid of cells, and between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.store import Rows

#: Rows of cells that are read from a file at once.
_ROWS = 64


@dataclass(frozen=True)
class FeatureMap:
    """Pooled features on a regular grid of cells that covers an image.

    Parameters
    ----------
    cells : (rows, cols, d), float32, or float16 for large images; an array, or rows that are read from a file.
    origin : centre of cell (0, 0) in pixels of the image, x and y.
    step : distance of cells in pixels of the image.
    shape : height and width of the image.

    >>> cells = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    >>> FeatureMap(cells, origin=(2, 2), step=4, shape=(8, 12)).at(np.array([[6, 2], [4, 4]])).tolist()
    [[1.0], [2.0]]
    """

    cells: Rows
    origin: tuple[float, float]
    step: float
    shape: tuple[int, int]

    @property
    def values(self) -> NDArray[Any]:
        """The features as (d, rows, cols): a view of the cells; where they lie in a file, all are read."""
        return np.moveaxis(np.asarray(self.cells), 2, 0)

    def grid(self, stride: float) -> NDArray[np.float64]:
        """Return centres (rows, cols, 2), x and y, ``stride`` pixels apart, the first half a stride from the border."""
        xs, ys = self._axes(stride)
        return np.stack(np.broadcast_arrays(xs[None, :], ys[:, None]), axis=2)

    def resample(self, stride: float, rows: slice = slice(None)) -> NDArray[np.float32]:
        """Return ``at(grid(stride)[rows])``, float32 (rows, cols, d), faster; by some rows at once in less memory."""
        xs, ys = self._axes(stride)
        above, up, down = between((ys[rows] - self.origin[1]) / self.step, self.cells.shape[0])
        left, near, far = between((xs - self.origin[0]) / self.step, self.cells.shape[1])
        if not len(above):
            return np.zeros((0, len(xs), self.cells.shape[2]), dtype=np.float32)
        needed = np.asarray(self.cells[int(above.min()) : int(above.max()) + 2], dtype=np.float32)
        above = above - above.min()
        mixed = needed[above] * up[:, None, None]
        mixed += needed[above + 1] * down[:, None, None]
        found: NDArray[np.float32] = mixed[:, left] * near[:, None]
        found += mixed[:, left + 1] * far[:, None]
        return found

    def at(self, centres: NDArray[Any]) -> NDArray[np.float32]:
        """Return the features at centres (..., 2), x and y in pixels, bilinear between cells: float32 (..., d)."""
        points = np.asarray(centres, dtype=np.float64).reshape(-1, 2)
        left, near, far = between((points[:, 0] - self.origin[0]) / self.step, self.cells.shape[1])
        above, up, down = between((points[:, 1] - self.origin[1]) / self.step, self.cells.shape[0])
        found = np.empty((len(points), self.cells.shape[2]), dtype=np.float32)
        most = len(self.cells) if isinstance(self.cells, np.ndarray) else _ROWS
        for block in np.unique(above // most):
            here = np.flatnonzero(above // most == block)
            rows = self.cells[block * most : (block + 1) * most + 1]
            row, column = above[here] - block * most, left[here]
            upper = rows[row, column] * near[here, None] + rows[row, column + 1] * far[here, None]
            lower = rows[row + 1, column] * near[here, None] + rows[row + 1, column + 1] * far[here, None]
            found[here] = upper * up[here, None] + lower * down[here, None]
        return found.reshape(*np.shape(centres)[:-1], -1)

    def _axes(self, stride: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        height, width = self.shape
        return _steps(width, stride), _steps(height, stride)


def _steps(length: int, stride: float) -> NDArray[np.float64]:
    steps: NDArray[np.float64] = np.arange(max(1, math.ceil(length / stride - 0.5)), dtype=np.float64)
    return np.multiply(steps + 0.5, stride, dtype=np.float64)


def between(
    places: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Return the cell before each place (n,) of ``count``, its share, and the share of the cell after it.

    Places beyond the first or the last cell are taken as these.
    """
    inside = np.clip(places, 0, count - 1)
    before = np.minimum(inside.astype(np.int64), count - 2)
    share = (inside - before).astype(np.float32)
    return before, 1 - share, share
