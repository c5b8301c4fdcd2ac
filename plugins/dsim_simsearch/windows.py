"""Features of windows, each cut and passed through the network alone: how the publication describes it.

Slow, at tens of times the cost of one pass over the image, and so only for comparison.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dsim_simsearch.cell_grid import gaussian
from dsim_simsearch.whitening import unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.annotations import Region
    from dsim.plugin import Runtime
    from dsim_simsearch.grids import Grid
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.network import EarlyBlocks

    Floats = NDArray[np.float32]

#: Features of images that are held, bytes.
_HELD = 2**29


class WindowFeatures:
    """Features of the whole windows of images.

    Parameters
    ----------
    images, blocks : what windows are cut from, and the network. patch : their height and width, pixels.
    region : network pixels that the longer side of a window spans; None: windows are not resampled.
    grid : gives the places of an image's windows; they are cut at whole pixels.
    """

    def __init__(
        self,
        images: PreparedImages,
        blocks: EarlyBlocks,
        patch: tuple[int, int],
        region: int | None,
        grid: Callable[[int], Grid],
        runtime: Runtime,
    ) -> None:
        self._images, self._blocks, self._patch, self._grid, self._runtime = images, blocks, patch, grid, runtime
        scale = 1.0 if region is None else region / max(patch)
        self._size = tuple(max(1, round(scale * side)) for side in patch)
        self._held: OrderedDict[int, Floats] = OrderedDict()

    def vectors(self, regions: Sequence[Region]) -> Floats:
        """Return features of regions and of their turns by 90, 180, 270 degrees: (n, 4, d)."""
        windows = [self._window(self._images.index(region.image), *region.centre) for region in regions]
        turns = [self._features([np.rot90(window, turn, (1, 2)) for window in windows]) for turn in range(4)]
        return np.stack(turns, axis=1)

    def units(self, vectors: Floats) -> Floats:
        """Return vectors (..., d) of length 1."""
        return unit_vectors(vectors)

    def at(self, index: int, centres: NDArray[np.float64]) -> Floats:
        """Return features of windows at centres (n, 2) of an image: (n, d)."""
        return self._features([self._window(index, x, y) for x, y in centres.tolist()])

    def cosines(self, index: int, units: Floats) -> Iterator[tuple[slice, Floats]]:
        """Yield all rows of the grid of an image, and the cosines there with unit vectors (k, d): (k, rows, cols)."""
        grid = self._grid(index)
        if index not in self._held:
            self._held[index] = unit_vectors(self._of_image(index, grid))
            while len(self._held) > 1 and sum(held.nbytes for held in self._held.values()) > _HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(index)
        yield slice(0, grid.rows), (units @ self._held[index].T).reshape(len(units), grid.rows, grid.cols)

    def _of_image(self, index: int, grid: Grid) -> Floats:
        title = f"windows of {self._images.dataset.ids[index]}"
        with self._runtime.progress.task(title, grid.rows * grid.cols, "windows") as task:
            rows = [np.zeros((0, self._blocks.width), dtype=np.float32)]
            for y in grid.ys().tolist():
                rows.append(self._features([self._window(index, x, y) for x in grid.xs().tolist()]))
                task.advance(grid.cols)
        return np.concatenate(rows)

    def _window(self, index: int, x: float, y: float) -> Floats:
        """The window about a centre, (c, height, width)."""
        height, width = self._patch
        return self._images.window(index, _whole(x - width / 2), _whole(y - height / 2), width, height)

    def _features(self, windows: Sequence[Floats]) -> Floats:
        """Features of windows of one size: (n, d)."""
        found = [np.zeros((0, self._blocks.width), dtype=np.float32)]
        for start in range(0, len(windows), self._runtime.batch):
            batch = torch.from_numpy(np.stack(windows[start : start + self._runtime.batch]))
            with torch.inference_mode():
                found.append(self._pooled(batch).cpu().numpy())
        return np.concatenate(found)

    def _pooled(self, windows: Tensor) -> Tensor:
        size = self._size if windows.shape[2:] == self._patch else self._size[::-1]
        if windows.shape[2:] != size:
            windows = torch.nn.functional.interpolate(windows, size=size, mode="bilinear", antialias=True)
        maps = self._blocks(windows.to(self._blocks.mean.device))
        pooled: Tensor = (maps * centred_weights(maps.shape[2], maps.shape[3]).to(maps)).sum(dim=(2, 3))
        return pooled


def centred_weights(height: int, width: int) -> Tensor:
    """Return weights (height, width) of a Gaussian about the centre, with a deviation of .25 of either side; sum 1.

    >>> centred_weights(1, 3).numpy().astype(float).round(3).tolist()
    [[0.226, 0.549, 0.226]]
    """
    return gaussian(height)[:, None] * gaussian(width)


def _whole(value: float) -> int:
    """The nearest whole number; halves up, so that neighbouring windows keep their distance."""
    return math.floor(value + 0.5)
