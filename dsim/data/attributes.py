"""Statements of people about datasets as wholes: properties, and the sources that they would choose.

They lie in a dataset's ``attributes``. The key of a property is its name, or ``name@observer`` where several people
judged; the key of a choice is ``choice@observer``, and its value the name of a source. Choices speak of datasets by
name, so a dataset that takes part in them carries its own under ``name``.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsim.data.dataset import Dataset
from dsim.errors import DataError, did_you_mean

#: Beside the images of a dataset: its own table, in which the column ``dataset`` may be missing.
SIDECAR = "attributes.csv"
NAME, CHOICE = "name", "choice"
_AT = "@"
_HINT = "write the columns dataset, observer, and one per property; or the columns observer, target, source"

Table = dict[str, dict[str, str]]


def key_of(name: str, observer: str = "") -> str:
    """Return the key of a property or choice.

    >>> key_of("colour", "ann"), key_of("colour")
    ('colour@ann', 'colour')
    """
    return f"{name}{_AT}{observer}" if observer else name


def _split_key(key: str) -> tuple[str, str]:
    """Return name and observer of a key; the observer is empty where it names none.

    >>> _split_key("colour@ann"), _split_key("colour")
    (('colour', 'ann'), ('colour', ''))
    """
    name, _, observer = key.partition(_AT)
    return name, observer


def votes_of(attributes: Mapping[str, str], reserved: bool = False) -> dict[str, dict[str, str]]:
    """Return each observer's statement, by property: ``{property: {observer: value}}``, both in alphabetical order.

    ``name`` and the choices are not properties, and are left out unless ``reserved``.

    >>> votes_of({"colour@bob": "gray", "colour@ann": "colour", "name": "cells"})
    {'colour': {'ann': 'colour', 'bob': 'gray'}}
    """
    found: dict[str, dict[str, str]] = {}
    for key in sorted(attributes):
        name, observer = _split_key(key)
        if reserved or name not in (NAME, CHOICE):
            found.setdefault(name, {})[observer] = attributes[key]
    return found


def read_attributes(path: Path, *, only: str | None = None) -> Table:
    """Return attributes by dataset name, from a CSV table of properties or of choices.

    Properties: columns ``dataset``, ``observer`` if there are several, and one per property. Choices: ``observer``,
    ``target``, ``source``. Empty cells were not answered. ``only`` names the dataset where that column is missing.
    Raises DataError that names the file and line.
    """
    lines = read_lines(path)
    header = list(lines[0].cells)
    table: Table = {}
    for line in lines:
        choice = "target" in header and "source" in header
        name, said = _choice(line) if choice else _properties(line, only)
        _refuse_twice(table.setdefault(name, {}), said, name, line.where)
        table[name].update(said)
    return table


@dataclass(frozen=True)
class Line:
    """One line of a table, with all its cells; ``where`` is the file and the line, for messages."""

    where: str
    cells: Mapping[str, str]


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a CSV table with a header, at least one. Raises DataError that names the file and line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            lines = [_line(f"{path}, line {reader.line_num}", cells) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read the table {path}: {error}", hint=_HINT) from error
    if not lines:
        raise DataError(f"the table {path} has no rows", hint=_HINT)
    wrong = [name for name in header if _AT in name or name in (NAME, CHOICE, "") or header.count(name) > 1]
    if wrong:
        raise DataError(
            f"the table {path} has the column {wrong[0]!r}, which cannot be a property, or has it twice",
            hint="observers stand in the column observer; name and choice are kept for dsim",
        )
    return lines


def _line(where: str, cells: Mapping[str | None, object]) -> Line:
    if None in cells:
        raise DataError(f"{where}: more cells than columns", hint="quote cells that contain commas")
    return Line(where, {str(name): str(value or "").strip() for name, value in cells.items()})


def merge(tables: Iterable[Table]) -> Table:
    """Return several tables as one. Raises DataError where two hold the same answer of the same observer."""
    merged: Table = {}
    for table in tables:
        for name, said in table.items():
            _refuse_twice(merged.setdefault(name, {}), said, name, "the tables together")
            merged[name].update(said)
    return merged


def attach(datasets: Sequence[Dataset], table: Table) -> list[Dataset]:
    """Return the datasets with the attributes that the table holds for their names.

    Raises DataError where it holds none of these names.

    Properties and choices take the place of those that a dataset carried. With choices among it every dataset also
    carries its name, which experts use for it.
    """
    names = [dataset.name for dataset in datasets]
    if table and not set(table) & set(names):
        first = next(iter(table))
        raise DataError(
            f"the attributes are of {', '.join(sorted(table))}, and no dataset is named so."
            f"{did_you_mean(first, names)} The datasets are: {', '.join(names)}",
            hint="give datasets the names that the table uses: NAME=PATH",
        )
    chosen = any(_is_choice(key) for said in table.values() for key in said)
    return [_with(dataset, table.get(dataset.name, {}), chosen) for dataset in datasets]


def with_sidecar(dataset: Dataset, folder: Path) -> Dataset:
    """Return the dataset with its attributes in ``attributes.csv`` in its folder, where there is one.

    Of a table with the column ``dataset`` those lines count that name the dataset or its folder. Raises DataError for a
    table that cannot be read.
    """
    path = folder / SIDECAR
    if not path.is_file():
        return dataset
    table = read_attributes(path, only=dataset.name)
    for name in (dataset.name, folder.resolve().name):
        if name in table:
            return _with(dataset, table[name], False)
    raise DataError(
        f"{path} speaks of {', '.join(sorted(table))}, and not of {dataset.name!r}",
        hint="leave out the column dataset, or name this one in it",
    )


def _with(dataset: Dataset, said: Mapping[str, str], chosen: bool) -> Dataset:
    """Properties in the table take the place of all properties of the dataset, and choices that of its choices."""
    name = {NAME: dataset.name} if chosen else {}
    if not said and not name:
        return dataset
    kinds = {_is_choice(key) for key in said}
    kept = {key: value for key, value in dataset.attributes.items() if _is_choice(key) not in kinds}
    return replace(dataset, attributes={**kept, **said, **name})


def _is_choice(key: str) -> bool:
    return _split_key(key)[0] in (NAME, CHOICE)


def _choice(line: Line) -> tuple[str, dict[str, str]]:
    """The target of a line, and the choices of its observer for it."""
    target, observer, source = (line.cells.get(name, "") for name in ("target", "observer", "source"))
    if not (target and observer and source):
        raise DataError(
            f"{line.where}: a choice needs an observer, a target and a source",
            hint="fill the empty cell, or remove the line",
        )
    return target, {key_of(CHOICE, observer): source}


def _properties(line: Line, only: str | None) -> tuple[str, dict[str, str]]:
    """The dataset of a line, and the properties that its observer gave it."""
    properties = [name for name in line.cells if name not in ("dataset", "observer")]
    dataset = line.cells.get("dataset", only or "")
    if not properties or not dataset:
        missing = "names no property" if not properties else "names no dataset"
        raise DataError(f"{line.where}: the table {missing}", hint=_HINT)
    observer = line.cells.get("observer", "")
    return dataset, {key_of(name, observer): line.cells[name] for name in properties if line.cells[name]}


def _refuse_twice(known: Mapping[str, str], said: Mapping[str, str], dataset: str, where: str) -> None:
    twice = sorted(known.keys() & said.keys())
    if twice:
        name, observer = _split_key(twice[0])
        by = f" by {observer!r}" if observer else ""
        raise DataError(
            f"{where}: {name!r} of {dataset!r}{by} is answered twice",
            hint="keep one line per dataset and observer",
        )


#: Families of modalities and their terms, in the order in which they are looked for: special ones before general ones.
_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("electron microscopy", ("electron", "sstem", "fib-sem")),
    ("blood smear", ("blood smear", "blood cell", "bone marrow")),
    ("cytology", ("cytolog", "pap smear", "pap-smear")),
    ("histology", ("histolog", "histopath", "h&e", "immunohisto")),
    ("fluorescence", ("fluoresc",)),
    ("transmitted light", ("phase contrast", "phase-contrast", "dic ", "differential interference", "bright field")),
    ("dermoscopy", ("dermoscop", "dermatoscop")),
    ("fundus", ("fundus", "retinal photograph")),
    ("endoscopy", ("endoscop", "colonoscop", "gastroscop", "laparoscop")),
    ("ultrasound", ("ultrasound", "sonograph", "echocardio")),
    ("OCT", ("optical coherence",)),
    ("CT", ("computed tomography", "ct scan")),
    ("MRI", ("magnetic resonance", "mri")),
    ("X-ray", ("x-ray", "xray", "radiograph", "mammogra")),
    ("photographs", ("natural", "photograph")),
)


def modality_family(stated: str) -> str:
    """Return the family of modalities that a description names; the description itself where it names none.

    Datasets describe themselves in their own words, so that a map by words would be a map by datasets.

    >>> modality_family("H&E histology RGB 40x"), modality_family("colonoscopy RGB"), modality_family("Raman maps")
    ('histology', 'endoscopy', 'Raman maps')
    """
    # Hyphens and the end of the text are as good as spaces, so that "dic " does not find itself in "dictionary".
    text = f" {stated.lower()} "
    return next((name for name, terms in _FAMILIES if any(term in text for term in terms)), stated)


def stated_modality(dataset: Dataset) -> str:
    """Return the modality that a dataset states: its attribute ``modality``, else that of a META.json in its folder.

    Where observers differ, the answer of most of them, the first in the alphabet of equals. Empty without a statement.

    >>> from dsim.data.phantoms import open_phantom
    >>> stated_modality(open_phantom("fundus", count=1))
    'fundus'
    """
    votes = Counter(filter(None, votes_of(dataset.attributes).get("modality", {}).values()))
    if votes:
        return min(votes, key=lambda answer: (-votes[answer], answer))
    modality = described(dataset).get("modality", "")
    return modality.strip() if isinstance(modality, str) else ""


def described(dataset: Dataset) -> dict[str, object]:
    """Return what META.json says of a dataset: that in its folder, or beside its file where it bears the file's name.

    Empty where there is none that can be read: it is there for people, and nothing fails for it.
    """
    place = Path(dataset.location)
    beside = place.parent / "META.json" if place.is_file() else place / "META.json"
    try:
        meta = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    is_its_own = isinstance(meta, dict) and (not place.is_file() or meta.get("name") == place.stem)
    return meta if is_its_own else {}
