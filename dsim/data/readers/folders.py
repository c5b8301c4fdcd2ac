"""Readers of image files: one file, a folder, one folder per class, and images with masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dsim.data.assembly import assemble
from dsim.data.dataset import Dataset
from dsim.data.file_list import Listing, list_files, sample_id, stem, subfolders
from dsim.data.formats.decode import is_image
from dsim.data.options import ReadOptions
from dsim.data.readers.folder_labels import sort_by_folders
from dsim.data.readers.folder_pairs import find_pairs
from dsim.data.readers.label_table import with_labels
from dsim.data.readers.mask_pixels import refuse_hidden_masks
from dsim.data.readers.masks_beside_images import find_beside
from dsim.data.readers.paired_items import IMAGES_AND_MASKS, read_pairs
from dsim.data.readers.selected_files import read_selected
from dsim.data.volumes import Item
from dsim.errors import DataError


def accepts_image_file(path: Path) -> bool:
    """Return whether this is a file that is taken for an image."""
    return path.is_file() and is_image(path)


def read_image_file(path: Path, options: ReadOptions) -> Dataset:
    """Return one sample (h, w, c) per frame, such as a page of a TIFF; ids are ``stem#number``.

    Raises what ``assemble`` raises: DataError, UnreadableImageError.
    """
    options.layout.refuse(path, "is one file")
    name = options.name or stem(path)
    item = Item(sample_id(path, path.parent), path)
    return assemble([item], name=name, location=path, format="image file", options=options)


def accepts_images_masks(path: Path) -> bool:
    """Return whether this folder holds a folder of images with one of masks, at any depth, or ``images/``.

    Also where it is not clear which masks are whose: reading says so, unless options state it.
    """
    try:
        return path.is_dir() and bool(subfolders(path)) and bool(find_pairs(path))
    except DataError:
        return True


def read_images_masks(path: Path, options: ReadOptions) -> Dataset:
    """Return the images (h, w, c) with the masks (h, w) of their names; ids are paths without the folder of images.

    Labels, groups and splits come from ``labels.csv``. Raises DataError where images and masks, or images and lines of
    the table, do not belong together; and what ``assemble`` raises.
    """
    if _is_chosen(options):
        return _read_chosen(path, options)
    found = read_pairs(path, find_pairs(path), options.layout)
    _refuse_empty(found.items, found.listed)
    table = path / "labels.csv"
    sorted_ = sort_by_folders(found.items, options.layout, path, unlike_classes=found.unlike_classes)
    items: Sequence[Item] = sorted_.items
    notes = sorted_.notes
    if table.is_file():
        items, notes = with_labels(items, table), ()
    return _assembled(items, path, found.format, (*found.listed.notes(), *found.notes, *notes), options, found.slices)


def accepts_class_folders(path: Path) -> bool:
    """Return whether this folder holds two or more folders of images, also below splits, and no images beside them.

    Where the first images of the first folder are slices of one DICOM series, the folders are patients, not classes.
    """
    if not path.is_dir() or not subfolders(path):
        return False
    found = list_files(path)
    items = [Item(sample_id(image, path), image) for image in found.images]
    return sort_by_folders(items, ReadOptions().layout, path).labelled


def read_class_folders(path: Path, options: ReadOptions) -> Dataset:
    """Return the images (h, w, c), labelled by the names of their folders; ids are ``label/stem``.

    Masks (h, w) may lie beside images. Raises what ``assemble`` raises: DataError, UnreadableImageError.
    """
    return read_folder(path, options)


def accepts_folder(path: Path) -> bool:
    """Return whether this is a folder; the last reader that is asked."""
    return path.is_dir()


def read_folder(path: Path, options: ReadOptions) -> Dataset:
    """Return every image (h, w, c) below the folder, searched recursively; ids are relative paths without suffix.

    Files beside an image, with its stem and an ending such as ``_mask``, are its mask (h, w). ``train/``, ``val/`` and
    ``test/`` become splits. Raises DataError where the folder has no image or where it is not clear which files are
    masks; and what ``assemble`` raises.
    """
    if _is_chosen(options):
        return _read_chosen(path, options)
    options.layout.refuse_channel(path)
    found = list_files(path)
    _refuse_empty(found.images, found)
    beside = find_beside(found.images, path)
    refuse_hidden_masks(beside.images, path)
    items = [Item(sample_id(image, path), image, mask=beside.mask(image)) for image in beside.images]
    sorted_ = sort_by_folders(items, options.layout, path)
    kind = "class folders" if sorted_.labelled else "folder"
    kind = f"{kind}, masks beside images" if beside.masks else kind
    return _assembled(sorted_.items, path, kind, (*found.notes(), *beside.notes(path), *sorted_.notes), options)


def _is_chosen(options: ReadOptions) -> bool:
    return options.layout.images is not None or options.layout.masks is not None


def _read_chosen(path: Path, options: ReadOptions) -> Dataset:
    """The dataset of the files that the options name."""
    options.layout.refuse_channel(path)
    chosen = read_selected(path, options.layout)
    sorted_ = sort_by_folders(chosen.items, options.layout, path)
    kind = "class folders" if sorted_.labelled else "folder"
    kind = IMAGES_AND_MASKS if chosen.slices or any(item.mask_files for item in chosen.items) else kind
    notes = (*chosen.found.notes(), *chosen.notes, *sorted_.notes)
    return _assembled(sorted_.items, path, kind, notes, options, chosen.slices)


def _assembled(
    items: Sequence[Item],
    path: Path,
    kind: str,
    notes: Sequence[str],
    options: ReadOptions,
    slices: Mapping[str, Path] | None = None,
) -> Dataset:
    name = options.name or path.name
    return assemble(items, name=name, location=path, format=kind, options=options, notes=notes, slices=slices)


def _refuse_empty(images: Sequence[object], found: Listing) -> None:
    """Raise DataError, which names the files that lie there instead, where a folder holds no image."""
    if images:
        return
    other = [path.relative_to(found.folder).as_posix() for path in (*found.unknown, *found.ignored)][:3]
    other = other or [f"{folder.name}/" for folder in subfolders(found.folder)][:3]
    looked = f"; it holds {', '.join(other)}" if other else ": it is empty"
    formats = "PNG, JPEG, TIFF, GIF, BMP, WebP, PNM, NIfTI or DICOM"
    hint = f"put images there ({formats}), or name the folder or file that holds them"
    raise DataError(f"no image in {found.folder}{looked}", hint=hint)
