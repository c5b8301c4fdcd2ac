"""Splits, labels and groups inferred from the folders of images, with a note where they mean none of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsim.data.file_list import name_some
from dsim.data.folder_layout import Layout, typed
from dsim.data.formats.dicom import series_of
from dsim.data.volumes import Item
from dsim.errors import DataError

#: Names of folders that are parts of a dataset, never classes.
SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})

#: Why folders are certainly not classes, so that nothing need be said.
ONE_EACH, SERIES = "each holds one image", "they hold series of slices"


@dataclass(frozen=True)
class Sorted:
    """Items with the labels, groups and splits inferred from their folders, and notes on it."""

    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()

    @property
    def labelled(self) -> bool:
        """Whether folders are labels."""
        return any(item.label is not None for item in self.items)


def sort_by_folders(items: Sequence[Item], layout: Layout, location: Path, *, unlike_classes: str = "") -> Sorted:
    """Return the items with what the folders in their ids say.

    ``train/``, ``val/``, ``test/`` at the top (or in every class) are splits. Below, two folders or more that hold all
    images, and no folders, are classes; where ``unlike_classes`` is a reason against it, only if the layout says so.
    Raises DataError where an image lies in fewer folders than the layout names.
    """
    folders = [_folders(item) for item in items]
    level = _level_of_splits(folders)
    splits = [None if level is None else folders_of[level] for folders_of in folders]
    items = [replace(item, split=split) for item, split in zip(items, splits, strict=True)]
    if layout.labels is not None or layout.groups is not None:
        return Sorted(tuple(_at_levels(items, layout, location)))
    rest = [tuple(part for place, part in enumerate(parts) if place != level) for parts in folders]
    why = unlike_classes or _no_classes(items, rest)
    if not why:
        labelled = tuple(replace(item, label=parts[0]) for item, parts in zip(items, rest, strict=True))
        return Sorted(labelled)
    return Sorted(tuple(items), tuple(_lost(rest, folders, level, why, location)))


def _folders(item: Item) -> tuple[str, ...]:
    """The folders in the id of an item, from the top."""
    return tuple(item.id.split("/")[:-1])


def _level_of_splits(folders: Sequence[tuple[str, ...]]) -> int | None:
    """At which level all images lie in folders that are splits: the top one, or the next."""
    for level in (0, 1):
        if folders and all(len(parts) > level and parts[level].lower() in SPLITS for parts in folders):
            return level
    return None


def _no_classes(items: Sequence[Item], folders: Sequence[tuple[str, ...]]) -> str:
    """Why folders, splits left out, are not classes; empty where they are, or where there are none."""
    tops = {parts[0] for parts in folders if parts}
    if len(tops) < 2:
        return "there is one"
    if not all(folders):
        return "images lie beside them"
    if any(len(parts) > 1 for parts in folders):
        return "they hold folders"
    if tops & {name for name in tops if name.lower() in SPLITS}:
        return "some have the names of splits"
    if all(item.mask_files for item in items) and len(tops) == len(items):
        return ONE_EACH
    return SERIES if _is_series(items, folders) else ""


def _is_series(items: Sequence[Item], folders: Sequence[tuple[str, ...]]) -> bool:
    """Whether the first two images of the first folder are slices of one series: then folders are patients."""
    first = [item.path for item, parts in zip(items, folders, strict=True) if parts == folders[0]][:2]
    return len(first) == 2 and bool(series_of(first[0])) and series_of(first[0]) == series_of(first[1])


def _lost(
    rest: Sequence[tuple[str, ...]],
    folders: Sequence[tuple[str, ...]],
    level: int | None,
    why: str,
    location: Path,
) -> list[str]:
    """A note on folders that might be classes or splits and are read as neither."""
    tops = [parts[0] for parts in rest if parts]
    if len(set(tops)) < 2 or why in (SERIES, ONE_EACH):
        return []
    depth = min(len(parts) for parts in folders)
    at = 1 + (level == 0)
    way = f"if they are: {typed(location, labels=at)}" if depth >= at else "if they are, move all images into them"
    if depth > at and level is None:
        way = f"if they are: {typed(location, labels=at)}"
        way += f"; with the folders in them as groups: {typed(location, labels=at, groups=at + 1)}"
    return [f"folders {name_some(sorted(tops))} are not read as classes, since {why}; {way}"]


def _at_levels(items: Sequence[Item], layout: Layout, location: Path) -> list[Item]:
    """The items with the folders of the levels that the layout names."""
    found = []
    for item in items:
        parts = _folders(item)
        lacking = max(layout.labels or 0, layout.groups or 0)
        if lacking > len(parts):
            raise DataError(
                f"{item.path} lies in {len(parts)} folders below {location}, so that there is no level {lacking}",
                hint="count the folders of sample ids from 1 at the top, or leave the option out",
            )
        label, group = (parts[level - 1] if level else None for level in (layout.labels, layout.groups))
        found.append(replace(item, label=label, group=group))
    return found
