"""A file for libraries that crash after a failed write: the error is kept, and raised on request."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class DeferringFile(io.RawIOBase):
    """A new file, open for reading and writing, whose writes never fail.

    HDF5 that could not write cannot close either, and ends the process with a segmentation fault at exit. What the
    disk refuses is kept in memory, so that the library reads what it wrote and closes; ``check`` raises the first
    OSError. Ask after every large write, so that little gathers.

    >>> import tempfile
    >>> with DeferringFile(Path(tempfile.mkdtemp()) / "new") as file:
    ...     _ = file.write(b"content")
    ...     file.check()
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._refused: list[tuple[int, bytes]] = []
        self._position = self._end = 0
        self._error: OSError | None = None

    def check(self) -> None:
        """Raise the first OSError of a write, if there was one."""
        if self._error is not None:
            raise self._error

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        return self._position

    def truncate(self, size: int | None = None) -> int:
        size = self._position if size is None else size
        try:
            self._file.truncate(size)
        except OSError as error:
            self._error = self._error or error
        self._end = size
        return size

    def write(self, data: ReadableBuffer, /) -> int:
        view = memoryview(data).cast("B")
        written = 0
        try:
            self._file.seek(self._position)
            while written < len(view):
                written += self._file.write(view[written:])
        except OSError as error:
            self._error = self._error or error
            self._refused.append((self._position + written, bytes(view[written:])))
        self._position += len(view)
        self._end = max(self._end, self._position)
        return len(view)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        view = view[: max(0, min(len(view), self._end - self._position))]
        self._file.seek(self._position)
        found = self._file.readinto(view) or 0
        view[found:] = bytes(len(view) - found)  # a hole, unless the disk refused what belongs there
        for start, data in self._refused:
            low, high = max(start, self._position), min(start + len(data), self._position + len(view))
            if low < high:
                view[low - self._position : high - self._position] = data[low - start : high - start]
        self._position += len(view)
        return len(view)

    def close(self) -> None:
        self._file.close()
        super().close()
