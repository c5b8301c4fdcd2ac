"""The contact sheet: outlines of the pre-labels on their images, the most doubtful above some of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data import evenly, thumbnail, write_line
from dsim.files import replacing
from dsim.prelabel.summary import Row

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray
    from PIL import Image, ImageDraw

    from dsim.data import Backing, Dataset

_SIDE, _COLUMNS, _GAP, _TITLE, _CAPTION = 192, 6, 10, 30, 18
_PAPER, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (90, 90, 90)


@dataclass(frozen=True)
class _Labelled:
    """The images of a target with the masks that were written for them."""

    images: Backing
    masks: tuple[Path, ...]

    def image(self, index: int) -> NDArray[Any]:
        return self.images.image(index)

    def image_digest(self, index: int) -> str:
        return self.images.image_digest(index)

    def mask(self, index: int) -> NDArray[Any]:
        from dsim.data.formats.decode import read_mask

        return read_mask(self.masks[index])

    def mask_digest(self, index: int) -> str:
        raise NotImplementedError


def write_overlays(path: Path, target: Dataset, out: Path, rows: Sequence[Row], shown: int) -> None:
    """Draw ``shown`` images: half of them the most doubtful of ``rows``, which are in that order, half of the rest.

    Raises DsimError where the file cannot be written.
    """
    first = rows[: -(-shown // 2)]
    rest = rows[len(first) :]
    others = [rest[position] for position in evenly(len(rest), shown - len(first))]
    title = f"{target.name}: the {len(first)} most doubtful of {len(rows)} images, with the Dice that the model expects"
    blocks = [(title, first), (f"{len(others)} of the other {len(rest)}", others)]
    drawn = [_Block.of(title, target, out, block) for title, block in blocks if block]
    with replacing(path) as temporary:
        _draw(drawn).save(temporary)


@dataclass(frozen=True)
class _Block:
    """Images under one title."""

    title: str
    pictures: tuple[Image.Image, ...]
    captions: tuple[str, ...]

    @classmethod
    def of(cls, title: str, target: Dataset, out: Path, rows: Sequence[Row]) -> _Block:
        view = _view(target, out, rows)
        pictures = tuple(thumbnail(view, number, _SIDE) for number in range(len(rows)))
        return cls(title, pictures, tuple(f"{row['expected_dice']:.2f}  {row['id']}" for row in rows))

    @property
    def step(self) -> int:
        """Height of one row with its captions."""
        return max(picture.height for picture in self.pictures) + _CAPTION + _GAP

    @property
    def height(self) -> int:
        return _TITLE + -(-len(self.pictures) // _COLUMNS) * self.step

    def draw(self, sheet: Image.Image, pen: ImageDraw.ImageDraw, top: int) -> None:
        write_line(pen, (_GAP, top), self.title, _INK, 16, sheet.width - 2 * _GAP)
        for number, (picture, caption) in enumerate(zip(self.pictures, self.captions, strict=True)):
            row, column = divmod(number, _COLUMNS)
            left, floor = _GAP + column * (_SIDE + _GAP), top + _TITLE + (row + 1) * self.step - _CAPTION - _GAP
            sheet.paste(picture, (left + (_SIDE - picture.width) // 2, floor - picture.height))
            write_line(pen, (left, floor + 2), caption, _FAINT, 12, _SIDE)


def _draw(blocks: Sequence[_Block]) -> Image.Image:
    from PIL import Image, ImageDraw

    # At least wide enough for a title.
    columns = min(_COLUMNS, max(4, *(len(block.pictures) for block in blocks)))
    size = (_GAP + columns * (_SIDE + _GAP), _GAP + sum(block.height for block in blocks))
    sheet = Image.new("RGB", size, _PAPER)
    pen, top = ImageDraw.Draw(sheet), _GAP
    for block in blocks:
        block.draw(sheet, pen, top)
        top += block.height
    return sheet


def _view(target: Dataset, out: Path, rows: Sequence[Row]) -> Dataset:
    """The images of some rows with their pre-labels as masks."""
    place = {id: index for index, id in enumerate(target.ids)}
    part = target.subset([place[row["id"]] for row in rows])
    assert part.backing is not None
    return replace(part, backing=_Labelled(part.backing, tuple(out / row["mask"] for row in rows)), masked=True)
