"""Decode TIFF, BigTIFF and OME-TIFF by tifffile: every page, plane or frame of a file is a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.formats.masks import mask_of_alpha, mask_of_lossy, mask_of_palette
from dsim.data.formats.pixels import FrameHeader, all_channels_equal, oriented, refuse_bomb
from dsim.data.formats.tiff_pages import opened, refuse_truncated, sample_series
from dsim.data.formats.tiff_windows import Segments, Window, has_windows, page_window
from dsim.errors import UnreadableImageError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

_CHANNEL_AXES = "CS"
_PLANE_AXES = "YXCS"
_ORIENTATION = 274
_MIN_IS_WHITE, _PALETTE, _SEPARATED, _YCBCR = 0, 3, 5, 6
_KNOWN_PHOTOMETRICS = {0, 1, 2, 3, 4, 5, 6, 32803}
_JPEG = {6, 7, 34892}
_ALPHA = {1, 2}
_CONVERT = "convert it to gray or RGB"
_TURNED = "turned upright by its TIFF orientation"
_INVERTED = "white-is-zero turned into black-is-zero"


def is_tiff(head: bytes) -> bool:
    """Return whether a file starts as TIFF or BigTIFF."""
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def headers(path: Path, max_pixels: int) -> tuple[FrameHeader, ...]:
    """Return one header per sample (h, w, c); decodes nothing. Raises ValueError where the file breaks off."""
    with opened(path) as tif:
        refuse_truncated(tif, path.stat().st_size)
        elsewhere = tif.is_ome and tif.series[0].kind != "ome"
        series, aside = sample_series(tif)
        notes = (["OME metadata that needs other files is not used"] if elsewhere else []) + (
            [f"pages left out: {', '.join(aside)}"] if aside else []
        )
        found: list[FrameHeader] = []
        for one in series:
            stack = _Stack.of(one)
            refuse_bomb(path, stack.height, stack.width, stack.channels, max_pixels)
            header = _header(stack, notes)
            found += [replace(header, time=time) for time in stack.times()]
        return tuple(found)


def read(path: Path, index: int, max_pixels: int) -> NDArray[Any]:
    """Return pixels of one sample, (H, W, C): palette, white-is-zero, CMYK and alpha resolved, upright.

    Raises UnreadableImageError for more than ``max_pixels``.
    """
    with opened(path) as tif:
        stack, sample = _find(tif, index)
        refuse_bomb(path, stack.height, stack.width, stack.channels, max_pixels)
        pixels = _intensities(stack.plane(sample), stack.page, path)
        return oriented(pixels, _orientation(stack.page))


def read_window(path: Path, index: int, window: Window, segments: Segments) -> NDArray[Any]:
    """Return the part of ``read`` in a window, (h, w, c), and decode no more than it takes.

    ``segments`` holds what was decoded for the last windows of the same image. Only where ``window_size`` gives a size.
    """
    with opened(path) as tif:
        stack, sample = _find(tif, index)
        return _intensities(stack.plane(sample, window, segments), stack.page, path)


def window_size(path: Path, index: int, max_pixels: int) -> tuple[int, int] | None:
    """Return height and width of an image (h, w, c) whose windows can be read alone; None for one that is read whole.

    Raises UnreadableImageError for more than ``max_pixels``.
    """
    with opened(path) as tif:
        stack, _ = _find(tif, index)
        refuse_bomb(path, stack.height, stack.width, stack.channels, max_pixels)
        # Whether a palette holds colours is decided by all that is seen of it.
        coloured = stack.page.photometric == _PALETTE and not _shown_only(stack.page)
        whole = coloured or _orientation(stack.page) != 1 or not has_windows(stack.page)
        return None if whole else (stack.height, stack.width)


def read_mask(path: Path, index: int, max_pixels: int) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return a mask as stored, (H, W), and notes on it: indices of a palette, not colours; bilevel becomes 0 and 255.

    Raises UnreadableImageError for more than ``max_pixels``, and where the meaning is not known.
    """
    with opened(path) as tif:
        stack, sample = _find(tif, index)
        refuse_bomb(path, stack.height, stack.width, stack.channels, max_pixels)
        mask, notes = _mask(stack.plane(sample), stack.page, path)
        return oriented(mask, _orientation(stack.page)), notes


def mask_traits(path: Path, max_pixels: int) -> tuple[str, ...]:
    """Return notes on the first mask (h, w) of the file; it is decoded only where it could mean two things.

    Raises UnreadableImageError where the meaning is not known.
    """
    with opened(path) as tif:
        page = _find(tif, 0)[0].page
        plain = page.photometric not in (_PALETTE, _MIN_IS_WHITE) and not _has_alpha(page) and not _is_lossy(page)
        turned = _orientation(page) != 1
    notes = () if plain else read_mask(path, 0, max_pixels)[1]
    return (*notes, _TURNED) if turned else notes


def _mask(stored: NDArray[Any], page: Any, path: Path) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The mask of stored values (H, W, C), not yet upright."""
    import numpy as np

    if page.photometric == _PALETTE:
        return (stored[:, :, 0], ()) if _shown_only(page) else mask_of_palette(stored[:, :, 0], _palette(page))
    if _has_alpha(page) and page.photometric != _SEPARATED:
        alpha = _alpha_channels(page, stored.shape[2])
        mask, notes = mask_of_alpha(np.delete(stored, alpha, axis=2), stored[:, :, alpha[0]], path)
        if notes:
            return mask, notes
    pixels = _intensities(stored, page, path)
    if _is_lossy(page) and pixels.dtype == np.uint8:
        return mask_of_lossy(pixels, path)
    if page.photometric == _MIN_IS_WHITE:
        return pixels, ("inverting display table: stored values kept" if _shown_only(page) else _INVERTED,)
    return pixels, ()


def _is_lossy(page: Any) -> bool:
    return int(page.compression) in _JPEG


def _shown_only(page: Any) -> bool:
    """Whether palette and white-is-zero say how a page is displayed, not what its numbers mean: ImageJ's tables."""
    return bool(page.parent.is_imagej) and page.bitspersample >= 8


def _find(tif: Any, index: int) -> tuple[_Stack, int]:
    for series in sample_series(tif)[0]:
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

    def plane(self, sample: int, window: Window | None = None, segments: Segments | None = None) -> NDArray[Any]:
        """Return stored values of one sample, (H, W, C), or those in a window. Raises ValueError for a missing page."""
        import numpy as np

        counted = [(axis, size) for axis, size in zip(self.axes, self.shape, strict=True) if axis not in _PLANE_AXES]
        position = np.unravel_index(sample, [size for _, size in counted]) if counted else ()
        at = {axis: int(i) for (axis, _), i in zip(counted, position, strict=True)}
        if self._one_page_per_plane():
            array = self._from_pages(at, window, segments)
        else:
            # The copy lets go of the mapped file.
            array = np.array(self._whole()[_index(self.axes, {**at, **_cut(window)})])
        axes = "".join(axis for axis in self.axes if axis not in at)
        array = np.moveaxis(array, (axes.index("Y"), axes.index("X")), (0, 1))
        return array.reshape(*array.shape[:2], self.channels)

    def _one_page_per_plane(self) -> bool:
        page_axes = self.axes[len(self.axes) - len(self.page.axes) :]
        pages = math.prod(self.shape[: -len(page_axes)])
        return set(page_axes) <= set(_PLANE_AXES) and page_axes == self.page.axes and len(self.series) == pages

    def _from_pages(self, at: dict[str, int], window: Window | None, segments: Segments | None) -> NDArray[Any]:
        import numpy as np

        leading = len(self.axes) - len(self.page.axes)
        numbers = np.arange(len(self.series)).reshape(self.shape[:leading])[_index(self.axes[:leading], at)]
        pages = [self._page(int(number), window, segments) for number in np.ravel(numbers)]
        return np.stack(pages).reshape(np.shape(numbers) + pages[0].shape)

    def _page(self, number: int, window: Window | None, segments: Segments | None) -> NDArray[Any]:
        page = self.series[number]
        if page is None:
            raise ValueError(f"page {number} is missing")
        pixels: NDArray[Any]
        pixels = page.asarray() if window is None or segments is None else page_window(page, window, segments)
        return pixels

    def _whole(self) -> NDArray[Any]:
        # Contiguous stacks (ImageJ) are mapped, not read; nothing else is known to store planes without pages.
        array: NDArray[Any] = self.series.asarray(out="memmap")
        return array.reshape(self.shape)


def _cut(window: Window | None) -> dict[str, slice]:
    if window is None:
        return {}
    return {"Y": slice(window.y, window.y + window.height), "X": slice(window.x, window.x + window.width)}


def _index(axes: str, at: Mapping[str, int | slice]) -> tuple[int | slice, ...]:
    return tuple(at.get(axis, slice(None)) for axis in axes)


# What the stored numbers mean -------------------------------------------------------------------------------------


def _header(stack: _Stack, notes: list[str]) -> FrameHeader:
    page = stack.page
    upright = _orientation(page) < 5
    height, width = (stack.height, stack.width) if upright else (stack.width, stack.height)
    return FrameHeader(height, width, _dtype(page), (*_traits(stack), *notes), orientation=_orientation(page))


def _dtype(page: Any) -> str:
    if page.bitspersample == 1 or (page.photometric == _PALETTE and not _shown_only(page)):
        return "uint8"
    return "float32" if str(page.dtype) == "float16" else str(page.dtype)


def _traits(stack: _Stack) -> list[str]:
    page = stack.page
    facts = {
        "bilevel read as 0 and 255": page.bitspersample == 1,
        "palette turned into its colours": page.photometric == _PALETTE and not _shown_only(page),
        "ImageJ's display table not applied": page.photometric in (_PALETTE, _MIN_IS_WHITE) and _shown_only(page),
        _INVERTED: page.photometric == _MIN_IS_WHITE and not _shown_only(page),
        "CMYK turned into RGB": page.photometric == _SEPARATED,
        "alpha dropped": _has_alpha(page),
        _TURNED: _orientation(page) != 1,
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
    shown_only = _shown_only(page)
    if page.photometric == _PALETTE and not shown_only:
        colours: NDArray[Any] = _palette(page)[values[:, :, 0]]
        return colours[:, :, :1] if all_channels_equal(colours) else colours
    if page.bitspersample == 1:
        values = values.astype(np.uint8) * np.uint8(255)
    elif page.bitspersample < 8:
        values = values * np.uint8(255 // (2**page.bitspersample - 1))
    if page.photometric == _MIN_IS_WHITE and not shown_only:
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
