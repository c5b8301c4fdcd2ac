"""A CSV table of files: path, and any of label, mask, group, split. Paths are relative to the table's folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsim.data.arrays import MISSING
from dsim.data.assembly import assemble
from dsim.data.dataset import Dataset
from dsim.data.file_list import sample_id
from dsim.data.options import ReadOptions
from dsim.data.readers.mask_matches import OBJECTS
from dsim.data.volumes import Item
from dsim.errors import DataError, did_you_mean

_HINT = "write comma-separated UTF-8 text whose first line names the columns"


@dataclass(frozen=True)
class Row:
    """One line of a table: its key, and the cells that are not empty."""

    line: int
    key: str
    cells: Mapping[str, str]

    def get(self, column: str) -> str | None:
        """Return the cell, or None where it is empty or the column is missing."""
        return self.cells.get(column)


def read_table(path: Path, *, key: str, columns: Sequence[str]) -> list[Row]:
    """Return the rows of a table with the column ``key`` and any of ``columns``.

    Raises DataError that names the file and line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            _check_header(path, header, key)
            rows = [_row(path, reader.line_num, cells, key, columns) for cells in reader]
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DataError(f"cannot read the table {path}: {error}", hint=_HINT) from error
    if not rows:
        raise DataError(f"the table {path} has no rows", hint=_HINT)
    return rows


def _other_columns(path: Path, known: Sequence[str]) -> list[str]:
    """Return notes on columns that are not used, with the nearest name that would be."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = [name.strip() for name in next(csv.reader(file), [])]
    return [f"column {name!r} is not used.{did_you_mean(name, known)}" for name in header if name not in known]


def _check_header(path: Path, header: Sequence[str], key: str) -> None:
    if key not in header:
        found = ", ".join(map(repr, header)) or "nothing"
        raise DataError(f"the table {path} has no column {key!r}; its first line names {found}", hint=_HINT)
    if len(set(header)) < len(header):
        raise DataError(f"the table {path} names a column twice", hint="give each column its own name")


def _text(cell: object) -> str:
    """The cell without spaces; empty where the program that wrote the table had no value."""
    text = str(cell or "").strip()
    return "" if text in MISSING else text


def _row(path: Path, line: int, cells: Mapping[str | None, object], key: str, columns: Sequence[str]) -> Row:
    if None in cells:
        raise DataError(f"{path}, line {line}: more cells than columns", hint="quote cells that contain commas")
    given = {name: _text(cells.get(name)) for name in (key, *columns)}
    if not given[key]:
        raise DataError(f"{path}, line {line}: the column {key!r} is empty", hint="name a file, or remove the line")
    return Row(line, given[key], {name: given[name] for name in columns if given[name]})


def refuse_repeated(table: Path, earlier: Row, row: Row) -> None:
    """Raise DataError, which names both lines and how they differ, where two rows are of one image."""
    if earlier is row:
        return
    differing = [name for name in {**earlier.cells, **row.cells} if earlier.get(name) != row.get(name)]
    said = "".join(f"; its {name} is {earlier.get(name)!r} there and {row.get(name)!r} here" for name in differing)
    hint = f"keep one line per image: remove line {earlier.line} or {row.line}"
    if "label" in differing:
        joined = "+".join(filter(None, (earlier.get("label"), row.get("label"))))
        hint += f", or join their labels into one, such as {joined}"
    raise DataError(f"{table}, line {row.line}: {row.key!r} stands on line {earlier.line} too{said}", hint=hint)


_COLUMNS = ("label", "mask", "group", "split")


def accepts(path: Path) -> bool:
    """Return whether this is a ``.csv`` file, or a folder with ``manifest.csv``."""
    return _table(path).suffix.lower() == ".csv" and _table(path).is_file()


def read(path: Path, options: ReadOptions) -> Dataset:
    """Return the images (h, w, c) that the table names; ids are the paths without suffix.

    Several rows of one image that differ in their masks (h, w) name one object each. Raises DataError that names the
    line, for files that do not exist or lie outside the table's folder; and what ``assemble`` raises.
    """
    table = _table(path)
    root = table.parent
    rows = read_table(table, key="path", columns=_COLUMNS)
    items = _one_per_image([(_item(row, table, root), row) for row in rows], table)
    notes = _other_columns(table, ("path", *_COLUMNS))
    if any(isinstance(item.mask, tuple) for item in items):
        notes.append(f"{OBJECTS}, numbered in the order of their lines; of two that overlap the later is seen")
    name = options.name or (path.name if path.is_dir() else path.stem)
    return assemble(items, name=name, location=table, format="manifest", options=options, notes=notes)


def _one_per_image(found: Sequence[tuple[Item, Row]], table: Path) -> list[Item]:
    """One item per image; rows of one image that name different masks, and differ in nothing else, are its objects."""
    rows: dict[Path, list[tuple[Item, Row]]] = {}
    for item, row in found:
        rows.setdefault(item.path, []).append((item, row))
    several = any(len(of_image) > 1 for of_image in rows.values())
    return [_joined(of_image, table) if several else of_image[0][0] for of_image in rows.values()]


def _joined(of_image: Sequence[tuple[Item, Row]], table: Path) -> Item:
    (item, earlier), *others = of_image
    masks = [mask for other, _ in of_image for mask in other.mask_files]
    for other, row in others:
        if len(set(masks)) < len(of_image) or replace(other, mask=item.mask) != item:
            refuse_repeated(table, earlier, row)
    return replace(item, mask=tuple(masks) or None)


def _table(path: Path) -> Path:
    return path / "manifest.csv" if path.is_dir() else path


def _item(row: Row, table: Path, root: Path) -> Item:
    image = _inside(row.key, row, table, root)
    mask = row.get("mask")
    return Item(
        sample_id(image, root),
        image,
        mask=None if mask is None else _inside(mask, row, table, root),
        label=row.get("label"),
        group=row.get("group"),
        split=row.get("split"),
    )


def _inside(text: str, row: Row, table: Path, root: Path) -> Path:
    """The file that a cell names, which must exist and lie below the table's folder, links resolved."""
    path = root / text.replace("\\", "/")
    if not path.resolve().is_relative_to(root.resolve()):
        raise DataError(
            f"{table}, line {row.line}: {text!r} leaves the table's folder",
            hint=f"copy the file below {root}, or move the table to a folder above all its files",
        )
    if not path.is_file():
        raise DataError(
            f"{table}, line {row.line}: there is no file {text!r} in {root}",
            hint="write paths relative to the table's folder",
        )
    return root / path.resolve().relative_to(root.resolve())
