"""From named files to a dataset: ask the headers, check that everything belongs together, and leave pixels alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dsim.data import decode
from dsim.data.backings import IO_THREADS, FilesBacking, Frame
from dsim.data.dataset import Dataset
from dsim.data.options import ReadOptions
from dsim.data.pixels import FrameHeader
from dsim.errors import DataError, UnreadableImageError

Survey = Mapping[Path, tuple[FrameHeader, ...] | UnreadableImageError]


@dataclass(frozen=True)
class Item:
    """One image file that was found, with what is known of it; each of its frames becomes a sample."""

    id: str
    path: Path
    mask: Path | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class _Row:
    """One sample."""

    id: str
    item: Item
    header: FrameHeader
    image: Frame
    mask: Frame | None


def assemble(
    items: Sequence[Item], *, name: str, location: Path, format: str, options: ReadOptions, notes: Sequence[str] = ()
) -> Dataset:
    """The dataset of these files.

    Headers are read, not pixels. Only files whose end looks damaged are decoded; with ``skip_unreadable`` all are.
    """
    _refuse_same_ids(items)
    _refuse_partial(items)
    survey = _survey(items, options)
    kept, skipped = _keep(items, survey, options.skip_unreadable)
    if not kept:
        raise DataError(
            f"dataset {name!r} has no readable image: all {len(items)} files in {location} failed",
            hint=f"the first: {skipped[0]}",
        )
    rows = sorted((row for item in kept for row in _rows(item, survey)), key=lambda row: row.id)
    masks = tuple(row.mask for row in rows if row.mask is not None)
    return Dataset(
        name=name,
        ids=tuple(row.id for row in rows),
        backing=FilesBacking(tuple(row.image for row in rows), masks or None, options.max_pixels),
        labels=_column(row.item.label for row in rows),
        groups=_column(row.item.group for row in rows),
        splits=_column(row.item.split for row in rows),
        masked=bool(masks),
        dtypes=tuple(row.header.dtype for row in rows),
        location=str(location),
        format=format,
        notes=(*notes, *_traits(rows)),
        skipped=tuple(skipped),
    )


# Reading headers --------------------------------------------------------------------------------------------------


def _survey(items: Iterable[Item], options: ReadOptions) -> Survey:
    """Headers of all files, or why there are none."""
    images = {item.path for item in items}
    files = [(path, False) for path in images] + [(item.mask, True) for item in items if item.mask is not None]

    def look(file: tuple[Path, bool]) -> tuple[FrameHeader, ...] | UnreadableImageError:
        path, is_mask = file
        try:
            headers = decode.headers(path, options.max_pixels)
            decode.verify(path, mask=is_mask, thorough=options.skip_unreadable, max_pixels=options.max_pixels)
        except UnreadableImageError as error:
            return error
        return headers

    with ThreadPoolExecutor(IO_THREADS) as threads:
        return dict(zip((path for path, _ in files), threads.map(look, files), strict=True))


def _keep(items: Sequence[Item], survey: Survey, skip: bool) -> tuple[list[Item], list[str]]:
    """The items that can be read, and for the others what is wrong; raises at the first unless they may be skipped."""
    failed: dict[str, UnreadableImageError] = {}
    for item in items:
        for path in (item.path, item.mask):
            found = survey[path] if path is not None else ()
            if isinstance(found, UnreadableImageError):
                failed.setdefault(item.id, found)
    if failed and not skip:
        first = next(iter(failed.values()))
        more = f" (and {len(failed) - 1} more files)" if len(failed) > 1 else ""
        raise UnreadableImageError(first.message + more, hint=first.hint)
    return [item for item in items if item.id not in failed], [error.message for error in failed.values()]


def _rows(item: Item, survey: Survey) -> list[_Row]:
    """One row per frame of the file."""
    headers = _headers(survey, item.path)
    alone = len(headers) == 1
    masks: Sequence[Frame | None] = [None] * len(headers)
    if item.mask is not None:
        masks = _mask_frames(item.path, headers, item.mask, _headers(survey, item.mask))
    digits = len(str(len(headers) - 1))
    return [
        _Row(item.id if alone else f"{item.id}#{i:0{digits}d}", item, header, Frame(item.path, i, alone), masks[i])
        for i, header in enumerate(headers)
    ]


def _mask_frames(
    image: Path, images: Sequence[FrameHeader], mask: Path, masks: Sequence[FrameHeader]
) -> list[Frame | None]:
    if len(images) != len(masks):
        raise DataError(
            f"{image} holds {len(images)} images but its mask {mask} holds {len(masks)}",
            hint="give one mask per image",
        )
    for ours, its in zip(images, masks, strict=True):
        if (ours.height, ours.width) != (its.height, its.width):
            raise DataError(
                f"mask {mask} is {its.height} x {its.width} pixels (height x width), "
                f"but its image {image} is {ours.height} x {ours.width}",
                hint="resize the mask to its image by nearest neighbour, or find the right mask",
            )
    return [Frame(mask, i, len(masks) == 1) for i in range(len(masks))]


def _headers(survey: Survey, path: Path) -> tuple[FrameHeader, ...]:
    found = survey[path]
    if isinstance(found, UnreadableImageError):
        raise found
    return found


# Checks -----------------------------------------------------------------------------------------------------------


def _refuse_same_ids(items: Iterable[Item]) -> None:
    first: dict[str, Item] = {}
    for item in items:
        other = first.setdefault(item.id, item)
        if other is not item:
            raise DataError(
                f"{other.path} and {item.path} have the same stem, so both would be sample {item.id!r}",
                hint="rename one of them, or remove the copy",
            )


def _refuse_partial(items: Sequence[Item]) -> None:
    """Masks, labels, groups and splits are given for all images or for none."""
    for what in ("mask", "label", "group", "split"):
        lacking = [item for item in items if getattr(item, what) is None]
        if lacking and len(lacking) < len(items):
            given = len(items) - len(lacking)
            raise DataError(
                f"image {lacking[0].path} has no {what}, but {given} of {len(items)} images have one",
                hint=f"give every image a {what}, or none",
            )


def _column(values: Iterable[str | None]) -> tuple[str, ...] | None:
    given = tuple(value for value in values if value is not None)
    return given or None


def _traits(rows: Sequence[_Row]) -> list[str]:
    counts = Counter(trait for row in rows for trait in row.header.traits)
    return [f"{trait} ({count} of {len(rows)} images)" for trait, count in sorted(counts.items())]
