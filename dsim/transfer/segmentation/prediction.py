"""A stream of images through a network: decoded ahead, cut into tiles, in full batches, and put together again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from dsim.learning import in_float32
from dsim.transfer.planes import as_rgb
from dsim.transfer.segmentation.tiling import Canvas, canvas

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from dsim.data.dataset import Dataset
    from dsim.transfer.segmentation.segmenter import Segmenter

#: Images decoded ahead of the one in use.
AHEAD = 8


def decoded(dataset: Dataset, indices: Sequence[int], workers: int) -> Iterator[tuple[int, Tensor]]:
    """(index, image float32 (3, H, W)) in order; a bounded number waits, however many there are."""
    # Decided once, here: left to the threads, each would scan the whole dataset for its intensity range.
    _ = dataset.treatment

    def load(index: int) -> tuple[int, Tensor]:
        return index, as_rgb(dataset.pixels(index), f"image {dataset.ids[index]!r} of {dataset.name!r}")

    if not workers:
        yield from map(load, indices)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="dsim-decode")
    waiting: deque[Future[tuple[int, Tensor]]] = deque()
    try:
        for index in indices:
            waiting.append(pool.submit(load, index))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def predictions(
    segmenter: Segmenter, images: Iterable[tuple[int, Tensor]], batch: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """(index, probabilities at the original size) of each image, in order.

    Tiles of several small images share a batch; those of a large one take several. Only images whose tiles have not
    all come back are held.
    """
    recipe = segmenter.recipe
    under_way: deque[Canvas] = deque()
    tiles: list[tuple[Canvas, int]] = []
    for index, image in images:
        made = canvas(index, image, recipe.side, recipe.patch)
        under_way.append(made)
        for number in range(len(made.corners)):
            tiles.append((made, number))
            if len(tiles) == batch:
                _pass(segmenter, tiles)
                tiles = []
        while under_way and not under_way[0].waiting:
            first = under_way.popleft()
            yield first.index, first.finish()
    if tiles:
        _pass(segmenter, tiles)
    for last in under_way:
        yield last.index, last.finish()


def _pass(segmenter: Segmenter, tiles: Sequence[tuple[Canvas, int]]) -> None:
    """Tiles through the network, and back to where they belong."""
    import torch

    inputs = torch.stack([made.tile(number) for made, number in tiles])
    inputs = inputs.to(segmenter.device).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), in_float32("float32"):
        found = segmenter.network(inputs).float().sigmoid().cpu()
    for (made, number), probabilities in zip(tiles, found, strict=True):
        made.put(number, probabilities)
