"""From named files to a dataset: headers are read and compared, pixels are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dsim.data.backings import IO_THREADS, FilesBacking, Frame, Place
from dsim.data.dataset import Dataset
from dsim.data.formats import decode
from dsim.data.formats.pixels import PICTURE, FrameHeader, NoImageError, turn_of_mask
from dsim.data.mask_files import mask_frames, mask_of_objects
from dsim.data.options import ReadOptions
from dsim.data.slice_masks import SliceMasks, give_masks, masks_of_rows
from dsim.data.volumes import Item, Piece, Volume, describe, refuse_mixed, samples, volumes_of
from dsim.errors import DataError, UnreadableImageError
from dsim.registry import format_bracketed

Survey = Mapping[Path, tuple[FrameHeader, ...] | UnreadableImageError]


@dataclass(frozen=True)
class _Row:
    """One sample, and the volume that it is a slice of."""

    id: str
    piece: Piece
    volume: Volume


def assemble(
    items: Sequence[Item],
    *,
    name: str,
    location: Path,
    format: str,
    options: ReadOptions,
    notes: Sequence[str] = (),
    slices: Mapping[str, Path] | None = None,
) -> Dataset:
    """Return the dataset of these files, whose images are (h, w, c) and whose masks (h, w).

    ``slices`` are masks of single slices, by the ids of these, such as ``stack#03``. Headers are read, not pixels. Only
    files whose end looks damaged are decoded; with ``skip_unreadable`` all are. Raises UnreadableImageError for a file
    that cannot be read; DataError where files do not belong together: two of one id, labels for some only, a mask of
    another size or grid, or of no slice, pictures beside volumes, or none readable.
    """
    _refuse_same_ids(items)
    _refuse_partial(items)
    survey = _survey(items, (slices or {}).values(), options)
    items, passed = _without_objects(items, survey)
    kept, skipped = _keep(items, survey, options.skip_unreadable)
    by_slice, broken = _keep_slices(slices or {}, survey, options.skip_unreadable)
    _refuse_unreadable(kept, skipped, f"dataset {name!r}", location)
    volumes, across = give_masks(volumes_of([(item, _pieces(item, survey)) for item in kept]), by_slice)
    rows = _rows(volumes, options, location)
    masks = masks_of_rows({row.id: row.piece for row in rows}, across, volumes, options.cut)
    unchosen = _unchosen(by_slice if options.cut.axis == "z" else across, masks)
    of_masks = (*_mask_traits(kept, by_slice, survey), *_as_shown(rows, masks, survey), *unchosen)
    return Dataset(
        name=name,
        ids=tuple(row.id for row in rows),
        backing=FilesBacking(tuple(row.piece.image for row in rows), masks, options.max_pixels),
        labels=_column(row.piece.item.label for row in rows),
        groups=_groups(rows, volumes),
        splits=_column(row.piece.item.split for row in rows),
        masked=tuple(mask is not None for mask in masks),
        dtypes=tuple(row.piece.header.dtype for row in rows),
        location=str(location),
        format=format_bracketed(format, options.cut.options),
        notes=(*notes, *passed, *describe(volumes, options.cut), *_traits(rows), *of_masks),
        skipped=(*skipped, *broken),
    )


def _refuse_unreadable(kept: Sequence[Item], skipped: Sequence[str], name: str, location: Path) -> None:
    """Raise DataError, with the first failure, where no file could be read."""
    if not kept:
        raise DataError(
            f"{name} has no readable image: all {len(skipped)} files in {location} failed",
            hint=f"the first: {skipped[0]}",
        )


def _rows(volumes: Sequence[Volume], options: ReadOptions, location: Path) -> list[_Row]:
    """The samples of all volumes, sorted by id. Raises DataError for mixed kinds, and for a cut of single images."""
    refuse_mixed(volumes, location)
    if all(len(volume.pieces) == 1 for volume in volumes):
        options.cut.refuse(location, "holds none: each of its files is one image")
    return sorted((_Row(*found, volume) for volume in volumes for found in samples(volume, options.cut)), key=_id)


# Reading headers --------------------------------------------------------------------------------------------------


def _survey(items: Iterable[Item], more_masks: Iterable[Path], options: ReadOptions) -> Survey:
    """Headers of all files, or why there are none."""
    images = {item.path for item in items}
    masks = [*(mask for item in items for mask in item.mask_files), *more_masks]
    files = [*((path, False) for path in images), *((mask, True) for mask in masks)]

    def look(file: tuple[Path, bool]) -> tuple[FrameHeader, ...] | UnreadableImageError:
        path, is_mask = file
        try:
            headers = (decode.mask_headers if is_mask else decode.headers)(path, options.max_pixels)
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
        for path in (item.path, *item.mask_files):
            found = survey[path]
            if isinstance(found, UnreadableImageError):
                failed.setdefault(item.id, found)
    if failed and not skip:
        first = next(iter(failed.values()))
        more = f" (and {len(failed) - 1} more files)" if len(failed) > 1 else ""
        raise UnreadableImageError(first.message + more, hint=first.hint)
    return [item for item in items if item.id not in failed], [error.message for error in failed.values()]


def _keep_slices(slices: Mapping[str, Path], survey: Survey, skip: bool) -> tuple[SliceMasks, list[str]]:
    """The masks of slices that can be read, and what is wrong with the others; raises unless they may be skipped."""
    whole, broken = {}, []
    for name, path in slices.items():
        found = survey[path]
        if not isinstance(found, UnreadableImageError):
            whole[name] = (path, found)
        elif not skip:
            raise found
        else:
            broken.append(found.message)
    return whole, broken


def _without_objects(items: Sequence[Item], survey: Survey) -> tuple[Sequence[Item], list[str]]:
    """The items that are images, and a note on those that are none; all items where none is an image."""
    images = [item for item in items if not isinstance(survey[item.path], NoImageError)]
    if not images or len(images) == len(items):
        return items, []
    first = next(item.path.name for item in items if isinstance(survey[item.path], NoImageError))
    return images, [f"passed over {len(items) - len(images)} DICOM files without pixels, the first {first}"]


def _pieces(item: Item, survey: Survey) -> list[Piece]:
    """One per image of the file."""
    headers = _headers(survey, item.path)
    masks: Sequence[Place | None] = [None] * len(headers)
    if isinstance(item.mask, Path):
        masks = mask_frames(item.path, headers, item.mask, _headers(survey, item.mask))
    elif item.mask:
        masks = [mask_of_objects(item.path, headers, {file: _headers(survey, file) for file in item.mask})]
    alone = len(headers) == 1
    return [Piece(item, header, Frame(item.path, i, alone), masks[i]) for i, header in enumerate(headers)]


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
    """Labels, groups and splits are given for all images or for none; images without masks are to be annotated yet."""
    for what in ("label", "group", "split"):
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


def _groups(rows: Sequence[_Row], volumes: Sequence[Volume]) -> tuple[str, ...] | None:
    """The groups that are given, else volumes: slices of one are not independent. One alone divides nothing."""
    given = _column(row.piece.item.group for row in rows)
    if given or len(volumes) == 1 or all(len(volume.pieces) == 1 for volume in volumes):
        return given
    return tuple(row.volume.id for row in rows)


def _id(row: _Row) -> str:
    return row.id


def _traits(rows: Sequence[_Row]) -> list[str]:
    counts = Counter(trait for row in rows for trait in row.piece.header.traits)
    return [f"{trait} ({count} of {len(rows)} images)" for trait, count in sorted(counts.items())]


def _mask_traits(items: Iterable[Item], slices: SliceMasks, survey: Survey) -> list[str]:
    """Notes on masks whose numbers, or whose place on the image, could have meant two things."""
    pairs = [(item.path, file) for item in items for file in item.mask_files]
    counts = Counter(trait for _, headers in slices.values() for trait in headers[0].traits)
    for image, mask in pairs:
        first = _headers(survey, mask)[0]
        turned = turn_of_mask(_headers(survey, image)[0], first)[1]
        counts.update([*first.traits, turned] if turned else first.traits)
    return [f"masks: {trait} ({count} of {len(pairs) + len(slices)} files)" for trait, count in sorted(counts.items())]


def _unchosen(slices: SliceMasks, masks: Sequence[Place | None]) -> list[str]:
    """A note where no mask is left, since all are of slices that the cut leaves out."""
    return [f"masks: all {len(slices)} are of slices that were not chosen"] if slices and not any(masks) else []


def _as_shown(rows: Sequence[_Row], masks: Sequence[Place | None], survey: Survey) -> list[str]:
    """A note on pictures that are masks of NIfTI slices: other programs may turn a slice otherwise."""
    turned = [mask for row, mask in zip(rows, masks, strict=True) if mask and row.piece.header.kind == "NIfTI"]
    count = sum(_headers(survey, mask.path)[0].kind == PICTURE for mask in turned)
    return [f"masks: pictures lie on their slices as dsim shows these ({count} of {len(rows)} images)"] if count else []
