"""Masks that lie elsewhere than their images: folders that are given beside a dataset, and pre-labels among them.

The options of a path never reach outside it, because a list of datasets may come from a stranger; a folder that the
user names on the command line, or in Python, may lie anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data.backings import FilesBacking, Frame
from dsim.data.dataset import Backing, Dataset, Subset
from dsim.data.file_list import files_by_id, list_files
from dsim.data.formats import decode
from dsim.errors import DataError, did_you_mean
from dsim.files import file_sha256
from dsim.files.sample_names import file_names
from dsim.registry import Need

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Beside masks/: the journal of the pre-labels that were written there, with the digest of each mask.
JOURNAL = Path(".work", "prelabel.jsonl")


def with_masks(dataset: Dataset, folders: Iterable[str | Path]) -> Dataset:
    """Return the dataset, whose images are (h, w, c), with the masks (h, w) of these folders too; the last one counts.

    A mask is called as its image: by the sample's id, or as ``dsim prelabel`` names its file. Raises DataError for a
    folder without masks, a mask of no image, and one of another size; NeedError for a dataset without images.

    >>> import tempfile, numpy as np
    >>> from PIL import Image
    >>> from dsim.data import from_arrays
    >>> cells = from_arrays(np.zeros((2, 8, 8), np.uint8), ids=["a", "b"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.fromarray(np.ones((8, 8), np.uint8)).save(f"{folder}/b.png")
    ...     with_masks(cells, [folder]).annotation
    'masks for 1 of 2 images'
    """
    for folder in map(Path, folders):
        dataset = _with_folder(dataset, folder.expanduser())
    return dataset


def _with_folder(dataset: Dataset, folder: Path) -> Dataset:
    dataset.require(Need.IMAGES, "adding masks")
    given = _masks_by_index(dataset, folder)
    _refuse_other_sizes(dataset, given)
    masked = tuple(index in given or dataset.has_mask(index) for index in range(len(dataset)))
    note = f"{len(given)} masks are those of {folder}"
    return replace(dataset, backing=_overlaid(dataset, given), masked=masked, notes=(*dataset.notes, note))


def _masks_by_index(dataset: Dataset, folder: Path) -> dict[int, Path]:
    """Files by the position of their image. Raises DataError where there is none, or one has no image."""
    if not folder.is_dir():
        raise DataError(f"there is no folder of masks at {folder}", hint="give the folder that holds them: OUT/masks")
    files = files_by_id(list_files(folder).images, folder, "keep one mask per image")
    if not files:
        raise DataError(
            f"{folder} holds no masks", hint="give the folder that holds them, such as OUT/masks of pre-labels"
        )
    # An id comes before the name that another sample's file was given.
    positions = {name: index for index, name in enumerate(file_names(dataset.ids))}
    positions |= {id: index for index, id in enumerate(dataset.ids)}
    strangers = [place for place in files if place not in positions]
    if strangers:
        first = files[strangers[0]]
        raise DataError(
            f"mask {first} has no image in {dataset.name!r} ({len(strangers)} of {len(files)} masks have none)."
            f"{did_you_mean(strangers[0], positions)}",
            hint="name each mask as its image, or give the folder that the masks' subfolders are in",
        )
    return {positions[place]: file for place, file in files.items()}


def _refuse_other_sizes(dataset: Dataset, given: Mapping[int, Path]) -> None:
    for index, file in given.items():
        ours, its = dataset.native(index).shape[:2], decode.read_mask(file).shape
        if ours != its:
            raise DataError(
                f"mask {file} is {its[0]} x {its[1]} pixels (height x width), but its image {dataset.ids[index]!r} is "
                f"{ours[0]} x {ours[1]}",
                hint="resize the mask to its image by nearest neighbour, or find the right mask",
            )


def _overlaid(dataset: Dataset, given: Mapping[int, Path]) -> Backing:
    backing = dataset.backing
    assert backing is not None, "images were required"
    if not isinstance(backing, FilesBacking):
        return _Overlaid(backing, dict(given))
    masks = list(backing.masks or [None] * len(dataset))
    for index, file in given.items():
        masks[index] = Frame(file)
    return replace(backing, masks=tuple(masks))


@dataclass(frozen=True)
class _Overlaid:
    """Images (h, w, c) of one backing, and masks (h, w) of files before its own."""

    below: Backing
    given: Mapping[int, Path]

    def image(self, index: int) -> NDArray[Any]:
        return self.below.image(index)

    def image_digest(self, index: int) -> str:
        return self.below.image_digest(index)

    def mask(self, index: int) -> NDArray[Any]:
        return decode.read_mask(self.given[index]) if index in self.given else self.below.mask(index)

    def mask_digest(self, index: int) -> str:
        return file_sha256(self.given[index]) if index in self.given else self.below.mask_digest(index)


def without_unchanged(dataset: Dataset) -> Dataset:
    """Return the dataset without the masks (h, w) that are pre-labels as they were written: nobody has drawn those.

    A note says how many there were, and how one that is right as it is can be made to count. The dataset itself where
    there is none.
    """
    unchanged = set(unchanged_prelabels(dataset))
    if not unchanged:
        return dataset
    masked = tuple(dataset.has_mask(index) and index not in unchanged for index in range(len(dataset)))
    count = f"{len(unchanged)} of {len(dataset.annotated)} masks"
    note = (
        f"{count} are unchanged pre-labels, and do not count as annotations; "
        "correct them; one that is right as it is counts once an editor has saved it again, or under another folder"
    )
    return replace(dataset, masked=masked, notes=(*dataset.notes, note))


def unchanged_prelabels(dataset: Dataset) -> tuple[int, ...]:
    """Return the positions of the images (h, w, c) whose mask is a file of ``dsim prelabel``, to the last byte.

    Known by the journal that lies beside the folder of the masks; without it, nothing is known and none is returned.
    """
    files = {index: file for index in dataset.annotated if (file := _file_of(dataset.backing, index)) is not None}
    written = {home: _written(home) for home in {home for file in files.values() for home in _homes(file)}}
    return tuple(
        index for index, file in files.items() if any(_is_written(file, home, written[home]) for home in _homes(file))
    )


def _file_of(backing: Backing | None, index: int) -> Path | None:
    """The one file of a mask; None where it is no file of its own."""
    if isinstance(backing, Subset):
        return _file_of(backing.whole, backing.indices[index])
    if isinstance(backing, _Overlaid):
        return backing.given.get(index) or _file_of(backing.below, index)
    place = backing.masks[index] if isinstance(backing, FilesBacking) and backing.masks else None
    return place.path if isinstance(place, Frame) and place.alone else None


def _homes(file: Path) -> Sequence[Path]:
    """The folders that may hold the journal of a mask: those above a folder ``masks``."""
    return [parent.parent for parent in file.parents if parent.name == "masks"]


def _written(home: Path) -> dict[str, str]:
    """The sha256 of each mask as it was written, by its path below the folder; empty without a journal."""
    try:
        lines = (home / JOURNAL).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    found = {}
    for text in lines:
        try:
            line = json.loads(text)
            found[str(line["mask"])] = str(line["mask_sha256"])
        except (ValueError, KeyError, TypeError):
            continue  # another kind of line, or the last one of a run that was stopped
    return found


def _is_written(file: Path, home: Path, written: Mapping[str, str]) -> bool:
    known = written.get(file.relative_to(home).as_posix())
    return known is not None and file_sha256(file) == known
