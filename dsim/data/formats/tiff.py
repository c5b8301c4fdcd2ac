"""Decode TIFF, BigTIFF and OME-TIFF by tifffile: every page, plane or frame of a file is a sample."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.formats.pixels import FrameHeader, all_channels_equal, mask_of_palette, oriented, refuse_bomb
from dsim.errors import UnreadableImageError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

_CHANNEL_AXES = "CS"
_PLANE_AXES = "YXCS"
_DESCRIPTION, _ORIENTATION = 270, 274
_MIN_IS_WHITE, _PALETTE, _SEPARATED, _YCBCR = 0, 3, 5, 6
_KNOWN_PHOTOMETRICS = {0, 1, 2, 3, 4, 5, 6, 32803}
_JPEG = {6, 7, 34892}
_ALPHA = {1, 2}
_CONVERT = "convert it to gray or RGB"


def is_tiff(head: bytes) -> bool:
    """Return whether a file starts as TIFF or BigTIFF."""
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def headers(path: Path, max_pixels: int) -> tuple[FrameHeader, ...]:
    """Return one header per sample (h, w, c); decodes nothing. Raises ValueError where the file breaks off."""
    with _opened(path) as tif:
        _refuse_truncated(tif, path.stat().st_size)
        elsewhere = tif.is_ome and tif.series[0].kind != "ome"
        found: list[FrameHeader] = []
        for series in tif.series:
            stack = _Stack.of(series)
            refuse_bomb(path, stack.height, stack.width, stack.channels, max_pixels)
            header = _header(stack, elsewhere)
            found += [replace(header, time=time) for time in stack.times()]
        return tuple(found)


def read(path: Path, index: int, max_pixels: int) -> NDArray[Any]:
    """Return pixels of one sample, (H, W, C): palette, white-is-zero, CMYK and alpha resolved, upright.

    Raises UnreadableImageError for more than ``max_pixels``.
    """
    with _opened(path) as tif:
        stack, sample = _find(tif, index)
        refuse_bomb(path, stack.height, stack.width, stack.channels, max_pixels)
        pixels = _intensities(stack.plane(sample), stack.page, path)
        return oriented(pixels, _orientation(stack.page))


def read_mask(path: Path, index: int, max_pixels: int) -> NDArray[Any]:
    """Return a mask as stored, (H, W): indices of a palette, not its colours; bilevel becomes 0 and 255.

    Raises UnreadableImageError for more than ``max_pixels``.
    """
    with _opened(path) as tif:
        stack, sample = _find(tif, index)
        if stack.page.photometric != _PALETTE:
            return read(path, index, max_pixels)
        refuse_bomb(path, stack.height, stack.width, stack.channels, max_pixels)
        mask = mask_of_palette(stack.plane(sample)[:, :, 0], _palette(stack.page))
        return oriented(mask, _orientation(stack.page))


def _opened(path: Path) -> Any:
    import tifffile

    # An OME-TIFF may name other files to read from; only this one is read.
    return tifffile.TiffFile(path, _multifile=False)


def _find(tif: Any, index: int) -> tuple[_Stack, int]:
    for series in tif.series:
        stack = _Stack.of(series)
        if index < stack.samples:
            return stack, index
        index -= stack.samples
    raise IndexError(f"no image {index} in this file")


@dataclass(frozen=True)
class _Stack:
    """Pages of one shape. C and S are channels, Y and X the plane; every other axis (T, Z, ...) counts samples."""

    series: Any
    axes: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, series: Any) -> _Stack:
        if not {"Y", "X"} <= set(series.axes):
            raise UnreadableImageError(f"TIFF axes {series.axes!r} hold no plane", hint="save it with axes Y and X")
        return cls(series, str(series.axes), tuple(int(size) for size in series.shape))

    @property
    def page(self) -> Any:
        return self.series.keyframe

    @property
    def height(self) -> int:
        return self.shape[self.axes.index("Y")]

    @property
    def width(self) -> int:
        return self.shape[self.axes.index("X")]

    @property
    def channels(self) -> int:
        return math.prod(size for axis, size in zip(self.axes, self.shape, strict=True) if axis in _CHANNEL_AXES)

    @property
    def samples(self) -> int:
        return math.prod(self.shape) // (self.height * self.width * self.channels)

    def times(self) -> list[int]:
        """The time point of each sample: T counts time only beside Z, for without it T is all that counts samples."""
        import numpy as np

        if not {"T", "Z"} <= set(self.axes):
            return [0] * self.samples
        counted = [(axis, size) for axis, size in zip(self.axes, self.shape, strict=True) if axis not in _PLANE_AXES]
        sizes = [size for _, size in counted]
        along = [axis for axis, _ in counted].index("T")
        return [int(time) for time in np.indices(sizes)[along].ravel()]

    def plane(self, sample: int) -> NDArray[Any]:
        """Return stored values of one sample, (H, W, C). Raises ValueError where a page is missing."""
        import numpy as np

        counted = [(axis, size) for axis, size in zip(self.axes, self.shape, strict=True) if axis not in _PLANE_AXES]
        position = np.unravel_index(sample, [size for _, size in counted]) if counted else ()
        at = {axis: int(i) for (axis, _), i in zip(counted, position, strict=True)}
        paged = self._one_page_per_plane()
        # The copy lets go of the mapped file.
        array = self._from_pages(at) if paged else np.array(self._whole()[_index(self.axes, at)])
        axes = "".join(axis for axis in self.axes if axis not in at)
        array = np.moveaxis(array, (axes.index("Y"), axes.index("X")), (0, 1))
        return array.reshape(self.height, self.width, self.channels)

    def _one_page_per_plane(self) -> bool:
        page_axes = self.axes[len(self.axes) - len(self.page.axes) :]
        pages = math.prod(self.shape[: -len(page_axes)])
        return set(page_axes) <= set(_PLANE_AXES) and page_axes == self.page.axes and len(self.series) == pages

    def _from_pages(self, at: dict[str, int]) -> NDArray[Any]:
        import numpy as np

        leading = len(self.axes) - len(self.page.axes)
        numbers = np.arange(len(self.series)).reshape(self.shape[:leading])[_index(self.axes[:leading], at)]
        pages = [self._page(int(number)) for number in np.ravel(numbers)]
        return np.stack(pages).reshape(np.shape(numbers) + self.shape[leading:])

    def _page(self, number: int) -> NDArray[Any]:
        page = self.series[number]
        if page is None:
            raise ValueError(f"page {number} is missing")
        pixels: NDArray[Any] = page.asarray()
        return pixels

    def _whole(self) -> NDArray[Any]:
        # Contiguous stacks (ImageJ) are mapped, not read; nothing else is known to store planes without pages.
        array: NDArray[Any] = self.series.asarray(out="memmap")
        return array.reshape(self.shape)


def _index(axes: str, at: dict[str, int]) -> tuple[int | slice, ...]:
    return tuple(at.get(axis, slice(None)) for axis in axes)


# What the stored numbers mean -------------------------------------------------------------------------------------


def _header(stack: _Stack, elsewhere: bool) -> FrameHeader:
    page = stack.page
    upright = _orientation(page) < 5
    height, width = (stack.height, stack.width) if upright else (stack.width, stack.height)
    traits = _traits(stack) + (["OME metadata that needs other files is not used"] if elsewhere else [])
    return FrameHeader(height, width, _dtype(page), tuple(traits))


def _dtype(page: Any) -> str:
    if page.bitspersample == 1 or page.photometric == _PALETTE:
        return "uint8"
    return "float32" if str(page.dtype) == "float16" else str(page.dtype)


def _traits(stack: _Stack) -> list[str]:
    page = stack.page
    facts = {
        "bilevel read as 0 and 255": page.bitspersample == 1,
        "palette turned into its colours": page.photometric == _PALETTE,
        "white-is-zero turned into black-is-zero": page.photometric == _MIN_IS_WHITE,
        "CMYK turned into RGB": page.photometric == _SEPARATED,
        "alpha dropped": _has_alpha(page),
        "turned upright by its TIFF orientation": _orientation(page) != 1,
        f"axes {stack.axes}: {stack.samples} samples, channels: {stack.channels}": stack.samples > 1,
    }
    return [trait for trait, holds in facts.items() if holds]


def _intensities(values: NDArray[Any], page: Any, path: Path) -> NDArray[Any]:
    """Undo palette, small bit depths, white-is-zero, CMYK, YCbCr and alpha."""
    import numpy as np

    if page.photometric not in _KNOWN_PHOTOMETRICS:
        raise UnreadableImageError(
            f"{path} is in a colour space that is not read ({page.photometric!r})", hint=_CONVERT
        )
    if page.photometric == _PALETTE:
        colours: NDArray[Any] = _palette(page)[values[:, :, 0]]
        return colours[:, :, :1] if all_channels_equal(colours) else colours
    if page.bitspersample == 1:
        values = values.astype(np.uint8) * np.uint8(255)
    elif page.bitspersample < 8:
        values = values * np.uint8(255 // (2**page.bitspersample - 1))
    if page.photometric == _MIN_IS_WHITE:
        values = _inverted(values, page, path)
    if _has_alpha(page):
        values = np.delete(values, _alpha_channels(page, values.shape[2]), axis=2)
    return _as_rgb(values, page, path)


def _as_rgb(values: NDArray[Any], page: Any, path: Path) -> NDArray[Any]:
    """RGB of CMYK and YCbCr; other images as they are."""
    import numpy as np
    from PIL import Image

    mode = {_SEPARATED: "CMYK", _YCBCR: "YCbCr"}.get(page.photometric)
    if mode is None or (mode == "YCbCr" and page.compression in _JPEG):  # JPEG strips are decoded to RGB
        return values
    if values.dtype != np.uint8 or values.shape[2] != {"CMYK": 4, "YCbCr": 3}[mode]:
        raise UnreadableImageError(f"{path} is {mode} of {values.shape[2]} x {values.dtype}", hint=_CONVERT)
    size = (values.shape[1], values.shape[0])
    return np.asarray(Image.frombytes(mode, size, values.tobytes()).convert("RGB"))


def _palette(page: Any) -> NDArray[Any]:
    """Colours by index, uint8 (k, 3). A colour map has 16 bits per colour; some writers fill only 8."""
    import numpy as np

    table = page.colormap
    palette: NDArray[Any] = (table >> 8 if table.max() > 255 else table).astype(np.uint8).T
    return palette


def _inverted(values: NDArray[Any], page: Any, path: Path) -> NDArray[Any]:
    import numpy as np

    if values.dtype.kind != "u":
        raise UnreadableImageError(f"{path} is white-is-zero but holds {values.dtype}", hint=_CONVERT)
    # Depths below 8 bits have been stretched to 255; 12 bits in 16 reach 4095 only.
    white = values.dtype.type(2 ** max(8, int(page.bitspersample)) - 1)
    inverted: NDArray[Any] = white - np.minimum(values, white)
    return inverted


def _has_alpha(page: Any) -> bool:
    return any(kind in _ALPHA for kind in page.extrasamples)


def _alpha_channels(page: Any, channels: int) -> list[int]:
    """Positions of alpha among the channels: the extra samples come last within each pixel of the page."""
    samples, extra = int(page.samplesperpixel), len(page.extrasamples)
    within = [samples - extra + i for i, kind in enumerate(page.extrasamples) if kind in _ALPHA]
    return [start + position for start in range(0, channels, samples) for position in within]


def _orientation(page: Any) -> int:
    tag = page.tags.get(_ORIENTATION)
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


# Truncation -------------------------------------------------------------------------------------------------------
# Decoders fill up what is missing with zeros, and a broken chain of pages looks like a shorter file.


def _refuse_truncated(tif: Any, size: int) -> None:
    for number, page in enumerate(tif.pages):
        ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if not ends or max(ends) > size:
            raise ValueError(f"the file breaks off within page {number}")
    if not len(tif.pages) or _directory(tif, tif.pages[-1])[1] != 0:
        raise ValueError(f"the file breaks off after page {len(tif.pages) - 1}")
    # Without its description, an OME-TIFF's or ImageJ's channels would be taken for samples.
    if _DESCRIPTION in _directory(tif, tif.pages[0])[0] and _DESCRIPTION not in tif.pages[0].tags:
        raise ValueError("the file breaks off within its description")
    planes = sum(series.size // series.keyframe.size for series in tif.series)
    if tif.is_imagej and (tif.imagej_metadata or {}).get("images", 1) > planes:
        raise ValueError(f"the file breaks off after image {planes - 1}")


def _directory(tif: Any, page: Any) -> tuple[set[int], int]:
    """The tags that a page should have, and where the page after it should begin (0 after the last)."""
    form, file = tif.tiff, tif.filehandle
    file.seek(page.offset)
    count = struct.unpack(form.tagnoformat, file.read(form.tagnosize))[0]
    entries = file.read(count * form.tagsize)
    codes = {struct.unpack_from(f"{form.byteorder}H", entries, i * form.tagsize)[0] for i in range(count)}
    return codes, int(struct.unpack(form.offsetformat, file.read(form.offsetsize))[0])
