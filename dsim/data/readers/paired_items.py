"""The items of pairs of folders: one dataset, its splits, or a folder per image; several datasets are refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dsim.data.file_list import Listing, files_by_id, folder_name, list_files, name_some, sample_id
from dsim.data.folder_layout import Layout, typed
from dsim.data.readers.folder_labels import ONE_EACH, SPLITS
from dsim.data.readers.folder_pairs import Pair, as_options, refuse_strangers, refuse_unlike
from dsim.data.readers.mask_matches import (
    ALONE,
    BY_ENDING,
    BY_STEM,
    OBJECTS,
    Match,
    explain,
    images_with_masks,
    mask_of,
    match,
)
from dsim.data.readers.mask_pixels import refuse_hidden_masks
from dsim.data.readers.masks_beside_images import Beside, find_beside
from dsim.data.readers.name_conventions import channel_of
from dsim.data.volumes import Item
from dsim.errors import DataError, readable

IMAGES_AND_MASKS = "images and masks"


@dataclass(frozen=True)
class Paired:
    """Items of pairs of folders, what lies in the folders of images, the format that was recognised, and notes.

    ``slices`` : masks of single slices, by the ids of these. ``unlike_classes`` : why folders in ids are not classes.
    """

    items: tuple[Item, ...]
    listed: Listing
    format: str
    notes: tuple[str, ...]
    slices: Mapping[str, Path]
    unlike_classes: str


def read_pairs(root: Path, pairs: Sequence[Pair], layout: Layout) -> Paired:
    """Return the items of all pairs below a folder, with ids below the folders of images.

    Raises DataError where they are several datasets, or where images and masks do not belong together.
    """
    single = _one_per_folder(pairs, root)
    if not single and layout.labels is None and layout.groups is None:
        _refuse_several_datasets(root, pairs)
    groups = [_Images.of(pair, layout, root) for pair in pairs]
    if not any(images.by_channel for images in groups):
        layout.refuse_channel(root)
    matches = [_checked(images, root) for images in groups]
    ways = {match.way for match in matches}
    way = next((way for way in (OBJECTS, ALONE, BY_ENDING) if way in ways), BY_STEM)
    homes = Counter(pair.home for pair in pairs)
    prefixes = [_prefix(pair, homes[pair.home] > 1, root) for pair in pairs]
    items = tuple(
        _item(images, place, match, way, _name(prefix, place, single))
        for images, match, prefix in zip(groups, matches, prefixes, strict=True)
        for place in images.files
    )
    slices = {
        _name(prefix, place, single): images.masks[place]
        for images, match, prefix in zip(groups, matches, prefixes, strict=True)
        for place in match.slices
    }
    masked = sum(len(match.masks) for match in matches)
    notes = [
        *_pairing_note(root, pairs, masked, way),
        *(note for images in groups for note in images.beside.notes(root)),
    ]
    kind = IMAGES_AND_MASKS if any(item.mask for item in items) or any(pair.masks for pair in pairs) else "images"
    why = "they hold images with masks" if kind == IMAGES_AND_MASKS else "they lie below images/"
    why = ONE_EACH if single else why
    return Paired(items, _joined(root, pairs), kind, (*notes, *_passed(root, pairs)), slices, why)


@dataclass(frozen=True)
class _Images:
    """The images of a pair by id; for nnU-Net's the id is the case, and one channel is chosen."""

    pair: Pair
    files: Mapping[str, Path]
    masks: Mapping[str, Path]
    beside: Beside
    by_channel: bool = False

    @classmethod
    def of(cls, pair: Pair, layout: Layout, root: Path) -> _Images:
        beside = _beside(pair)
        files = files_by_id(beside.images, pair.images)
        masks = _by_id(pair)
        by_channel = _has_channels(pair, files, masks)
        if by_channel:
            files = _of_channel(files, layout.channel, root)
        return cls(pair, files, masks, beside, by_channel)


def _beside(pair: Pair) -> Beside:
    """The images of a pair, and, where it has no folder of masks, the masks that may lie beside them."""
    if pair.masks is not None:
        return Beside(pair.found.images, {})
    beside = find_beside(pair.found.images, pair.images)
    refuse_hidden_masks(beside.images, pair.images)
    return beside


def _by_id(pair: Pair) -> dict[str, Path]:
    """The masks of a pair by id. Raises DataError for two of one stem."""
    found = pair.found_masks
    return {} if found is None else files_by_id(found.images, found.folder, "keep one mask per image")


def _has_channels(pair: Pair, files: Mapping[str, Path], masks: Mapping[str, Path]) -> bool:
    """Whether stems end in a channel: as in nnU-Net's folders, or where masks are named without it."""
    cases = {found[0] for place in files if (found := channel_of(place))}
    if pair.images.name in ("imagesTr", "imagesTs"):
        return all(channel_of(place) for place in files)
    return bool(masks) and not masks.keys() & files.keys() and masks.keys() <= cases


def _of_channel(files: Mapping[str, Path], channel: int | None, root: Path) -> dict[str, Path]:
    """Images by case. Raises DataError where cases have several channels and none is chosen, or not that one."""
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for place, file in files.items():
        case, name = channel_of(place) or (place, "0000")
        found[name][case] = file
    if channel is None and len(found) > 1:
        example = sorted(file.name for of_case in found.values() for file in of_case.values())
        raise DataError(
            f"images in {root} have {len(found)} channels in files of their own: {name_some(example)}",
            hint=f"choose one: {typed(root, channel=0)}",
        )
    chosen = next(iter(found)) if channel is None else f"{channel:04d}"
    if chosen not in found:
        raise DataError(f"no image in {root} is of channel {channel}", hint=f"there are {', '.join(sorted(found))}")
    return found[chosen]


def _checked(images: _Images, root: Path) -> Match:
    """Which mask belongs to which image. Raises DataError where they do not belong together."""
    found = match(list(images.files), list(images.masks))
    refuse_strangers(images.pair, found, images.masks, root)
    refuse_unlike(images.pair, root)
    return found


def _item(images: _Images, place: str, match: Match, way: str, name: str) -> Item:
    files = [images.masks[mask] for mask in match.masks.get(place, ())]
    mask = mask_of(files, way) if files else images.beside.mask(images.files[place])
    return Item(name, images.files[place], mask=mask)


# Where pairs lie --------------------------------------------------------------------------------------------------


def _prefix(pair: Pair, several: bool, root: Path) -> PurePosixPath:
    """The beginning of ids: the folders above the pair; its own name where ``several`` lie in one folder."""
    above = PurePosixPath(readable(pair.home.relative_to(root).as_posix()))
    return above / (pair.part or pair.images.name) if several else above


def _name(prefix: PurePosixPath, place: str, single: bool) -> str:
    """The id of a sample; one image per folder that is called as its folder is named once."""
    stack, mark, number = place.rpartition("#") if prefix.name != place else (place, "", "")
    return f"{prefix}{mark}{number}" if single and prefix.name == stack else (prefix / place).as_posix()


def _one_per_folder(pairs: Sequence[Pair], root: Path) -> bool:
    """Whether each folder holds one image: named as the folder, or with masks and without a table of labels."""
    if any(pair.home == root or len(pair.found.images) != 1 for pair in pairs):
        return False
    if all(sample_id(pair.found.images[0], pair.images) == readable(pair.home.name) for pair in pairs):
        return True
    return all(pair.masks is not None and not (pair.home / "labels.csv").exists() for pair in pairs)


def _refuse_several_datasets(root: Path, pairs: Sequence[Pair]) -> None:
    """Raise DataError for a folder of several datasets: read as one, it would give plausible numbers."""
    homes = sorted({pair.home for pair in pairs if not _is_split(pair.home.relative_to(root).parts)})
    if len(homes) > 1 or (homes and _left_out(root, pairs)):
        first = homes[0].relative_to(root).as_posix()
        raise DataError(
            f"{root} holds {len(homes)} datasets ({first}, ...), and is not one itself"
            if len(homes) > 1
            else f"{root} holds a dataset in {first}/, and images beside it",
            hint=f"give them one by one, or all: {root}/*/; or, where these folders are classes of one dataset: "
            f"{typed(root, labels=1)}",
        )


def _is_split(parts: Sequence[str]) -> bool:
    return not parts or (len(parts) == 1 and parts[0].lower() in SPLITS)


# Notes ----------------------------------------------------------------------------------------------------------


def _pairing_note(root: Path, pairs: Sequence[Pair], masked: int, way: str) -> tuple[str, ...]:
    """One line on what was paired, unless folders and names are dsim's own."""
    if not masked or (way == BY_STEM and all(pair.certain and pair.home == root for pair in pairs)):
        return ()
    named = name_some(pair.named(root) for pair in pairs if pair.masks)
    return (f"{images_with_masks(masked)}: {named}, {explain(way)}",)


def _passed(root: Path, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Notes on images that lie outside the pairs."""
    left = _left_out(root, pairs)
    notes = []
    beside = left.pop(root, [])
    if beside:
        notes.append(f"passed over {len(beside)} images beside {pairs[0].images.name}/, the first {beside[0].name}")
    if left:
        folders = name_some(folder_name(folder, root) for folder in left)
        count = sum(map(len, left.values()))
        notes.append(
            f"passed over {count} images in {folders}: neither images nor masks of the dataset{_way(root, pairs, left)}"
        )
    return tuple(notes)


def _way(root: Path, pairs: Sequence[Pair], left: Iterable[Path]) -> str:
    """How to read images that were passed over as masks, where that may be meant."""
    folders = {root / folder.relative_to(root).parts[0] for folder in left}
    if len(folders) != 1 or len(pairs) != 1 or pairs[0].masks is not None:
        return ""
    return f"; if they are its masks: {as_options(replace(pairs[0], masks=folders.pop()), root)}"


def _left_out(root: Path, pairs: Sequence[Pair]) -> dict[Path, list[Path]]:
    """Images that lie outside the pairs, by folder."""
    used = {folder for pair in pairs for folder in (pair.images, pair.masks) if folder and folder != pair.home}
    own = {file for pair in pairs if pair.direct for file in pair.found.images}
    left: dict[Path, list[Path]] = defaultdict(list)
    for file in list_files(root).images:
        if file not in own and not used.intersection(file.parents):
            left[file.parent].append(file)
    return left


def _joined(root: Path, pairs: Iterable[Pair]) -> Listing:
    """The files in all folders of images, and files of unknown formats among the masks."""
    founds = [pair.found for pair in pairs]
    masks = [pair.found_masks for pair in pairs if pair.found_masks]
    return Listing(
        founds[0].folder if len(founds) == 1 else root,
        tuple(file for found in founds for file in found.images),
        tuple(file for found in founds for file in found.ignored),
        tuple(file for found in (*founds, *masks) for file in found.unknown),
    )
