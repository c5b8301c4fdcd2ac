"""What pre-labelling came to."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsim.files import write_text
from dsim.prelabel.table import Row

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
        """How many objects were marked in all images."""
        return sum(row["objects"] for row in self.rows)

    @property
    def empty(self) -> int:
        """In how many images nothing was marked."""
        return sum(not row["objects"] for row in self.rows)

    @property
    def expected_dice(self) -> float | None:
        """The median over the images in which something was marked; None where nothing was."""
        marked = [row["expected_dice"] for row in self.rows if row["objects"]]
        return statistics.median(marked) if marked else None

    def to_dict(self) -> dict[str, Any]:
        """As JSON, schema ``dsim.prelabel/1``; of the images only the most doubtful."""
        told = ("id", "image", "mask", "objects", "expected_dice", "boundary_entropy")
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
            "most_doubtful": [{name: row[name] for name in told} for row in self.rows[:_DOUBTFUL]],
        }

    def to_json(self, path: Path) -> None:
        """Write it; atomically."""
        write_text(path, json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
