"""A table of ratings that grows by one answer at a time, and never loses what stands in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from dsim.data.attributes import read_lines
from dsim.errors import DataError
from dsim.files import write_text
from dsim_expert.questions import QUESTIONS

_KEYS = ("dataset", "observer")

Rows = list[dict[str, str]]


def read_ratings(path: Path) -> Rows:
    """The rows of a table, or none where there is no file; DataError where it is a table of something else."""
    if not path.exists() or not path.stat().st_size:
        return []
    rows = [dict(line.cells) for line in read_lines(path)]
    missing = [key for key in _KEYS if key not in rows[0]]
    if missing:
        raise DataError(
            f"{path} is no table of ratings: it has no column {missing[0]!r}", hint="name another file, or a new one"
        )
    return rows


def answers_in(rows: Iterable[Mapping[str, str]], dataset: str, observer: str) -> dict[str, str]:
    """What an observer has answered of a dataset."""
    for row in rows:
        if (row["dataset"], row["observer"]) == (dataset, observer):
            return {name: answer for name, answer in row.items() if answer and name not in _KEYS}
    return {}


def record(path: Path, dataset: str, observer: str, answers: Mapping[str, str]) -> None:
    """Write answers into the observer's row. The file is read again and replaced as a whole: other rows stay."""
    rows = read_ratings(path)
    place = next((row for row in rows if (row["dataset"], row["observer"]) == (dataset, observer)), None)
    if place is None:
        place = {"dataset": dataset, "observer": observer}
        rows.append(place)
    place.update(answers)
    columns = list(
        dict.fromkeys([*_KEYS, *(question.name for question in QUESTIONS), *(c for row in rows for c in row)])
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
