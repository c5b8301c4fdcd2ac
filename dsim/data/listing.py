"""What lies in a folder: images, things that are passed over, and things that are not known."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsim.data.attributes import SIDECAR
from dsim.data.decode import is_image

#: Files that belong to a dataset without being images.
_METADATA_SUFFIXES = frozenset(
    {".csv", ".tsv", ".json", ".txt", ".md", ".rst", ".xml", ".yaml", ".yml", ".toml", ".html", ".pdf", ".bib", ".db"}
)
_METADATA_STEMS = frozenset({"licence", "license", "readme", "copying", "thumbs"})
_NAMED = 3


@dataclass(frozen=True)
class Listing:
    """Files of a folder, sorted; ``ignored`` are metadata, ``unknown`` are of no known format."""

    folder: Path
    images: tuple[Path, ...]
    ignored: tuple[Path, ...]
    unknown: tuple[Path, ...]

    def notes(self) -> tuple[str, ...]:
        """What was passed over, in words."""
        notes = []
        if self.ignored:
            notes.append(f"passed over {_named(self.ignored)}: not images")
        if self.unknown:
            notes.append(f"passed over {_named(self.unknown)}: unknown formats")
        return tuple(notes)


def listing(folder: Path, *, recursive: bool = True) -> Listing:
    """List a folder; hidden files and folders and attributes.csv are not seen, and links to folders not followed."""
    files = sorted(path for path in _files(folder, recursive) if path != folder / SIDECAR)
    ignored = tuple(path for path in files if _is_metadata(path))
    images = tuple(path for path in files if not _is_metadata(path) and is_image(path))
    known = {*images, *ignored}
    return Listing(folder, images, ignored, tuple(path for path in files if path not in known))


def subfolders(folder: Path) -> list[Path]:
    """Immediate subfolders, sorted, without hidden ones."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))


def is_hidden(name: str) -> bool:
    """Whether a file or folder is the system's own."""
    return name.startswith(".") or name == "__MACOSX"


def stem(path: Path) -> str:
    """The name without its suffix; ``.ome.tif`` and ``.nii.gz`` are one suffix, and a number is none.

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
    """A file's place below the root, without its suffix, with forward slashes."""
    return (path.relative_to(root).parent / stem(path)).as_posix()


def _files(folder: Path, recursive: bool) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if recursive and not is_hidden(name)]
        yield from (Path(parent, name) for name in names if not is_hidden(name))


def _is_metadata(path: Path) -> bool:
    return path.suffix.lower() in _METADATA_SUFFIXES or path.stem.lower() in _METADATA_STEMS


def _named(paths: Iterable[Path]) -> str:
    names = sorted({path.name for path in paths})
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
