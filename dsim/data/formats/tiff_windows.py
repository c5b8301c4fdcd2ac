"""Windows of TIFF pages: only the strips and tiles that a window touches are decoded, and the last ones are held."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Compressions whose segments are decoded with tables that the page holds.
_WITH_TABLES = {6, 7, 34892, 33007}


class Window(NamedTuple):
    """A part of an image (h, w, c): its upper left pixel and its sides."""

    x: int
    y: int
    width: int
    height: int


class Segments:
    """Decoded strips and tiles (depth, h, w, c), the last of up to ``most`` bytes. Safe for threads."""

    def __init__(self, most: int) -> None:
        self._most, self.nbytes = most, 0
        self._held: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self._lock = Lock()

    def get(self, page: int, number: int) -> NDArray[Any] | None:
        """Return the segment (depth, h, w, c) of this number, where it is held."""
        with self._lock:
            found = self._held.get((page, number))
            if found is not None:
                self._held.move_to_end((page, number))
            return found

    def put(self, page: int, number: int, segment: NDArray[Any]) -> None:
        """Hold a segment (depth, h, w, c), and let go of the oldest."""
        with self._lock:
            replaced = self._held.pop((page, number), None)
            self._held[page, number] = segment
            self.nbytes += segment.nbytes - (0 if replaced is None else replaced.nbytes)
            while self.nbytes > self._most and len(self._held) > 1:
                self.nbytes -= self._held.popitem(last=False)[1].nbytes


def has_windows(page: Any) -> bool:
    """Return whether windows of a page's image (h, w, c) can be decoded alone."""
    return bool(page.keyframe.imagedepth == 1)


def page_window(page: Any, window: Window, segments: Segments) -> NDArray[Any]:
    """Return the part of a page's array in a window: its shape with the window's height and width.

    Raises ValueError, or what the decoder raises, where a segment is damaged.
    """
    import numpy as np

    keyframe = page.keyframe
    x, y, width, height = window
    if keyframe.is_memmappable and keyframe.is_contiguous and page.is_contiguous:
        mapped = page.asarray(out="memmap", squeeze=False)
        part = np.array(mapped[:, :, y : y + height, x : x + width])
    else:
        part = np.empty((keyframe.shaped[0], 1, height, width, keyframe.shaped[4]), keyframe.dtype)
        for number in _numbers(keyframe, window):
            _paste(part, window, *_segment(page, number, segments))
    sides = {"Y": height, "X": width}
    return part.reshape([sides.get(axis, size) for axis, size in zip(keyframe.axes, keyframe.shape, strict=True)])


def _numbers(keyframe: Any, window: Window) -> Iterator[int]:
    """Segments that the window touches."""
    down = keyframe.tilelength if keyframe.is_tiled else keyframe.rowsperstrip
    across = keyframe.tilewidth if keyframe.is_tiled else keyframe.imagewidth
    columns, rows = math.ceil(keyframe.imagewidth / across), math.ceil(keyframe.imagelength / down)
    for plane in range(keyframe.shaped[0]):
        for row in range(window.y // down, (window.y + window.height - 1) // down + 1):
            for column in range(window.x // across, (window.x + window.width - 1) // across + 1):
                yield (plane * rows + row) * columns + column


def _segment(page: Any, number: int, segments: Segments) -> tuple[NDArray[Any], int, int, int]:
    """A decoded segment, (h, w, c); its plane, and the row and column where it begins."""
    import numpy as np

    keyframe = page.keyframe
    decode = keyframe.decode
    held = segments.get(page.index, number)
    if held is None:
        tables = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
        file = page.parent.filehandle
        data = None
        if page.databytecounts[number]:
            file.seek(page.dataoffsets[number])
            data = file.read(page.databytecounts[number])
        found, place, shape = decode(data, number, **(tables if keyframe.compression in _WITH_TABLES else {}))
        held = np.full(shape, keyframe.nodata, keyframe.dtype) if found is None else found
        segments.put(page.index, number, held)
    else:
        _, place, _ = decode(None, number)
    return held[0], place[0], place[2], place[3]


def _paste(part: NDArray[Any], window: Window, segment: NDArray[Any], plane: int, top: int, left: int) -> None:
    """Put what a segment shares with the window where it belongs in ``part``, (planes, 1, height, width, c)."""
    rows = slice(max(top, window.y), min(top + segment.shape[0], window.y + window.height))
    columns = slice(max(left, window.x), min(left + segment.shape[1], window.x + window.width))
    shared = segment[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    here = slice(rows.start - window.y, rows.stop - window.y), slice(columns.start - window.x, columns.stop - window.x)
    part[plane, 0, here[0], here[1]] = shared
