"""Maps of features of whole images: one pass of a network's early blocks, pooled with a weight on the centre."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dsim.plugin import Runtime, UsageError
from dsim.store import ContentStore
from dsim_simsearch.resampling import sample_image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from dsim.annotations import Region
    from dsim.store import Rows
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.network import EarlyBlocks

#: Bumped when any number of a map changes.
VERSION = 1
#: Mirrored network pixels around an image, so that its border is not the network's border.
_MARGIN = 16
#: Longest side of a network's input, in network pixels.
_TILE = 1280
#: Bytes of a map in float32 above which it is stored as float16 and read by rows.
_LARGE = 2**28
#: Bytes of maps that are held in memory.
_HELD = 2**28


@dataclass(frozen=True)
class FeatureMap:
    """Pooled features on a regular grid of cells.

    Parameters
    ----------
    cells : (rows, cols, d), float32, or float16 for large images; an array, or rows that are read from a file.
    origin : centre of cell (0, 0) in pixels of the image, x and y.
    step : distance of cells in pixels of the image.
    shape : height and width of the image.
    """

    cells: Rows
    origin: tuple[float, float]
    step: float
    shape: tuple[int, int]

    @property
    def values(self) -> NDArray[Any]:
        """The features as (d, rows, cols): a view of the cells; read whole where they lie in a file."""
        return np.moveaxis(np.asarray(self.cells), 2, 0)

    def grid(self, stride: float) -> NDArray[np.float64]:
        """Return centres (rows, cols, 2), x and y, that cover the image at this distance."""
        xs, ys = self._axes(stride)
        return np.stack(np.broadcast_arrays(xs[None, :], ys[:, None]), axis=2)

    def resample(self, stride: float) -> NDArray[np.float32]:
        """Return ``at(grid(stride))``, float32 (rows, cols, d), faster."""
        xs, ys = self._axes(stride)
        below, up, down = _between((ys - self.origin[1]) / self.step, self.cells.shape[0])
        left, near, far = _between((xs - self.origin[0]) / self.step, self.cells.shape[1])
        whole = np.asarray(self.cells, dtype=np.float32)
        rows = whole[below] * up[:, None, None] + whole[below + 1] * down[:, None, None]
        found: NDArray[np.float32] = rows[:, left] * near[:, None] + rows[:, left + 1] * far[:, None]
        return found

    def at(self, centres: NDArray[Any]) -> NDArray[np.float32]:
        """Return the features at centres (..., 2), x and y in pixels, bilinear between cells: float32 (..., d)."""
        points = np.asarray(centres, dtype=np.float64).reshape(-1, 2)
        left, near, far = _between((points[:, 0] - self.origin[0]) / self.step, self.cells.shape[1])
        above, up, down = _between((points[:, 1] - self.origin[1]) / self.step, self.cells.shape[0])
        first = int(above.min(initial=0))
        rows = np.asarray(self.cells[first : int(above.max(initial=0)) + 2], dtype=np.float32)
        above = above - first
        found = (rows[above, left] * near[:, None] + rows[above, left + 1] * far[:, None]) * up[:, None]
        found += (rows[above + 1, left] * near[:, None] + rows[above + 1, left + 1] * far[:, None]) * down[:, None]
        return found.reshape(*np.shape(centres)[:-1], -1)

    def _axes(self, stride: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        height, width = self.shape
        return _steps(width, stride), _steps(height, stride)


def _steps(length: int, stride: float) -> NDArray[np.float64]:
    return (np.arange(max(1, math.ceil(length / stride - 0.5))) + 0.5) * stride


def _between(places: NDArray[np.float64], count: int) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]:
    """The cell before each place, its share, and that of the cell after it; at the border, the last one's."""
    inside = np.clip(places, 0, count - 1)
    before = np.minimum(inside.astype(np.int64), max(0, count - 2))
    share = (inside - before).astype(np.float32)
    return before, 1 - share, share


class FeatureMaps:
    """The feature maps of prepared images, each computed when it is first asked for.

    Parameters
    ----------
    images : as prepared; of as many channels as the blocks take.
    blocks : the network; while maps are in use its weights must not change.
    patch : height and width of a region in pixels.
    region : how many network pixels the longer side of a region spans: images are resampled by region / longer side.
    runtime : conditions of the run.
    store : folder in which maps are stored, by content; None: only the last ones are held in memory.
    """

    def __init__(
        self,
        images: PreparedImages,
        blocks: EarlyBlocks,
        patch: tuple[float, float],
        region: float = 112,
        runtime: Runtime | None = None,
        store: Path | None = None,
    ) -> None:
        if min(patch) <= 0 or region <= 0:
            raise UsageError(f"a patch cannot have the sides {patch}", hint="give a height and a width above 0")
        self.images, self.blocks, self.patch, self.region = images, blocks, patch, region
        self.runtime = runtime or Runtime()
        self.scale = region / max(patch)
        self._store = None if store is None else ContentStore(store, self.runtime.progress.note)
        self._recent: OrderedDict[int, FeatureMap] = OrderedDict()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> FeatureMap:
        """Return the map of an image: from memory, from the store, or computed now."""
        found = self._recent.get(index)
        if found is None:
            found = self._recent[index] = self._compute(index)
        self._recent.move_to_end(index)
        while len(self._recent) > 1 and sum(_size(one.cells) for one in self._recent.values()) > _HELD:
            self._recent.popitem(last=False)
        return found

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that maps depend on besides the image, as JSON values."""
        return {
            "version": VERSION,
            "blocks": self.blocks.identity,
            "patch": list(self.patch),
            "region": self.region,
            "preparation": self.images.preparation.to_dict(),
        }

    def pool(self, cells: Tensor) -> Tensor:
        """Return features (n, d) of the blocks' output (n, d, rows, cols) for ``crops``: the mean by centre weights."""
        down, across = (_gaussian(side).to(cells) for side in self._kernel)
        weights = torch.zeros(cells.shape[2:], device=cells.device, dtype=cells.dtype)
        top, left = ((total - side) // 2 for total, side in zip(cells.shape[2:], self._kernel, strict=True))
        weights[top : top + len(down), left : left + len(across)] = down[:, None] * across[None, :]
        return torch.einsum("ndrc,rc->nd", cells, weights)

    def crops(self, regions: Sequence[Region], margin: int | None = None) -> Tensor:
        """Return the network's input around regions, float32 (n, c, H, W): ``pool(blocks(crops))`` are their features.

        ``margin`` is the context in network pixels around the pooled cells, rounded up to whole cells; with None it
        holds all that the features depend on.
        """
        return torch.stack([self._crop(region, 0, margin) for region in regions])

    def rotated(self, regions: Sequence[Region]) -> NDArray[np.float32]:
        """Return the features of regions turned by 0, 90, 180 and 270 degrees with all around them, float32 (n, 4, d).

        Counterclockwise as numpy's rot90 turns. Turn 0 is taken from the map; the others go through the network.
        """
        found = np.empty((len(regions), 4, self.blocks.width), dtype=np.float32)
        for number, region in enumerate(regions):
            found[number, 0] = self[self.images.index(region.image)].at(np.array([region.centre]))[0]
            turned = torch.stack([self._crop(region, turns, None) for turns in (1, 2, 3)])
            found[number, 1:] = self.pool(self._run(turned)).numpy()
        return found

    @property
    def _kernel(self) -> tuple[int, int]:
        """Rows and columns of cells that are pooled."""
        height, width = (max(1, math.ceil(side * self.scale / self.blocks.stride - 1e-9)) for side in self.patch)
        return height, width

    def _run(self, images: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.blocks(images.to(self.blocks.mean.device)).float().cpu()

    def _crop(self, region: Region, turns: int, margin: int | None) -> Tensor:
        """One network input, (c, H, W), whose central cells are centred on the region, turned by quarters."""
        before, after = self._halo if margin is None else (math.ceil(margin / self.blocks.stride),) * 2
        # As many cells on both sides, so that the kernel is in the middle.
        around = max(before, after)
        places = []
        for side in self._kernel:
            count = (side + 2 * around) * self.blocks.stride
            middle = self.blocks.offset + self.blocks.stride * (around + (side - 1) / 2)
            places.append((np.arange(count) + 0.5 - middle) / self.scale)
        down, across = places
        centre_x, centre_y = region.centre
        # A turned picture shows at (right, down) what lies at the place turned back.
        xs, ys, axes = [
            (centre_x + across, centre_y + down, False),
            (centre_x - down, centre_y + across, True),
            (centre_x - across, centre_y - down, False),
            (centre_x + down, centre_y - across, True),
        ][turns]
        planes = sample_image(self.images, self.images.index(region.image), xs, ys, self.scale)
        return planes.transpose(1, 2) if axes else planes

    @property
    def _halo(self) -> tuple[int, int]:
        """Cells that must lie before and after a cell in the network's input, so that it sees all of its field."""
        stride = self.blocks.stride
        return max(0, math.ceil(-self.blocks.first / stride)), max(
            0, math.ceil((self.blocks.last + 1 - stride) / stride)
        )

    # Whole images ---------------------------------------------------------------------------------------------------

    def _compute(self, index: int) -> FeatureMap:
        plan = _Plan.of(self, self.images.shape(index))
        size = plan.rows.count * plan.columns.count * self.blocks.width * 4
        dtype = np.float16 if size > _LARGE else np.float32
        cells: Rows | None = None
        key: dict[str, Any] = {}
        if self._store is not None:
            key = {"image": self._digest(index), **self.identity}
            cells = self._stored(key, whole=size <= _LARGE)
            if cells is None:
                with self._store.writer("feature-maps", key, {"image": self.images.dataset.ids[index]}) as writer:
                    for band in self._bands(index, plan):
                        writer.append("cells", band.astype(dtype))
                cells = self._stored(key, whole=size <= _LARGE)
        if cells is None:
            cells = np.concatenate([band.astype(dtype) for band in self._bands(index, plan)])
        origin = plan.columns.first / self.scale, plan.rows.first / self.scale
        return FeatureMap(cells, origin, self.blocks.stride / self.scale, self.images.shape(index))

    def _stored(self, key: dict[str, Any], whole: bool) -> Rows | None:
        assert self._store is not None
        record = (self._store.get if whole else self._store.open)("feature-maps", key)
        return None if record is None else record.arrays["cells"]

    def _digest(self, index: int) -> str:
        backing = self.images.dataset.backing
        assert backing is not None
        return backing.image_digest(index)

    def _bands(self, index: int, plan: _Plan) -> Iterator[NDArray[np.float32]]:
        """Consecutive rows of the pooled map, float32 (rows, cols, d)."""
        rows, columns = plan.rows, plan.columns
        held, start, done = torch.empty(0), 0, 0
        for band in self._raw_bands(index, plan):
            held = torch.cat([held, band]) if len(held) else band
            ready = rows.ready(start + len(held))
            if ready > done:
                taps = rows.taps[:, done:ready] - start
                pooled = _weigh(_weigh(held, taps, rows.weights, 0), columns.taps, columns.weights, 1)
                yield pooled.numpy()
                done = ready
                needless = int(rows.taps[:, done:].min()) - start if done < rows.count else 0
                held, start = held[needless:], start + needless

    def _raw_bands(self, index: int, plan: _Plan) -> Iterator[Tensor]:
        """The blocks' output for consecutive rows of cells, float32 (rows, cols, d)."""
        for top, bottom in plan.rows.tiles(self._halo, self.blocks.stride):
            parts = []
            for left, right in plan.columns.tiles(self._halo, self.blocks.stride):
                parts.append(self._tile(index, plan, (top, bottom), (left, right)))
            yield torch.cat(parts, dim=1)

    def _tile(self, index: int, plan: _Plan, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
        """The blocks' output for some rows and columns of cells, (rows, cols, d), from an input with their context."""
        (ys, above), (xs, before) = plan.rows.places(rows, self._halo), plan.columns.places(columns, self._halo)
        planes = sample_image(self.images, index, xs / self.scale, ys / self.scale, self.scale)
        output = self._run(planes[None])[0]
        inner = output[:, above : above + rows[1] - rows[0], before : before + columns[1] - columns[0]]
        return inner.permute(1, 2, 0)


@dataclass(frozen=True)
class _Axis:
    """Rows, or columns, of an image's cells: those of the network, and the pooled ones.

    Parameters
    ----------
    cells : of the network, from the first network pixel ``begin`` on, ``stride`` pixels each.
    first : centre of the first pooled cell in network pixels; ``count`` : number of pooled cells.
    taps : which network cells each pooled cell is made of, int64 (k, count), with weights (k,).
    """

    begin: int
    stride: int
    cells: int
    first: float
    count: int
    taps: NDArray[np.int64]
    weights: Tensor

    @classmethod
    def of(cls, length: float, side: int, blocks: EarlyBlocks) -> _Axis:
        """The axis of an image ``length`` network pixels long; ``side`` cells are pooled."""
        stride = blocks.stride
        begin = -stride * math.ceil(_MARGIN / stride)
        cells = math.ceil((length - 2 * begin) / stride)
        # Cell i is centred at begin + offset + stride * i; pooled ones lie between cells if the kernel is even.
        shift = blocks.offset + (0.5 * stride if side % 2 == 0 else 0.0)
        low, high = math.floor(-shift / stride), math.ceil((length - shift) / stride)
        pooled = np.arange(low, high + 1)
        taps = pooled[None, :] + np.arange(side)[:, None] - (side - 1) // 2
        centres = blocks.offset + stride * taps
        mirrored = np.where(centres < 0, -centres, np.where(centres > length, 2 * length - centres, centres))
        outside = (taps * stride < begin) | (taps * stride >= begin + cells * stride)
        nearest = np.rint((np.where(outside, mirrored, centres) - blocks.offset - begin) / stride).astype(np.int64)
        taps = np.clip(nearest, 0, cells - 1)
        return cls(begin, stride, cells, shift + stride * low, len(pooled), taps, _gaussian(side))

    def ready(self, cells: int) -> int:
        """How many pooled cells can be made once this many cells are known."""
        late = np.flatnonzero(self.taps.max(0) >= cells)
        return int(late[0]) if len(late) else self.count

    def tiles(self, halo: tuple[int, int], stride: int) -> Iterator[tuple[int, int]]:
        """First and last (exclusive) cell of each tile, such that none is longer than ``_TILE`` with its context."""
        if self.cells * stride <= _TILE:
            yield 0, self.cells
            return
        most = max(4, _TILE // stride - sum(halo))
        count = math.ceil(self.cells / most)
        for number in range(count):
            yield self.cells * number // count, self.cells * (number + 1) // count

    def places(self, cells: tuple[int, int], halo: tuple[int, int]) -> tuple[NDArray[np.float64], int]:
        """Centres of the network pixels that these cells need; and how many cells of context come before them."""
        start, stop = max(0, cells[0] - halo[0]), min(self.cells, cells[1] + halo[1])
        pixels = np.arange(start * self.stride, stop * self.stride) + self.begin + 0.5
        return pixels, cells[0] - start


@dataclass(frozen=True)
class _Plan:
    """Rows and columns of the cells of an image."""

    rows: _Axis
    columns: _Axis

    @classmethod
    def of(cls, maps: FeatureMaps, shape: tuple[int, int]) -> _Plan:
        (height, width), (down, across) = shape, maps._kernel
        return cls(_Axis.of(height * maps.scale, down, maps.blocks), _Axis.of(width * maps.scale, across, maps.blocks))


def _gaussian(side: int) -> Tensor:
    """Weights of a centred Gaussian over ``side`` cells, sigma a quarter of the side; they sum to 1."""
    places = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    weights = torch.exp(-0.5 * (places / (0.25 * side)) ** 2)
    return (weights / weights.sum()).float()


def _weigh(cells: Tensor, taps: NDArray[np.int64], weights: Tensor, axis: int) -> Tensor:
    """Sum over taps of weights times the cells (rows, cols, d) taken along an axis."""
    total = torch.zeros(())
    for index, weight in zip(torch.from_numpy(taps), weights, strict=True):
        total = total + cells.index_select(axis, index) * weight
    return total


def _size(cells: Rows) -> int:
    return int(cells.nbytes) if isinstance(cells, np.ndarray) else 0
