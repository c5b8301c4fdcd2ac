"""Labels of images from a table that lies anywhere: ``PATH[labels=labels.csv]``, such as the page of a map writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.data.readers.manifest import Row

#: The option; as a number it is a level of folders.
NAME = "labels"
_COLUMNS = ("label", "group", "split")
#: Beginnings of cells that spreadsheets take for formulas; programs write an apostrophe before them.
_FORMULAS = ("=", "+", "-", "@")


def take_label_file(written: dict[str, str]) -> str | None:
    """Take the option out of those that are written, unless it is a number; None where there is no file.

    >>> take_label_file({"labels": "mine.csv"}), take_label_file({"labels": "1"})
    ('mine.csv', None)
    """
    given = written.get(NAME, "")
    return None if not given or given.isdecimal() else written.pop(NAME)


def find_label_file(text: str, location: Path) -> Path:
    """Return the path of a table that is named relative to the current folder, or to that of the dataset.

    Raises DataError where it is in neither.
    """
    given = Path(text).expanduser()
    beside = location if location.is_dir() else location.parent
    for path in (given, beside / given):
        if path.is_file():
            return path.absolute()
    raise DataError(f"there is no table of labels at {text}", hint=f"give its path: '{location}[labels=PATH.csv]'")


def with_label_file(dataset: Dataset, table: Path) -> Dataset:
    """Return the images of a dataset that a table labels, with these labels; its notes say how many are left out.

    The table has the columns ``file`` (the id, with or without suffix) and ``label``, and may have ``group``, ``split``
    and ``dataset``: of a table of several datasets, the lines with this one's name count. Raises DataError that names
    the line for an image that the dataset does not have, and where no image has a label.
    """
    by_id = _rows_of(dataset, table)
    chosen = [index for index, name in enumerate(dataset.ids) if name in by_id and by_id[name].get("label")]
    if not chosen:
        raise DataError(f"{table} gives no image of {dataset.name!r} a label", hint="fill in its column 'label'")
    part = dataset if len(chosen) == len(dataset) else dataset.subset(chosen)
    own = [by_id[name] for name in part.ids]
    given = {f"{what}s": tuple(row.get(what) or "" for row in own) for what in _COLUMNS}
    note = f"labels of {table.name}"
    if len(part) < len(dataset):
        note += f", which labels {len(part)} of {len(dataset)} images; the others are left out"
    # What the table leaves empty for some images is as it was for all.
    columns: dict[str, Any] = {name: values for name, values in given.items() if all(values)}
    return replace(part, notes=(*part.notes, note), **columns)


def relabelled(dataset: Dataset, table: Path) -> Dataset:
    """Return all images of a dataset with the labels of a table, and an empty one where it has none.

    For those who show labels; a dataset that trains or judges must not have empty ones: see ``with_label_file``, which
    describes the table and what is raised.
    """
    by_id = _rows_of(dataset, table)
    labels = (by_id[name].get("label") if name in by_id else None for name in dataset.ids)
    return replace(dataset, labels=tuple(label or "" for label in labels))


def _rows_of(dataset: Dataset, table: Path) -> Mapping[str, Row]:
    """The line of each image that has one, by its id."""
    from dsim.data.readers.manifest import read_table

    rows = read_table(table, key="file", columns=(*_COLUMNS, "dataset"))
    return _by_id(dataset, _own(rows, dataset, table), table)


def _own(rows: Sequence[Row], dataset: Dataset, table: Path) -> list[Row]:
    """The lines of this dataset. Raises DataError where all are of others."""
    own = [row for row in rows if row.get("dataset") in (None, dataset.name)]
    if not own:
        names = sorted({row.get("dataset") or "" for row in rows})
        raise DataError(
            f"{table} has no line of a dataset {dataset.name!r}.{did_you_mean(dataset.name, names)}",
            hint=f"give the dataset the name that it has there: {names[0]}=PATH",
        )
    return own


def _by_id(dataset: Dataset, rows: Sequence[Row], table: Path) -> Mapping[str, Row]:
    from dsim.data.file_list import sample_id
    from dsim.data.readers.manifest import refuse_repeated

    known = set(map(str, dataset.ids))
    by_id: dict[str, Row] = {}
    for row in rows:
        key = row.key[1:] if row.key[:1] == "'" and row.key[1:2] in _FORMULAS else row.key
        names = [row.key, key, sample_id(Path(key.replace("\\", "/")), Path())]
        found = next((name for name in names if name in known), None)
        if found is None:
            raise DataError(
                f"{table}, line {row.line}: dataset {dataset.name!r} has no image {row.key!r}",
                hint=f"name images as their ids are, such as {min(known)!r}; or remove the line",
            )
        refuse_repeated(table, by_id.setdefault(found, row), row)
    return by_id
