"""Labels, groups and splits from ``labels.csv`` beside a folder of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dsim.data.file_list import sample_id
from dsim.data.readers.manifest import Row, read_table, refuse_repeated
from dsim.data.volumes import Item
from dsim.errors import DataError


def with_labels(items: Sequence[Item], table: Path) -> list[Item]:
    """Return the items with what the lines of a table (file, label, group, split) say of them.

    A line may name a folder, such as that of a DICOM series: it stands for all images in it. Raises DataError that
    names the line.
    """
    rows = read_table(table, key="file", columns=("label", "group", "split"))
    ids = {item.id for item in items} | {_folder(item) for item in items}
    by_id: dict[str, Row] = {}
    for row in rows:
        other = by_id.setdefault(_id_of(row, ids, table), row)
        refuse_repeated(table, other, row)
    return [_labelled(item, by_id.get(item.id) or by_id.get(_folder(item))) for item in items]


def _folder(item: Item) -> str:
    return PurePosixPath(item.id).parent.as_posix()


def _id_of(row: Row, ids: set[str], table: Path) -> str:
    """The sample that a line names, with or without the suffix."""
    place = Path(row.key.replace("\\", "/"))  # as Windows writes it
    candidates = [row.key] if place.is_absolute() else [row.key, place.as_posix(), sample_id(place, Path())]
    for candidate in candidates:
        if candidate in ids:
            return candidate
    raise DataError(
        f"{table}, line {row.line}: there is no image {row.key!r} in {table.parent}",
        hint=f"name images as their ids are, such as {min(ids - {'.'})!r}; or remove the line, or add the image",
    )


def _labelled(item: Item, row: Row | None) -> Item:
    if row is None:
        return item
    split = row.get("split") or item.split
    return replace(item, label=row.get("label"), group=row.get("group"), split=split)
