"""A folder of images, searched recursively: no labels, no masks. train/, val/ and test/ become splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsim.data.assembly import Item, assemble
from dsim.data.dataset import Dataset
from dsim.data.listing import Listing, listing, sample_id, subfolders
from dsim.data.options import ReadOptions
from dsim.errors import DataError

#: Names of folders that are parts of a dataset, never classes.
SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})


def accepts(path: Path) -> bool:
    """Any folder: the last reader that is asked."""
    return path.is_dir()


def read(path: Path, options: ReadOptions) -> Dataset:
    """Every image below the folder; ids are relative paths without suffix."""
    _refuse_several_datasets(path)
    found = listing(path)
    items = [Item(sample_id(image, path), image, split=_split(image, path)) for image in found.images]
    refuse_empty(items, found)
    if any(item.split is None for item in items):
        items = [Item(item.id, item.path) for item in items]
    name = options.name or path.name
    return assemble(items, name=name, location=path, format="folder", options=options, notes=found.notes())


def refuse_empty(items: Sequence[Item], found: Listing) -> None:
    """Raise, telling what lies there instead, where a folder holds no image."""
    if items:
        return
    other = [path.relative_to(found.folder).as_posix() for path in (*found.unknown, *found.ignored)][:3]
    looked = f"; it holds {', '.join(other)}" if other else ": it is empty"
    formats = "PNG, JPEG, TIFF, GIF, BMP, WebP, PNM, NIfTI or DICOM"
    hint = f"put images there ({formats}), or name the folder or file that holds them"
    raise DataError(f"no image in {found.folder}{looked}", hint=hint)


def _split(image: Path, root: Path) -> str | None:
    top = image.relative_to(root).parts[0]
    return top if top.lower() in SPLITS else None


def _refuse_several_datasets(path: Path) -> None:
    """A parent of datasets, or masks that would be taken for images, would still give plausible numbers."""
    datasets = [folder for folder in subfolders(path) if (folder / "images").is_dir()]
    if datasets:
        raise DataError(
            f"{path} holds {len(datasets)} datasets ({datasets[0].name}, ...), and is not one itself",
            hint=f"give them one by one, or all: {path}/*",
        )
    masks = next((folder for folder in sorted(path.rglob("masks")) if folder.is_dir()), None)
    if masks is not None:
        raise DataError(
            f"{masks} holds masks, but there is no folder {masks.parent / 'images'} beside it",
            hint="put the images into images/ beside masks/, with the same stems",
        )
