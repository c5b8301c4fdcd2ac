"""Pictures of a sample to verify: numbered crops of detections, and windows with the detections in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsim.annotations import Region, class_colours
from dsim.data import write_line
from dsim.files import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image, ImageDraw

    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.verification import Check, Sample

#: Pixels of a crop and of a window on the sheet, and around them; how many stand in a row.
_CROP, _WINDOW, _GAP, _CAPTION, _TITLE = 104, 400, 8, 16, 26
_CROPS, _WINDOWS = 8, 2
#: What is shown around a detection, and around a window, in longer sides of a patch: objects at the edge are whole.
_AROUND = 0.5
_PAPER, _INK, _FRAME, _OUTSIDE = (255, 255, 255), (20, 20, 20), (0, 0, 0), (190, 190, 190)
CHECKS, WINDOWS = "detections.png", "windows.png"


def draw_checks(path: Path, images: PreparedImages, sample: Sample) -> None:
    """Write the detections to check: a block for each class, numbers as in sample.csv, the confidence not shown."""
    from PIL import Image, ImageDraw

    blocks = [[check for check in sample.checks if check.region.label == name] for name in sample.classes]
    blocks = [block for block in blocks if block]
    heights = [_TITLE + -(-len(block) // _CROPS) * (_CROP + _CAPTION + _GAP) for block in blocks]
    sheet = Image.new("RGB", (_GAP + _CROPS * (_CROP + _GAP), max(sum(heights), 1) + _GAP), _PAPER)
    pen = ImageDraw.Draw(sheet)
    top = 0
    for block, height in zip(blocks, heights, strict=True):
        _draw_block(sheet, pen, images, block, top)
        top += height
    _save(sheet, path)


def _draw_block(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, images: PreparedImages, block: Sequence[Check], top: int
) -> None:
    title = f"{block[0].region.label}: fill in the column correct, 1 where it is one, 0 where it is none."
    write_line(pen, (_GAP, top + 6), title, _INK, 13, sheet.width - 2 * _GAP)
    for at, check in enumerate(block):
        row, column = divmod(at, _CROPS)
        left, upper = _GAP + column * (_CROP + _GAP), top + _TITLE + row * (_CROP + _CAPTION + _GAP)
        _paste(sheet, pen, images, check.region, [], _CROP, (left, upper))
        write_line(pen, (left, upper + _CROP + 1), str(check.number), _INK, 11, _CROP)


def draw_windows(
    path: Path, images: PreparedImages, sample: Sample, detections: Sequence[Region], patch: tuple[float, float]
) -> None:
    """Write the windows to search, framed, with all detections near them in the colours of their classes."""
    from PIL import Image, ImageDraw

    rows = -(-len(sample.windows) // _WINDOWS)
    width = _GAP + _WINDOWS * (_WINDOW + _GAP)
    sheet = Image.new("RGB", (width, 2 * _TITLE + rows * (_WINDOW + _CAPTION + _GAP) + _GAP), _PAPER)
    pen = ImageDraw.Draw(sheet)
    colours = class_colours(sample.classes)
    title = "Column missed: objects with their centre inside the large frame that have no box of their colour."
    write_line(pen, (_GAP, 6), title, _INK, 13, width - 2 * _GAP)
    for at, name in enumerate(sample.classes):
        room = (width - 2 * _GAP) // len(sample.classes)
        write_line(pen, (_GAP + at * room, _TITLE), name, colours[name], 13, room - _GAP)
    around = round(_AROUND * max(patch))
    for at, window in enumerate(sample.windows):
        row, column = divmod(at, _WINDOWS)
        left, upper = _GAP + column * (_WINDOW + _GAP), 2 * _TITLE + row * (_WINDOW + _CAPTION + _GAP)
        near = [region for region in detections if region.image == window.image]
        boxes = [(region, colours[region.label]) for region in near]
        _paste(sheet, pen, images, window, boxes, _WINDOW, (left, upper), around)
        write_line(pen, (left, upper + _WINDOW + 1), f"{at + 1}  {window.image}", _INK, 11, _WINDOW)
    _save(sheet, path)


def _paste(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    images: PreparedImages,
    region: Region,
    boxes: Sequence[tuple[Region, tuple[int, int, int]]],
    side: int,
    place: tuple[int, int],
    around: int | None = None,
) -> None:
    """Put a square around a region onto the sheet, with its frame, and with boxes in it."""
    from PIL import Image, ImageDraw

    longer = max(region.width, region.height)
    shown = max(1, round(longer + 2 * (_AROUND * longer if around is None else around)))
    left, top = (round(centre - shown / 2) for centre in region.centre)
    index = images.index(region.image)
    pixels = _rgb(images.window(index, left, top, shown, shown))
    height, width = images.shape(index)
    # The images' mirrored continuation would show objects that are not there.
    pixels[: max(0, -top)], pixels[:, : max(0, -left)] = _OUTSIDE, _OUTSIDE
    pixels[max(0, height - top) :], pixels[:, max(0, width - left) :] = _OUTSIDE, _OUTSIDE
    picture = Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR)
    own, scale = ImageDraw.Draw(picture), side / shown
    for box, colour in [*boxes, (region, _FRAME)]:
        x, y = (box.x - left) * scale, (box.y - top) * scale
        corners = (x, y, x + box.width * scale, y + box.height * scale)
        # A pale line below makes a frame visible on any ground.
        own.rectangle(corners, outline=_PAPER, width=3)
        own.rectangle(corners, outline=colour, width=2)
    sheet.paste(picture, place)


def _rgb(planes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8 (h, w, 3) of float32 (c, h, w) in [0, 1]: one channel is gray, of two red and green, of many the first."""
    empty = np.zeros_like(planes[0])
    colours = [planes[0]] * 3 if len(planes) == 1 else [*planes[:3], empty][:3]
    pixels: NDArray[np.uint8] = np.rint(np.stack(colours, axis=-1) * 255).astype(np.uint8)
    return pixels


def _save(sheet: Image.Image, path: Path) -> None:
    with replacing(path) as temporary:
        sheet.save(temporary)
