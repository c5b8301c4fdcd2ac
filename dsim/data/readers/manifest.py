"""A CSV table of files: path, and any of label, mask, group, split. Paths are relative to the table's folder."""

from __future__ import annotations

from pathlib import Path

from dsim.data.assembly import Item, assemble
from dsim.data.dataset import Dataset
from dsim.data.listing import sample_id
from dsim.data.options import ReadOptions
from dsim.data.table import Row, other_columns, read_table
from dsim.errors import DataError

_COLUMNS = ("label", "mask", "group", "split")


def accepts(path: Path) -> bool:
    """A ``.csv`` file, or a folder with ``manifest.csv``."""
    return _table(path).suffix.lower() == ".csv" and _table(path).is_file()


def read(path: Path, options: ReadOptions) -> Dataset:
    """Ids are the paths without suffix."""
    table = _table(path)
    root = table.parent
    rows = read_table(table, key="path", columns=_COLUMNS)
    items = [_item(row, table, root) for row in rows]
    notes = other_columns(table, ("path", *_COLUMNS))
    name = options.name or (path.name if path.is_dir() else path.stem)
    return assemble(items, name=name, location=table, format="manifest", options=options, notes=notes)


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
