"""Windows of images: of a large file no more is decoded than is asked for, where its format allows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsim.data.patches import read_sizes

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset


class WindowReader:
    """An image whose pixels are read by windows; see ``open_windows``.

    ``height``, ``width``, ``channels`` and ``dtype`` are those of its pixels as stored.
    """

    def __init__(self, pixels: NDArray[Any]) -> None:
        self._pixels = pixels
        self.height, self.width, self.channels = pixels.shape
        self.dtype: np.dtype[Any] = pixels.dtype

    @property
    def held_bytes(self) -> int:
        """Bytes of decoded pixels that are held in memory."""
        return int(self._pixels.nbytes)

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[Any]:
        """Return pixels as stored, (height, width, C), of the window at column x and row y, inside the image."""
        return self._pixels[y : y + height, x : x + width]


def open_windows(dataset: Dataset, index: int) -> WindowReader:
    """Return the reader of windows (h, w, c) of an image; raises NeedError without images."""
    return WindowReader(dataset.native(index))


def image_sizes(dataset: Dataset, indices: Sequence[int]) -> list[tuple[int, int]]:
    """Return height and width of images (h, w, c), from headers of files; other images are read once.

    Raises NeedError without images.
    """
    return read_sizes(dataset, indices)
