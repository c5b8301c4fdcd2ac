"""Masks that lie beside their images, recognised by the endings of their names."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, takewhile
from pathlib import Path

from dsim.data.file_list import name_some, stem
from dsim.data.folder_layout import NONE, typed
from dsim.data.readers.mask_matches import BY_ENDING, OBJECTS, explain, images_with_masks, mask_of, natural
from dsim.data.readers.mask_pixels import unlike_masks
from dsim.data.readers.name_conventions import SEPARATORS, keys_of_image, keys_of_mask
from dsim.errors import DataError, readable


@dataclass(frozen=True)
class Beside:
    """Images, and the files of the mask of each that has one; ``strays`` are named like masks and have no image."""

    images: tuple[Path, ...]
    masks: Mapping[Path, tuple[Path, ...]]
    strays: tuple[Path, ...] = ()

    @property
    def way(self) -> str:
        """How masks were found, for notes."""
        return OBJECTS if any(len(files) > 1 for files in self.masks.values()) else BY_ENDING

    def mask(self, image: Path) -> Path | tuple[Path, ...] | None:
        """Return the mask of an image, as items hold it; all masks are of one kind. Raises DataError for rivals."""
        files = self.masks.get(image)
        return mask_of(files, self.way) if files else None

    def notes(self, root: Path) -> tuple[str, ...]:
        """Return a note on what was paired, and one on what only looks like a mask."""
        notes = []
        if self.masks:
            image, (mask, *_) = next(iter(self.masks.items()))
            named = f"{image.relative_to(root).as_posix()} + {mask.name}"
            notes.append(readable(f"{images_with_masks(len(self.masks))} beside them: {named}, {explain(self.way)}"))
        if self.strays:
            named = name_some(file.relative_to(root).as_posix() for file in self.strays)
            notes.append(f"named like masks, but read as images, since no image has their name: {named}")
        return tuple(notes)


def find_beside(files: Sequence[Path], root: Path) -> Beside:
    """Return images and masks among files, by folder: a mask has the stem of an image and an ending that marks it.

    A file is a mask only where its image is there. Raises DataError where some masks lack their image, where it is not
    clear which of several images is meant, or where the masks do not look like masks.
    """
    of_folder = _by_folder(files)
    owned: dict[Path, Path] = {}
    strays: list[Path] = []
    for folder in of_folder.values():
        of_images, lost = _owners(folder)
        owned |= of_images
        strays += lost
    _refuse_shared(strays, of_folder, root)
    masks: dict[Path, tuple[Path, ...]] = {}
    for mask in sorted(owned, key=lambda file: natural(stem(file))):
        masks[owned[mask]] = (*masks.get(owned[mask], ()), mask)
    if masks:
        _refuse_strays(strays, owned, root)
        _refuse_unlike(owned, root)
    images = tuple(file for file in files if file not in owned)
    return Beside(images, {image: masks[image] for image in images if image in masks}, tuple(strays))


def owners(files: Sequence[Path]) -> dict[Path, Path]:
    """Return images by masks: of each file that is named like the mask of another one in its folder, that other one."""
    return {mask: image for folder in _by_folder(files).values() for mask, image in _owners(folder)[0].items()}


def _by_folder(files: Sequence[Path]) -> dict[Path, list[Path]]:
    found: dict[Path, list[Path]] = defaultdict(list)
    for file in files:
        found[file.parent].append(file)
    return found


def _owners(files: Sequence[Path]) -> tuple[dict[Path, Path], list[Path]]:
    """The image of each mask in one folder, and the files that are named like masks but have no image."""
    stems = {stem(file): file for file in files}
    plain: dict[str, Path] = {}
    for name, file in stems.items():
        if not keys_of_mask(name):
            for key in keys_of_image(name)[1:]:
                plain.setdefault(key, file)
    found: dict[Path, Path] = {}
    strays: list[Path] = []
    for file in files:
        keys = keys_of_mask(stem(file))
        image = next((one for key in keys for one in (stems.get(key), plain.get(key)) if one), None)
        if image is not None and image != file:
            found[file] = image
        elif keys and not (len(keys) == 1 and keys[0] == ""):
            strays.append(file)
    return found, strays


def _refuse_shared(strays: Sequence[Path], of_folder: Mapping[Path, Sequence[Path]], root: Path) -> None:
    """Raise DataError for one mask of several images, such as the sequences of a scan: only the user knows which."""
    plain = {folder: _plain_names(of_folder[folder]) for folder in {mask.parent for mask in strays}}
    for mask in strays:
        for key in filter(None, keys_of_mask(stem(mask))):
            shared = _begin_with(key, plain[mask.parent])
            if shared:
                ending, other = stem(shared[0])[len(key) :], stem(mask)[len(key) :]
                raise DataError(
                    f"{mask} is named like the mask of {len(shared)} images: {name_some(file.name for file in shared)}",
                    hint=f"say which: {typed(root, images=f'*{ending}', masks=f'*{other}')}; "
                    f"all as images: {typed(root, masks=NONE)}",
                )


def _plain_names(files: Sequence[Path]) -> list[tuple[str, Path]]:
    """The files that are not named like masks, sorted by their stems."""
    return sorted((stem(file), file) for file in files if not keys_of_mask(stem(file)))


def _begin_with(key: str, names: Sequence[tuple[str, Path]]) -> list[Path]:
    """The files whose stems go on behind a key and a separator; found by search, since there may be many masks."""
    found: list[Path] = []
    for begin in (key + sign for sign in SEPARATORS):
        behind = islice(names, bisect_left(names, (begin,)), None)
        found += [file for _, file in takewhile(partial(_begins, begin), behind)]
    return found


def _begins(begin: str, name: tuple[str, Path]) -> bool:
    return name[0].startswith(begin)


def _refuse_strays(strays: Sequence[Path], owned: Mapping[Path, Path], root: Path) -> None:
    if strays:
        raise DataError(
            f"{strays[0]} is named like a mask, but has no image ({len(strays)} of {len(strays) + len(owned)} masks)",
            hint=f"add its image, or move the file away; or read all as images: {typed(root, masks=NONE)}",
        )


def _refuse_unlike(owned: Mapping[Path, Path], root: Path) -> None:
    file = unlike_masks(list(owned))
    if file is None:
        return
    ending = stem(file).replace(stem(owned[file]), "*", 1)
    way = f"as masks anyway: {typed(root, masks=ending)}; " if ending.count("*") == 1 and ending != "*" else ""
    raise DataError(
        f"{file} is named like the mask of {owned[file].name}, but does not look like a mask: it has many values",
        hint=f"{way}all as images: {typed(root, masks=NONE)}",
    )
