"""``images/``, with ``masks/`` of the same stems and ``labels.csv`` (file, label, group, split) where there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dsim.data.assembly import Item, assemble
from dsim.data.dataset import Dataset
from dsim.data.listing import Listing, listing, sample_id
from dsim.data.options import ReadOptions
from dsim.data.readers.folder import refuse_empty
from dsim.data.table import Row, read_table
from dsim.errors import DataError


def accepts(path: Path) -> bool:
    """A folder that holds a folder ``images``."""
    return (path / "images").is_dir()


def read(path: Path, options: ReadOptions) -> Dataset:
    """Ids are paths below ``images/`` without suffix; masks are found by the same id below ``masks/``."""
    root = path / "images"
    found = listing(root)
    refuse_empty([Item("", image) for image in found.images], found)
    items = [Item(sample_id(image, root), image) for image in found.images]
    masks = path / "masks"
    if masks.is_dir():
        items = _with_masks(items, masks)
    table = path / "labels.csv"
    if table.is_file():
        items = _with_labels(items, table)
    kind = "images and masks" if masks.is_dir() else "images"
    name = options.name or path.name
    return assemble(items, name=name, location=path, format=kind, options=options, notes=_notes(path, found))


def _notes(path: Path, found: Listing) -> tuple[str, ...]:
    beside = listing(path, recursive=False).images
    passed = (f"passed over {len(beside)} images beside images/, the first {beside[0].name}",) if beside else ()
    return (*found.notes(), *passed)


def _with_masks(items: Sequence[Item], folder: Path) -> list[Item]:
    by_id: dict[str, Path] = {}
    for mask in listing(folder).images:
        other = by_id.setdefault(sample_id(mask, folder), mask)
        if other is not mask:
            raise DataError(f"{other} and {mask} have the same stem", hint="keep one mask per image")
    orphans = sorted(by_id.keys() - {item.id for item in items})
    if orphans:
        raise DataError(
            f"mask {by_id[orphans[0]]} has no image ({len(orphans)} of {len(by_id)} masks)",
            hint=f"give its image the stem {orphans[0]!r} under images/, or remove the mask",
        )
    lacking = [item for item in items if item.id not in by_id]
    if lacking:
        raise DataError(
            f"image {lacking[0].path} has no mask ({len(lacking)} of {len(items)} images)",
            hint=f"put its mask at {folder / lacking[0].id}.png, or move the image, or remove {folder}",
        )
    return [replace(item, mask=by_id[item.id]) for item in items]


def _with_labels(items: Sequence[Item], table: Path) -> list[Item]:
    rows = read_table(table, key="file", columns=("label", "group", "split"))
    # A line may name a folder, such as that of a DICOM series: it stands for all images in it.
    ids = {item.id for item in items} | {_folder(item) for item in items}
    by_id: dict[str, Row] = {}
    for row in rows:
        other = by_id.setdefault(_id_of(row, ids, table), row)
        if other is not row:
            raise DataError(f"{table}, line {row.line}: {row.key!r} stands there twice", hint="keep one line per image")
    return [_labelled(item, by_id.get(item.id) or by_id.get(_folder(item))) for item in items]


def _folder(item: Item) -> str:
    return PurePosixPath(item.id).parent.as_posix()


def _id_of(row: Row, ids: set[str], table: Path) -> str:
    """The sample that a line names, with or without the suffix."""
    for candidate in (row.key, sample_id(Path(row.key), Path())):
        if candidate in ids:
            return candidate
    raise DataError(
        f"{table}, line {row.line}: there is no image {row.key!r} under images/",
        hint="remove the line, or add the image",
    )


def _labelled(item: Item, row: Row | None) -> Item:
    if row is None:
        return item
    return replace(item, label=row.get("label"), group=row.get("group"), split=row.get("split"))
