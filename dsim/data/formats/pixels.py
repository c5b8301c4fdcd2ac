"""The one form in which pixels and masks leave a decoder, and the checks that every source of pixels shares."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.errors import DataError, DsimError, UnreadableImageError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

_REPAIR = "repair or remove the file, or pass over it with --skip-unreadable (in Python skip_unreadable=True)"


PICTURE = "picture"
#: Stands for pixels (h, w, c) that were never measured, such as those around a reconstructed circle: the smallest
#: float32. The range of a dataset is measured without them, and they become 0. Some maps mark missing values so, too.
PADDING = -3.4028234663852886e38


#: A mask may have more colours than these if each, such as an object's, has this many pixels on average.
_COLOURS, _PIXELS_EACH = 256, 16


@dataclass(frozen=True)
class Slot:
    """Where a DICOM image lies: its series, its number, position (mm) and directions of rows and columns.

    ``sliced`` is whether images of its kind (CT, MR, ...) are slices even where no position is stated.
    """

    series: str
    number: int | None = None
    position: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    sliced: bool = True


@dataclass(frozen=True)
class FrameHeader:
    """The header of one image (h, w, c) of a file, before anything is decoded.

    ``height`` and ``width`` are those of the upright image; ``dtype`` is the numpy name of the pixels as they will be
    read; ``traits`` are the conversions that reading will make, in words. ``kind`` is ``picture``, ``NIfTI`` or
    ``DICOM``; ``time`` counts the time points of a file that holds several; ``slot`` is the place in a DICOM series;
    ``directions`` are the letters of a NIfTI volume's axes (``RAS``), empty where it states none; ``orientation`` is
    that of EXIF or TIFF, 1 to 8, by which reading turns a picture upright.
    """

    height: int
    width: int
    dtype: str
    traits: tuple[str, ...] = ()
    kind: str = PICTURE
    time: int = 0
    slot: Slot | None = None
    directions: str = ""
    orientation: int = 1


class NoImageError(UnreadableImageError):
    """A file that is whole and of a known format, but is not an image (a DICOM report, a treatment plan)."""


@contextmanager
def naming(what: object) -> Iterator[None]:
    """Turn whatever a decoder raises into an UnreadableImageError that names the file."""
    try:
        yield
    except (DsimError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error on damaged files
        reason = str(getattr(error, "strerror", None) or error).strip() or type(error).__name__
        raise UnreadableImageError(f"cannot read {what}: {reason}", hint=_REPAIR) from error


def refuse_bomb(what: object, height: int, width: int, channels: int, max_pixels: int) -> None:
    """Raise UnreadableImageError if a header (h, w, c) promises over ``max_pixels`` pixels of up to four channels."""
    pixels = height * width * max(1, -(-channels // 4))
    if pixels > max_pixels:
        raise UnreadableImageError(
            f"{what} says it holds {height} x {width} pixels of {channels} channels, more than {max_pixels:,}: "
            "a decompression bomb, or an image to be cut into tiles",
            hint=f"remove it or tile it, or allow it: --max-pixels {pixels}, or PATH[max_pixels={pixels}], "
            f"in Python open_dataset(..., max_pixels={pixels})",
        )


def as_pixels(array: NDArray[Any], what: object) -> NDArray[Any]:
    """Return pixels in the common form: (H, W, C), C-contiguous, uint8, another integer type, float32 or float64.

    Raises UnreadableImageError for other shapes, other types, and values that are not finite.

    Booleans become 0 and 255. Not-a-number and infinity are refused.
    """
    import numpy as np

    array = array[:, :, None] if array.ndim == 2 else array
    if array.ndim != 3 or array.size == 0:
        raise UnreadableImageError(
            f"{what} has the shape {array.shape}, not (height, width) or (height, width, channels)",
            hint="give each image as a 2D array, or 3D with the channels last",
        )
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "uif":
        raise UnreadableImageError(
            f"{what} holds {array.dtype} values, which are not intensities", hint="store integers or floats"
        )
    array = array.astype(np.float32 if array.dtype == np.float16 else array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UnreadableImageError(
            f"{what} holds pixels that are not finite (NaN or infinity)",
            hint="replace them, e.g. numpy.nan_to_num, or pass over the file with --skip-unreadable",
        )
    return np.ascontiguousarray(array)


def as_mask(array: NDArray[Any], what: object) -> NDArray[Any]:
    """Return a mask in the common form: integers (H, W), 0 is background.

    Raises DataError for fractions, for numbers beyond 64 bits, and for channels or colours that cannot be read as
    classes.

    Three equal channels are one; other colours become one integer per colour, black being 0.
    """
    import numpy as np

    array = as_pixels(array, what)
    if array.dtype.kind == "f":
        if not np.array_equal(array, np.rint(array)):
            raise DataError(f"mask {what} holds fractions", hint="store the mask's classes as integers")
        largest = np.abs(array).max()
        if largest >= 2**63:
            value = array[np.abs(array) == largest][0]
            raise DataError(
                f"mask {what} holds {value:g}, which is no class: a sign for missing values?",
                hint="store the mask's classes as integers, with 0 where there is none",
            )
        array = array.astype(np.int32 if largest < 2**31 else np.int64)
    if array.shape[2] == 1:
        return np.ascontiguousarray(array[:, :, 0])
    if array.shape[2] != 3:
        raise DataError(f"mask {what} has {array.shape[2]} channels", hint="store the mask as one gray channel")
    if all_channels_equal(array):
        return np.ascontiguousarray(array[:, :, 0])
    if array.dtype != np.uint8:
        raise DataError(f"mask {what} has colours of {array.dtype}", hint="store the mask as one gray channel")
    codes: NDArray[Any] = array.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)
    colours = len(np.unique(codes))
    if colours > _COLOURS and colours * _PIXELS_EACH > codes.size:
        raise DataError(
            f"mask {what} has {colours} colours: soft edges or a photograph, not classes",
            hint="store the mask as one gray channel without smoothing",
        )
    return codes


def all_channels_equal(array: NDArray[Any]) -> bool:
    """Return whether an image (H, W, C) is gray in all but form: all its channels are equal."""
    return bool((array == array[:, :, :1]).all())


def oriented(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return an image (h, w[, c]), turned upright by its EXIF or TIFF orientation, 1 to 8 (1 is upright).

    >>> import numpy as np
    >>> oriented(np.array([[1, 2]]), 6)
    array([[1],
           [2]])
    """
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array[:, ::-1] if orientation in (2, 3, 6, 7) else array


_TURNED_ALONG = "turned as their images are, whose stored pixels they fit"
_AMBIGUOUS = (
    "their orientation is not that of their images, and their sizes fit both: taken as drawn on upright "
    "images (look: dsim data inspect --sheet)"
)


def turn_of_mask(image: FrameHeader, mask: FrameHeader) -> tuple[int, str]:
    """Return the orientation by which a mask (h, w) that was read is turned to lie on its image, and a note, or none.

    A mask that lacks the orientation of its photo may be drawn on the upright photo or on the pixels as stored: where
    only one of the sizes agrees, that decides; where both do, it is taken as upright, and the note says so.

    >>> photo, mask = FrameHeader(40, 30, "uint8", orientation=6), FrameHeader(30, 40, "uint8")
    >>> turn_of_mask(photo, mask)[0]
    6
    """
    if image.orientation == mask.orientation:
        return 1, ""
    fits = (image.height, image.width) == (mask.height, mask.width)
    fits_as_stored = _stored_size(image) == _stored_size(mask)
    if fits and fits_as_stored:
        return 1, _AMBIGUOUS
    if fits_as_stored and 1 in (image.orientation, mask.orientation):
        # A quarter turn is undone by the opposite one; all others undo themselves.
        undone = {6: 8, 8: 6}.get(mask.orientation, mask.orientation)
        return (image.orientation if mask.orientation == 1 else undone), _TURNED_ALONG
    return 1, ""


def _stored_size(header: FrameHeader) -> tuple[int, int]:
    size = header.height, header.width
    return size if header.orientation < 5 else size[::-1]


def array_digest(array: NDArray[Any]) -> str:
    """Return the sha256 of the shape, dtype and values of an array of any shape, such as (H, W, C)."""
    import numpy as np

    array = np.ascontiguousarray(array)
    head = f"{array.shape}{array.dtype.str}".encode()
    return hashlib.sha256(head + array.tobytes()).hexdigest()
