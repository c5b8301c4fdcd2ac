"""The nearest images of a source to those of a target, found and drawn; and shelves of the reference extractor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data import Dataset, brightened, thumbnail, write_line
from dsim.features import write_shelf
from dsim.features import zoo_sources as zoo_sources
from dsim.files import replacing
from dsim.measures import EXTRACTOR
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from dsim.data import Dataset
    from dsim.runtime import Runtime


#: The shipped extractor, on whose features most measures stand.
REFERENCE = str(EXTRACTOR.default)


@dataclass(frozen=True)
class Nearest:
    """An image of the target, by position, with positions of the nearest images of the source and their distances."""

    image: int
    neighbours: tuple[int, ...]
    distances: tuple[float, ...]

    def to_dict(self, target: Dataset, source: Dataset) -> dict[str, Any]:
        """Return the JSON object, with images by their ids."""
        pairs = zip(self.neighbours, self.distances, strict=True)
        near = [{"image": source.ids[index], "distance": distance} for index, distance in pairs]
        return {"image": target.ids[self.image], "nearest": near}


def nearest_images(
    target: Dataset, source: Dataset, runtime: Runtime, *, images: int = 6, neighbours: int = 5
) -> tuple[Nearest, ...]:
    """Return, for images spread evenly over the target, the nearest of the source by Euclidean distance of features.

    Raises WeightsError where the extractor's weights cannot be reached, and UnreadableImageError.
    Features are float32 (n, d).
    """
    import numpy as np

    from dsim.data import evenly
    from dsim.embeddings import find_neighbours
    from dsim.features import extract, feature_rows

    shown = evenly(len(target), images)
    wanted = np.asarray(extract(target, REFERENCE, runtime)[shown], dtype=np.float64)
    count = min(neighbours, len(source))
    positions, distances = find_neighbours(wanted, feature_rows(source, REFERENCE, runtime), count)
    return tuple(
        Nearest(image, tuple(near.tolist()), tuple(far.tolist()))
        for image, near, far in zip(shown, positions, distances, strict=True)
    )


_SIDE, _GAP, _TITLE, _CAPTION, _BETWEEN = 128, 10, 34, 18, 30
_PAPER, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (90, 90, 90)


def write_sheet(path: Path, target: Dataset, source: Dataset, rows: Sequence[Nearest]) -> None:
    """Write a PNG: one row per image of the target, the nearest of the source to its right with their distances.

    Masks of the source are outlined; those of the target, if it has any, are not shown. Raises DsimError where the file
    cannot be written.
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
    shown = []
    for down, row in enumerate(rows):
        top = _TITLE + down * step
        shown.append(_put(sheet, pen, (bare, row.image), (_GAP, top), target.ids[row.image]))
        for across, (index, distance) in enumerate(zip(row.neighbours, row.distances, strict=True)):
            place = (left + across * (_SIDE + _GAP), top)
            shown.append(_put(sheet, pen, (source, index), place, f"{distance:.3g}  {source.ids[index]}"))
    title = f"nearest images of {source.name}{brightened(shown)}"
    write_line(pen, (left, 8), title, _INK, 15, sheet.width - left)
    return sheet


def _put(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, what: tuple[Dataset, int], place: tuple[int, int], caption: str
) -> Image.Image:
    """One image in the middle of its square, with its caption; returns it."""
    picture = thumbnail(*what, _SIDE)
    sheet.paste(picture, (place[0] + (_SIDE - picture.width) // 2, place[1] + (_SIDE - picture.height) // 2))
    write_line(pen, (place[0], place[1] + _SIDE + 2), caption, _FAINT, 12, _SIDE)
    return picture


def write(dataset: Dataset, folder: Path, runtime: Runtime, extractor: str = REFERENCE) -> Path:
    """Write the part of a dataset that the zoo ships, features float32 (n, d), into a folder; return the file.

    Raises DataError for images of more than 8 bits: their scaling would have to be shipped too.
    """
    return write_shelf(dataset, folder, runtime, extractor)
