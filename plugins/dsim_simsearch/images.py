"""Images as SimSearch sees them: chosen channels in [0, 1], read by windows, mirrored beyond the border."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from dsim.data import WindowReader, image_sizes, open_windows
from dsim.plugin import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.plugin import Dataset
    from dsim_simsearch.preparation import Preparation

#: Bytes of decoded pixels that are held for the next windows.
_HELD = 2**27


class PreparedImages:
    """The images of a dataset under one preparation. Safe for threads.

    Parameters
    ----------
    dataset : images of one number of channels.
    preparation : which channels, and the range that becomes [0, 1].
    """

    def __init__(self, dataset: Dataset, preparation: Preparation) -> None:
        self.dataset, self.preparation = dataset, preparation
        self._sizes = image_sizes(dataset, range(len(dataset)))
        self._position = {sample: index for index, sample in enumerate(dataset.ids)}
        self._readers: OrderedDict[int, WindowReader] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def channels(self) -> int:
        """The number of channels after preparation."""
        return len(self.preparation.channels)

    def shape(self, index: int) -> tuple[int, int]:
        """Return height and width of an image, from its header where it is a file."""
        return self._sizes[index]

    def index(self, image: str) -> int:
        """Return the position of an image id; raises UsageError for an id that the dataset does not have."""
        if image not in self._position:
            raise UsageError(f"there is no image {image!r} in {self.dataset.name!r}", hint="give the id of an image")
        return self._position[image]

    def window(self, index: int, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
        """Return float32 (c, height, width) in [0, 1] of the window at column x and row y, mirrored beyond the border.

        Reads no more than is needed where the file allows it. Raises DataError for an image of other channels.
        """
        rows, columns = self.shape(index)
        across, down = _mirrored(x, width, columns), _mirrored(y, height, rows)
        left, top = int(across.min()), int(down.min())
        reader = self._reader(index)
        native = reader.read(left, top, int(across.max()) + 1 - left, int(down.max()) + 1 - top)
        planes = self.preparation.apply(native, self.dataset.ids[index])
        if not _is_run(down):
            planes = planes[:, down - top]
        return np.ascontiguousarray(planes if _is_run(across) else planes[:, :, across - left])

    def _reader(self, index: int) -> WindowReader:
        with self._lock:
            reader = self._readers.get(index)
            if reader is None:
                reader = self._readers[index] = open_windows(self.dataset, index)
            self._readers.move_to_end(index)
            while len(self._readers) > 1 and sum(other.held_bytes for other in self._readers.values()) > _HELD:
                self._readers.popitem(last=False)
            return reader


def _mirrored(start: int, count: int, length: int) -> NDArray[np.int64]:
    """Pixels of a side of ``length`` behind ``count`` places from ``start`` on: ..., 1, 0, 0, 1, 2, ...

    >>> _mirrored(-2, 7, 3).tolist()
    [1, 0, 0, 1, 2, 2, 1]
    """
    steps = np.arange(start, start + count) % (2 * length)
    found: NDArray[np.int64] = np.minimum(steps, 2 * length - 1 - steps)
    return found


def _is_run(indices: NDArray[np.int64]) -> bool:
    return bool(indices[-1] - indices[0] == len(indices) - 1)
