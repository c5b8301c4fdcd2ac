"""Decode NIfTI-1 and NIfTI-2, plain or gzipped, by nibabel: every slice along the last axis is a sample.

A slice is turned as radiologists look at it, by the directions that the header states: the patient's right is on the
left, and anterior (of slices that run downwards, superior) is on top, as in DICOM. Where the header states none, the
first axis runs across and the second down.
"""

from __future__ import annotations

import gzip
import math
import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.formats.pixels import FrameHeader, refuse_bomb
from dsim.errors import UnreadableImageError

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray


#: Of all volumes together: some forty CT scans of 512 x 512 x 24, or two of 512 x 512 x 500. One is always kept.
LIMIT = 2**29


class KeptVolumes:
    """Arrays of voxels, such as (x, y, z, time), by key, the least recently used forgotten first; safe for threads.

    >>> import numpy as np
    >>> kept = KeptVolumes(limit=100)
    >>> kept.get("a", lambda: np.zeros(80, np.uint8)).size, kept.get("b", lambda: np.zeros(80, np.uint8)).size
    (80, 80)
    >>> len(kept)
    1
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._volumes: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        # Reentrant: a stack of gzipped volumes is loaded from volumes.
        self._lock = threading.RLock()
        # A process that is forked while a thread reads would wait for that thread for ever.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def __len__(self) -> int:
        return len(self._volumes)

    def get(self, key: Hashable, load: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the array of this key, such as (x, y, z, time).

        ``load`` is called where it is not kept, by one thread at a time.
        """
        with self._lock:
            if key not in self._volumes:
                self._volumes[key] = load()
            self._volumes.move_to_end(key)
            while len(self._volumes) > 1 and sum(array.nbytes for array in self._volumes.values()) > self._limit:
                self._volumes.popitem(last=False)
            return self._volumes[key]

    def _renew(self) -> None:
        self._lock = threading.RLock()


#: One for the process: datasets come and go, and are sent to other processes without it.
KEPT = KeptVolumes()


#: Bytes of a file that show whether it is one; of a gzipped file they hold the header too.
HEAD_BYTES = 1024
_CHUNK = 2**20
_GZIP = b"\x1f\x8b"
_NEARLY = 0.01
_KEPT_CLASSES = "stored classes kept, the header's scaling is not applied"
_SCALED_CLASSES = "classes scaled as the header says"


def is_nifti(head: bytes) -> bool:
    """Return whether a file starts as NIfTI-1 or NIfTI-2 of one file, possibly gzipped."""
    if head[:2] == _GZIP:
        try:
            head = zlib.decompressobj(31).decompress(head, 352)
        except zlib.error:
            return False
    return head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0"


def headers(path: Path, max_pixels: int) -> tuple[FrameHeader, ...]:
    """Return one header per slice (h, w), time point after time point; decodes no voxel.

    Raises ValueError where the file breaks off, UnreadableImageError for vectors at each voxel.
    """
    volume = _Volume.of(path)
    height, width = volume.size
    refuse_bomb(path, height, width, volume.channels, max_pixels)
    _refuse_truncated(path, volume.bytes)
    traits = ("turned upright by the directions in its header",) if volume.directions else ()
    return tuple(
        header
        for time in range(volume.times)
        for header in (
            FrameHeader(height, width, volume.dtype, traits, kind="NIfTI", time=time, directions=volume.directions),
        )
        * volume.depth
    )


def read(path: Path, index: int, max_pixels: int) -> NDArray[Any]:
    """Return values of one slice, (H, W) or (H, W, 3), rescaled by its header: uint8 as stored, all else float32.

    Raises UnreadableImageError for vectors at each voxel, and for more than ``max_pixels``.
    """
    import numpy as np

    volume = _Volume.of(path)
    refuse_bomb(path, *volume.size, volume.channels, max_pixels)
    stored = volume.slice(index)
    if volume.dtype == "uint8":
        return stored
    if stored.dtype.kind not in "uif":
        return stored  # refused by its dtype
    values: NDArray[np.float32] = (stored.astype(np.float64) * volume.slope + volume.intercept).astype(np.float32)
    return values


def read_mask(path: Path, index: int, max_pixels: int) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return a slice of a mask, (H, W), and notes on it: integers as stored, whatever the header scales them to.

    Integers that are the classes only after scaling, as of a mask that was saved from floats, are scaled.
    Raises UnreadableImageError where neither has the background 0, for vectors at each voxel, and for more than
    ``max_pixels``.
    """
    import numpy as np

    volume = _Volume.of(path)
    if volume.unscaled or volume.voxels.dtype.kind not in "ui":
        return volume.slice(index) if volume.unscaled else read(path, index, max_pixels), ()
    refuse_bomb(path, *volume.size, volume.channels, max_pixels)
    stored = volume.slice(index)
    if not _scales_to_classes(str(path.absolute()), path.stat().st_mtime_ns, path.stat().st_size):
        return stored, (_KEPT_CLASSES,)
    scaled: NDArray[np.int64] = np.rint(stored * volume.slope + volume.intercept).astype(np.int64)
    return scaled, (_SCALED_CLASSES,)


def mask_traits(path: Path, max_pixels: int) -> tuple[str, ...]:
    """Return notes on the mask (h, w): what became of classes that its header scales.

    Raises UnreadableImageError where neither the stored nor the scaled numbers have the background 0.
    """
    volume = _Volume.of(path)
    scaled = not volume.unscaled and volume.voxels.dtype.kind in "ui"
    return read_mask(path, 0, max_pixels)[1] if scaled else ()


@lru_cache(maxsize=256)
def _scales_to_classes(path: str, changed: int, size: int) -> bool:
    """Whether the classes of a scaled volume (x, y, z) are its scaled numbers, False: its stored ones.

    The header of a mask may be a copy of its scan's, which shifts the background away from 0; or the writer has spread
    the classes over all integers, so that no stored number is 0 where the background is.
    """
    import numpy as np

    volume = _volume(path, changed, size)
    numbers = np.unique(volume.stored())
    if numbers[0] == 0:
        return False
    scaled = numbers * volume.slope + volume.intercept
    # Writers round the slope to single precision.
    if np.abs(scaled - np.rint(scaled)).max() < _NEARLY and np.rint(scaled[0]) == 0:
        return True
    raise UnreadableImageError(
        f"mask {path} holds the numbers {numbers[0]} to {numbers[-1]}, which its header scales to {scaled[0]:g} to "
        f"{scaled[-1]:g}: neither has 0 as the smallest, the background",
        hint="save the mask as unscaled integers with 0 as background",
    )


@dataclass(frozen=True)
class _Volume:
    """The statements of a header; the voxels are still in the file. ``shape`` is (x, y, z, time)."""

    stamp: tuple[str, int, int]
    gzipped: bool
    voxels: Any
    shape: tuple[int, int, int, int]
    slope: float
    intercept: float
    directions: str
    order: tuple[int, int]
    flips: tuple[bool, bool]

    @classmethod
    def of(cls, path: Path) -> _Volume:
        status = path.stat()
        return _volume(str(path.absolute()), status.st_mtime_ns, status.st_size)

    @classmethod
    def opened(cls, stamp: tuple[str, int, int]) -> _Volume:
        import nibabel

        path = Path(stamp[0])
        image: Any = nibabel.load(path)
        shape = tuple(int(size) for size in image.shape)
        shape += (1,) * (4 - len(shape))
        if 0 in shape or len(image.shape) < 2:
            raise ValueError(f"it has zero slices: its shape is {tuple(image.shape)}")
        if any(size > 1 for size in shape[4:]):
            raise UnreadableImageError(
                f"{path} has {len(image.shape)} axes, {' x '.join(map(str, image.shape))}: vectors are not read",
                hint="save each component as a separate volume",
            )
        directions, order, flips = _upright(image)
        slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
        with path.open("rb") as file:
            gzipped = file.read(2) == _GZIP
        return cls(stamp, gzipped, image.dataobj, shape[:4], slope, intercept, directions, order, flips)  # type: ignore[arg-type]

    @property
    def times(self) -> int:
        return self.shape[3]

    @property
    def depth(self) -> int:
        return self.shape[2]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a slice, (h, w)."""
        return self.shape[self.order[0]], self.shape[self.order[1]]

    @property
    def channels(self) -> int:
        return 3 if self.voxels.dtype.names else 1

    @property
    def unscaled(self) -> bool:
        return (self.slope, self.intercept) == (1.0, 0.0)

    @property
    def dtype(self) -> str:
        """As ``read`` gives it: all but 8 bits become float32, so that volumes of several types share a range."""
        colours = bool(self.voxels.dtype.names)
        return "uint8" if colours or (self.voxels.dtype.name == "uint8" and self.unscaled) else "float32"

    @property
    def bytes(self) -> int:
        """Bytes that the file must hold, decompressed."""
        return int(self.voxels.offset) + math.prod(self.shape) * int(self.voxels.dtype.itemsize)

    def slice(self, index: int) -> NDArray[Any]:
        """Return stored values of one slice, (H, W) or (H, W, 3), upright."""
        import numpy as np

        time, z = divmod(index, self.depth)
        plane = np.array(self.stored()[:, :, z, time])
        if plane.dtype.names:
            plane = np.stack([plane[name] for name in plane.dtype.names[:3]], axis=-1)
        plane = plane if self.order == (0, 1) else plane.swapaxes(0, 1)
        return plane[:: -1 if self.flips[0] else 1, :: -1 if self.flips[1] else 1]

    def stored(self) -> NDArray[Any]:
        """Return all voxels, (x, y, z, time), unscaled.

        Those of a plain file are mapped; a gzipped one is decompressed once, and kept.
        """
        import numpy as np

        if not self.gzipped:
            mapped: NDArray[Any] = np.asanyarray(self.voxels.get_unscaled()).reshape(self.shape, order="F")
            return mapped
        return KEPT.get(self.stamp, lambda: np.asarray(self.voxels.get_unscaled()).reshape(self.shape, order="F"))


@lru_cache(maxsize=256)
def _volume(path: str, changed: int, size: int) -> _Volume:
    """Headers are parsed once, not for each slice; a file that is written anew has another stamp."""
    return _Volume.opened((path, changed, size))


def _upright(image: Any) -> tuple[str, tuple[int, int], tuple[bool, bool]]:
    """Directions in letters (``RAS``), the axes that become rows and columns, and which of them are turned round."""
    import numpy as np
    from nibabel.orientations import io_orientation, ornt2axcodes

    header = image.header
    if not int(header["sform_code"]) and not int(header["qform_code"]):
        return "", (1, 0), (False, False)
    found = io_orientation(image.affine)  # type: ignore[no-untyped-call]
    if np.isnan(found).any():
        return "", (1, 0), (False, False)
    # Anatomical axes are numbered right, anterior, superior: of the two in a slice, the later one is upright.
    rows, columns = (0, 1) if found[0, 0] > found[1, 0] else (1, 0)
    letters = "".join(map(str, ornt2axcodes(found)))  # type: ignore[no-untyped-call]
    return letters, (rows, columns), (bool(found[rows, 1] > 0), bool(found[columns, 1] > 0))


def _refuse_truncated(path: Path, wanted: int) -> None:
    with path.open("rb") as file:
        gzipped = file.read(2) == _GZIP
        file.seek(-4 if gzipped else 0, 2)
        held = int.from_bytes(file.read(4), "little") if gzipped else file.tell()
    # A gzipped file ends in its length; several members, or bytes after the voxels, make that another number.
    if gzipped and held != wanted % 2**32:
        with gzip.open(path) as stream:
            held = sum(map(len, iter(lambda: stream.read(_CHUNK), b"")))
    if held < wanted and not (gzipped and held == wanted % 2**32):
        raise ValueError(f"the file breaks off: it should hold {wanted:,} bytes, and holds {held:,}")
