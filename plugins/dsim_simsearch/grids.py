"""Places of patches: a grid of centres in an image, and values between the cells of a coarser or finer map."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


class Grid(NamedTuple):
    """Centres of patches, ``stride`` apart in both directions, in pixels of the image.

    Parameters
    ----------
    rows, cols : their numbers. x, y : of the first centre.
    """

    rows: int
    cols: int
    x: float
    y: float
    stride: float

    def xs(self, cols: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
        """Return x of these columns; of all by default."""
        return self.x + self.stride * np.asarray(np.arange(self.cols) if cols is None else cols, dtype=np.float64)

    def ys(self, rows: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
        """Return y of these rows; of all by default."""
        return self.y + self.stride * np.asarray(np.arange(self.rows) if rows is None else rows, dtype=np.float64)

    def centres(self) -> NDArray[np.float64]:
        """Return all centres, row by row: (rows * cols, 2), x and y."""
        return np.stack(np.meshgrid(self.xs(), self.ys()), axis=-1).reshape(-1, 2)


def cover_image(shape: tuple[int, int], stride: float) -> Grid:
    """Return the grid over an image (height, width), from half a stride on; the same places as a feature map's grid.

    >>> cover_image((20, 33), 10)
    Grid(rows=2, cols=3, x=5.0, y=5.0, stride=10)
    """
    rows, cols = (max(1, math.ceil(side / stride - 0.5)) for side in shape)
    return Grid(rows, cols, stride / 2, stride / 2, stride)


def whole_windows(shape: tuple[int, int], patch: tuple[int, int], stride: float) -> Grid:
    """Return the grid of all patches (height, width) that lie in an image, from its upper left corner.

    Without rows or columns where the image is smaller than a patch.

    >>> whole_windows((48, 60), (48, 48), 4.8)
    Grid(rows=1, cols=3, x=24.0, y=24.0, stride=4.8)
    """
    rows, cols = (math.floor((side - part) / stride + 1e-9) + 1 for side, part in zip(shape, patch, strict=True))
    return Grid(max(0, rows), max(0, cols), patch[1] / 2, patch[0] / 2, stride)


class Places(NamedTuple):
    """Places along one axis of a map between its cells ``low`` and ``low + 1``, at ``share`` of the way.

    Parameters
    ----------
    low : intp (n,). share : float32 (n,) in [0, 1].
    """

    low: NDArray[np.intp]
    share: NDArray[np.float32]


def places_between(coordinates: Floats, size: int) -> Places:
    """Return where coordinates (n,), in cells, lie between the ``size`` cells of an axis; beyond: the outermost cell.

    >>> places_between(np.array([-1.0, 0.25, 9.0]), 3)
    Places(low=array([0, 0, 1]), share=array([0.  , 0.25, 1.  ], dtype=float32))
    """
    inside = np.clip(coordinates, 0, size - 1)
    low = np.minimum(inside.astype(np.intp), max(size - 2, 0))
    return Places(low, (inside - low).astype(np.float32))


def interpolate(values: NDArray[np.float32], ys: Places, xs: Places) -> NDArray[np.float32]:
    """Return bilinear values of maps (k, rows, cols) at all pairs of places: (k, len(ys), len(xs)), float32.

    >>> interpolate(np.array([[[0, 1], [2, 3]]], np.float32), places_between(np.array([0.5]), 2), Places(*map(
    ...     np.array, ([0, 0], [0.0, 1.0])))).tolist()
    [[[1.0, 2.0]]]
    """
    return _between(_between(values, xs, 2), ys, 1)


def _between(values: NDArray[np.float32], places: Places, axis: int) -> NDArray[np.float32]:
    low = np.take(values, places.low, axis)
    if values.shape[axis] == 1:
        return low
    share = places.share if axis == 2 else places.share[:, None]
    high = np.take(values, places.low + 1, axis)
    high -= low
    high *= share
    high += low
    return high
