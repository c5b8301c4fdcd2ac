"""The results of a run of pre-labels: the table of doubt, one row per image, sums over all of them, contact sheets."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data import brightened, evenly, thumbnail, write_line
from dsim.files import replacing, write_text
from dsim.files.documents import json_text

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray
    from PIL import Image, ImageDraw

    from dsim.data import Backing, Dataset


SCHEMA = "dsim.prelabel/1"


_DOUBTFUL = 10


@dataclass(frozen=True)
class PreLabels:
    """The pre-labels of a target, all written.

    Parameters
    ----------
    out : the folder. ``facts`` : all that the files depend on: model, target, settings, version.
    rows : of the table, the most doubtful first. ``new`` : how many images were labelled in this run.
    seen : how much of the target the model was trained on, in a sentence; None where nothing of it.
    notes : what was unusual. ``files`` : those of the whole target, below ``out``.
    """

    out: Path
    facts: Mapping[str, Any]
    rows: tuple[Row, ...]
    new: int
    seen: str | None
    notes: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name of what was marked."""
        return str(self.facts["settings"]["label"])

    @property
    def objects(self) -> int:
        """The number of objects that were marked in all images."""
        return sum(row["objects"] for row in self.rows)

    @property
    def empty(self) -> int:
        """The number of images in which nothing was marked."""
        return sum(not row["objects"] for row in self.rows)

    @property
    def expected_dice(self) -> float | None:
        """The median over the images in which something was marked; None where nothing was."""
        marked = [row["expected_dice"] for row in self.rows if row["objects"]]
        return statistics.median(marked) if marked else None

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON document of schema ``dsim.prelabel/1``; of the images only the most doubtful."""
        shown = ("id", "image", "mask", "objects", "expected_dice", "boundary_entropy")
        return {
            "schema": SCHEMA,
            **self.facts,
            "out": str(self.out),
            "images": len(self.rows),
            "new": self.new,
            "objects": self.objects,
            "empty": self.empty,
            "expected_dice": self.expected_dice,
            "trained_on_target": self.seen,
            "notes": list(self.notes),
            "files": list(self.files),
            "most_doubtful": [{name: row[name] for name in shown} for row in self.rows[:_DOUBTFUL]],
        }

    def to_json(self, path: Path) -> None:
        """Write the document, atomically. Raises DsimError where the disk refuses."""
        write_text(path, json_text(self.to_dict(), indent=1) + "\n")


Row = Mapping[str, Any]


def by_doubt(rows: Iterable[Row]) -> list[Row]:
    """Return the rows, the most doubtful first: lowest expected Dice, likeliest missed object, vaguest outline.

    >>> sure, empty, vague = (
    ...     {"id": id, "expected_dice": dice, "highest_probability": 0.4, "boundary_entropy": None}
    ...     for id, dice in (("a", 0.9), ("b", 0.0), ("c", 0.7))
    ... )
    >>> [row["id"] for row in by_doubt([sure, empty, vague])]
    ['b', 'c', 'a']
    """
    return sorted(rows, key=_doubt)


def _doubt(row: Row) -> tuple[float, float, float, str]:
    entropy = row["boundary_entropy"]
    return row["expected_dice"], -row["highest_probability"], math.inf if entropy is None else -entropy, row["id"]


COLUMNS = (
    "id",
    "image",
    "page",
    "mask",
    "height",
    "width",
    "objects",
    "foreground",
    "expected_dice",
    "boundary_entropy",
    "highest_probability",
)


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as CSV in their order; an empty cell is a number that does not exist.

    Raises DsimError where the disk refuses.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({column: _cell(row[column]) for column in COLUMNS} for row in rows)
    write_text(path, text.getvalue())


def _cell(value: Any) -> Any:
    return f"{value:.5f}" if isinstance(value, float) else value


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


def write_overlays(path: Path, target: Dataset, out: Path, rows: Sequence[Row], shown: int, label: str) -> None:
    """Draw ``shown`` images: half of them the most doubtful of ``rows``, which are in that order, half of the rest.

    ``label`` is the name of what is outlined. Raises DsimError where the file cannot be written.
    """
    first = rows[: -(-shown // 2)]
    rest = rows[len(first) :]
    others = [rest[position] for position in evenly(len(rest), shown - len(first))]
    title = f"{target.name}, {label}: the {len(first)} most doubtful of {len(rows)} images, with the expected Dice"
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
        return cls(
            title + brightened(pictures), pictures, tuple(f"{row['expected_dice']:.2f}  {row['id']}" for row in rows)
        )

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
