"""Matches of masks to images by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dsim.data.file_list import stem
from dsim.data.readers.name_conventions import keys_of_image, keys_of_mask, without_number
from dsim.data.slice_masks import slices_among
from dsim.errors import DataError
from dsim.files.sample_names import file_names

#: How masks were found; ``ALONE``: one image and one mask share a folder, whatever their names.
ALONE = "paired as the only ones of their folder"
BY_STEM, BY_ENDING, OBJECTS = "paired by stem", "paired by stem without its ending", "one mask per object"


def explain(way: str) -> str:
    """Return how images and masks were paired, for notes."""
    numbered = ", numbered in the order of their names; of two that overlap the later is seen"
    return way + numbered if way == OBJECTS else way


def images_with_masks(count: int) -> str:
    """Return how many images have masks, for notes.

    >>> images_with_masks(1)
    '1 image with its mask'
    """
    return "1 image with its mask" if count == 1 else f"{count} images with masks"


@dataclass(frozen=True)
class Match:
    """The ids of masks by the id of their image; ``orphans`` are masks without one. ``way`` is how they were found.

    ``slices`` are masks of single slices, by their names; which slices exist is known only from the files.
    """

    masks: Mapping[str, tuple[str, ...]]
    orphans: tuple[str, ...]
    way: str = BY_STEM
    slices: tuple[str, ...] = ()


def match(images: Sequence[str], masks: Sequence[str]) -> Match:
    """Return which mask belongs to which image, both given as places below their folder, without suffix.

    A mask has the stem of its image, or the name of a sample in it (``stack#3``); or that stem and an ending or
    beginning that marks a mask; or lies in a folder that has it (one mask per object). Only where none does: the
    image's stem and a number, or any where there is but one image.

    >>> match(["a", "b"], ["a", "b_mask", "c"])
    Match(masks={'a': ('a',), 'b': ('b_mask',)}, orphans=('c',), way='paired by stem without its ending', slices=())
    >>> match(["cell"], ["1", "2"])
    Match(masks={'cell': ('1', '2')}, orphans=(), way='one mask per object', slices=())
    >>> match(["stack"], ["stack#0", "stack#1"]).slices
    ('stack#0', 'stack#1')
    """
    known = _index(images)
    if not set(masks) <= set(images):
        known = _named_for_disks(images) | known
    slices = slices_among(masks, images)
    of_slices = set(slices)
    masks = [mask for mask in masks if mask not in of_slices]
    owners = {mask: _owner(mask, known) for mask in masks}
    objects = {} if any(owners.values()) else _objects_by_number(masks, known) or _objects_of_one(images, masks)
    owners |= objects
    found: dict[str, list[str]] = {}
    for mask in sorted(masks, key=natural):
        owner = owners[mask]
        if owner is not None:
            found.setdefault(owner, []).append(mask)
    orphans = tuple(sorted(mask for mask in masks if owners[mask] is None))
    return Match(
        {image: tuple(of_image) for image, of_image in found.items()},
        orphans,
        _way(found, bool(objects)),
        slices,
    )


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return a key by which texts sort with their numbers as numbers.

    >>> sorted(["a_10", "a", "a_2"], key=natural)
    ['a', 'a_2', 'a_10']
    """
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text) if part)


_Known = dict[tuple[str, str], str]


def _index(images: Iterable[str]) -> _Known:
    """Images by folder and each of their keys; whole stems come before what remains of them."""
    keys = [(_folder(image), keys_of_image(PurePosixPath(image).name), image) for image in sorted(images)]
    known = {(folder, stem): image for folder, (stem, *_), image in keys}
    for folder, (_, *others), image in keys:
        for key in others:
            known.setdefault((folder, key), image)
    return known


def _named_for_disks(images: Iterable[str]) -> dict[tuple[str, str], str]:
    """Images by the names of their pre-labels, which every disk can hold."""
    ordered = sorted(images)
    names = zip(ordered, file_names(ordered), strict=True)
    return {(_folder(name), PurePosixPath(name).name): image for image, name in names}


def _owner(mask: str, known: _Known) -> str | None:
    """The image of a mask; None where no name says it."""
    folder, name = _folder(mask), PurePosixPath(mask).name
    for key in (name, *keys_of_mask(name)):
        if (folder, key) in known:
            return known[folder, key]
    return known.get((_folder(folder), PurePosixPath(folder).name)) if folder else None


def _objects_by_number(masks: Iterable[str], known: _Known) -> dict[str, str | None]:
    """The image of each mask that is named by its image and a number; empty where one mask is not."""
    owners = {mask: known.get((_folder(mask), without_number(PurePosixPath(mask).name) or "")) for mask in masks}
    return owners if all(owners.values()) else {}


def _objects_of_one(images: Sequence[str], masks: Iterable[str]) -> dict[str, str | None]:
    return dict.fromkeys(masks, images[0]) if len(images) == 1 else {}


def _way(found: Mapping[str, Sequence[str]], otherwise: bool) -> str:
    """How masks were found; ``otherwise``: by numbers, or because there is only one image."""
    if any(len(masks) > 1 for masks in found.values()):
        return OBJECTS
    if otherwise:
        return ALONE if len(found) == 1 else OBJECTS
    return BY_STEM if all(image == mask for image, (mask,) in found.items()) else BY_ENDING


def _folder(place: str) -> str:
    parent = PurePosixPath(place).parent.as_posix()
    return "" if parent == "." else parent


def mask_of(files: Sequence[Path], way: str) -> Path | tuple[Path, ...]:
    """Return the mask of an item: the one file, or the files of its objects. Raises DataError for rivals.

    Two files are objects only where they differ by numbers; otherwise one may be of another annotator.
    """
    if way == OBJECTS:
        _refuse_rivals(files)
        return tuple(files)
    return files[0]


def _refuse_rivals(files: Sequence[Path]) -> None:
    plain = {re.sub(r"[ ._-]?\d+$", "", stem(file)): file for file in files}
    beside = {file.parent for file in files}
    if len(plain) > 1 and len(beside) == 1 and any(keys_of_mask(name) for name in plain):
        first, second = sorted(plain.values())[:2]
        ending = next((f"*{stem(first)[len(key) :]}" for key in keys_of_mask(stem(first)) if key), "*_mask")
        raise DataError(
            f"{first} and {second.name} are both masks of one image",
            hint=f"keep one of them; or name the ending that counts, as in PATH[masks={ending}]",
        )
