"""Thumbnails of single images in RGB, with the outline of the mask; dark images are brightened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray
    from PIL import Image

    from dsim.data.dataset import Dataset

#: Visible on H&E, on black fluorescence and on gray ultrasound, also to the colour-blind.
_OUTLINE = (0, 230, 255)
#: An image is dark if half of it stays below the first share of the range. The nearer its brightest part comes to the
#: end of the range, the less there is to gain; beyond the second share nothing. At most so many values are examined.
_HALF, _BRIGHT, _EXAMINED = 0.3, 0.9, 65_536


def thumbnail(dataset: Dataset, index: int, side: int = 112, *, brighten: bool = True) -> Image.Image:
    """Return one image as RGB, its longest side ``side`` pixels, with the outline of its mask.

    It is drawn of ``dataset.pixels(index)``, (h, w, c). A dark one, such as most of fluorescence, is made brighter
    unless ``brighten`` is False; ``info["brightened"]`` of the picture says whether. Raises NeedError without images.

    >>> import numpy as np
    >>> from dsim.data import from_arrays
    >>> dark = from_arrays(np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1))
    >>> thumbnail(dark, 0).getextrema()[0], thumbnail(dark, 0, brighten=False).getextrema()[0]
    ((0, 255), (0, 63))
    """
    from PIL import Image

    pixels = _rgb(dataset.pixels(index))
    low, high = _range_of_dark(pixels) if brighten else (0.0, 1.0)
    picture = Image.fromarray(_bytes(pixels, low, high))
    picture.info["brightened"] = (low, high) != (0.0, 1.0)
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST)
    if dataset.has_mask(index):
        mask = Image.fromarray((dataset.mask(index) != 0).astype("uint8")).resize(size, Image.Resampling.NEAREST)
        picture.paste(_OUTLINE, mask=Image.fromarray(_outline(mask)))
    return picture


def beside_mask(dataset: Dataset, index: int, side: int = 112, gap: int = 8, *, brighten: bool = True) -> Image.Image:
    """Return the thumbnail of an image, and to its right the mask: black is background, each number has its colour.

    The right half stays white where the image has no mask. Raises NeedError without images.

    >>> import numpy as np
    >>> from dsim.data import from_arrays
    >>> cells = from_arrays(np.zeros((1, 8, 8), np.uint8), masks=np.full((1, 8, 8), 255))
    >>> beside_mask(cells, 0, 8, 2).size
    (18, 8)
    """
    from PIL import Image

    left = thumbnail(dataset, index, side, brighten=brighten)
    both = Image.new("RGB", (2 * side + gap, left.height), "white")
    both.info.update(left.info)
    both.paste(left, ((side - left.width) // 2, 0))
    if dataset.has_mask(index):
        colours = Image.fromarray(_colours(dataset.mask(index)))
        both.paste(colours.resize(left.size, Image.Resampling.NEAREST), (side + gap + (side - left.width) // 2, 0))
    return both


def _colours(mask: NDArray[Any]) -> NDArray[Any]:
    """uint8 (H, W, 3): 0 is black, 255 white, any other number a bright colour of its own."""
    import numpy as np

    # Hues a golden section apart, so that the numbers of neighbouring objects are far from one another.
    hue = (mask.astype(np.float64) * 0.618034 % 1)[:, :, None] * 6 + np.array([0, 4, 2])
    bright = np.clip(np.abs(hue % 6 - 3) - 1, 0, 1) * 0.8 + 0.2
    bright[mask == 0] = 0
    bright[mask == 255] = 1
    colours: NDArray[Any] = np.rint(bright * 255).astype(np.uint8)
    return colours


def brightened(pictures: Sequence[Image.Image]) -> str:
    """Return what a title adds where thumbnails among these were made brighter, else ""."""
    return ", dark ones brightened" if any(picture.info.get("brightened") for picture in pictures) else ""


def _rgb(pixels: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 3) of the same type; of more channels the first three, of two red and green."""
    import numpy as np

    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    if pixels.shape[2] == 2:
        pixels = np.pad(pixels, ((0, 0), (0, 0), (0, 1)))
    return pixels[:, :, :3]


def _bytes(pixels: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """uint8 of uint8 or float in [0, 1], any shape: black at ``low``, white at ``high``, both parts of the range."""
    import numpy as np

    if pixels.dtype == np.uint8:
        if (low, high) == (0.0, 1.0):
            return np.ascontiguousarray(pixels)
        # By a table: as floats, a large picture would take many times its size.
        table = _bytes(np.arange(256, dtype=np.float32) / np.float32(255), low, high)
        bright: NDArray[Any] = table[pixels]
        return bright
    return np.rint(np.clip((pixels - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def _range_of_dark(pixels: NDArray[Any]) -> tuple[float, float]:
    """The range of a dark image (H, W, 3), in parts of its type's; (0, 1) of any other: one range for all channels.

    Of a few bright pixels on dark ground the ground decides, but not further than four times the brightest.
    """
    import numpy as np

    step = max(1, round((pixels.shape[0] * pixels.shape[1] / _EXAMINED) ** 0.5))
    seen = pixels[::step, ::step] / (255 if pixels.dtype == np.uint8 else 1)
    brightest = seen.max(axis=2)
    high = max(float(np.percentile(brightest, 98)), float(brightest.max()) / 4)
    low = float(np.percentile(seen.min(axis=2), 0.5))
    dark = high < _BRIGHT and float(np.median(brightest)) < _HALF
    return (low, high) if dark and low < high else (0.0, 1.0)


def _outline(mask: Image.Image) -> NDArray[Any]:
    """255 on foreground pixels that touch background."""
    import numpy as np

    inside = np.pad(np.asarray(mask) != 0, 1)
    core = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    edge: NDArray[Any] = inside[1:-1, 1:-1] & ~core
    return edge.astype(np.uint8) * np.uint8(255)
