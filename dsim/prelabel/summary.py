"""The results of a run of pre-labels: the table of doubt, one row per image, and sums over all of them."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsim.files import write_text

SCHEMA = "dsim.prelabel/1"


_DOUBTFUL = 10


@dataclass(frozen=True)
class PreLabels:
    """The pre-labels of a target, all written.

    Parameters
    ----------
    out : the folder. ``facts`` : all that the files depend on: model, target, settings, version.
    rows : of the table, the most doubtful first. ``new`` : how many images were labelled in this run.
    seen : how much of the target the model was trained on, in a sentence; None where nothing of it.
    notes : what was unusual. ``files`` : those of the whole target, below ``out``.
    """

    out: Path
    facts: Mapping[str, Any]
    rows: tuple[Row, ...]
    new: int
    seen: str | None
    notes: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def objects(self) -> int:
        """The number of objects that were marked in all images."""
        return sum(row["objects"] for row in self.rows)

    @property
    def empty(self) -> int:
        """The number of images in which nothing was marked."""
        return sum(not row["objects"] for row in self.rows)

    @property
    def expected_dice(self) -> float | None:
        """The median over the images in which something was marked; None where nothing was."""
        marked = [row["expected_dice"] for row in self.rows if row["objects"]]
        return statistics.median(marked) if marked else None

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON document of schema ``dsim.prelabel/1``; of the images only the most doubtful."""
        shown = ("id", "image", "mask", "objects", "expected_dice", "boundary_entropy")
        return {
            "schema": SCHEMA,
            **self.facts,
            "out": str(self.out),
            "images": len(self.rows),
            "new": self.new,
            "objects": self.objects,
            "empty": self.empty,
            "expected_dice": self.expected_dice,
            "trained_on_target": self.seen,
            "notes": list(self.notes),
            "files": list(self.files),
            "most_doubtful": [{name: row[name] for name in shown} for row in self.rows[:_DOUBTFUL]],
        }

    def to_json(self, path: Path) -> None:
        """Write the document, atomically. Raises DsimError where the disk refuses."""
        write_text(path, json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


Row = Mapping[str, Any]


def by_doubt(rows: Iterable[Row]) -> list[Row]:
    """Return the rows, the most doubtful first: lowest expected Dice, likeliest missed object, vaguest outline.

    >>> sure, empty, vague = (
    ...     {"id": id, "expected_dice": dice, "highest_probability": 0.4, "boundary_entropy": None}
    ...     for id, dice in (("a", 0.9), ("b", 0.0), ("c", 0.7))
    ... )
    >>> [row["id"] for row in by_doubt([sure, empty, vague])]
    ['b', 'c', 'a']
    """
    return sorted(rows, key=_doubt)


def _doubt(row: Row) -> tuple[float, float, float, str]:
    entropy = row["boundary_entropy"]
    return row["expected_dice"], -row["highest_probability"], math.inf if entropy is None else -entropy, row["id"]


COLUMNS = (
    "id",
    "image",
    "page",
    "mask",
    "height",
    "width",
    "objects",
    "foreground",
    "expected_dice",
    "boundary_entropy",
    "highest_probability",
)


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as CSV in their order; an empty cell is a number that does not exist.

    Raises DsimError where the disk refuses.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({column: _cell(row[column]) for column in COLUMNS} for row in rows)
    write_text(path, text.getvalue())


def _cell(value: Any) -> Any:
    return f"{value:.5f}" if isinstance(value, float) else value
