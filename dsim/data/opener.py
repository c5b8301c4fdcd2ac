"""From a path or a name to a dataset: the readers of the registry are asked in order. Listings of folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dsim.data.attributes import SIDECAR
from dsim.data.dataset import Dataset
from dsim.data.formats.decode import is_image
from dsim.data.options import MAX_PIXELS, PHANTOMS, Cut, ReadOptions
from dsim.errors import DataError, UsageError, did_you_mean
from dsim.registry import ReaderSpec, format_bracketed, parse_options

#: Files that belong to a dataset without being images.
_METADATA_SUFFIXES = frozenset(
    {".csv", ".tsv", ".json", ".txt", ".md", ".rst", ".xml", ".yaml", ".yml", ".toml", ".html", ".pdf", ".bib", ".db"}
)
_METADATA_STEMS = frozenset({"licence", "license", "readme", "copying", "thumbs"})
_NAMED = 3


def open_dataset(
    path: str | Path,
    *,
    name: str | None = None,
    skip_unreadable: bool = False,
    max_pixels: int = MAX_PIXELS,
    slices: int | str | None = None,
    axis: str | None = None,
    time: int | None = None,
    cache: Path | None = None,
) -> Dataset:
    """Return the dataset at a place; its pixels (h, w, c) are read later, when they are asked for.

    Parameters
    ----------
    path : a folder, an image file, ``.csv``, ``.npz``, ``.h5``; ``phantoms:NAME``; ``NAME=PATH`` gives it a name, and
        ``PATH[slices=5,axis=y,time=0]`` says which slices of volumes become images.
    name : default: the name of the folder or file, with the options for volumes that were given.
    skip_unreadable : decode every file now, leave out and list (``skipped``) those that fail. Otherwise nothing is
        skipped: what its header shows to be broken raises here, and the rest when it is read.
    max_pixels : largest height x width that is decoded.
    slices, axis, time : which slices of volumes become images, see ``dsim.data.options.Cut``; by default all,
        along ``z``, of volumes that hold one time point.
    cache : folder that remembers the range of deeper images and the fingerprint of features; None: the default one.

    Raises DataError (UnreadableImageError for a file) that names the file and the fix. See docs/datasets.md.
    """
    given = {k: str(v) for k, v in {"slices": slices, "axis": axis, "time": time}.items() if v is not None}
    named, where = _split_name(str(path))
    name = name or named
    if where.startswith(PHANTOMS) and not Path(where).exists():
        from dsim.data.phantoms import open_phantom

        Cut.parse(given).refuse(where, "is made of pictures")
        dataset = open_phantom(where.removeprefix(PHANTOMS))
        return dataset if name is None else dataset.renamed(name)
    where, written = _split_options(where)
    cut = _cut(where, written, given)
    location = Path(where).expanduser()
    _refuse_missing(location)
    options = format_bracketed("", cut.options)
    name = name or _default_name(location) + options
    return replace(
        _read(location, ReadOptions(skip_unreadable, name, max_pixels, cut, cache)), options=options, cache=cache
    )


def open_many(
    paths: Iterable[str | Path], *, skip_unreadable: bool = False, max_pixels: int = MAX_PIXELS
) -> list[Dataset]:
    """Return several datasets; ``NAME=PATH`` gives one a name. Raises DataError where two have the same."""
    given = list(paths)
    datasets = [open_dataset(path, skip_unreadable=skip_unreadable, max_pixels=max_pixels) for path in given]
    first: dict[str, str] = {}
    for path, dataset in zip(map(str, given), datasets, strict=True):
        if dataset.name in first:
            raise DataError(
                f"two datasets are named {dataset.name!r}: {first[dataset.name]} and {path}",
                hint=f"give one of them another name: {dataset.name}-2={_split_name(path)[1]}",
            )
        first[dataset.name] = path
    return datasets


def _read(path: Path, options: ReadOptions) -> Dataset:
    from dsim.data.attributes import with_sidecar
    from dsim.registry import load

    for reader in _readers():
        if load(reader.accepts)(path):
            dataset: Dataset = load(reader.read)(path, options)
            return with_sidecar(dataset, path)
    raise DataError(
        f"no reader accepts {path}",
        hint="give a folder of images or volumes, an image file, .csv, .npz or .h5; see docs/datasets.md",
    )


def _readers() -> list[ReaderSpec]:
    from dsim.registry import default

    return default().readers()


def _split_name(text: str) -> tuple[str | None, str]:
    """``NAME=PATH`` as (NAME, PATH); a path that exists may itself contain ``=``.

    >>> _split_name("mine=data/liver"), _split_name("data/liver")
    (('mine', 'data/liver'), (None, 'data/liver'))
    """
    if text.startswith(PHANTOMS):
        return None, text  # its options hold equals signs of their own
    name, equals, path = text.partition("=")
    if not equals or not name or "[" in name or "/" in name or "\\" in name or Path(text).exists():
        return None, text
    return name, path


def _split_options(text: str) -> tuple[str, dict[str, str]]:
    """``PATH[option=value,...]`` as path and options; a path that exists, and a pattern, may end in brackets.

    >>> _split_options("scans[slices=3,axis=y]"), _split_options("scans/*[ab]")
    (('scans', {'slices': '3', 'axis': 'y'}), ('scans/*[ab]', {}))
    """
    path, bracket, options = text.rpartition("[")
    if not bracket or not options.endswith("]") or "=" not in options or Path(text).exists():
        return text, {}
    return path, parse_options(options[:-1])


def _cut(where: str, written: Mapping[str, str], given: Mapping[str, str]) -> Cut:
    for key in written:
        if key in given:
            raise UsageError(f"option {key!r} of {where} is also given as a keyword", hint="give it once")
    return Cut.parse({**written, **given})


def _default_name(path: Path) -> str:
    """The folder's or file's own name; a folder ``images`` is named by its parent."""
    resolved = path.absolute() if path.name not in ("", "..") else path.resolve()
    if resolved.is_dir():
        return resolved.parent.name if resolved.name == "images" and resolved.parent.name else resolved.name
    return stem(resolved)


def _refuse_missing(path: Path) -> None:
    if path.exists():
        return
    if any(character in path.name for character in "*?["):
        raise DataError(f"nothing matches {path}", hint="check the pattern; the shell expands it only where it matches")
    siblings = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    raise DataError(
        f"there is no dataset at {path}.{did_you_mean(path.name, siblings)}",
        hint="give a folder or file that exists, or a built-in one: phantoms:NAME",
    )


# Folders ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listing:
    """Files of a folder, sorted; ``ignored`` are metadata, ``unknown`` are of no known format."""

    folder: Path
    images: tuple[Path, ...]
    ignored: tuple[Path, ...]
    unknown: tuple[Path, ...]

    def notes(self) -> tuple[str, ...]:
        """Return notes on the files that were passed over."""
        notes = []
        if self.ignored:
            notes.append(f"passed over {_named(self.ignored)}: not images")
        if self.unknown:
            notes.append(f"passed over {_named(self.unknown)}: unknown formats")
        return tuple(notes)


def listing(folder: Path, *, recursive: bool = True) -> Listing:
    """Return the files of a folder, without hidden ones and attributes.csv; links to folders are not followed."""
    files = sorted(path for path in _files(folder, recursive) if path != folder / SIDECAR)
    ignored = tuple(path for path in files if _is_metadata(path))
    images = tuple(path for path in files if not _is_metadata(path) and is_image(path))
    known = {*images, *ignored}
    return Listing(folder, images, ignored, tuple(path for path in files if path not in known))


def subfolders(folder: Path) -> list[Path]:
    """Return the immediate subfolders, sorted, without hidden ones."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))


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
    """Return a file's place below the root, without its suffix, with forward slashes."""
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
