"""Decode PNG, JPEG, GIF, BMP, WebP and PNM files by Pillow; 16-bit PNG by imagecodecs."""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.formats.masks import is_inverting, mask_of_alpha, mask_of_lossy, mask_of_palette
from dsim.data.formats.pixels import FrameHeader, all_channels_equal, oriented, refuse_bomb
from dsim.errors import UnreadableImageError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray
    from PIL import Image

#: Pillow's plugin of each format that is read here.
_PLUGINS = {
    "PNG": "PngImagePlugin",
    "JPEG": "JpegImagePlugin",
    "GIF": "GifImagePlugin",
    "BMP": "BmpImagePlugin",
    "WEBP": "WebPImagePlugin",
    "PPM": "PpmImagePlugin",
}
_MODE_TRAITS = {
    "1": "bilevel read as 0 and 255",
    "LA": "alpha dropped",
    "La": "alpha dropped",
    "PA": "alpha dropped",
    "RGBA": "alpha dropped",
    "RGBa": "alpha dropped",
    "P": "palette turned into its colours",
    "CMYK": "CMYK turned into RGB",
    "YCbCr": "YCbCr turned into RGB",
}
_DEEP = {"I;16": "uint16", "I;16B": "uint16", "I": "uint16", "F": "float32"}
_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")
_TURNED = "turned upright by its EXIF orientation"
_ORIENTATION = 0x0112
_BMP_HEADERS = frozenset(bytes([length, 0, 0, 0]) for length in (12, 16, 40, 52, 56, 64, 108, 124))
_HEAD = 32


def format_of(head: bytes) -> str | None:
    """Return the format by a file's first bytes, whatever its name says."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if re.match(rb"P[1-6]\s+[\d#]", head):
        return "PPM"
    # Two letters are few: the header behind them has one of these lengths.
    return "BMP" if head.startswith(b"BM") and head[14:18] in _BMP_HEADERS else None


def headers(path: Path, max_pixels: int) -> tuple[FrameHeader, ...]:
    """Return one header per frame (h, w, c); decodes nothing. Raises ValueError where a GIF breaks off."""
    with path.open("rb") as file:
        image = _opened(file, path, max_pixels)
        deep = _deep_png_channels(path, file)
        orientation = _orientation(image, file)
        height, width = (image.width, image.height) if orientation >= 5 else (image.height, image.width)
        frames = _frame_count(image, path)
        traits = _png_traits(deep) if deep else _mode_traits(image.mode)
        if orientation != 1:
            traits += (_TURNED,)
        dtype = "uint16" if deep else _DEEP.get(image.mode, "uint8")
    refuse_bomb(path, height, width * frames, 1, max_pixels)
    return (FrameHeader(height, width, dtype, traits, orientation=orientation),) * frames


def read(path: Path, index: int, max_pixels: int) -> NDArray[Any]:
    """Return pixels of one frame, upright: (H, W) or (H, W, C)."""
    with path.open("rb") as file:
        image = _opened(file, path, max_pixels)
        orientation = _orientation(image, file)
        if _is_animated(image):
            return oriented(_frames(path, path.stat().st_mtime_ns)[index], orientation)
        if _deep_png_channels(path, file):
            return oriented(_without_alpha(_deep_png(path, image)), orientation)
        image.load()
        return oriented(native(image), orientation)


def read_mask(path: Path, index: int, max_pixels: int) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return a mask as stored, (H, W), and notes on it: a palette's indices, not colours; the shape of transparency.

    What lossy compression has blurred is parted anew. Raises UnreadableImageError where the meaning is not known.
    """
    with path.open("rb") as file:
        image = _opened(file, path, max_pixels)
        if _is_animated(image):
            return read(path, index, max_pixels), ()
        orientation = _orientation(image, file)
        mask, notes = _mask(image, path, file)
    return oriented(mask, orientation), notes


def mask_traits(path: Path, max_pixels: int) -> tuple[str, ...]:
    """Return notes on the mask (h, w); it is decoded only where it could mean two things.

    Raises UnreadableImageError where the meaning is not known.
    """
    with path.open("rb") as file:
        image = _opened(file, path, max_pixels)
        plain = image.mode not in _TRANSPARENT and not _is_lossy(file) and _deep_png_channels(path, file) < 2
        if image.mode == "P":
            plain = "transparency" not in image.info and not is_inverting(_table(image))
        turned = _orientation(image, file) != 1
    notes = () if plain else read_mask(path, 0, max_pixels)[1]
    return (*notes, _TURNED) if turned else notes


def _mask(image: Image.Image, path: Path, file: Any) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The mask of a picture, not yet upright."""
    import numpy as np

    deep = _deep_png_channels(path, file)
    if deep:
        pixels = _deep_png(path, image)
        return mask_of_alpha(pixels[..., :-1], pixels[..., -1], path) if deep in (2, 4) else (pixels, ())
    if image.mode == "P" and not _has_clear_classes(image):
        return mask_of_palette(np.asarray(image), _table(image))
    notes: tuple[str, ...] = ()
    if image.mode in (*_TRANSPARENT, "P"):
        layers = np.asarray(image.convert("LA" if image.mode in ("LA", "La") else "RGBA"))
        pixels, notes = mask_of_alpha(layers[..., :-1], layers[..., -1], path)
    else:
        image.load()
        pixels = native(image)
    return mask_of_lossy(pixels, path) if not notes and _is_lossy(file) else (pixels, notes)


def _table(image: Image.Image) -> NDArray[Any]:
    """The colours of a palette, uint8 (k, 3)."""
    import numpy as np

    return np.array(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)


def _has_clear_classes(image: Image.Image) -> bool:
    """Whether a palette marks transparent entries among those of one colour: the shape is in the transparency."""
    import numpy as np

    if "transparency" not in image.info:
        return False
    layers = np.asarray(image.convert("RGBA")).reshape(-1, 4)
    return bool(np.ptp(layers[:, 3]) > 0 and (np.ptp(layers[:, :3], axis=0) == 0).all())


def _is_lossy(file: Any) -> bool:
    """Whether the format of a picture has changed its values: JPEG, and WebP unless it says lossless."""
    kind = format_of(_head(file))
    return kind == "JPEG" or (kind == "WEBP" and not _has_lossless_chunk(file))


def _has_lossless_chunk(file: Any) -> bool:
    """Whether the pixels of a WebP are lossless; profiles and transparency of any length may stand before them."""
    place, here, kind = 12, file.tell(), b""
    while kind not in (b"VP8 ", b"VP8L"):
        file.seek(place)
        kind, length = file.read(4), int.from_bytes(file.read(4), "little")
        if len(kind) < 4:
            break
        place += 8 + length + length % 2
    file.seek(here)
    return kind == b"VP8L"


def looks_whole(path: Path) -> bool:
    """Return whether the file is as long as its format says, or ends as it should; another may be truncated."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(max(0, size - 12))
        tail = file.read()
    return {
        "PNG": tail[4:8] == b"IEND",
        "JPEG": tail.endswith(b"\xff\xd9"),
        "GIF": True,  # its headers were only found by walking to its end
        "WEBP": int.from_bytes(head[4:8], "little") + 8 <= size,
        "BMP": int.from_bytes(head[2:6], "little") <= size,
    }.get(str(format_of(head)), False)


def _opened(file: Any, path: Path, max_pixels: int) -> Image.Image:
    """The image with its header read, at most ``max_pixels`` large."""
    file.seek(0)
    kind = format_of(file.read(_HEAD))
    file.seek(0)
    image: Image.Image = _factory(str(kind))(file, str(path))
    refuse_bomb(path, image.height, image.width, len(image.getbands()), max_pixels)
    if re.match(rb"P[36]\s", _head(file)) and _ppm_maximum(_head(file)) > 255:
        raise UnreadableImageError(f"{path} is a 16-bit colour PNM file", hint="convert it to 16-bit PNG or TIFF")
    return image


@functools.cache
def _factory(kind: str) -> Any:
    # Image.open would judge the size by its own limit, and warn through global state: go to the plugin behind it.
    from PIL import Image

    importlib.import_module(f"PIL.{_PLUGINS[kind]}")
    return Image.OPEN[kind][0]


def native(image: Image.Image) -> NDArray[Any]:
    """Return pixels without alpha and palette, (H, W) or (H, W, 3)."""
    import numpy as np

    if image.mode in ("L", "RGB", "I;16", "I;16B", "F"):
        return np.asarray(image)
    if image.mode == "I":  # a deep PNM; Pillow stretches any maximum to 65535
        return np.asarray(image).astype(np.uint16)
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.mode in ("LA", "La"):
        return np.asarray(image.getchannel("L"))
    return _colours(image)


def _colours(image: Image.Image) -> NDArray[Any]:
    """RGB, or one channel where a palette holds only grays."""
    import numpy as np

    pixels = np.asarray(image.convert("RGB"))
    from_palette = image.mode in ("P", "PA") or image.format == "GIF"
    return pixels[:, :, 0] if from_palette and all_channels_equal(pixels) else pixels


def _mode_traits(mode: str) -> tuple[str, ...]:
    return (_MODE_TRAITS[mode],) if mode in _MODE_TRAITS else ()


def _orientation(image: Image.Image, file: Any) -> int:
    """The EXIF orientation, 1 to 8; nothing is decoded.

    ``getexif()`` of a PNG without the chunk would decode the whole image, to find one behind its pixels.
    """
    from PIL.Image import Exif

    if image.format == "PNG" and "exif" not in image.info:
        exif = Exif()
        exif.load(_png_chunk(file, b"eXIf"))
    elif image.format == "JPEG" or "exif" in image.info:
        exif = image.getexif()
    else:
        return 1
    value = exif.get(_ORIENTATION, 1)
    return value if value in range(1, 9) else 1


def _png_chunk(file: Any, wanted: bytes) -> bytes:
    """The content of the first chunk of this kind, wherever it stands; empty where there is none."""
    place, here = 8, file.tell()
    kind, content = b"", b""
    while kind not in (wanted, b"IEND"):
        file.seek(place)
        length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        if len(kind) < 4:
            break
        content = file.read(length) if kind == wanted else b""
        place += 12 + length
    file.seek(here)
    return content


# Animations -------------------------------------------------------------------------------------------------------


def _is_animated(image: Image.Image) -> bool:
    return image.format in ("GIF", "PNG", "WEBP") and getattr(image, "n_frames", 1) > 1


def _frame_count(image: Image.Image, path: Path) -> int:
    if image.format == "GIF":
        return _gif_frames(path.read_bytes())
    return int(getattr(image, "n_frames", 1)) if image.format in ("PNG", "WEBP") else 1


@functools.lru_cache(maxsize=2)
def _frames(path: Path, modified: int) -> tuple[NDArray[Any], ...]:
    """All frames of an animation: each builds on the one before, so one at a time would cost their number squared."""
    from PIL import ImageSequence

    with path.open("rb") as file:
        kind = format_of(file.read(_HEAD))
        file.seek(0)
        image = _factory(str(kind))(file, str(path))
        return tuple(_colours(frame) for frame in ImageSequence.Iterator(image))


def _gif_frames(data: bytes) -> int:
    """Return the number of images in a GIF, by walking its blocks. Raises ValueError where it breaks off.

    Pillow takes the end of a truncated file for the end of the animation.
    """
    position = 13 + _colour_table(data[10])
    frames = 0
    while True:
        block = data[position : position + 1]
        if block == b";":
            return frames
        if block == b"!":
            position += 2
        elif block == b"," and position + 9 < len(data):
            frames += 1
            position += 11 + _colour_table(data[position + 9])
        else:
            raise ValueError(f"GIF breaks off after {frames} images")
        position = _after_sub_blocks(data, position)


def _colour_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_sub_blocks(data: bytes, position: int) -> int:
    while position < len(data) and data[position]:
        position += 1 + data[position]
    return position + 1


# 16-bit PNG -------------------------------------------------------------------------------------------------------
# Pillow turns 16-bit RGB, RGBA and gray + alpha into 8 bits without a word.


def _head(file: Any) -> bytes:
    file.seek(0)
    head: bytes = file.read(512)
    return head


def _deep_png_channels(path: Path, file: Any) -> int:
    """Channels of a 16-bit PNG as stored, 0 for any other file."""
    head = _head(file)
    if format_of(head) != "PNG" or len(head) < 26 or head[24] != 16:
        return 0
    return {0: 1, 2: 3, 4: 2, 6: 4}[head[25]]


def _png_traits(channels: int) -> tuple[str, ...]:
    return ("alpha dropped",) if channels in (2, 4) else ()


def _without_alpha(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels[:, :, : pixels.shape[2] - 1] if pixels.ndim == 3 and pixels.shape[2] in (2, 4) else pixels


def _deep_png(path: Path, image: Image.Image) -> NDArray[Any]:
    """Pixels as stored, with alpha: (H, W) or (H, W, C)."""
    import imagecodecs

    pixels: NDArray[Any] = imagecodecs.png_decode(path.read_bytes())
    if pixels.shape[:2] != (image.height, image.width):
        raise ValueError("its pixels are not as many as its header says")
    return pixels


def _ppm_maximum(head: bytes) -> int:
    """The largest value a PNM header allows; 255 where it cannot be found."""
    without_comments = re.sub(rb"#[^\n]*\n", b"\n", head)
    match = re.match(rb"P[36]\s+\d+\s+\d+\s+(\d+)\s", without_comments)
    return int(match[1]) if match else 255
