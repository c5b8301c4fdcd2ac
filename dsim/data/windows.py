"""Windows of images: of a large file no more is decoded than is asked for, where its format allows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from dsim.data.backings import FilesBacking, Frame
from dsim.data.formats import decode
from dsim.data.patches import below_subsets, read_sizes
from dsim.registry import Need

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset

#: Images of fewer pixels are decoded whole: that is fast, and their windows are then free.
_SMALL = 2**22
#: Bytes of decoded parts of one image that are held for its next windows.
_HELD = 2**27


class WindowReader(Protocol):
    """An image (height, width, channels) of a dtype, as stored, that is read by windows. Safe for threads."""

    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def held_bytes(self) -> int:
        """Bytes of decoded pixels that are held in memory for the next windows."""

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[Any]:
        """Return pixels as stored, (height, width, C), of the window at column x and row y, inside the image.

        Not to be changed. Raises UnreadableImageError that names the file.
        """


class _Whole:
    """An image that was decoded whole."""

    def __init__(self, pixels: NDArray[Any]) -> None:
        self._pixels = pixels
        self.height, self.width, self.channels = pixels.shape
        self.dtype = pixels.dtype
        self.held_bytes = int(pixels.nbytes)

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[Any]:
        return self._pixels[y : y + height, x : x + width]


class _Parts:
    """An image of a file, decoded where it is looked at."""

    def __init__(self, windows: decode.Windows) -> None:
        self._windows = windows
        self.height, self.width = windows.height, windows.width
        corner = windows.read(0, 0, 1, 1)
        self.channels, self.dtype = corner.shape[2], corner.dtype

    @property
    def held_bytes(self) -> int:
        return self._windows.held_bytes

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[Any]:
        return self._windows.read(x, y, width, height)


def open_windows(dataset: Dataset, index: int) -> WindowReader:
    """Return the reader of windows (h, w, c) of an image.

    Large TIFF files are decoded by strips and tiles; every other image is decoded once, now. Raises NeedError without
    images, UnreadableImageError that names the file.

    >>> import numpy as np
    >>> from dsim.data import from_arrays
    >>> reader = open_windows(from_arrays(np.arange(12, dtype=np.uint8).reshape(1, 3, 4)), 0)
    >>> reader.read(1, 2, 2, 1)[..., 0].tolist()
    [[9, 10]]
    """
    dataset.require(Need.IMAGES, "reading windows")
    backing, (position,) = below_subsets(dataset.backing, [index])
    place = backing.images[position] if isinstance(backing, FilesBacking) else None
    if isinstance(place, Frame) and isinstance(backing, FilesBacking):
        windows = decode.open_windows(place.path, place.index, backing.max_pixels, _HELD)
        if windows is not None and windows.height * windows.width > _SMALL:
            return _Parts(windows)
    return _Whole(dataset.native(index))


def image_sizes(dataset: Dataset, indices: Sequence[int]) -> list[tuple[int, int]]:
    """Return height and width of images (h, w, c): from headers of files; other images are read once.

    Raises NeedError without images.
    """
    return read_sizes(dataset, indices)
