"""Decode DICOM files by pydicom: every frame of a file is a sample; ``dsim.data.volumes`` puts files into order."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.formats.dicom_checks import (
    PIXELS,
    frames_of,
    refuse_missing_codec,
    refuse_no_pixels,
    refuse_truncated,
    refuse_unknown_syntax,
)
from dsim.data.formats.pixels import PADDING, FrameHeader, Slot, all_channels_equal, refuse_bomb

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Bytes of a file that show whether it is one.
HEAD_BYTES = 1024
#: Longer elements are left in the file until they are asked for: the pixels.
_DEFER = 1024


#: Explicit value representations whose length takes four bytes, after two that are reserved.
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"})
#: Groups that a data set without preamble begins with: meta information, identification.
_FIRST_GROUPS = (0x0002, 0x0008)
_ENOUGH, _LONGEST = 3, 2**16
#: Kinds of images that are slices even where no position is stated (part of the name of their SOP class).
_SLICES = ("CT Image", "MR Image", "Positron Emission", "Nuclear Medicine", "Tomography")


def is_dicom(head: bytes) -> bool:
    """Return whether a file starts as DICOM, with or without the preamble of 128 bytes.

    >>> is_dicom(bytes(128) + b"DICM"), is_dicom(b"DICM" + bytes(128))
    (True, False)
    """
    return head[128:132] == b"DICM" or any(_starts_with_elements(head, order) for order in "<>")


def _starts_with_elements(head: bytes, order: str) -> bool:
    """Whether the first elements follow one another as in a data set: old exports have no preamble."""
    place, last = 0, (0, 0)
    for count in range(_ENOUGH):
        if place + 12 > len(head):
            return count > 1
        tag = struct.unpack_from(f"{order}HH", head, place)
        kind = head[place + 4 : place + 6]
        explicit = kind.isalpha() and kind.isupper()
        if kind in _LONG:
            length, value = struct.unpack_from(f"{order}I", head, place + 8)[0], place + 12
        elif explicit:
            length, value = struct.unpack_from(f"{order}H", head, place + 6)[0], place + 8
        else:
            length, value = struct.unpack_from(f"{order}I", head, place + 4)[0], place + 8
        known = tag[0] in _FIRST_GROUPS or count > 1
        # Big endian is always explicit; lengths are even.
        if tag <= last or not known or length % 2 or length > _LONGEST or (order == ">" and not explicit):
            return False
        place, last = value + length, tag
    return True


def headers(path: Path, max_pixels: int) -> tuple[FrameHeader, ...]:
    """Return one header per frame (h, w) or (h, w, 3); decodes nothing.

    Raises ValueError where the file breaks off, or needs a codec that is missing; UnreadableImageError for more than
    ``max_pixels``; NoImageError for plans, structures, reports and other objects without pixels.
    """
    header, _ = _opened(path, defer_size=_DEFER)
    refuse_no_pixels(header, path)
    channels = int(header.get("SamplesPerPixel", 1))
    refuse_bomb(path, int(header.Rows), int(header.Columns), channels, max_pixels)
    frames = frames_of(header)
    if frames < 1:
        raise ValueError("it has zero slices: NumberOfFrames is 0")
    refuse_unknown_syntax(header, path)
    refuse_missing_codec(header, path)
    refuse_truncated(header, path)
    frame = FrameHeader(
        int(header.Rows), int(header.Columns), _dtype(header), _traits(header), kind="DICOM", slot=_slot(header)
    )
    return (frame,) * frames


def read(path: Path, index: int, max_pixels: int) -> NDArray[Any]:
    """Return values of one frame, (H, W) or (H, W, 3): rescaled, MONOCHROME1 inverted, palette and YBR as RGB.

    8 bits stay uint8 where nothing rescales them; all else is float32. Padding is 0 or ``PADDING``. Raises
    UnreadableImageError for more than ``max_pixels``.
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
    shallow = _dtype(header) == "uint8"
    values = values.astype(np.uint8 if shallow else np.float32)
    padding = _padding(header, stored)
    if padding is not None:
        values[padding] = 0 if shallow else PADDING
    return values


def read_mask(path: Path, index: int, max_pixels: int) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return a mask as stored, (H, W), without any rescaling, and no notes; bilevel becomes 0 and 255.

    Raises UnreadableImageError for more than ``max_pixels``.
    """
    import numpy as np

    header, stored = _frame(path, index)
    refuse_bomb(path, int(header.Rows), int(header.Columns), int(header.get("SamplesPerPixel", 1)), max_pixels)
    return stored.astype(np.uint8) * np.uint8(255) if _bilevel(header) else stored, ()


def mask_traits(path: Path, max_pixels: int) -> tuple[str, ...]:
    """Return notes on the mask (h, w): classes are kept as they are stored, whatever the header scales them to."""
    return ("stored classes kept, the header's rescaling is not applied",) if _rescales(_opened(path)[0]) else ()


def series_of(path: Path) -> str:
    """Return the series of slices that a file belongs to; empty where it is not DICOM, names none, or is a still."""
    import pydicom

    try:
        with path.open("rb") as file:
            if not is_dicom(file.read(HEAD_BYTES)):
                return ""
        tags = ["SeriesInstanceUID", "SOPClassUID", "ImagePositionPatient", "ImageOrientationPatient", "InstanceNumber"]
        slot = _slot(pydicom.dcmread(path, specific_tags=[*tags], stop_before_pixels=True, force=True))
    except Exception:  # whatever is wrong is reported when the file is read
        return ""
    return slot.series if slot.sliced or slot.position is not None else ""


def _opened(path: Path, **options: Any) -> tuple[Any, bool]:
    """The data set, and whether it was complete: what old exports leave out is set to what it can only mean."""
    import pydicom
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    header = pydicom.dcmread(path, force=True, **options)
    complete = "TransferSyntaxUID" in header.file_meta
    if not complete:
        implicit, little = header.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    bits = header.get("BitsAllocated")
    gray = {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PixelRepresentation": 0}
    usual = {**gray, "BitsStored": bits, "HighBit": int(header.get("BitsStored") or bits or 1) - 1}
    single = bits and PIXELS in header and int(header.get("SamplesPerPixel", 1)) == 1
    lacking = [name for name in usual if single and name not in header]
    for name in lacking:
        setattr(header, name, usual[name])
    return header, complete and not lacking


def _frame(path: Path, index: int) -> tuple[Any, NDArray[Any]]:
    from pydicom.pixels.utils import pixel_array

    header, complete = _opened(path, defer_size=_DEFER)
    refuse_missing_codec(header, path)
    # From the file only the frame is read; but it must state how, and a deflated file has to be inflated as a whole.
    whole = not complete or header.file_meta.TransferSyntaxUID.is_deflated
    return header, pixel_array(_opened(path)[0] if whole else path, index=index)


# What the header states -------------------------------------------------------------------------------------------


def _slot(header: Any) -> Slot:
    def numbers(name: str, count: int) -> tuple[float, ...] | None:
        values = header.get(name)
        return tuple(float(value) for value in values) if values is not None and len(values) == count else None

    number = header.get("InstanceNumber")
    kind = str(getattr(header.get("SOPClassUID"), "name", ""))
    return Slot(
        sliced=any(part in kind for part in _SLICES),
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
        "padding read as background": _pads(header),
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
    """Colours of a palette, (H, W, 3), or (H, W) where all of them are gray."""
    import numpy as np

    first, table = _palette(header)
    colours: NDArray[Any] = table[np.clip(stored.astype(np.int64) - first, 0, len(table) - 1)]
    return colours[..., 0] if all_channels_equal(table[None]) else colours


def _palette(header: Any) -> tuple[int, NDArray[Any]]:
    """The stored number of the first entry, and all entries, uint8 (k, 3): the upper 8 of 16 bits, if they are used."""
    import numpy as np
    from pydicom.pixels.processing import apply_color_lut

    count, first, _ = header.RedPaletteColorLookupTableDescriptor
    entries = np.arange(first, first + (count or 2**16))
    table = apply_color_lut(entries, header)[:, :3]
    return first, (table >> 8 if table.max() > 255 else table).astype(np.uint8)


def _padding(header: Any, stored: NDArray[Any]) -> NDArray[Any] | None:
    """Where pixels (H, W) are padding, not measured values (PS3.3 C.7.5.1.1.2); None where none is stated."""
    import numpy as np

    if not _pads(header):
        return None
    ends = [header.PixelPaddingValue, header.get("PixelPaddingRangeLimit", header.PixelPaddingValue)]
    # Some writers state a signed value as unsigned, or the other way round.
    unsigned = np.array([int(end) % 2 ** (8 * stored.dtype.itemsize) for end in ends], f"u{stored.dtype.itemsize}")
    low, high = sorted(unsigned.view(stored.dtype.newbyteorder("=")).tolist())
    within: NDArray[Any] = (stored >= low) & (stored <= high)
    return within


def _pads(header: Any) -> bool:
    gray = str(header.PhotometricInterpretation).startswith("MONOCHROME")
    return gray and not _bilevel(header) and header.get("PixelPaddingValue") is not None
