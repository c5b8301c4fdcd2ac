"""From a path or a name to a dataset: the readers of the registry are asked in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from dsim.data.dataset import ARRAYS, IN_MEMORY, Dataset
from dsim.data.file_list import stem
from dsim.data.folder_layout import NAMES as LAYOUT_OPTIONS
from dsim.data.folder_layout import Layout
from dsim.data.label_file import NAME as LABELS
from dsim.data.label_file import find_label_file, take_label_file, with_label_file
from dsim.data.model_option import NAME as MODEL
from dsim.data.model_option import checked_model
from dsim.data.options import ARRANGEMENT_OPTIONS, MAX_PIXELS, PHANTOMS, Arrangement, Cut, ReadOptions
from dsim.errors import DataError, UsageError, did_you_mean, readable
from dsim.registry import ReaderSpec, format_bracketed, parse_bracketed, parse_options

#: The readers that take options about folders.
_OF_FOLDERS = "dsim.data.readers.folders:"
_OF_FILES = (_OF_FOLDERS, "dsim.data.readers.manifest:")


def open_dataset(
    path: str | Path,
    *,
    name: str | None = None,
    skip_unreadable: bool = False,
    max_pixels: int = MAX_PIXELS,
    slices: int | str | None = None,
    axis: str | None = None,
    time: int | None = None,
    channels: str | None = None,
    cache: Path | None = None,
) -> Dataset:
    """Return the dataset at a place; its pixels (h, w, c) are read later, when they are asked for.

    Parameters
    ----------
    path : a folder, an image file, ``.csv``, ``.npz``, ``.h5``; ``phantoms:NAME``; ``NAME=PATH`` gives it a name, and
        ``PATH[slices=5,axis=y,time=0]`` says which slices of volumes become images, ``PATH[images=img,masks=gt]`` which
        folders or files are images and masks; see ``dsim.data.options.Cut`` and ``dsim.data.folder_layout.Layout``.
        ``PATH[labels=FILE.csv]`` takes labels from a table, and leaves out images that it does not label.
        ``PATH[model=FILE]``, or ``[model=zoo:ID]``, names the segmentation model that was trained on it.
    name : default: the name of the folder or file, with the options for volumes that were given.
    skip_unreadable : decode every file now, leave out and list (``skipped``) those that fail. Otherwise nothing is
        skipped: what its header shows to be broken raises here, and the rest when it is read.
    max_pixels : largest height x width that is decoded; ``PATH[max_pixels=9000x9000]`` for one dataset.
    slices, axis, time : which slices of volumes become images, see ``dsim.data.options.Cut``; by default all,
        along ``z``, of volumes that hold one time point.
    channels : ``first`` or ``last`` of the axes of images in arrays; None: the one that is short enough.
    cache : folder that remembers the range of deeper images and the fingerprint of features; None: the default one.

    Raises DataError (UnreadableImageError for a file) that names the file and the fix. See docs/datasets.md.
    """
    keywords = {"slices": slices, "axis": axis, "time": time, "channels": channels}
    given = {key: str(value) for key, value in keywords.items() if value is not None}
    named, where = _split_name(str(path))
    name = name or named
    name = None if name is None else readable(name)
    if where.startswith(PHANTOMS) and not Path(where).exists():
        return _open_phantom(where, name, given, max_pixels)
    where, written = _split_options(where)
    model, labels = _take_model(written), take_label_file(written)
    cut, layout, arrangement = _options(where, written, given, max_pixels)
    location = _existing(Path(where).expanduser())
    name = name or readable(_default_name(location)) + format_bracketed("", cut.options)
    reading = ReadOptions(skip_unreadable, name, arrangement.max_pixels, cut, cache, layout, arrangement.channels)
    dataset = _read(location, reading)
    beside = {MODEL: model} if model else {}
    if labels is not None:
        table = find_label_file(labels, location)
        dataset, beside = with_label_file(dataset, table), {**beside, LABELS: str(table)}
    options = format_bracketed("", {**cut.options, **layout.options, **arrangement.options, **beside})
    given_model = model or dataset.model
    return replace(dataset, location=readable(dataset.location), options=options, cache=cache, model=given_model)


def _take_model(written: dict[str, str]) -> str | None:
    """Take the option ``model`` out of those that are written. Raises WeightsError where it names no file."""
    model = written.pop(MODEL, None)
    return None if model is None else checked_model(model)


def _open_phantom(where: str, name: str | None, given: Mapping[str, str], max_pixels: int) -> Dataset:
    """The dataset of ``phantoms:NAME``. Raises DataError for options of volumes or arrays."""
    from dsim.data.phantoms import open_phantom

    cut, _, arrangement = _options(where, {}, given, max_pixels)
    cut.refuse(where, "is made of pictures")
    arrangement.refuse_channels(where, "is made of pictures")
    head, written = parse_bracketed(where.removeprefix(PHANTOMS))
    asked = dict(written)
    model, labels = _take_model(written), take_label_file(written)
    dataset = open_phantom(format_bracketed(head, written) if written != asked else where.removeprefix(PHANTOMS))
    if name is not None:
        dataset = dataset.renamed(name)
    if model:
        dataset = replace(dataset, model=model)
    if labels:
        dataset = with_label_file(dataset, find_label_file(labels, Path()))
    return replace(dataset, location=PHANTOMS + format_bracketed(head, asked)) if written != asked else dataset


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
            if not reader.read.startswith(_OF_FOLDERS):
                options.layout.refuse(path, f"is read by the reader {reader.name}, which asks no folder")
            if reader.read.startswith(_OF_FILES):
                Arrangement(channels=options.channels).refuse_channels(path, "holds files that say it themselves")
            dataset: Dataset = load(reader.read)(path, options)
            return with_sidecar(_placed(dataset, path, reader.name), path)
    raise DataError(
        f"no reader accepts {path}",
        hint="give a folder of images or volumes, an image file, .csv, .npz or .h5; see docs/datasets.md",
    )


def _placed(dataset: Dataset, path: Path, reader: str) -> Dataset:
    """Return what a reader made of arrays with the place that it read: results say where their data came from."""
    if dataset.location != IN_MEMORY:
        return dataset
    return replace(dataset, location=str(path), format=reader if dataset.format == ARRAYS else dataset.format)


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


def _options(
    where: str, written: Mapping[str, str], given: Mapping[str, str], max_pixels: int
) -> tuple[Cut, Layout, Arrangement]:
    """How volumes are cut, what folders mean, how arrays are stored. Raises UnknownNameError for any other option."""
    for key in written:
        if key in given:
            raise UsageError(f"option {key!r} of {where} is also given as a keyword", hint="give it once")
    every = {**written, **given}
    of_folders = {name: every.pop(name) for name in LAYOUT_OPTIONS if name in every}
    of_arrays = {name: every.pop(name) for name in ARRANGEMENT_OPTIONS if name in every}
    cut = Cut.parse(every, others=(*LAYOUT_OPTIONS, *ARRANGEMENT_OPTIONS, MODEL))
    return cut, Layout.parse(of_folders), Arrangement.parse(of_arrays, max_pixels)


def _existing(path: Path) -> Path:
    """The path itself; or, where none is there, the one whose name messages write so (``caf\\xe9`` for a lone byte)."""
    from dsim.data.file_list import find_readable

    found = path if path.exists() else find_readable(path)
    if found is None:
        _refuse_missing(path)
    return found or path


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
