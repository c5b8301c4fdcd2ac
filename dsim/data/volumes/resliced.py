"""Slices through a stack of images: across its rows or its columns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.volumes.kept import KEPT
from dsim.errors import DataError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from dsim.data.backings import Place


@dataclass(frozen=True)
class Resliced:
    """One slice along ``y`` (rows become images) or ``x`` (columns do) through images of one shape, first to last.

    The last image becomes the top row: scans are stored from the feet to the head. All images are read for the first
    slice, and kept for the next ones.
    """

    images: tuple[Place, ...]
    axis: str
    index: int

    @property
    def path(self) -> Path:
        """The file of the first image."""
        return self.images[0].path

    @property
    def alone(self) -> bool:
        """Never: the file holds other slices."""
        return False

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that are read."""
        return tuple(dict.fromkeys(file for image in self.images for file in image.files))

    def read(self, max_pixels: int) -> NDArray[Any]:
        """Pixels, (number of images, width or height, channels)."""
        return self._slice("image", lambda image: image.read(max_pixels))

    def read_mask(self, max_pixels: int) -> NDArray[Any]:
        """Integers, (number of images, width or height)."""
        return self._slice("mask", lambda image: image.read_mask(max_pixels))

    def digest(self, of_file: Mapping[Path, str]) -> str:
        """sha256 of the files' digests, the axis and the position."""
        held = ",".join(image.digest(of_file) for image in self.images)
        return hashlib.sha256(f"{held}#{self.axis}{self.index}".encode()).hexdigest()

    def _slice(self, what: str, read: Callable[[Place], NDArray[Any]]) -> NDArray[Any]:
        import numpy as np

        def load() -> NDArray[Any]:
            images = [read(image) for image in self.images]
            if len({(image.shape, image.dtype) for image in images}) > 1:
                raise DataError(f"the slices of {self.path} have unequal shapes or types", hint="cut it along z")
            return np.stack(images[::-1])

        stamps = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in self.files)
        volume = KEPT.get((what, self.images, stamps), load)
        slice_: NDArray[Any] = volume[:, self.index] if self.axis == "y" else volume[:, :, self.index]
        return np.ascontiguousarray(slice_)
