"""Cosines of all patches of an image with vectors, from one map of features of that image."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsim_simsearch.grids import Grid, Places, interpolate, places_between
from dsim_simsearch.whitening import Whitening, fit_whitening, unit_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dsim.annotations import Region
    from dsim_simsearch.feature_map import FeatureMap
    from dsim_simsearch.features import FeatureMaps

    Floats = NDArray[np.float32]

#: Bytes of whitened features that one strip of an image has, and that are held for all images.
_STRIP, _HELD = 2**26, 2**28
#: Patches of an image, at most, by which features are whitened, and rows that they are from.
_SAMPLED, _ROWS = 4096, 128
#: Features whose squares sum to less have no direction: their cosine is 0.
_ALMOST_ZERO = 1e-20


@dataclass(frozen=True, eq=False)
class _Strip:
    """Some rows of an image's grid: the features that they lie between, and one over the length of each's features.

    ``cells`` : (rows, cols, d), whitened. ``inverse`` : (rows, cols) of the grid.
    """

    cells: Floats
    ys: Places
    xs: Places
    inverse: Floats

    def cosines(self, units: Floats) -> Floats:
        """Cosines with unit vectors (k, d): (k, rows, cols) of the grid."""
        rows, cols, width = self.cells.shape
        products = (units @ self.cells.reshape(-1, width).T).reshape(-1, rows, cols)
        between = interpolate(products, self.ys, self.xs)
        between *= self.inverse
        return between


class DenseFeatures:
    """Features of patches at any place of an image, whitened or as they are.

    Features between the cells of a map are interpolated; so are products with them, and so a cosine costs one product
    with the map and not one with each patch.

    Parameters
    ----------
    maps : of the images. grid : gives the places of an image's patches.
    whitening : None takes features as they are.
    """

    def __init__(self, maps: FeatureMaps, grid: Callable[[int], Grid], whitening: Whitening | None) -> None:
        self._maps, self._grid, self._whitening = maps, grid, whitening
        self._held: OrderedDict[int, list[_Strip]] = OrderedDict()

    def vectors(self, regions: Sequence[Region]) -> Floats:
        """Return features of regions and of their turns by 90, 180, 270 degrees: (n, 4, d), not whitened."""
        return self._maps.rotated(regions)

    def units(self, vectors: Floats) -> Floats:
        """Return whitened vectors (..., d) of length 1."""
        return unit_vectors(vectors if self._whitening is None else self._whitening.whiten(vectors))

    def at(self, index: int, centres: NDArray[np.float64]) -> Floats:
        """Return features at centres (n, 2) of an image: (n, d), not whitened."""
        return self._maps[index].at(centres)

    def cosines(self, index: int, units: Floats) -> Iterator[tuple[slice, Floats]]:
        """Yield rows of the grid of an image, and the cosines there with unit vectors (k, d): (k, rows, cols)."""
        first = 0
        for strip in self._strips(index):
            last = first + len(strip.inverse)
            yield slice(first, last), strip.cosines(units)
            first = last

    def _strips(self, index: int) -> Iterator[_Strip] | list[_Strip]:
        if index in self._held:
            self._held.move_to_end(index)
            return self._held[index]
        features = self._maps[index]
        size = 4 * math.prod(features.cells.shape)
        if size > _HELD // 2:
            return self._cut(features, self._grid(index))
        strips = self._held[index] = [*self._cut(features, self._grid(index))]
        while sum(strip.cells.nbytes for held in self._held.values() for strip in held) > _HELD:
            self._held.popitem(last=False)
        return strips

    def _cut(self, features: FeatureMap, grid: Grid) -> Iterator[_Strip]:
        """The strips of a map, from its upper one down; each has the rows that its places lie between."""
        rows, cols, width = features.cells.shape
        xs = places_between((grid.xs() - features.origin[0]) / features.step, cols)
        ys = places_between((grid.ys() - features.origin[1]) / features.step, rows)
        most = max(2, _STRIP // (4 * width * cols))
        first = 0
        while first < grid.rows:
            top = int(ys.low[first])
            last = int(np.searchsorted(ys.low, top + most - 1))
            part = Places(ys.low[first:last] - top, ys.share[first:last])
            below = min(int(ys.low[last - 1]) + 2, rows)
            yield self._strip(np.asarray(features.cells[top:below], dtype=np.float32), part, xs)
            first = last

    def _strip(self, cells: Floats, ys: Places, xs: Places) -> _Strip:
        if self._whitening is not None:
            cells = self._whitening.whiten(cells)
        squares = np.zeros((len(ys.low), len(xs.low)), dtype=np.float32)
        for channel in np.moveaxis(cells, 2, 0):
            squares += np.square(interpolate(channel[None], ys, xs)[0])
        inverse = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > _ALMOST_ZERO)
        return _Strip(cells, ys, xs, inverse)


def whitening_of(maps: FeatureMaps, indices: Sequence[int], strength: float) -> Whitening:
    """Return the whitening by patches of these images; of each image as many, drawn at random, the same ones always."""
    generator = np.random.default_rng(0)
    return fit_whitening(np.concatenate([_sample(maps[index], generator) for index in indices]), strength)


def _sample(features: FeatureMap, generator: np.random.Generator) -> Floats:
    """Features of some cells of a map (n, d), from few of its rows, so that large maps are not read whole."""
    rows = np.sort(generator.permutation(features.cells.shape[0])[:_ROWS])
    points = np.concatenate([np.asarray(features.cells[row : row + 1], dtype=np.float32)[0] for row in rows.tolist()])
    return points[np.sort(generator.permutation(len(points))[:_SAMPLED])]
