"""The table of doubt: one row per image, the most doubtful first."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsim.files import write_text

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

Row = Mapping[str, Any]


def by_doubt(rows: Iterable[Row]) -> list[Row]:
    """The most doubtful first: lowest expected Dice, then the likeliest missed object, then the vaguest outline.

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


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as CSV in their order; an empty cell is a number that does not exist."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({column: _cell(row[column]) for column in COLUMNS} for row in rows)
    write_text(path, text.getvalue())


def _cell(value: Any) -> Any:
    return f"{value:.5f}" if isinstance(value, float) else value
