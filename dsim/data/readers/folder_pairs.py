"""Folders of images and of their masks, side by side, under any common name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from dsim.data.file_list import Listing, Place, folder_name, list_files, name_some, sample_id, walk
from dsim.data.folder_layout import NONE, typed
from dsim.data.formats.decode import is_image
from dsim.data.readers.mask_matches import ALONE, OBJECTS, Match, match
from dsim.data.readers.mask_pixels import unlike_masks
from dsim.data.readers.name_conventions import IMAGE, MASK, folder_role
from dsim.errors import DataError, did_you_mean, readable


@dataclass(frozen=True)
class Pair:
    """A folder of images, and one of their masks, if any, in the same folder.

    ``part`` is what both names share, such as ``train``. ``direct`` where the images lie beside the folder of masks.
    ``certain`` where the names are dsim's own, ``images/`` and ``masks/``, and need no look at the pixels.
    """

    home: Path
    images: Path
    masks: Path | None = None
    part: str = ""

    @property
    def direct(self) -> bool:
        """Whether the images lie in the folder that holds the folder of masks."""
        return self.images == self.home

    @property
    def certain(self) -> bool:
        """Whether the folders are called as dsim calls them."""
        return self.images.name == "images" and (self.masks is None or self.masks.name == "masks")

    @cached_property
    def found(self) -> Listing:
        """The files of the folder of images."""
        return list_files(self.images, recursive=not self.direct)

    @cached_property
    def found_masks(self) -> Listing | None:
        """The files of the folder of masks."""
        return None if self.masks is None else list_files(self.masks)

    def named(self, root: Path) -> str:
        """Return both folders as messages write them, such as ``train/img/ + train/mask/``."""
        folders = (self.images,) if self.masks is None else (self.images, self.masks)
        return readable(" + ".join(folder_name(folder, root) for folder in folders))


def find_pairs(root: Path) -> list[Pair]:
    """Return the pairs of folders at or below a folder; below a pair none is looked for.

    Raises DataError where several folders could be the masks, or where masks have no images.
    """
    found: dict[Path, list[Pair]] = {}
    others: list[Pair] = []
    for place in walk(root):
        if not found.keys() & {place.folder, *place.folder.parents}:
            pairs = _pairs_at(place, root)
            found |= {place.folder: pairs} if pairs else {}
            if not pairs:
                others += [Pair(place.folder, folder) for folder in _folders_of(place, IMAGE)]
    known = [pair for pairs in found.values() for pair in pairs]
    alike = {pair.images.name for pair in known if pair.masks and not pair.direct}
    # Beside train/img/ and train/mask/, test/img/ holds images to be annotated.
    return known + [
        pair for pair in others if pair.images.name in alike and not found.keys() & set(pair.images.parents)
    ]


def _pairs_at(place: Place, root: Path) -> list[Pair]:
    """The pairs of one folder, and, where there are any, its other folders of images."""
    images, masks = _folders_of(place, IMAGE), _folders_of(place, MASK)
    pairs = [
        Pair(place.folder, i, m, part) for i, part in images.items() for m, other in masks.items() if part == other
    ]
    own = [pair for pair in pairs if pair.certain]
    if own:
        return own
    if masks and not _each_once(pairs, masks):
        if len(masks) > 1 or pairs:
            pairs = _settled(place, images, masks, root)
        else:
            pairs = _adopted(place, list(images), next(iter(masks)), root)
    free = [folder for folder in images if folder not in {pair.images for pair in pairs}]
    alone = free if pairs else [folder for folder in free if folder.name == "images" and not find_pairs(folder)]
    return pairs + [Pair(place.folder, folder, None, images[folder]) for folder in alone]


def _folders_of(place: Place, role: str) -> dict[Path, str]:
    """The folders in one whose names say that they hold images, or masks, and that do; with the rest of their names."""
    roles = {folder: folder_role(folder.name) for folder in place.folders}
    return {folder: its.part for folder, its in roles.items() if its and its.role == role and _holds_image(folder)}


def _each_once(pairs: Sequence[Pair], masks: Iterable[Path]) -> bool:
    images = [pair.images for pair in pairs]
    return sorted(masks) == sorted(pair.masks for pair in pairs if pair.masks) and len(set(images)) == len(images)


def _settled(place: Place, images: Iterable[Path], masks: Iterable[Path], root: Path) -> list[Pair]:
    """The one pair that fits by name, where several folders may be the images; raises DataError otherwise."""
    choices = [Pair(place.folder, i, m) for i in images or [place.folder] for m in masks]
    fitting = [pair for pair in choices if fits(pair)]
    of_masks = len({pair.masks for pair in choices}) > 1
    if len(fitting) == 1 and not of_masks:
        return fitting
    named = name_some(folder_name(folder, root) for folder in sorted(masks if of_masks else images))
    ways = [as_options(pair, root) for pair in choices][:2]
    raise DataError(
        f"{root} holds several folders that may be the {'masks' if of_masks else 'images of its masks'}: {named}",
        hint=f"say which: {' or '.join(ways)}; all as images: {typed(root, masks=NONE)}",
    )


def _adopted(place: Place, images: Sequence[Path], masks: Path, root: Path) -> list[Pair]:
    """The images of masks whose partner is not known by name: a folder beside them, or the files beside their folder.

    Raises DataError for masks without images.
    """
    others = [folder for folder in (images or place.folders) if folder != masks and _holds_image(folder)]
    candidates = [Pair(place.folder, folder, masks) for folder in others]
    if any(is_image(file) for file in place.files):
        candidates.append(Pair(place.folder, place.folder, masks))
    fitting = [pair for pair in candidates if fits(pair) and _unlike(pair) is None]
    if len(fitting) == 1:
        return fitting
    if masks.name.lower() != "masks" and (not candidates or unlike_masks(list_files(masks).images)):
        return []  # a class or a part of another kind that has the name by chance
    beside = Path(masks).with_name("images")
    raise DataError(
        f"{masks} holds masks, but there is no folder {beside} beside it, nor another that has images of their names",
        hint=f"put the images into images/ beside {masks.name}/, with the same stems; or name their folder: "
        f"{typed(root, images='FOLDER', masks=_below(masks, root))}; or read all as images: {typed(root, masks=NONE)}",
    )


def fits(pair: Pair) -> bool:
    """Return whether every mask has an image, by names: that there is but one image does not count."""
    images = ids_below(pair.found)
    if not images or pair.found_masks is None:
        return False
    found = match(images, ids_below(pair.found_masks))
    return not found.orphans and (len(images) > 1 or found.way not in (ALONE, OBJECTS))


def ids_below(found: Listing) -> list[str]:
    """Return the places of the images below their folder, without suffix."""
    return [sample_id(image, found.folder) for image in found.images]


def _unlike(pair: Pair) -> Path | None:
    return None if pair.found_masks is None else unlike_masks(pair.found_masks.images)


def refuse_unlike(pair: Pair, root: Path) -> None:
    """Raise DataError where the folder of masks has the name and the stems, but holds photographs."""
    file = None if pair.certain else _unlike(pair)
    if file is not None:
        raise DataError(
            f"{pair.named(root)} in {root} look like images and their masks, but {file} does not look like a mask: "
            "it has many values",
            hint=f"as masks anyway: {as_options(pair, root)}; {_without_masks(pair, root)}",
        )


def refuse_strangers(pair: Pair, found: Match, masks: Mapping[str, Path], root: Path) -> None:
    """Raise DataError where no mask, or not every mask, has the name of an image."""
    if not found.orphans:
        return
    orphan, folder = found.orphans[0], folder_name(pair.images, root)
    where = "" if found.masks else f": no file of {folder} has the name of a mask"
    # A slip in a name is likelier than a mask too many.
    lacking = {sample_id(image, pair.images) for image in pair.found.images} - found.masks.keys()
    raise DataError(
        f"mask {masks[orphan]} has no image ({len(found.orphans)} of {len(masks)} masks){where}."
        f"{did_you_mean(orphan, lacking)}",
        hint=f"give its image the stem {orphan!r} under {folder}, or remove the mask; {_without_masks(pair, root)}",
    )


def as_options(pair: Pair, root: Path) -> str:
    """Return the path with the options that name both folders, to be typed."""
    images = {} if pair.direct and pair.home == root else {"images": _below(pair.images, root)}
    return typed(root, **images, masks=_below(pair.masks or pair.images, root))


def _without_masks(pair: Pair, root: Path) -> str:
    """The ways to read the images alone, and all files as images."""
    everything = f"all as images: {typed(root, masks=NONE)}"
    if pair.images == root:
        return everything
    return f"only the images: {typed(root, images=_below(pair.images, root), masks=NONE)}; {everything}"


def _below(folder: Path, root: Path) -> str:
    return PurePosixPath(folder.relative_to(root)).as_posix()


def _holds_image(folder: Path) -> bool:
    return any(is_image(file) for place in walk(folder) for file in place.files)
