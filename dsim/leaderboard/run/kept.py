"""Rows that were finished before: one file each, valid as long as nothing changed that the distances depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsim.errors import DsimError
from dsim.files import slug, write_text
from dsim.leaderboard.documents import read_row, row_document
from dsim.leaderboard.rows import Row, Status
from dsim.leaderboard.run.candidates import SCHEMA, Candidate
from dsim.leaderboard.run.failures import kept_for

_LONGEST = 80


@dataclass(frozen=True)
class KeptRows:
    """The rows below a folder. Verdicts are not kept: the truth may change, and judging is quick."""

    folder: Path

    def find(self, one: Candidate, timeout: float | None) -> Row | None:
        """The row of a candidate, if it was kept and still holds; a failure only where it would come again."""
        stored = self._read(self._path(one.row.measure))
        if not one.depends or stored is None or stored.get("key") != one.key:
            return None
        try:
            row = read_row(stored["row"])
        except (LookupError, TypeError, ValueError, DsimError):
            return None  # edited by hand, or written by another version
        return row if row.status is not Status.FAILED or kept_for(row, timeout) else None

    def put(self, one: Candidate, row: Row) -> None:
        """Keep a finished row, whole or not at all; a verdict on it is not kept."""
        row = replace(row, evaluation=None)
        document = {
            "schema": SCHEMA,
            "key": one.key,
            "call": one.call,
            "depends": one.depends,
            "row": row_document(row),
        }
        write_text(self._path(row.measure), json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    def calls(self) -> Iterator[str]:
        """The calls of all measures that have a row here, in alphabetical order of their files."""
        for path in sorted(self.folder.glob("*.json")):
            stored = self._read(path)
            if stored is not None:
                yield stored["call"]

    def _path(self, measure: str) -> Path:
        return self.folder / f"{file_name(measure)}.json"

    def _read(self, path: Path) -> dict[str, Any] | None:
        """What a file holds; None where it is not there, or is none of ours: then the measure runs again."""
        try:
            stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return stored if stored["schema"] == SCHEMA and stored["call"] else None
        except (OSError, ValueError, LookupError, TypeError):
            return None


def file_name(measure: str) -> str:
    """A file name of a measure's identity; with a digest where letters had to go, so that no two share it.

    >>> file_name("cc@1"), file_name("cc@1:size=32")
    ('cc@1', 'cc@1_size_32-98b278f6')
    """
    plain = slug(measure)
    if plain == measure and len(plain) <= _LONGEST:
        return plain
    return f"{plain[:_LONGEST]}-{hashlib.sha256(measure.encode()).hexdigest()[:8]}"
