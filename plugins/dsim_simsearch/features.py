"""Maps of features of whole images: one pass of a network's early blocks, pooled with a weight on the centre.

An image is resampled so that the longer side of a patch spans ``region`` network pixels, mirrored a little beyond its
border, and passed through the blocks in tiles that overlap by the blocks' field: tiles equal the whole. A Gaussian
as wide as the patch pools the cells, so that each pooled cell describes the patch centred on it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dsim.errors import UnknownNameError
from dsim.learning import CHOICES, autocast
from dsim.plugin import Runtime, UsageError
from dsim.store import ContentStore
from dsim_simsearch.cell_grid import Axis, Layout, gaussian, weigh
from dsim_simsearch.feature_map import FeatureMap, between
from dsim_simsearch.folding import folded
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
_KIND = "feature-maps"
#: Network pixels of context around turned prototypes. The default network reaches 169 pixels far, yet vectors with this
#: context and with all of it have a cosine of .9996 and more; it takes a quarter of the time.
_CONTEXT = 64
#: Bytes of a map in float32 above which it is stored as float16 and read by rows.
_LARGE = 2**28
#: Bytes of maps, and number of turned prototypes, that are held in memory.
_HELD, _HELD_TURNS = 2**28, 4096


class FeatureMaps:
    """The feature maps of prepared images, each computed when it is first asked for.

    Parameters
    ----------
    images : as prepared; of as many channels as the blocks take.
    blocks : the network with the weights that it has now: later changes have no effect on these maps.
    patch : height and width of a region in pixels.
    region : how many network pixels the longer side of a region spans; images are resampled by region / longer side.
    runtime : conditions of the run.
    store : folder in which maps are stored, by content; None: only the last ones are held in memory.
    precision : ``float32``, or ``bfloat16``: up to twice as fast, with vectors that differ by a cosine of some
        thousandths.

    Raises UsageError for sides that are not positive, and where images and blocks differ in channels.
    """

    def __init__(
        self,
        images: PreparedImages,
        blocks: EarlyBlocks,
        patch: tuple[float, float],
        region: float = 112,
        runtime: Runtime | None = None,
        store: Path | None = None,
        precision: str = "float32",
    ) -> None:
        if min(patch) <= 0 or region <= 0:
            raise UsageError(f"a patch cannot have the sides {patch}", hint="give a height and a width above 0")
        if images.channels != blocks.channels:
            raise UsageError(
                f"the network takes {blocks.channels} channels, and the images have {images.channels}",
                hint="open the blocks for as many channels: open_blocks(reference, images.channels, runtime)",
            )
        if precision not in CHOICES["precision"]:
            raise UnknownNameError("precision", precision, CHOICES["precision"], hint="choose float32 or bfloat16")
        self.images, self.blocks, self.patch, self.region = images, blocks, patch, region
        self.runtime = runtime or Runtime()
        self.scale, self.stride, self.width = region / max(patch), blocks.stride, blocks.width
        self._precision = precision
        self._device = blocks.mean.device
        image = torch.zeros(1, blocks.channels, 2 * blocks.stride, 2 * blocks.stride, device=self._device)
        self._folded, self._blocks_identity = folded(blocks, image), blocks.identity
        before, after = -(blocks.first // blocks.stride), blocks.last // blocks.stride
        self._layout = Layout(blocks.stride, blocks.offset, (max(0, before), max(0, after)))
        self._store = None if store is None else ContentStore(store, self.runtime.progress.note)
        self._recent: OrderedDict[int, FeatureMap] = OrderedDict()
        self._turned: OrderedDict[tuple[int, float, float], NDArray[np.float32]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> FeatureMap:
        """Return the map of an image: from memory, from the store, or computed now."""
        found = self._recent.get(index)
        if found is None:
            found = self._recent[index] = self._open(index)
        self._recent.move_to_end(index)
        while len(self._recent) > 1 and sum(_size(one.cells) for one in self._recent.values()) > _HELD:
            self._recent.popitem(last=False)
        return found

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that maps depend on besides the image, as JSON values."""
        return {
            "version": VERSION,
            "blocks": self._blocks_identity,
            "precision": self._precision,
            "patch": list(self.patch),
            "region": self.region,
            "preparation": self.images.preparation.to_dict(),
        }

    def bands(self, index: int) -> Iterator[NDArray[np.float32]]:
        """Yield consecutive rows of the cells of an image's map, (rows, cols, d); nothing of them is held or stored."""
        return self._bands(index, *self._axes(index))

    def place(self, index: int) -> tuple[tuple[float, float], float]:
        """Return origin and step of the map of an image, as ``FeatureMap`` has them, without computing it."""
        rows, columns = self._axes(index)
        return (columns.first / self.scale, rows.first / self.scale), self.stride / self.scale

    # Regions --------------------------------------------------------------------------------------------------------

    def rotated(self, regions: Sequence[Region]) -> NDArray[np.float32]:
        """Return the features of regions turned by 0, 90, 180 and 270 degrees with all around them, float32 (n, 4, d).

        Counterclockwise, as numpy's rot90 turns. Turn 0 is taken from the map, ``at`` the region's centre; the others
        pass through the network with up to 64 network pixels of context, and with their cells where those of the map
        lie around the centre. They are computed once for each centre.
        """
        found = np.empty((len(regions), 4, self.width), dtype=np.float32)
        for number, region in enumerate(regions):
            index = self.images.index(region.image)
            found[number, 0] = self[index].at(np.array([region.centre]))[0]
            found[number, 1:] = self._turns(index, region.centre)
        return found

    def crops(self, regions: Sequence[Region], margin: int | None = None) -> Tensor:
        """Return the network's input around regions, float32 (n, c, H, W), for training.

        ``pool(blocks(crops))`` are the features of the regions; cells are centred on each region. ``margin`` is the
        context in network pixels around the pooled cells, rounded up to whole cells; None: all that they depend on.
        """
        around = max(self._layout.halo) if margin is None else math.ceil(margin / self.stride)
        return torch.stack(
            [self._crop(self.images.index(region.image), region.centre, 0, around, (0, 0)) for region in regions]
        )

    def pool(self, cells: Tensor) -> Tensor:
        """Return features (n, d) of the blocks' output (n, d, rows, cols) for ``crops``; autograd sees through it."""
        return _pooled(cells, self._kernel, (0, 0))

    @property
    def _kernel(self) -> tuple[int, int]:
        """Rows and columns of cells that are pooled: as many as a patch spans, rounded up."""
        height, width = (max(1, math.ceil(side * self.scale / self.stride - 1e-9)) for side in self.patch)
        return height, width

    def _turns(self, index: int, centre: tuple[float, float]) -> NDArray[np.float32]:
        """Features of an image turned by 90, 180 and 270 degrees about a centre, float32 (3, d)."""
        key = index, *centre
        found = self._turned.get(key)
        if found is None:
            around = min(max(self._layout.halo), math.ceil(_CONTEXT / self.stride))
            found = self._turned[key] = self._turn(index, centre, (1, 2, 3), around)
        self._turned.move_to_end(key)
        while len(self._turned) > _HELD_TURNS:
            self._turned.popitem(last=False)
        return found

    def _turn(self, index: int, centre: tuple[float, float], turns: Sequence[int], around: int) -> NDArray[np.float32]:
        """Features (n, d) of an image after each of these turns about a centre, with so many cells of context."""
        axes = self._axes(index)
        shares = [
            float(between(np.array([(place * self.scale - axis.first) / self.stride]), axis.count)[2][0])
            for place, axis in zip(centre[::-1], axes, strict=True)
        ]
        phase = shares[0], shares[1]
        crops = torch.stack([self._crop(index, centre, turn, around, phase) for turn in turns])
        return _pooled(self._run(crops), self._kernel, phase).numpy()

    def _crop(
        self, index: int, centre: tuple[float, float], turns: int, around: int, phase: tuple[float, float]
    ) -> Tensor:
        """One network input, (c, H, W), with the image turned about a centre by quarters.

        The centre lies in the middle of its central cells, or by a part of a cell (``phase``, down and right) after.
        """
        places: list[NDArray[np.float64]] = []
        for side, shift in zip(self._kernel, phase, strict=True):
            count = (side + (shift > 0) + 2 * around) * self.stride
            middle = self._layout.offset + self.stride * (around + (side - 1) / 2 + shift)
            pixels: NDArray[np.float64] = np.arange(count, dtype=np.float64)
            places.append(np.divide(pixels + (0.5 - middle), self.scale, dtype=np.float64))
        (down, right), (x, y) = places, centre
        # What each picture shows at (right, down) of its centre; those of odd turns are sampled lying on their side.
        xs, ys = ((right, down), (-down, right), (-right, -down), (down, -right))[turns]
        planes = sample_image(self.images, index, x + xs, y + ys, self.scale)
        return planes.transpose(1, 2) if turns % 2 else planes

    def _run(self, images: Tensor) -> Tensor:
        """The blocks' output (n, d, rows, cols), float32 on the processor, of network inputs (n, c, H, W)."""
        with torch.inference_mode(), autocast(self._precision, self._device.type):
            maps: Tensor = self._folded(images.to(self._device))
            return maps.float().cpu()

    # Whole images ---------------------------------------------------------------------------------------------------

    def _axes(self, index: int) -> tuple[Axis, Axis]:
        """Rows and columns of an image's cells."""
        rows, columns = (
            Axis.of(length * self.scale, side, self._layout)
            for length, side in zip(self.images.shape(index), self._kernel, strict=True)
        )
        return rows, columns

    def _open(self, index: int) -> FeatureMap:
        rows, columns = self._axes(index)
        large = rows.count * columns.count * self.width * 4 > _LARGE
        bands = (band.astype(np.float16 if large else np.float32) for band in self._bands(index, rows, columns))
        cells = self._from_store(index, bands, large) if self._store is not None else np.concatenate(list(bands))
        return FeatureMap(cells, *self.place(index), self.images.shape(index))

    def _from_store(self, index: int, bands: Iterator[NDArray[Any]], large: bool) -> Rows:
        """The stored cells of an image; they are computed and stored first where there are none."""
        assert self._store is not None
        backing = self.images.dataset.backing
        assert backing is not None
        key = {"image": backing.image_digest(index), **self.identity}
        look_up = self._store.open if large else self._store.get
        record = look_up(_KIND, key)
        if record is None:
            with self._store.writer(_KIND, key, {"image": self.images.dataset.ids[index]}) as writer:
                for band in bands:
                    writer.append("cells", band)
            record = look_up(_KIND, key)
        assert record is not None
        return record.arrays["cells"]

    def _bands(self, index: int, rows: Axis, columns: Axis) -> Iterator[NDArray[np.float32]]:
        """Consecutive rows of the pooled map, float32 (rows, cols, d)."""
        held, start, done = torch.empty(0), 0, 0
        for band in self._raw_bands(index, rows, columns):
            held = torch.cat([held, band]) if len(held) else band
            ready = rows.ready(start + len(held))
            if ready == done:
                continue
            mixed = weigh(held, rows.taps[:, done:ready] - start, rows.weights, 0)
            yield weigh(mixed, columns.taps, columns.weights, 1).numpy()
            done = ready
            if done < rows.count:
                needless = int(rows.taps[:, done:].min()) - start
                held, start = held[needless:], start + needless

    def _raw_bands(self, index: int, rows: Axis, columns: Axis) -> Iterator[Tensor]:
        """The blocks' output for consecutive rows of cells, float32 (rows, cols, d)."""
        for top, bottom in rows.tiles():
            parts = []
            for left, right in columns.tiles():
                ys, above = rows.input_of(top, bottom)
                xs, before = columns.input_of(left, right)
                planes = sample_image(self.images, index, xs / self.scale, ys / self.scale, self.scale)
                output = self._run(planes[None])[0, :, above : above + bottom - top, before : before + right - left]
                parts.append(output.permute(1, 2, 0))
            yield torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]


def _pooled(cells: Tensor, kernel: tuple[int, int], phase: tuple[float, float]) -> Tensor:
    """Mean (n, d) of the central cells of (n, d, rows, cols) with Gaussian weights, shifted by parts of a cell."""
    down, across = (gaussian(side, shift).to(cells) for side, shift in zip(kernel, phase, strict=True))
    top, left = (cells.shape[2] - len(down)) // 2, (cells.shape[3] - len(across)) // 2
    central = cells[:, :, top : top + len(down), left : left + len(across)]
    return torch.einsum("ndrc,r,c->nd", central, down, across)


def _size(cells: Rows) -> int:
    return int(cells.nbytes) if isinstance(cells, np.ndarray) else 0
