"""Tables of regions: CSV of boxes or points, and the CSV of points and shapes that napari writes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsim.annotations.regions import Region, around, tidy
from dsim.errors import DataError

Row = Mapping[str, str]

#: Names of columns that other programs write, for each of ours.
_NAMES = {
    "image": ("image", "file", "filename", "file_name", "image_id", "image_name"),
    "label": ("class", "label", "class_name", "category", "classification"),
    "score": ("score", "confidence", "probability"),
}
#: Columns of a box, by its corners and by its size, and of a point.
_CORNERS = (("xmin", "ymin", "xmax", "ymax"), ("x_min", "y_min", "x_max", "y_max"), ("x1", "y1", "x2", "y2"))
_SIZES = (("x", "y", "width", "height"), ("x", "y", "w", "h"))
_POINTS = (("x", "y"),)
#: Rows and columns of napari, whose pixels have their centre at whole numbers.
_AXES, _CENTRE = ("axis-0", "axis-1"), 0.5
_HINT = "write the columns image, class, and xmin, ymin, xmax, ymax, or x, y, width, height, or x, y for points"


def read_table(text: str, what: str, image: str) -> list[Region]:
    """Return the regions of a table, in its order.

    Boxes have the columns xmin, ymin, xmax, ymax or x, y, width, height (of the upper left corner); points x, y, or
    axis-0, axis-1 as napari writes them, where the centre of the first pixel is (0, 0). Shapes of napari count by the
    box around them. ``image`` is what rows are of where there is no column for it. Columns are separated by commas,
    semicolons or tabs. Raises DataError that names ``what`` the file is and the line.
    """
    lines, numbers = _lines(text, what)
    header = [name.strip().lower() for name in lines[0]]
    rows = []
    for number, cells in zip(numbers[1:], lines[1:], strict=True):
        if len(cells) != len(header):
            raise DataError(f"{what}, line {number} has {len(cells)} cells, not {len(header)}", hint=_HINT)
        rows.append(_Row(dict(zip(header, map(str.strip, cells), strict=True)), f"{what}, line {number}"))
    if "axis-2" in header:
        raise DataError(f"{what} has points of a stack: more than two axes", hint="write one table for each image")
    if "shape-type" in header:
        return _shapes(rows, image)
    columns = next((names for names in (*_CORNERS, *_SIZES, _AXES, *_POINTS) if set(names) <= set(header)), None)
    if columns is None:
        raise DataError(f"{what} has no columns of boxes or points, only {', '.join(header)}", hint=_HINT)
    return [_region(row, columns, image) for row in rows]


@dataclass(frozen=True)
class _Row:
    cells: Row
    where: str

    def number(self, name: str) -> float:
        """The number in a column; raises DataError that names the line and column."""
        try:
            value = float(self.cells[name])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DataError(f"{self.where}: {name} is {self.cells[name]!r}, not a number", hint="mend the line")
        return value

    def text(self, meaning: str, otherwise: str = "") -> str:
        """The text in the column of this meaning, under whichever name."""
        return next((self.cells[name] for name in _NAMES[meaning] if self.cells.get(name)), otherwise)

    def image(self, otherwise: str) -> str:
        """The image; raises DataError where its column is empty."""
        if any(name in self.cells for name in _NAMES["image"]) and not self.text("image"):
            raise DataError(f"{self.where} names no image", hint="write the name of its file")
        return self.text("image", otherwise)

    def score(self) -> float:
        """NaN where there is none."""
        name = next((name for name in _NAMES["score"] if self.cells.get(name)), None)
        return math.nan if name is None else self.number(name)


def _lines(text: str, what: str) -> tuple[list[list[str]], list[int]]:
    """The cells of each line that is not blank, and its number."""
    first = text.lstrip().partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        found = [(cells, reader.line_num) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise DataError(f"{what}, line {reader.line_num} is damaged: {error}", hint=_HINT) from None
    if not found:
        raise DataError(f"{what} is empty", hint=_HINT)
    return [cells for cells, _ in found], [number for _, number in found]


def _region(row: _Row, columns: Sequence[str], image: str) -> Region:
    image, label, score = row.image(image), row.text("label"), row.score()
    numbers = [row.number(name) for name in columns]
    if columns == _AXES:
        size = [row.number(name) if row.cells.get(name) else 0.0 for name in ("width", "height")]
        x, y = (value + _CENTRE - side / 2 for value, side in zip(numbers[::-1], size, strict=True))
        return Region(image, tidy(x), tidy(y), tidy(size[0]), tidy(size[1]), label, score)
    x, y, *rest = numbers
    if columns in _CORNERS:
        # Not put right where the corners are exchanged: that is a fault to be named.
        rest = [rest[0] - x, rest[1] - y]
    width, height = rest or (0.0, 0.0)
    return Region(image, tidy(x), tidy(y), tidy(width), tidy(height), label, score)


def _shapes(rows: Sequence[_Row], image: str) -> list[Region]:
    """Napari's shapes: one line for each vertex."""
    vertices: dict[str, list[_Row]] = {}
    for row in rows:
        vertices.setdefault(row.cells.get("index", ""), []).append(row)
    found = []
    for shape in vertices.values():
        corners = [(row.number("axis-1") + _CENTRE, row.number("axis-0") + _CENTRE) for row in shape]
        found.append(around(shape[0].image(image), corners, shape[0].text("label"), shape[0].score()))
    return found


def table_text(regions: Sequence[Region]) -> str:
    """Return regions as CSV: image, x, y, width, height, class, score; a missing score is empty."""
    rows = [[region.image, *map(tidy, region[1:5]), region.label, _score(region)] for region in regions]
    return _csv(["image", "x", "y", "width", "height", "class", "score"], rows)


def napari_text(regions: Sequence[Region]) -> str:
    """Return the centres of regions as napari's CSV of points; class, score and size are features of the points."""
    rows = []
    for index, region in enumerate(regions):
        x, y = (tidy(value - _CENTRE) for value in region.centre)
        size = (tidy(region.width), tidy(region.height))
        rows.append([index, y, x, region.image, region.label, _score(region), *size])
    return _csv(["index", *_AXES, "image", "class", "score", "width", "height"], rows)


def _score(region: Region) -> float | str:
    return "" if math.isnan(region.score) else tidy(region.score)


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()
