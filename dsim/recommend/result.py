"""What is recommended for a target, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsim.files.documents import to_json
from dsim.measures import SimilarityMatrix
from dsim.recommend.choice import Choice
from dsim.recommend.reliability import Reliability
from dsim.recommend.trained import Trained, segmenting
from dsim.recommend.wording import said
from dsim.runtime import VERSION

SCHEMA = "dsim.recommend/1"


@dataclass(frozen=True)
class Recommendation:
    """The source to take for a target.

    Parameters
    ----------
    target : name, location, number of images, fingerprint.
    procedure : key of how the source was chosen. ``choice`` : the ranking, and whether it has a clear winner.
    matrix : the values, with all that they depend on.
    excluded : sources that are the target itself.
    models : zoo models that were trained on the source, the one to apply first; ``command`` : what to type next.
    nearest : images of the target with the nearest of the source, as JSON has them.
    reliability : what became of such choices on truths; empty where it has not been measured.
    notes : what must be said. ``files`` : that were written.
    """

    target: Mapping[str, Any]
    procedure: str
    choice: Choice
    matrix: SimilarityMatrix
    excluded: tuple[str, ...] = ()
    models: tuple[Trained, ...] = ()
    command: str | None = None
    nearest: tuple[Mapping[str, Any], ...] = ()
    reliability: tuple[Reliability, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def best(self) -> str | None:
        """Name of the source to take; None where none could be compared."""
        return self.choice.best

    @property
    def model(self) -> Trained | None:
        """The zoo model to apply to the target; None where none that segments was trained on the source."""
        return segmenting(self.models)

    @property
    def said(self) -> list[str]:
        """How reliable the choice is, in words."""
        return said(self.reliability)

    def __str__(self) -> str:
        return "\n".join([f"for {self.target['name']}: {self.choice.reason}", *self.said])

    def to_dict(self) -> dict[str, Any]:
        """A JSON document of schema ``dsim.recommend/1``; NaN is null."""
        return {
            "schema": SCHEMA,
            "dsim": VERSION,
            "target": dict(self.target),
            "measure": self.matrix.measure,
            "direction": str(self.matrix.direction),
            "unit": self.matrix.unit,
            "procedure": self.procedure,
            "best": self.best,
            "clear": self.choice.clear,
            "verdict": self.choice.reason,
            "voters": self.choice.voters,
            "sources": [candidate.to_dict() for candidate in self.choice.candidates],
            "excluded": list(self.excluded),
            "models": [model.to_dict() for model in self.models],
            "command": self.command,
            "nearest": [dict(row) for row in self.nearest],
            "reliability": [record.to_dict() for record in self.reliability],
            "said": self.said,
            "notes": list(self.notes),
            "matrix": self.matrix.to_dict(),
            "files": list(self.files),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """The JSON text; written atomically where a path is given."""
        return to_json(self.to_dict(), path)
