"""The contact sheet: images of the target, each beside the nearest images of the chosen source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.sheet import thumbnail, write_line
from dsim.files import replacing
from dsim.recommend.nearest import Nearest

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from dsim.data.dataset import Dataset

_SIDE, _GAP, _TITLE, _CAPTION, _BETWEEN = 128, 10, 34, 18, 30
_PAPER, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (90, 90, 90)


def write_sheet(path: Path, target: Dataset, source: Dataset, rows: Sequence[Nearest]) -> None:
    """Write a PNG: one row per image of the target, the nearest of the source to its right with their distances.

    Masks of the source are outlined; those of the target, if it has any, are not shown.
    """
    with replacing(path) as temporary:
        _draw(target, source, rows).save(temporary)


def _draw(target: Dataset, source: Dataset, rows: Sequence[Nearest]) -> Image.Image:
    from PIL import Image, ImageDraw

    bare = replace(target, masked=False)
    step, columns = _SIDE + _CAPTION + _GAP, len(rows[0].neighbours)
    left = _GAP + _SIDE + _BETWEEN
    sheet = Image.new("RGB", (left + columns * (_SIDE + _GAP), _TITLE + len(rows) * step), _PAPER)
    pen = ImageDraw.Draw(sheet)
    write_line(pen, (_GAP, 8), target.name, _INK, 15, _SIDE + _BETWEEN - 6)
    write_line(pen, (left, 8), f"nearest images of {source.name}", _INK, 15, sheet.width - left)
    for down, row in enumerate(rows):
        top = _TITLE + down * step
        _put(sheet, pen, (bare, row.image), (_GAP, top), target.ids[row.image])
        for across, (index, distance) in enumerate(zip(row.neighbours, row.distances, strict=True)):
            place = (left + across * (_SIDE + _GAP), top)
            _put(sheet, pen, (source, index), place, f"{distance:.3g}  {source.ids[index]}")
    return sheet


def _put(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, what: tuple[Dataset, int], place: tuple[int, int], caption: str
) -> None:
    """One image in the middle of its square, with its caption."""
    picture = thumbnail(*what, _SIDE)
    sheet.paste(picture, (place[0] + (_SIDE - picture.width) // 2, place[1] + (_SIDE - picture.height) // 2))
    write_line(pen, (place[0], place[1] + _SIDE + 2), caption, _FAINT, 12, _SIDE)
