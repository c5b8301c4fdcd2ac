"""Readers of image files: one file, a folder, one folder per class, and ``images/`` with ``masks/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dsim.data.assembly import assemble
from dsim.data.dataset import Dataset
from dsim.data.formats.decode import is_image
from dsim.data.formats.dicom import series_of
from dsim.data.opener import Listing, is_hidden, listing, sample_id, stem, subfolders
from dsim.data.options import ReadOptions
from dsim.data.readers.manifest import Row, read_table
from dsim.data.volumes import Item
from dsim.errors import DataError

#: Names of folders that are parts of a dataset, never classes.
SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})


def accepts_folder(path: Path) -> bool:
    """Return whether this is a folder; the last reader that is asked."""
    return path.is_dir()


def read_folder(path: Path, options: ReadOptions) -> Dataset:
    """Return every image (h, w, c) below the folder, searched recursively; ids are relative paths without suffix.

    ``train/``, ``val/`` and ``test/`` become splits. Raises DataError where the folder has no image, holds several
    datasets, or masks without images beside them; and what ``assemble`` raises.
    """
    _refuse_several_datasets(path)
    found = listing(path)
    items = [Item(sample_id(image, path), image, split=_split(image, path)) for image in found.images]
    _refuse_empty(items, found)
    if any(item.split is None for item in items):
        items = [Item(item.id, item.path) for item in items]
    name = options.name or path.name
    return assemble(items, name=name, location=path, format="folder", options=options, notes=found.notes())


def _refuse_empty(items: Sequence[Item], found: Listing) -> None:
    """Raise DataError, which names the files that lie there instead, where a folder holds no image."""
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


_NOT_CLASSES = frozenset({"images", "masks"})


def accepts_class_folders(path: Path) -> bool:
    """Return whether this folder holds two or more folders of images, and neither images nor deeper folders.

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


def read_class_folders(path: Path, options: ReadOptions) -> Dataset:
    """Return the images (h, w, c), labelled by the names of their folders; ids are ``label/stem``.

    Raises what ``assemble`` raises: DataError, UnreadableImageError.
    """
    found = listing(path)
    items = [Item(sample_id(image, path), image, label=image.parent.name) for image in found.images]
    name = options.name or path.name
    return assemble(items, name=name, location=path, format="class folders", options=options, notes=found.notes())


def _is_series(folder: Path) -> bool:
    first, second = [*listing(folder).images[:2], None, None][:2]
    return first is not None and second is not None and bool(series_of(first)) and series_of(first) == series_of(second)


def _has_images(folder: Path) -> bool:
    return any(not is_hidden(entry.name) and entry.is_file() and is_image(entry) for entry in folder.iterdir())


def accepts_image_file(path: Path) -> bool:
    """Return whether this is a file that is taken for an image."""
    return path.is_file() and is_image(path)


def read_image_file(path: Path, options: ReadOptions) -> Dataset:
    """Return one sample (h, w, c) per frame, such as a page of a TIFF; ids are ``stem#number``.

    Raises what ``assemble`` raises: DataError, UnreadableImageError.
    """
    name = options.name or stem(path)
    return assemble([Item(stem(path), path)], name=name, location=path, format="image file", options=options)


def accepts_images_masks(path: Path) -> bool:
    """Return whether this is a folder that holds a folder ``images``."""
    return (path / "images").is_dir()


def read_images_masks(path: Path, options: ReadOptions) -> Dataset:
    """Return the images with the masks of the same id below ``masks/``; ids are paths below ``images/`` without suffix.

    Masks are (h, w). Labels, groups and splits come from ``labels.csv``. Raises DataError where images and masks, or
    images and lines of the table, do not belong together; and what ``assemble`` raises.
    """
    root = path / "images"
    found = listing(root)
    _refuse_empty([Item("", image) for image in found.images], found)
    items = [Item(sample_id(image, root), image) for image in found.images]
    masks = path / "masks"
    if masks.is_dir():
        items = _with_masks(items, masks)
    table = path / "labels.csv"
    if table.is_file():
        items = _with_labels(items, table)
    kind = "images and masks" if masks.is_dir() else "images"
    name = options.name or path.name
    return assemble(items, name=name, location=path, format=kind, options=options, notes=_notes(path, found))


def _notes(path: Path, found: Listing) -> tuple[str, ...]:
    beside = listing(path, recursive=False).images
    passed = (f"passed over {len(beside)} images beside images/, the first {beside[0].name}",) if beside else ()
    return (*found.notes(), *passed)


def _with_masks(items: Sequence[Item], folder: Path) -> list[Item]:
    by_id: dict[str, Path] = {}
    for mask in listing(folder).images:
        other = by_id.setdefault(sample_id(mask, folder), mask)
        if other is not mask:
            raise DataError(f"{other} and {mask} have the same stem", hint="keep one mask per image")
    orphans = sorted(by_id.keys() - {item.id for item in items})
    if orphans:
        raise DataError(
            f"mask {by_id[orphans[0]]} has no image ({len(orphans)} of {len(by_id)} masks)",
            hint=f"give its image the stem {orphans[0]!r} under images/, or remove the mask",
        )
    lacking = [item for item in items if item.id not in by_id]
    if lacking:
        raise DataError(
            f"image {lacking[0].path} has no mask ({len(lacking)} of {len(items)} images)",
            hint=f"put its mask at {folder / lacking[0].id}.png, or move the image, or remove {folder}",
        )
    return [replace(item, mask=by_id[item.id]) for item in items]


def _with_labels(items: Sequence[Item], table: Path) -> list[Item]:
    rows = read_table(table, key="file", columns=("label", "group", "split"))
    # A line may name a folder, such as that of a DICOM series: it stands for all images in it.
    ids = {item.id for item in items} | {_folder(item) for item in items}
    by_id: dict[str, Row] = {}
    for row in rows:
        other = by_id.setdefault(_id_of(row, ids, table), row)
        if other is not row:
            raise DataError(f"{table}, line {row.line}: {row.key!r} stands there twice", hint="keep one line per image")
    return [_labelled(item, by_id.get(item.id) or by_id.get(_folder(item))) for item in items]


def _folder(item: Item) -> str:
    return PurePosixPath(item.id).parent.as_posix()


def _id_of(row: Row, ids: set[str], table: Path) -> str:
    """The sample that a line names, with or without the suffix."""
    for candidate in (row.key, sample_id(Path(row.key), Path())):
        if candidate in ids:
            return candidate
    raise DataError(
        f"{table}, line {row.line}: there is no image {row.key!r} under images/",
        hint="remove the line, or add the image",
    )


def _labelled(item: Item, row: Row | None) -> Item:
    if row is None:
        return item
    return replace(item, label=row.get("label"), group=row.get("group"), split=row.get("split"))
