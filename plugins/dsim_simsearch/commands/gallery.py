"""A picture of candidates: crops sorted by score, with a line where the threshold is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data import write_line
from dsim.errors import UsageError
from dsim.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image, ImageDraw

    from dsim.annotations import Region
    from dsim_simsearch.images import PreparedImages

#: Pixels of a crop on the picture, and around it. ``_CONTEXT``: of a patch's side, what is shown of its surroundings.
_SIDE, _GAP, _CAPTION, _TITLE, _COLUMNS = 88, 8, 14, 24, 10
_CONTEXT = 0.5
_PAPER, _INK, _LINE = (255, 255, 255), (20, 20, 20), (213, 94, 0)
#: Frames by mark, in Okabe and Ito's colours: distinct to the colour-blind, and told apart by the caption too.
_FRAMES = {"": (190, 190, 190), "prototype": (0, 114, 178), "flagged": (213, 94, 0)}


@dataclass(frozen=True)
class Crop:
    """One candidate on the picture: its region with the score, and ``prototype``, ``flagged`` or nothing."""

    region: Region
    mark: str = ""


def draw_gallery(
    path: Path, images: PreparedImages, crops: Sequence[Crop], title: str, threshold: float | None
) -> None:
    """Write the picture: crops in their order, a line before the first one that is below the threshold.

    Raises UsageError unless the file ends in ``.png`` or ``.jpg``.
    """
    from PIL import Image, ImageDraw

    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError(f"--out {str(path)!r} is no picture", hint="end its name in .png or .jpg")
    below = sum(threshold is None or crop.region.score >= threshold for crop in crops)
    rows = -(-len(crops) // _COLUMNS)
    size = (_GAP + _COLUMNS * (_SIDE + _GAP), _TITLE + rows * (_SIDE + _CAPTION + _GAP) + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    write_line(pen, (_GAP, 5), title, _INK, 13, sheet.width - 2 * _GAP)
    for at, crop in enumerate(crops):
        row, column = divmod(at, _COLUMNS)
        left, top = _GAP + column * (_SIDE + _GAP), _TITLE + row * (_SIDE + _CAPTION + _GAP)
        _draw_crop(sheet, pen, images, crop, left, top)
        if at == below and at:
            pen.rectangle((left - _GAP // 2 - 1, top - 2, left - _GAP // 2 + 1, top + _SIDE + _CAPTION), fill=_LINE)
    with replacing(path) as temporary:
        sheet.save(temporary)


def _draw_crop(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, images: PreparedImages, crop: Crop, left: int, top: int
) -> None:
    from PIL import Image

    pixels, shown = _surroundings(images, crop.region)
    scale = _SIDE / shown
    picture = Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    sheet.paste(picture, (left, top))
    middle, half = _SIDE / 2, (crop.region.width * scale / 2, crop.region.height * scale / 2)
    box = (left + middle - half[0], top + middle - half[1], left + middle + half[0], top + middle + half[1])
    pen.rectangle(box, outline=_FRAMES[crop.mark], width=2 if crop.mark else 1)
    text = f"{crop.region.score:.3f} {crop.mark}".strip()
    write_line(pen, (left, top + _SIDE + 1), text, _INK, 10, _SIDE)


def _surroundings(images: PreparedImages, region: Region) -> tuple[NDArray[np.uint8], int]:
    """A square around a region, RGB uint8, and its side in pixels of the image."""
    import numpy as np

    side = max(1, round(max(region.width, region.height) * (1 + _CONTEXT)))
    x, y = region.centre
    planes = images.window(images.index(region.image), round(x - side / 2), round(y - side / 2), side, side)
    # One channel is gray; of two, red and green; of many, the first three.
    empty = np.zeros_like(planes[0])
    colours = [planes[0]] * 3 if len(planes) == 1 else [*planes[:3], empty][:3]
    return np.rint(np.stack(colours, axis=-1) * 255).astype(np.uint8), side
