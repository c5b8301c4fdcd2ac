"""Lists of the files in folders, linked ones included and hidden ones left out; names of samples."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsim.data.attributes import SIDECAR
from dsim.data.formats.decode import is_image
from dsim.errors import DataError, readable

#: Files that belong to a dataset without being images.
_METADATA_SUFFIXES = frozenset(
    {".csv", ".tsv", ".json", ".txt", ".md", ".rst", ".xml", ".yaml", ".yml", ".toml", ".html", ".pdf", ".bib", ".db"}
)
_METADATA_STEMS = frozenset({"licence", "license", "readme", "copying", "thumbs"})
_NAMED = 3


@dataclass(frozen=True)
class Listing:
    """Files of a folder, sorted.

    ``ignored`` are metadata, ``unknown`` are of no known format; ``empty`` are the outermost folders without any image;
    ``loops`` are links to folders that lead back to where they lie.
    """

    folder: Path
    images: tuple[Path, ...]
    ignored: tuple[Path, ...]
    unknown: tuple[Path, ...]
    empty: tuple[Path, ...] = ()
    loops: tuple[Path, ...] = ()

    def notes(self) -> tuple[str, ...]:
        """Return notes on the files that were passed over."""
        notes = []
        if self.ignored:
            notes.append(f"passed over {_basenames(self.ignored)}: not images")
        if self.unknown:
            notes.append(f"passed over {_basenames(self.unknown)}: unknown formats")
        if self.empty:
            notes.append(f"no image in {name_some(folder_name(path, self.folder) for path in self.empty)}")
        if self.loops:
            links = name_some(path.relative_to(self.folder).as_posix() for path in self.loops)
            notes.append(f"not followed, since it leads back to a folder that holds it: {links}")
        return tuple(notes)


def list_files(folder: Path, *, recursive: bool = True) -> Listing:
    """Return the files of a folder, without hidden ones and attributes.csv; links to folders are followed.

    Raises DataError where a folder cannot be read.
    """
    places = list(walk(folder)) if recursive else [_place(folder)]
    files = sorted(file for place in places for file in place.files if file != folder / SIDECAR)
    ignored = tuple(path for path in files if _is_metadata(path))
    images = tuple(path for path in files if not _is_metadata(path) and is_image(path))
    known = {*images, *ignored}
    unknown = tuple(path for path in files if path not in known)
    loops = tuple(sorted(link for place in places for link in place.loops))
    return Listing(folder, images, ignored, unknown, _empty(folder, places, images), loops)


@dataclass(frozen=True)
class Place:
    """One folder: its files, the folders in it that can be entered, and links that lead back; all sorted."""

    folder: Path
    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    loops: tuple[Path, ...] = ()


def walk(folder: Path) -> Iterator[Place]:
    """Yield the folder, and all folders below it, those behind links too; none within itself.

    Raises DataError where a folder cannot be read.
    """
    yield from _walk(folder, frozenset({os.path.realpath(folder)}))


def _walk(folder: Path, above: frozenset[str]) -> Iterator[Place]:
    place = _place(folder)
    homes = {path: os.path.realpath(path) for path in place.folders}
    loops = tuple(path for path in place.folders if homes[path] in above)
    entered = tuple(path for path in place.folders if homes[path] not in above)
    yield Place(folder, place.files, entered, loops)
    for path in entered:
        yield from _walk(path, above | {homes[path]})


def _place(folder: Path) -> Place:
    try:
        with os.scandir(folder) as entries:
            shown = sorted((entry.name, _is_folder(entry)) for entry in entries if not is_hidden(entry.name))
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}", hint="make it readable") from error
    files = tuple(folder / name for name, is_folder in shown if not is_folder)
    return Place(folder, files, tuple(folder / name for name, is_folder in shown if is_folder))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: reading it names it, and its folder stays readable
        return False


def _empty(root: Path, places: Iterable[Place], images: Iterable[Path]) -> tuple[Path, ...]:
    """The outermost folders below the root that hold no image at any depth."""
    homes = {image.parent for image in images}
    filled = homes.union(*(home.parents for home in homes))
    if root not in filled:
        return ()
    return tuple(
        place.folder
        for place in places
        if place.folder not in filled and (place.folder.parent in filled or place.folder.parent == root)
    )


def subfolders(folder: Path) -> list[Path]:
    """Return the immediate subfolders, sorted, without hidden ones."""
    return list(_place(folder).folders)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder belongs to the system."""
    return name.startswith(".") or name == "__MACOSX"


def stem(path: Path) -> str:
    """Return the name without its suffix; ``.ome.tif`` and ``.nii.gz`` are one suffix, a number is not a suffix.

    >>> stem(Path("a/cells.01.ome.tif")), stem(Path("scan.nii.gz")), stem(Path("1.2.840.31"))
    ('cells.01', 'scan', '1.2.840.31')
    """
    if path.suffix[1:].isdigit():
        return path.name
    name = path.stem
    if path.suffix.lower() == ".gz" and name.lower().endswith(".nii"):
        return name[:-4]
    return name[:-4] if path.suffix.lower() in (".tif", ".tiff") and name.lower().endswith(".ome") else name


def sample_id(path: Path, root: Path) -> str:
    r"""Return a file's place below the root, without its suffix, with forward slashes; always text that can be stored.

    Bytes of a name that are not UTF-8, as of old archives, are written ``\xe9``.
    """
    return readable((path.relative_to(root).parent / stem(path)).as_posix())


_RENAME = "rename one of them, or remove the copy"


def files_by_id(files: Iterable[Path], root: Path, hint: str = _RENAME) -> dict[str, Path]:
    """Return files by their ids below a root. Raises DataError where two have one stem."""
    found: dict[str, Path] = {}
    for file in files:
        name = sample_id(file, root)
        other = found.setdefault(name, file)
        if other is not file:
            raise DataError(f"{other} and {file} have the same stem, so both would be sample {name!r}", hint=hint)
    return found


def find_readable(path: Path) -> Path | None:
    """Return the file or folder that ``readable`` would write as this path; None where there is none.

    A dataset's location is readable text, and opens the dataset again, whatever bytes its name holds.
    """
    if "\\" not in str(path):
        return None
    found = Path(path.anchor or ".")
    for part in path.parts[1:] if path.anchor else path.parts:
        here = found / part
        if not here.exists():
            names = os.listdir(found) if found.is_dir() else []
            here = next((found / name for name in names if readable(name) == part), here)
        found = here
    return found if found.exists() else None


def folder_name(path: Path, root: Path) -> str:
    """Return a folder's place below the root as messages write it: with a slash at its end, ``./`` for the root.

    >>> folder_name(Path("set/train/img"), Path("set")), folder_name(Path("set"), Path("set"))
    ('train/img/', './')
    """
    return path.relative_to(root).as_posix() + "/"


def name_some(names: Iterable[str]) -> str:
    """Return the first three of some names, in their order, and how many more there are.

    >>> name_some(["b", "a"]), name_some("edcba")
    ('b, a', 'e, d, c and 2 more')
    """
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - _NAMED} more" if len(unique) > _NAMED else ""
    return ", ".join(map(readable, unique[:_NAMED])) + more


def _is_metadata(path: Path) -> bool:
    return path.suffix.lower() in _METADATA_SUFFIXES or path.stem.lower() in _METADATA_STEMS


def _basenames(paths: Iterable[Path]) -> str:
    return name_some(sorted({path.name for path in paths}))
