"""Where the samples of a dataset lie: in files, or in arrays. All can be pickled, and hold no open files."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from dsim.data.formats import decode
from dsim.data.formats.pixels import array_digest, as_mask, as_pixels, naming, oriented
from dsim.data.options import MAX_PIXELS
from dsim.errors import NeedError
from dsim.files import file_sha256

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

T = TypeVar("T")

#: Threads that read headers and hash files: more than cores, since they mostly wait for the disk.
IO_THREADS = min(16, 4 + (os.cpu_count() or 1))


class Place(Protocol):
    """Where the pixels (h, w, c) of one sample, or its mask (h, w), lie in files."""

    @property
    def path(self) -> Path:
        """The file (of several, the first)."""

    @property
    def index(self) -> int:
        """The sample's number in the file."""

    @property
    def alone(self) -> bool:
        """Whether the file holds no other image."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that are read."""

    def read(self, max_pixels: int) -> NDArray[Any]:
        """Return pixels as stored, (H, W, C), any numeric dtype. Raises UnreadableImageError that names the file."""

    def read_mask(self, max_pixels: int) -> NDArray[Any]:
        """Return an integer mask, (H, W). Raises UnreadableImageError that names the file."""

    def digest(self, of_file: Mapping[Path, str]) -> str:
        """Return the identity of the pixels (h, w, c), from the sha256 of each of the files."""


@dataclass(frozen=True)
class Frame:
    """One image (h, w, c), or one mask (h, w), within a file; ``alone`` where the file holds no other.

    ``turn`` is the orientation (1 to 8) by which a mask is turned to lie on its image.
    Reading raises UnreadableImageError that names the file.
    """

    path: Path
    index: int = 0
    alone: bool = True
    turn: int = 1

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def read(self, max_pixels: int) -> NDArray[Any]:
        return decode.read(self.path, self.index, max_pixels)

    def read_mask(self, max_pixels: int) -> NDArray[Any]:
        import numpy as np

        mask = decode.read_mask(self.path, self.index, max_pixels)
        return mask if self.turn == 1 else np.ascontiguousarray(oriented(mask, self.turn))

    def digest(self, of_file: Mapping[Path, str]) -> str:
        """Return the digest of the file, with the number of the image (h, w, c) where the file holds several."""
        whole = of_file[self.path]
        if self.turn != 1:
            whole = hashlib.sha256(f"{whole} turned {self.turn}".encode()).hexdigest()
        return whole if self.alone else hashlib.sha256(f"{whole}#{self.index}".encode()).hexdigest()


@dataclass(frozen=True)
class Objects:
    """The mask (h, w) of an image whose objects are marked by one file each, in order: the first becomes 1.

    Where objects overlap, the later one is seen. Reading raises UnreadableImageError that names the file.
    """

    files: tuple[Path, ...]

    @property
    def path(self) -> Path:
        """The file of the first object."""
        return self.files[0]

    @property
    def index(self) -> int:
        """0: each file holds one mask."""
        return 0

    @property
    def alone(self) -> bool:
        """True: the files hold no other mask."""
        return True

    def read(self, max_pixels: int) -> NDArray[Any]:
        """Return the mask as an image, (h, w, 1)."""
        return self.read_mask(max_pixels)[:, :, None]

    def read_mask(self, max_pixels: int) -> NDArray[Any]:
        """Return the number of the object at each pixel, uint16 (h, w) of up to 65535 objects, else int32."""
        import numpy as np

        first = decode.read_mask(self.path, 0, max_pixels)
        numbers = np.zeros(first.shape, np.uint16 if len(self.files) < 2**16 else np.int32)
        for number, file in enumerate(self.files, 1):
            numbers[(first if number == 1 else decode.read_mask(file, 0, max_pixels)) != 0] = number
        return numbers

    def digest(self, of_file: Mapping[Path, str]) -> str:
        """Return the sha256 of the digests of the files, in their order; pixels (h, w) are not read."""
        held = ",".join(of_file[file] for file in self.files)
        return hashlib.sha256(f"objects:{held}".encode()).hexdigest()


@dataclass(frozen=True)
class FilesBacking:
    """Images (h, w, c) and masks (h, w) that are files, frames of files, or slices through stacks of them.

    ``masks`` has None for an image without one. Reading raises UnreadableImageError for a damaged file, NeedError for a
    mask that is not there.
    """

    images: tuple[Place, ...]
    masks: tuple[Place | None, ...] | None = None
    max_pixels: int = MAX_PIXELS

    def image(self, index: int) -> NDArray[Any]:
        return self.images[index].read(self.max_pixels)

    def image_digest(self, index: int) -> str:
        return self._image_digests[index]

    def mask(self, index: int) -> NDArray[Any]:
        return _mask_of(self.masks, index).read_mask(self.max_pixels)

    def mask_digest(self, index: int) -> str:
        _mask_of(self.masks, index)
        return self._mask_digests[index]

    @cached_property
    def _image_digests(self) -> tuple[str, ...]:
        return _digests(self.images)

    @cached_property
    def _mask_digests(self) -> dict[int, str]:
        places = {index: place for index, place in enumerate(self.masks or ()) if place is not None}
        return dict(zip(places, _digests(tuple(places.values())), strict=True))


@dataclass(frozen=True)
class ArraysBacking:
    """Images (and masks) held in memory, (H, W[, C]) and (H, W) each; not copied, and not to be changed.

    ``masks`` has None for an image without one. Reading raises UnreadableImageError for values that are not pixels,
    NeedError for a mask that is not there.
    """

    images: tuple[NDArray[Any], ...]
    masks: tuple[NDArray[Any] | None, ...] | None = None
    name: str = "arrays"

    def image(self, index: int) -> NDArray[Any]:
        return as_pixels(self.images[index], f"image {index} of {self.name}")

    def image_digest(self, index: int) -> str:
        return array_digest(self.images[index])

    def mask(self, index: int) -> NDArray[Any]:
        return as_mask(_mask_of(self.masks, index), f"{index} of {self.name}")

    def mask_digest(self, index: int) -> str:
        return array_digest(_mask_of(self.masks, index))


def _mask_of(masks: tuple[T | None, ...] | None, index: int) -> T:
    mask = None if masks is None else masks[index]
    if mask is None:
        what = "the dataset has no masks" if masks is None else f"image {index} has no mask"
        raise NeedError(what, hint="give the image one: masks/ beside images/, or masks=...")
    return mask


def _digests(places: tuple[Place, ...]) -> tuple[str, ...]:
    """Digest of each sample; every file is hashed once."""
    paths = sorted({path for place in places for path in place.files})
    with ThreadPoolExecutor(IO_THREADS) as threads:
        of_file = dict(zip(paths, threads.map(_file_digest, paths), strict=True))
    return tuple(place.digest(of_file) for place in places)


def _file_digest(path: Path) -> str:
    with naming(path):
        return file_sha256(path)


@dataclass(frozen=True)
class RowsBacking(ABC):
    """Samples that are rows of the arrays ``images`` (n, H, W[, C]) and ``masks`` (n, H, W) in one file.

    Reading raises UnreadableImageError for values that are not pixels.
    """

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
