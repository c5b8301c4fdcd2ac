"""Finished jobs of a long measurement, a file each: whoever is interrupted goes on where they stopped."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsim.files import write_text
from dsim.files.documents import digest

#: What one job is about: names of datasets, the number of the repetition.
Job = tuple[str | int, ...]


@dataclass(frozen=True)
class Ledger:
    """The finished jobs of one kind, in one folder.

    Parameters
    ----------
    folder : may hold those of other ledgers. ``key`` : ``key_of`` all that the results depend on besides the job;
        what was finished under another key is not taken up.

    >>> import tempfile
    >>> ledger = Ledger(Path(tempfile.mkdtemp()), key_of({"epochs": 3}))
    >>> ledger.add(("liver", 0), {"dice": 0.5})
    >>> ledger.missing([("liver", 0), ("liver", 1)]), ledger.read()
    ([('liver', 1)], {('liver', 0): {'dice': 0.5}})
    """

    folder: Path
    key: str

    @property
    def place(self) -> Path:
        """The folder of its files."""
        return self.folder / self.key[:16]

    def add(self, job: Job, record: Mapping[str, Any]) -> None:
        """Write a finished job, whole or not at all; DsimError where the disk is full, and nothing else is lost."""
        document = {"key": self.key, "job": list(job), "record": dict(record)}
        write_text(self.file(job, ".json"), json.dumps(document, indent=1, allow_nan=False) + "\n")

    def find(self, job: Job) -> dict[str, Any] | None:
        """Return the record of a finished job; None where it is not finished."""
        return self._record(self.file(job, ".json"), job)

    def read(self) -> dict[Job, dict[str, Any]]:
        """Return all finished jobs of this key."""
        found = {}
        for path in sorted(self.place.glob("*.json")):
            document = _document(path)
            if document.get("key") == self.key:
                found[tuple(document["job"])] = document["record"]
        return found

    def find_or_add(self, job: Job, compute: Callable[[Path], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Return the record of a job: that of the folder where it is finished, else computed now and kept.

        ``compute`` gets the file where the job may keep its checkpoint; it is removed when the record is written.
        """
        record: Mapping[str, Any] | None = self.find(job)
        if record is None:
            record = compute(self.checkpoint(job))
            self.add(job, record)
            self.done(job)
        return record

    def missing(self, jobs: Iterable[Job]) -> list[Job]:
        """Return the jobs that are not finished, in their order."""
        return [job for job in jobs if self.find(job) is None]

    def checkpoint(self, job: Job) -> Path:
        """Return the path of an unfinished job's state; ``done`` removes it."""
        return self.file(job, ".checkpoint.safetensors")

    def done(self, job: Job) -> None:
        """Remove the checkpoint of a job whose result is written."""
        self.checkpoint(job).unlink(missing_ok=True)

    def file(self, job: Job, suffix: str) -> Path:
        """Return the file of this job alone; a hash distinguishes names that differ only in odd characters."""
        text = json.dumps(list(job), separators=(",", ":"))
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", "-".join(map(str, job)))[:60]
        return self.place / f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:8]}{suffix}"

    def _record(self, path: Path, job: Job) -> dict[str, Any] | None:
        document = _document(path)
        matches = document.get("key") == self.key and document.get("job") == list(job)
        return document["record"] if matches else None


def key_of(facts: Mapping[str, Any]) -> str:
    """Return the sha256 of the canonical JSON of all that results depend on: recipe, fingerprints of datasets, seed.

    Raises TypeError where a fact is not JSON.
    """
    return digest(facts)


def _document(path: Path) -> dict[str, Any]:
    """The document of a file; empty where there is none, or a damaged one: then the job is done again."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
