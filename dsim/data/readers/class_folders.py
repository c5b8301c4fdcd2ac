"""One folder of images per class: the folder's name is the label."""

from __future__ import annotations

from pathlib import Path

from dsim.data.assembly import Item, assemble
from dsim.data.dataset import Dataset
from dsim.data.decode import is_image
from dsim.data.dicom import series_of
from dsim.data.listing import is_hidden, listing, sample_id, subfolders
from dsim.data.options import ReadOptions
from dsim.data.readers.folder import SPLITS

_NOT_CLASSES = frozenset({"images", "masks"})


def accepts(path: Path) -> bool:
    """A folder without images of its own, of two or more folders that hold images and no folders.

    Where the images of the first folder are slices of one DICOM series, the folders are patients, not classes.
    """
    if not path.is_dir():
        return False
    folders = subfolders(path)
    names = {folder.name.lower() for folder in folders}
    if len(folders) < 2 or names <= SPLITS or names & _NOT_CLASSES or _has_images(path):
        return False
    if not all(_has_images(folder) and not subfolders(folder) for folder in folders):
        return False
    return not _is_series(folders[0])


def read(path: Path, options: ReadOptions) -> Dataset:
    """Labels are the folders' names; ids are ``label/stem``."""
    found = listing(path)
    items = [Item(sample_id(image, path), image, label=image.parent.name) for image in found.images]
    name = options.name or path.name
    return assemble(items, name=name, location=path, format="class folders", options=options, notes=found.notes())


def _is_series(folder: Path) -> bool:
    first, second = [*listing(folder).images[:2], None, None][:2]
    return first is not None and second is not None and bool(series_of(first)) and series_of(first) == series_of(second)


def _has_images(folder: Path) -> bool:
    return any(not is_hidden(entry.name) and entry.is_file() and is_image(entry) for entry in folder.iterdir())
