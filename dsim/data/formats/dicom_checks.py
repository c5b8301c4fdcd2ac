"""Refusal of DICOM files before they are decoded: without pixels, of a missing codec, or truncated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.formats.pixels import NoImageError
from dsim.errors import UnreadableImageError

if TYPE_CHECKING:
    from typing import Any, BinaryIO

PIXELS, _UNDEFINED = 0x7FE00010, 0xFFFFFFFF
_NEEDED = ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "PhotometricInterpretation")
_DELIMITER = b"\xfe\xff\xdd\xe0"
_CODECS = "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg pylibjpeg-rle"


def frames_of(header: Any) -> int:
    """Return the number of frames (h, w, c) that the header states, 1 where it states none."""
    stated = header.get("NumberOfFrames")
    return 1 if stated is None else int(stated)


def refuse_no_pixels(header: Any, path: Path) -> None:
    """Raise NoImageError for an object that has no pixels by its kind, ValueError for an image without them."""
    lacking = [name for name in _NEEDED if name not in header]
    if PIXELS in header and not lacking:
        return
    if PIXELS in header and len(lacking) < len(_NEEDED):
        raise ValueError(f"its header lacks {', '.join(lacking)}")
    kind = getattr(header.file_meta.get("MediaStorageSOPClassUID"), "name", "")
    if kind and "Image" not in kind:
        raise NoImageError(f"{path} is a {kind}: it holds no pixels", hint="name a file that holds an image")
    raise ValueError("it holds no integer pixels, or breaks off before them")


def refuse_unknown_syntax(header: Any, path: Path) -> None:
    """Raise UnreadableImageError where pixels are compressed, but nothing says how."""
    pixels = header.get_item(PIXELS, keep_deferred=True)
    packed = header.file_meta.TransferSyntaxUID.is_encapsulated
    if not packed and getattr(pixels, "length", 0) == _UNDEFINED:
        raise UnreadableImageError(
            f"{path} states no TransferSyntaxUID, or a wrong one, and its pixels are compressed: how is not known",
            hint="export it again, or uncompressed",
        )


def refuse_missing_codec(header: Any, path: Path) -> None:
    """Raise UnreadableImageError, with what to install, where no decoder for the pixels is there."""
    from pydicom.pixels.decoders.base import get_decoder

    syntax = header.file_meta.TransferSyntaxUID
    if not syntax.is_compressed:
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise UnreadableImageError(
            f"{path} is compressed by {syntax.name}, which needs a decoder that is not installed", hint=_CODECS
        )


def refuse_truncated(header: Any, path: Path) -> None:
    """Raise ValueError where the file breaks off within its pixels, or promises more frames than it can hold."""
    pixels = header.get_item(PIXELS, keep_deferred=True)
    if not hasattr(pixels, "value_tell") or header.file_meta.TransferSyntaxUID.is_deflated:
        return  # short or deflated: they have been read in full
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if pixels.length != _UNDEFINED:
            whole = pixels.value_tell + pixels.length <= size and pixels.length >= _wanted(header)
        else:
            fragments = _fragments(file, pixels.value_tell, size)
            # The first one is the table of offsets; each frame has one of its own at least.
            if 0 < fragments <= frames_of(header):
                raise ValueError(f"it should hold {frames_of(header):,} frames, and holds {fragments - 1}")
            whole = fragments > 0
    if not whole:
        raise ValueError("the file breaks off within its pixels")


def _wanted(header: Any) -> int:
    """Bytes of uncompressed pixels, or 0 where they are compressed."""
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        return 0
    numbers = int(header.Rows) * int(header.Columns) * int(header.get("SamplesPerPixel", 1))
    if str(header.PhotometricInterpretation) == "YBR_FULL_422":
        numbers = numbers * 2 // 3
    return numbers * frames_of(header) * int(header.BitsAllocated) // 8


def _fragments(file: BinaryIO, start: int, size: int) -> int:
    """How many items compressed pixels have before their delimiter; 0 where they break off before that."""
    place, count = start, 0
    while place + 8 <= size:
        file.seek(place)
        tag, length = file.read(4), int.from_bytes(file.read(4), "little")
        if tag == _DELIMITER:
            return count
        place, count = place + 8 + length, count + 1
    return 0
