"""The folder of a map: written whole or not at all, and opened again."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError, DsimError, UnknownNameError, readable
from dsim.files.documents import check, number, read, to_json
from dsim.maps.image_map import COLUMNS, ImageMap

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime

#: The record of a map, and the table of its images, in its folder. The record is written last.
RECORD, TABLE = "map.json", "points.csv"
SCHEMA = "dsim.map/1"
#: All that a whole map has, beside the training.
FILES = (RECORD, TABLE, "map.png", "map.html")
#: Columns of the table before the numbers.
HEAD = ("id", "dataset", "label", "group", "x", "y")
#: Stands in the record for the folder of the map, so that it can be moved.
_HERE = "{map}"
_HINT = "fit the map again: dsim map fit DATASET... --out {folder}"


def write_image_map(
    image_map: ImageMap,
    folder: str | Path,
    runtime: Runtime,
    *,
    facts: Mapping[str, Any] | None = None,
    title: str = "",
    pictures_folder: bool = False,
) -> list[Path]:
    """Write a map to a folder: points.csv, map.png, map.html, and last map.json. Returns their paths.

    Parameters
    ----------
    facts : plain values about how the map was made; those of the schema ``dsim.map/1``.
    title : of the picture and the page. ``pictures_folder`` : pictures that do not fit into the page go to a folder
        beside it; by default they are left out.

    Raises DsimError where the folder cannot be written, and UnreadableImageError where an image cannot be shown.
    """
    from dsim.files import write_text
    from dsim.maps.page import render_image_map
    from dsim.plots.image_map import draw_image_map

    place = Path(folder)
    title = title or _title(image_map)
    write_text(place / TABLE, format_table(image_map))
    draw_image_map(image_map.points, _categories(image_map), place / "map.png", title)
    beside = place / "pictures" if pictures_folder else None
    described = f"Placed by {describe_fit(facts)}." if facts and "trainer" in facts else ""
    page = render_image_map(image_map, runtime, title, description=described, pictures_folder=beside)
    write_text(place / "map.html", page)
    to_json(document(image_map, place, facts or {}), place / RECORD)
    return [place / name for name in FILES]


def describe_fit(facts: Mapping[str, Any]) -> str:
    """Return in words how a map was made, from its record: trainer, preset, rotations and why.

    >>> describe_fit({"trainer": "t-simcne@1", "preset": "quick", "rotations": {"chosen": "any", "reason": "chosen"}})
    't-simcne, preset quick; rotations any (chosen)'
    """
    rotations = facts.get("rotations")
    turned = f"; rotations {rotations['chosen']} ({rotations['reason']})" if rotations else ""
    preset = f", preset {facts['preset']}" if facts.get("preset") else ""
    return f"{str(facts['trainer']).partition('@')[0]}{preset}{turned}"


def _title(image_map: ImageMap) -> str:
    names = ", ".join(dataset.name for dataset in image_map.datasets)
    return f"Map of {names}: {len(image_map):,} images"


def _categories(image_map: ImageMap) -> Sequence[str]:
    """The categories by which the picture is coloured: labels, else datasets."""
    if any(image_map.labels):
        return image_map.labels
    return [image_map.datasets[owner].name for owner in image_map.owners]


def format_table(image_map: ImageMap) -> str:
    """Return the table of a map's images as CSV: one line an image, empty where a value is unknown."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*HEAD, *image_map.columns])
    for row in range(len(image_map)):
        x, y = image_map.points[row]
        lines.writerow(
            [
                image_map.ids[row],
                image_map.datasets[image_map.owners[row]].name,
                image_map.labels[row],
                image_map.groups[row],
                repr(float(x)),
                repr(float(y)),
                *("" if math.isnan(values[row]) else f"{values[row]:.6g}" for values in image_map.columns.values()),
            ]
        )
    return text.getvalue()


def document(image_map: ImageMap, folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a map in a folder, a document of schema ``dsim.map/1``."""
    from dsim.runtime import VERSION

    return {
        "schema": SCHEMA,
        "dsim": VERSION,
        "images": len(image_map),
        "model": image_map.model.replace("{", "{{").replace("}", "}}").replace(f"file:{folder}", f"file:{_HERE}"),
        "datasets": [_entry(image_map, owner) for owner in range(len(image_map.datasets))],
        "columns": {name: _column(name, values) for name, values in image_map.columns.items()},
        **facts,
    }


def _entry(image_map: ImageMap, owner: int) -> dict[str, Any]:
    """A dataset as the record keeps it: how to open it again, from any folder."""
    dataset = image_map.datasets[owner]
    members = image_map.members[owner].tolist()
    location = dataset.reference
    path = Path(dataset.location)
    if path.exists() and not path.is_absolute():
        location = readable(str(path.absolute())) + dataset.options
    return {
        "name": dataset.name,
        "location": location,
        "n": len(members),
        "images_fingerprint": dataset.images_fingerprint,
        "labelled": sum(bool(image_map.labels[member]) for member in members),
        "groups": len({image_map.groups[member] for member in members} - {""}),
        "channels": count_channels(dataset),
    }


def count_channels(dataset: Dataset) -> int:
    """Return the number of channels of the first image (h, w, c); 0 for a dataset without images."""
    return 0 if dataset.backing is None else int(dataset.native(0).shape[2])


def _column(name: str, values: NDArray[np.float64]) -> dict[str, Any]:
    known = values[~np.isnan(values)]
    mean = number(float(known.mean())) if len(known) else None
    return {"meaning": COLUMNS.get(name, ""), "known": len(known), "mean": mean}


def read_record(folder: str | Path) -> dict[str, Any]:
    """Return the record of the map in a folder; raises DataError where there is none, or it is damaged."""
    path = Path(folder) / RECORD
    hint = _HINT.format(folder=folder)
    if not path.is_file():
        raise DataError(f"there is no map in {folder}: it has no {RECORD}", hint=hint)
    record = read(path, hint)
    check(record, SCHEMA, str(path), hint)
    return record


def stored_texts(folder: str | Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return labels and groups of all images as the table of a map has them; DataError where it is damaged."""
    table = _Table(Path(folder) / TABLE, _HINT.format(folder=folder))
    return tuple(table.texts["label"]), tuple(table.texts["group"])


def open_map(folder: str | Path, datasets: Sequence[Dataset | str | Path] = ()) -> ImageMap:
    """Return the map in a folder that ``dsim map fit`` wrote.

    Parameters
    ----------
    datasets : those that have moved, or were never on disk, under the names that the map gives them: datasets, or
        texts such as ``NAME=PATH``. Their labels replace those of the map, where they have any.

    Raises
    ------
    DataError
        Where there is no map, a dataset is not where it was, or lacks images of the map.
    UnknownNameError
        Where the map has no dataset of such a name.
    """
    from dsim.data import Dataset, open_dataset

    place, record = Path(folder), read_record(folder)
    given = {d.name: d for d in (d if isinstance(d, Dataset) else open_dataset(d) for d in datasets)}
    names = [entry["name"] for entry in record["datasets"]]
    for name in given:
        if name not in names:
            raise UnknownNameError(f"dataset in {folder}", name, names, hint=f"it has: {', '.join(names)}")
    table = _Table(place / TABLE, _HINT.format(folder=folder))
    opened = []
    for entry in record["datasets"]:
        dataset = given.get(entry["name"]) or _opened(entry, place)
        rows = table.rows_of(entry["name"], entry["n"])
        opened.append(_of_map(dataset, [table.texts["id"][row] for row in rows], place))
    table.relabel([dataset for dataset in opened if dataset.name in given])
    model = record["model"].format(map=place)
    return ImageMap(
        table.points,
        np.array([names.index(name) for name in table.texts["dataset"]], dtype=np.intp),
        tuple(opened),
        tuple(table.texts["id"]),
        tuple(table.texts["label"]),
        tuple(table.texts["group"]),
        table.numbers,
        model,
    )


def _opened(entry: Mapping[str, Any], folder: Path) -> Dataset:
    """A dataset by its record. Raises DataError, with the way to say where it is, where it is not there."""
    from dsim.data import open_dataset
    from dsim.data.dataset import IN_MEMORY

    fix = f"say where it is: --dataset {entry['name']}=PATH (Python: open_map({str(folder)!r}, datasets=[...]))"
    if entry["location"].startswith(IN_MEMORY):
        raise DataError(f"dataset {entry['name']!r} of the map {folder} was given in Python only", hint=fix)
    try:
        return open_dataset(entry["location"], name=entry["name"])
    except DsimError as error:
        raise DataError(
            f"dataset {entry['name']!r} of the map {folder} cannot be opened: {error.message}", hint=fix
        ) from error


def _of_map(dataset: Dataset, ids: Sequence[str], folder: Path) -> Dataset:
    """The images that the map has, in its order. Raises DataError where some are missing."""
    if list(dataset.ids) == list(ids):
        return dataset
    place = {name: index for index, name in enumerate(dataset.ids)}
    missing = [name for name in ids if name not in place]
    if missing:
        raise DataError(
            f"{len(missing)} of the {len(ids)} images that the map {folder} has of dataset {dataset.name!r} are not "
            f"in {dataset.location}, the first {missing[0]!r}",
            hint=f"say where the dataset is that was mapped: --dataset {dataset.name}=PATH; or fit the map again",
        )
    return dataset.subset([place[name] for name in ids])


class _Table:
    """points.csv by columns: ``texts``, ``points`` (n, 2), ``numbers``. Raises DataError where it is damaged."""

    def __init__(self, path: Path, hint: str) -> None:
        from dsim.files import read_text

        self._path, self._hint = path, hint
        lines = csv.reader(io.StringIO(read_text(path, hint), newline=""))
        head, rows = next(lines, []), list(lines)
        if tuple(head[: len(HEAD)]) != HEAD or any(len(row) != len(head) for row in rows) or not rows:
            raise DataError(f"{path} is not the table of a map", hint=hint)
        columns = dict(zip(head, zip(*rows, strict=True), strict=True))
        self.texts = {name: list(columns[name]) for name in HEAD[:4]}
        self.points = np.stack([self._numbers(columns[name]) for name in ("x", "y")], axis=1)
        self.numbers = {name: self._numbers(columns[name]) for name in head[len(HEAD) :]}

    def _numbers(self, cells: Sequence[str]) -> NDArray[np.float64]:
        try:
            return np.array([float(cell) if cell else math.nan for cell in cells])
        except ValueError as error:
            raise DataError(f"{self._path} is not the table of a map: {error}", hint=self._hint) from None

    def rows_of(self, name: str, count: int) -> list[int]:
        """Lines of a dataset. Raises DataError where there are not as many as the record says."""
        rows = [row for row, owner in enumerate(self.texts["dataset"]) if owner == name]
        if len(rows) != count:
            raise DataError(f"{self._path} has {len(rows)} images of {name!r}, not {count}", hint=self._hint)
        return rows

    def relabel(self, datasets: Sequence[Dataset]) -> None:
        """Take labels and groups of datasets that were given, where they have any."""
        for dataset in datasets:
            rows = list(self._lines(dataset.name))
            for what, values in (("label", dataset.labels), ("group", dataset.groups)):
                for row, value in zip(rows, values or (), strict=bool(values)):
                    self.texts[what][row] = value

    def _lines(self, name: str) -> Iterator[int]:
        return (row for row, owner in enumerate(self.texts["dataset"]) if owner == name)
