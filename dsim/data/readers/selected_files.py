"""Images and masks that options name: ``PATH[images=img,masks=gt]``, ``PATH[masks=*_mask]``, ``PATH[masks=none]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dsim.data.file_list import Listing, files_by_id, list_files, name_some, subfolders
from dsim.data.folder_layout import NONE, Layout
from dsim.data.formats.decode import IMAGE_SUFFIXES
from dsim.data.readers.mask_matches import (
    BY_ENDING,
    OBJECTS,
    Match,
    explain,
    images_with_masks,
    mask_of,
    match,
    natural,
)
from dsim.data.readers.masks_beside_images import owners
from dsim.data.volumes import Item
from dsim.errors import DataError, did_you_mean, readable


@dataclass(frozen=True)
class Selection:
    """The items of the images that were named, what lies in their folder, and notes.

    ``slices`` : masks of single slices, by the ids of these.
    """

    items: tuple[Item, ...]
    found: Listing
    notes: tuple[str, ...] = ()
    slices: Mapping[str, Path] = field(default_factory=dict)


#: Endings of two parts.
SUFFIXES = (".nii.gz", ".ome.tif", ".ome.tiff")


@dataclass(frozen=True)
class _Files:
    """Files below a folder whose names fit a pattern with one star; ``text`` is how the option wrote it.

    ``suffix`` is that of the files, such as ``.png``, where the pattern names one.
    """

    folder: Path
    pattern: str
    text: str
    suffix: str = ""

    @classmethod
    def of(cls, root: Path, text: str, what: str) -> _Files:
        """The files that an option names. Raises DataError where the folder does not exist."""
        folder, _, name = text.rpartition("/")
        place, pattern = (folder, name) if "*" in name else (text, "")
        path = root / place
        if not path.is_dir():
            near = did_you_mean(place, [entry.name for entry in subfolders(root)])
            raise DataError(
                f"there is no folder {path} ({what}={text}).{near}",
                hint=f"name a folder below {root}, or files by a star: [{what}=*_{what[:-1]}]",
            )
        suffix = _suffix_of(pattern, path)
        return cls(path, pattern[: len(pattern) - len(suffix)], text, suffix)

    def listed(self) -> tuple[Listing, dict[str, Path]]:
        """The files of the folder, and the images among it by id. Raises DataError for two of one stem."""
        found = list_files(self.folder)
        files = [file for file in found.images if file.name.lower().endswith(self.suffix)]
        hint = "rename one of them, or name the kind of files that counts, such as *.png"
        return found, files_by_id(files, self.folder, hint)

    def key(self, place: str, *, numbered: bool = False) -> str | None:
        """The text that the star stands for, with the folders before it; None if nothing fits.

        Where names may be ``numbered``, as those of one mask per object, a number may follow.
        """
        if not self.pattern:
            return place
        before, _, after = self.pattern.partition("*")
        folder, slash, name = place.rpartition("/")
        # Behind a digit a number needs a separator: *_t1 is not *_t10.
        separator = "[ ._-]" if after[-1:].isdecimal() else "[ ._-]?"
        number = rf"(?:{separator}\d+)?" if after and numbered else ""
        found = re.fullmatch(f"{re.escape(before)}(.+?){re.escape(after)}{number}", name)
        return f"{folder}{slash}{found[1]}" if found else None


def _suffix_of(pattern: str, folder: Path) -> str:
    """The suffix in a pattern, in lower case: a known one, or one that images in the folder have; else empty."""
    ends = (*SUFFIXES, Path(pattern).suffix.lower())
    suffix = next(end for end in ends if pattern.lower().endswith(end))
    if suffix in SUFFIXES or suffix in IMAGE_SUFFIXES or not suffix:
        return suffix
    return suffix if any(file.suffix.lower() == suffix for file in list_files(folder).images) else ""


def read_selected(root: Path, layout: Layout) -> Selection:
    """Return the images, and their masks, that the options name, below a folder.

    Raises DataError where nothing fits a name, or where a mask has no image.
    """
    images = _Files.of(root, layout.images or "", "images")
    found, files = images.listed()
    shown = {place: key for place in files if (key := images.key(place)) is not None}
    if layout.masks in (None, NONE):
        _refuse_nothing(shown, images, "images")
        return Selection(tuple(Item(place, files[place]) for place in shown), found, _passed(files, shown))
    masks = _Files.of(root, layout.masks or "", "masks")
    _, marked = masks.listed()
    keys = {place: key for place in marked if (key := masks.key(place, numbered=True)) is not None}
    _refuse_nothing(keys, masks, "masks")
    used = {marked[mask] for mask in keys}
    shown = {place: key for place, key in shown.items() if files[place] not in used}
    if not images.pattern:
        shown = _without_other_masks(shown, files)
    _refuse_nothing(shown, images, "images")
    owned = _match(shown, keys, patterns=bool(images.pattern or masks.pattern))
    _refuse_orphans(owned, marked, images)
    items = tuple(_item(place, files[place], owned, marked) for place in shown)
    named = f"images={images.text or '.'}, masks={masks.text}"
    what = readable(f"{images_with_masks(len(owned.masks))}: {named}, {explain(owned.way)}")
    left = {place: file for place, file in files.items() if file not in used}
    slices = {place: marked[place] for place in owned.slices}
    return Selection(items, found, (what, *_passed(left, shown)), slices)


def _without_other_masks(shown: Mapping[str, str], files: Mapping[str, Path]) -> dict[str, str]:
    """The images without files beside them that are named like masks of theirs, such as those of another person."""
    others = owners([files[place] for place in shown])
    return {place: key for place, key in shown.items() if files[place] not in others}


def _match(images: Mapping[str, str], masks: Mapping[str, str], *, patterns: bool) -> Match:
    """Masks matched to images by the key in their patterns; without patterns, by their names."""
    if not patterns:
        return match(list(images), list(masks))
    of_key = {key: place for place, key in images.items()}
    found: dict[str, tuple[str, ...]] = {}
    for mask in sorted(masks, key=natural):
        image = of_key.get(masks[mask])
        if image is not None:
            found[image] = (*found.get(image, ()), mask)
    orphans = tuple(sorted(mask for mask, key in masks.items() if key not in of_key))
    return Match(found, orphans, OBJECTS if any(len(files) > 1 for files in found.values()) else BY_ENDING)


def _item(place: str, image: Path, owned: Match, marked: Mapping[str, Path]) -> Item:
    files = [marked[mask] for mask in owned.masks.get(place, ())]
    return Item(place, image, mask=mask_of(files, owned.way) if files else None)


def _passed(files: Mapping[str, Path], used: Mapping[str, str]) -> tuple[str, ...]:
    left = [file.name for place, file in files.items() if place not in used]
    return (f"passed over {len(left)} images that the options do not name: {name_some(left)}",) if left else ()


def _refuse_nothing(found: Mapping[str, str], named: _Files, what: str) -> None:
    if not found:
        fits = f" whose name fits {named.pattern}" if named.pattern else ""
        raise DataError(
            f"there is no image in {named.folder}{fits} ({what}={named.text})",
            hint=f"name the folder that holds the {what}, or a part of their names: [{what}=*_{what[:-1]}]",
        )


def _refuse_orphans(owned: Match, marked: Mapping[str, Path], images: _Files) -> None:
    if owned.orphans:
        raise DataError(
            f"mask {marked[owned.orphans[0]]} has no image ({len(owned.orphans)} masks have none)",
            hint=f"add its image to {images.folder}, or remove the mask; where names differ, write what differs with a "
            "star for what they share: [images=img/*_photo,masks=gt/*_drawn]",
        )
