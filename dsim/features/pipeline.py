"""Images to batches of tensors, in order, decoded ahead of their use in a bounded number of threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.features.transforms import Transform

_Images = Generator[NDArray[np.float32], None, None]

#: Batches decoded ahead of the one in use: enough to hide decoding, little enough to bound memory.
_AHEAD = 2


def stream(dataset: Dataset, transform: Transform, batch: int, workers: int) -> Iterator[NDArray[np.float32]]:
    """Transformed images in the dataset's order, float32 (b, C, H, W); the last batch may be smaller.

    At most ``_AHEAD`` batches wait, however long the dataset is. ``workers=0`` decodes in the caller's thread. An error
    in decoding is raised where its batch would have been; closing the iterator stops the threads.
    """
    images = _in_turn(dataset, transform) if workers == 0 else _ahead(dataset, transform, workers, _AHEAD * batch)
    try:
        for start in range(0, len(dataset), batch):
            size = min(batch, len(dataset) - start)
            yield np.stack([next(images) for _ in range(size)])
    finally:
        images.close()


def _in_turn(dataset: Dataset, transform: Transform) -> _Images:
    for index in range(len(dataset)):
        yield transform.apply(dataset.pixels(index))


def _ahead(dataset: Dataset, transform: Transform, workers: int, window: int) -> _Images:
    # Decided once, here: left to the threads, each would scan the whole dataset for its intensity range.
    _ = dataset.treatment

    def load(index: int) -> NDArray[np.float32]:
        return transform.apply(dataset.pixels(index))

    pool = ThreadPoolExecutor(workers, thread_name_prefix="dsim-decode")
    waiting: deque[Future[NDArray[np.float32]]] = deque()
    try:
        for index in range(len(dataset)):
            waiting.append(pool.submit(load, index))
            if len(waiting) > window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
