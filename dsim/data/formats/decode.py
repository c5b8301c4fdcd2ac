"""From a file to pixels: one door for all image formats.

Every failure is an UnreadableImageError that names the file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.formats import dicom, nifti
from dsim.data.formats.pixels import FrameHeader, as_mask, as_pixels, naming
from dsim.data.options import MAX_PIXELS

if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from numpy.typing import NDArray

_HEAD_BYTES = max(nifti.HEAD_BYTES, dicom.HEAD_BYTES)
#: Names of files that are taken for images; their first bytes decide what they really are.
IMAGE_SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pbm", ".pgm", ".ppm", ".pnm", ".tif", ".tiff"}
    | {".nii", ".dcm"}
)
#: Raw files of cameras begin as TIFF does, with a preview.
_CAMERA_SUFFIXES = frozenset({".arw", ".cr2", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".sr2", ".srw"})


def is_image(path: Path) -> bool:
    """Return whether a file is taken for an image: by its name, or, of any other ending, by its first bytes."""
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES or path.name.lower().endswith(".nii.gz"):
        return True
    if suffix in _CAMERA_SUFFIXES:
        return False
    try:
        return path.is_file() and _decoder_of(_head(path)) is not None
    except OSError:
        return False


def headers(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[FrameHeader, ...]:
    """Return the header of each image (frame, page) of the file; nothing is decoded.

    Raises UnreadableImageError where the file is not an image, breaks off, or promises more than ``max_pixels``.
    """
    with naming(path):
        found: tuple[FrameHeader, ...] = _decoder(path).headers(path, max_pixels)
        if not found:
            raise ValueError("it holds no image")
        return found


def read(path: Path, index: int = 0, max_pixels: int = MAX_PIXELS) -> NDArray[Any]:
    """Return pixels of one image of the file as stored, shape (H, W, C), native dtype, upright.

    Palettes become their colours, alpha is dropped, bilevel becomes 0 and 255, CMYK becomes RGB. 16 bits stay 16 bits.
    Raises UnreadableImageError that names the file.
    """
    with naming(path):
        return as_pixels(_decoder(path).read(path, index, max_pixels), path)


class Windows:
    """Windows of one image (height, width, c) of a file; see ``open_windows``."""

    def __init__(self, path: Path, index: int, size: tuple[int, int], held: int) -> None:
        from dsim.data.formats.tiff_windows import Segments

        self._path, self._index, self._segments = path, index, Segments(held)
        self.height, self.width = size

    @property
    def held_bytes(self) -> int:
        """Bytes of decoded pixels that are held."""
        return self._segments.nbytes

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[Any]:
        """Return the pixels of ``read``, (height, width, C), in a window inside the image.

        Raises UnreadableImageError that names the file.
        """
        from dsim.data.formats.tiff import read_window
        from dsim.data.formats.tiff_windows import Window

        with naming(self._path):
            found = read_window(self._path, self._index, Window(x, y, width, height), self._segments)
            return as_pixels(found, self._path)


def open_windows(path: Path, index: int, max_pixels: int, held: int) -> Windows | None:
    """Return the windows of an image (h, w, c) of a file; None where its format only lets it be decoded whole.

    Up to ``held`` bytes of decoded pixels are held for the next windows. Raises UnreadableImageError that names the
    file.
    """
    from dsim.data.formats import tiff

    with naming(path):
        size = tiff.window_size(path, index, max_pixels) if _decoder(path) is tiff else None
        return None if size is None else Windows(path, index, size, held)


def read_mask(path: Path, index: int = 0, max_pixels: int = MAX_PIXELS) -> NDArray[Any]:
    """Return an integer mask, shape (H, W), 0 is background; a palette's indices, not its colours.

    Raises UnreadableImageError that names the file.
    """
    with naming(path):
        return as_mask(_decoder(path).read_mask(path, index, max_pixels)[0], path)


def mask_headers(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[FrameHeader, ...]:
    """Return the header of each mask (h, w) of the file; its traits say what was decided on the numbers' meaning.

    Only a mask that could mean two things is decoded. Raises what ``headers`` and ``read_mask`` raise.
    """
    found = headers(path, max_pixels)
    with naming(path):
        traits: tuple[str, ...] = _decoder(path).mask_traits(path, max_pixels)
    return tuple(replace(header, traits=traits) for header in found)


def verify(path: Path, *, mask: bool = False, thorough: bool = False, max_pixels: int = MAX_PIXELS) -> None:
    """Decode every image of the file, to find out whether it can be read.

    Unless ``thorough``, a file whose end looks as it should is trusted. Raises UnreadableImageError for the first that
    cannot be read.
    """
    from dsim.data.formats import raster

    with naming(path):
        if not thorough and (_decoder(path) is not raster or raster.looks_whole(path)):
            return
    for index in range(len(headers(path, max_pixels))):
        (read_mask if mask else read)(path, index, max_pixels)


def _decoder(path: Path) -> ModuleType:
    head = _head(path)
    decoder = _decoder_of(head)
    if decoder is None:
        raise ValueError("it is empty" if not head else "it is not an image of a known format")
    return decoder


def _head(path: Path) -> bytes:
    """The first bytes of a file; ValueError for a pipe or a device, whose opening could wait for ever."""
    if path.exists() and not path.is_file():
        raise ValueError("it is not a regular file")
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _decoder_of(head: bytes) -> ModuleType | None:
    from dsim.data.formats import raster, tiff

    if dicom.is_dicom(head):
        return dicom
    if nifti.is_nifti(head):
        return nifti
    if tiff.is_tiff(head):
        return tiff
    return raster if raster.format_of(head[:32]) else None
