"""Where the samples of a dataset lie: in files, or in arrays. All can be pickled, and hold no open files."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dsim.data import decode
from dsim.data.options import MAX_PIXELS
from dsim.data.pixels import array_digest, as_mask, as_pixels, naming
from dsim.errors import NeedError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

T = TypeVar("T")

#: Threads that read headers and hash files: more than cores, since they mostly wait for the disk.
IO_THREADS = min(16, 4 + (os.cpu_count() or 1))


@dataclass(frozen=True)
class Frame:
    """One image within a file; ``alone`` where the file holds no other."""

    path: Path
    index: int = 0
    alone: bool = True


@dataclass(frozen=True)
class FilesBacking:
    """Images (and masks) that are files, or frames of files."""

    images: tuple[Frame, ...]
    masks: tuple[Frame, ...] | None = None
    max_pixels: int = MAX_PIXELS

    def image(self, index: int) -> NDArray[Any]:
        frame = self.images[index]
        return decode.read(frame.path, frame.index, self.max_pixels)

    def image_digest(self, index: int) -> str:
        return self._image_digests[index]

    def mask(self, index: int) -> NDArray[Any]:
        frame = _or_no_masks(self.masks)[index]
        return decode.read_mask(frame.path, frame.index, self.max_pixels)

    def mask_digest(self, index: int) -> str:
        _or_no_masks(self.masks)
        return self._mask_digests[index]

    @cached_property
    def _image_digests(self) -> tuple[str, ...]:
        return _digests(self.images)

    @cached_property
    def _mask_digests(self) -> tuple[str, ...]:
        return _digests(self.masks or ())


@dataclass(frozen=True)
class ArraysBacking:
    """Images (and masks) held in memory; they are not copied and must not be changed afterwards."""

    images: tuple[NDArray[Any], ...]
    masks: tuple[NDArray[Any], ...] | None = None
    name: str = "arrays"

    def image(self, index: int) -> NDArray[Any]:
        return as_pixels(self.images[index], f"image {index} of {self.name}")

    def image_digest(self, index: int) -> str:
        return array_digest(self.images[index])

    def mask(self, index: int) -> NDArray[Any]:
        return as_mask(_or_no_masks(self.masks)[index], f"{index} of {self.name}")

    def mask_digest(self, index: int) -> str:
        return array_digest(_or_no_masks(self.masks)[index])


def _or_no_masks(masks: tuple[T, ...] | None) -> tuple[T, ...]:
    if masks is None:
        raise NeedError("the dataset has no masks")
    return masks


def _digests(frames: tuple[Frame, ...]) -> tuple[str, ...]:
    """Digest of each frame: that of its file, with the frame's number where the file holds several."""
    paths = sorted({frame.path for frame in frames})
    with ThreadPoolExecutor(IO_THREADS) as threads:
        of_file = dict(zip(paths, threads.map(_file_digest, paths), strict=True))
    return tuple(
        of_file[frame.path]
        if frame.alone
        else hashlib.sha256(f"{of_file[frame.path]}#{frame.index}".encode()).hexdigest()
        for frame in frames
    )


def _file_digest(path: Path) -> str:
    with naming(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class RowsBacking(ABC):
    """Samples that are rows of the arrays ``images`` and ``masks`` in one file."""

    path: Path

    def image(self, index: int) -> NDArray[Any]:
        return as_pixels(self._row("images", index), f"image {index} of {self.path}")

    def image_digest(self, index: int) -> str:
        return array_digest(self._row("images", index))

    def mask(self, index: int) -> NDArray[Any]:
        return as_mask(self._row("masks", index), f"{index} of {self.path}")

    def mask_digest(self, index: int) -> str:
        return array_digest(self._row("masks", index))

    @abstractmethod
    def _row(self, name: str, index: int) -> NDArray[Any]:
        """One row of ``images`` or ``masks``, as stored."""
