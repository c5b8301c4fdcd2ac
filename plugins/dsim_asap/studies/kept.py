"""Finished rows of a study, a file each below its folder: a study that was killed goes on and repeats nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsim.files import slug, write_text

#: Below the folder of a study; hidden, since nobody reads it.
PLACE = ".work"


@dataclass(frozen=True)
class Kept:
    """The rows of one study.

    Parameters
    ----------
    folder : of the study. ``facts`` : all that a row depends on besides its name, as JSON has it: recipe, fingerprints,
        seed. Rows under other facts lie beside these, and are not taken up.

    >>> import tempfile
    >>> kept = Kept(Path(tempfile.mkdtemp()), {"epochs": 3})
    >>> kept.add("ae seed 0", {"eqc": 0.5})
    >>> kept.find("ae seed 0"), kept.find("ae seed 1")
    ({'eqc': 0.5}, None)
    """

    folder: Path
    facts: Mapping[str, Any]

    def find(self, name: str) -> dict[str, Any] | None:
        """A finished row; None where it is not finished, or its file is damaged."""
        try:
            document = json.loads(self.file(name, ".json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        row: dict[str, Any] | None = document.get("row") if isinstance(document, dict) else None
        return row

    def add(self, name: str, row: Mapping[str, Any]) -> None:
        """Keep a finished row, whole or not at all; numbers must be finite or None."""
        text = json.dumps({"name": name, "row": row}, indent=1, allow_nan=False, ensure_ascii=False)
        write_text(self.file(name, ".json"), text + "\n")

    def file(self, name: str, suffix: str) -> Path:
        """A file of this row's own: its result, or the checkpoint of its training."""
        facts = json.dumps(self.facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
        key = hashlib.sha256(facts.encode()).hexdigest()[:16]
        own = hashlib.sha256(name.encode()).hexdigest()[:8]
        return self.folder / PLACE / key / f"{slug(name)[:60]}-{own}{suffix}"
