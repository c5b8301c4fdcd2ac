"""Decode DICOM files by pydicom: every frame of a file is a sample; ``dsim.data.volumes`` puts files into order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.formats.pixels import FrameHeader, NoImageError, Slot, refuse_bomb
from dsim.errors import UnreadableImageError

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    import numpy as np
    from numpy.typing import NDArray

#: Bytes of a file that show whether it is one.
HEAD_BYTES = 132
_PIXELS, _UNDEFINED = 0x7FE00010, 0xFFFFFFFF
_DELIMITER = b"\xfe\xff\xdd\xe0"
#: Longer elements are left in the file until they are asked for: the pixels.
_DEFER = 1024
_CODECS = "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg pylibjpeg-rle"


def is_dicom(head: bytes) -> bool:
    """Return whether a file starts as DICOM."""
    return head[128:132] == b"DICM"


def looks_like(path: Path) -> bool:
    """Return whether a file whose name has no ending (or ends in a number, as UIDs do) is DICOM by its first bytes."""
    if path.suffix and not path.suffix[1:].isdigit():
        return False
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(HEAD_BYTES))
    except OSError:
        return False


def headers(path: Path, max_pixels: int) -> tuple[FrameHeader, ...]:
    """Return one header per frame (h, w) or (h, w, 3); decodes nothing.

    Raises ValueError where the file breaks off, or needs a codec that is missing; UnreadableImageError for more than
    ``max_pixels``; NoImageError for plans, structures, reports and other objects without pixels.
    """
    header = _opened(path)
    _refuse_no_pixels(header, path)
    channels = int(header.get("SamplesPerPixel", 1))
    refuse_bomb(path, int(header.Rows), int(header.Columns), channels, max_pixels)
    frames = _frames(header)
    if frames < 1:
        raise ValueError("it has zero slices: NumberOfFrames is 0")
    _refuse_missing_codec(header, path)
    _refuse_truncated(header, path)
    frame = FrameHeader(
        int(header.Rows), int(header.Columns), _dtype(header), _traits(header), kind="DICOM", slot=_slot(header)
    )
    return (frame,) * frames


def read(path: Path, index: int, max_pixels: int) -> NDArray[Any]:
    """Return values of one frame, (H, W) or (H, W, 3): rescaled, MONOCHROME1 inverted, palette and YBR as RGB.

    8 bits stay uint8 where nothing rescales them; all else is float32. Raises UnreadableImageError for more than
    ``max_pixels``.
    """
    import numpy as np

    header, stored = _frame(path, index)
    refuse_bomb(path, int(header.Rows), int(header.Columns), int(header.get("SamplesPerPixel", 1)), max_pixels)
    kind = header.PhotometricInterpretation
    if kind == "PALETTE COLOR":
        return _colours(header, stored)
    if _bilevel(header):
        return stored.astype(np.uint8) * np.uint8(255)
    values = _rescaled(header, stored, index)
    if kind == "MONOCHROME1":
        ends = _rescaled(header, _ends(header), index)
        values = float(ends[0]) + float(ends[1]) - values.astype(np.float64)
    if _dtype(header) == "uint8":
        return values.astype(np.uint8, copy=False)
    single: NDArray[np.float32] = values.astype(np.float32)
    return single


def read_mask(path: Path, index: int, max_pixels: int) -> NDArray[Any]:
    """Return a mask as stored, (H, W), without any rescaling; bilevel becomes 0 and 255.

    Raises UnreadableImageError for more than ``max_pixels``.
    """
    import numpy as np

    header, stored = _frame(path, index)
    refuse_bomb(path, int(header.Rows), int(header.Columns), int(header.get("SamplesPerPixel", 1)), max_pixels)
    return stored.astype(np.uint8) * np.uint8(255) if _bilevel(header) else stored


def series_of(path: Path) -> str:
    """Return the series that a file belongs to, or an empty text where it is not DICOM or names none."""
    import pydicom

    try:
        header = pydicom.dcmread(path, specific_tags=["SeriesInstanceUID"], stop_before_pixels=True)
    except Exception:  # whatever is wrong is reported when the file is read
        return ""
    return str(header.get("SeriesInstanceUID", ""))


def _opened(path: Path) -> Any:
    import pydicom

    return pydicom.dcmread(path, defer_size=_DEFER)


def _frame(path: Path, index: int) -> tuple[Any, NDArray[Any]]:
    import pydicom
    from pydicom.pixels.utils import pixel_array

    header = _opened(path)
    _refuse_missing_codec(header, path)
    # From the file only the frame is read; but a deflated file has to be inflated as a whole.
    source = pydicom.dcmread(path) if header.file_meta.TransferSyntaxUID.is_deflated else path
    return header, pixel_array(source, index=index)


# What the header states -------------------------------------------------------------------------------------------


def _frames(header: Any) -> int:
    stated = header.get("NumberOfFrames")
    return 1 if stated is None else int(stated)


def _slot(header: Any) -> Slot:
    def numbers(name: str, count: int) -> tuple[float, ...] | None:
        values = header.get(name)
        return tuple(float(value) for value in values) if values is not None and len(values) == count else None

    number = header.get("InstanceNumber")
    return Slot(
        series=str(header.get("SeriesInstanceUID", "")),
        number=None if number is None else int(number),
        position=numbers("ImagePositionPatient", 3),
        orientation=numbers("ImageOrientationPatient", 6),
    )


def _dtype(header: Any) -> str:
    """As ``read`` gives it: all but plain 8 bits become float32, so that images of several types share a range."""
    if header.PhotometricInterpretation == "PALETTE COLOR" or _bilevel(header):
        return "uint8"
    plain = int(header.BitsAllocated) == 8 and not int(header.get("PixelRepresentation", 0))
    return "uint8" if plain and not _rescales(header) else "float32"


def _bilevel(header: Any) -> bool:
    return int(header.BitsAllocated) == 1


def _rescales(header: Any) -> bool:
    if "ModalityLUTSequence" in header or _functional(header, 0) is not None:
        return True
    return (float(header.get("RescaleSlope", 1) or 1), float(header.get("RescaleIntercept", 0) or 0)) != (1.0, 0.0)


def _traits(header: Any) -> tuple[str, ...]:
    kind = str(header.PhotometricInterpretation)
    facts = {
        "MONOCHROME1 turned into black-is-zero": kind == "MONOCHROME1",
        "palette turned into its colours": kind == "PALETTE COLOR",
        "YBR turned into RGB": kind.startswith("YBR"),
        "rescaled to the values of its modality": _rescales(header),
    }
    return tuple(trait for trait, holds in facts.items() if holds)


# What the stored numbers mean -------------------------------------------------------------------------------------


def _rescaled(header: Any, stored: NDArray[Any], index: int) -> NDArray[Any]:
    """Modality values: of a table, of slope and intercept, or of those that an enhanced file states per frame."""
    from pydicom.pixels.processing import apply_modality_lut

    own = _functional(header, index)
    if own is not None:
        return stored.astype("float64") * float(own.RescaleSlope) + float(own.RescaleIntercept)
    return apply_modality_lut(stored, header) if _rescales(header) else stored


def _functional(header: Any, index: int) -> Any:
    """The rescaling in the functional groups of an enhanced multi-frame file, or None."""
    own = header.get("PerFrameFunctionalGroupsSequence") or []
    groups = [*own[index : index + 1], *(header.get("SharedFunctionalGroupsSequence") or [])]
    found: Sequence[Any] = [
        group.PixelValueTransformationSequence[0] for group in groups if group.get("PixelValueTransformationSequence")
    ]
    return found[0] if found else None


def _ends(header: Any) -> NDArray[Any]:
    """The smallest and the largest number that can be stored: what turns MONOCHROME1 round, the same in all files."""
    import numpy as np

    bits = int(header.BitsStored)
    signed = bool(int(header.get("PixelRepresentation", 0)))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return np.array([low, high], np.int64)


def _colours(header: Any, stored: NDArray[Any]) -> NDArray[Any]:
    """RGB of a palette; 16-bit tables are cut to 8 unless they fill only 8."""
    import numpy as np
    from pydicom.pixels.processing import apply_color_lut

    colours = apply_color_lut(stored, header)
    table: NDArray[Any] = (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)
    return table


# What is refused --------------------------------------------------------------------------------------------------


def _refuse_no_pixels(header: Any, path: Path) -> None:
    if _PIXELS in header and "Rows" in header:
        return
    kind = getattr(header.file_meta.get("MediaStorageSOPClassUID"), "name", "")
    if kind and "Image" not in kind:
        raise NoImageError(f"{path} is a {kind}: it holds no pixels", hint="name a file that holds an image")
    raise ValueError("it holds no integer pixels, or breaks off before them")


def _refuse_missing_codec(header: Any, path: Path) -> None:
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


def _refuse_truncated(header: Any, path: Path) -> None:
    pixels = header.get_item(_PIXELS, keep_deferred=True)
    if not hasattr(pixels, "value_tell") or header.file_meta.TransferSyntaxUID.is_deflated:
        return  # short or deflated: they have been read in full
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if pixels.length == _UNDEFINED:
            whole = _ends_well(file, pixels.value_tell, size)
        else:
            whole = pixels.value_tell + pixels.length <= size and pixels.length >= _wanted(header)
    if not whole:
        raise ValueError("the file breaks off within its pixels")


def _wanted(header: Any) -> int:
    """Bytes of uncompressed pixels, or 0 where they are compressed."""
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        return 0
    numbers = int(header.Rows) * int(header.Columns) * int(header.get("SamplesPerPixel", 1))
    if str(header.PhotometricInterpretation) == "YBR_FULL_422":
        numbers = numbers * 2 // 3
    return numbers * _frames(header) * int(header.BitsAllocated) // 8


def _ends_well(file: BinaryIO, start: int, size: int) -> bool:
    """Whether compressed pixels, fragment after fragment, reach their delimiter."""
    place = start
    while place + 8 <= size:
        file.seek(place)
        tag, length = file.read(4), int.from_bytes(file.read(4), "little")
        if tag == _DELIMITER:
            return True
        place += 8 + length
    return False
