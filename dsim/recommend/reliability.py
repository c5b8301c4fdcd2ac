"""What became of a procedure's choices on truths: records, and the files that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.files.documents import check, number, or_nan, read, to_json
from dsim.files.shipped import shipped
from dsim.recommend.procedure import Procedure

if TYPE_CHECKING:
    from dsim.evaluation.results import Score

SCHEMA = "dsim.reliability/1"
#: Beside truth.json.
FILE = "reliability.json"
_HINT = "python benchmarks/reliability.py TRUTH writes it"


@dataclass(frozen=True)
class Shown:
    """A score over targets with the bounds of its 95 % interval, NaN where there is none."""

    value: float
    low: float
    high: float
    targets: int

    @classmethod
    def of(cls, score: Score) -> Shown:
        """What is shown of a judge's score."""
        return cls(score.value, score.low, score.high, score.targets)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Shown:
        """Back from JSON."""
        value, low, high = (or_nan(document[name]) for name in ("value", "low", "high"))
        return cls(value, low, high, document["targets"])

    def to_dict(self) -> dict[str, Any]:
        """For JSON; NaN is null."""
        bounds = {name: number(getattr(self, name)) for name in ("value", "low", "high")}
        return {**bounds, "targets": self.targets}


@dataclass(frozen=True)
class Part:
    """The targets with, or without, a clear winner.

    Parameters
    ----------
    targets : how many. ``best`` : for how many the choice was the best source; ties count in part.
    regret : mean over them; NaN of none.
    """

    targets: int
    best: float
    regret: float

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Part:
        """Back from JSON."""
        return cls(document["targets"], document["best"], or_nan(document["regret"]))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; NaN is null."""
        return {**asdict(self), "regret": number(self.regret)}


@dataclass(frozen=True)
class Reliability:
    """What became of a procedure's choices on the targets of a truth, none of which was among its own sources.

    Parameters
    ----------
    procedure : key of the procedure. ``depends`` : what the key stands for.
    truth, digest, score, unit : of the truth. ``sources``, ``targets`` : how many.
    top1 : share of targets for which the choice was the best source; ``regret`` : best score less that of the choice,
        mean over targets.
    beside : top-1 and regret of rankings that look at no image, by name.
    clear, unclear : the targets with a clear winner, and without; None where the procedure does not tell them apart.
    seen : targets whose images trained a network that the measure uses. ``notes`` : what else must be said.
    made : when, by which version, with which seed.
    """

    procedure: str
    depends: Mapping[str, Any]
    truth: str
    digest: str
    score: str
    unit: str
    sources: int
    targets: int
    top1: Shown
    regret: Shown
    beside: Mapping[str, tuple[Shown, Shown]]
    clear: Part | None
    unclear: Part | None
    seen: tuple[str, ...]
    notes: tuple[str, ...]
    made: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """A record of schema ``dsim.reliability/1``."""
        return {
            "procedure": self.procedure,
            "depends": dict(self.depends),
            "truth": self.truth,
            "truth_digest": self.digest,
            "score": self.score,
            "unit": self.unit,
            "sources": self.sources,
            "targets": self.targets,
            "top1": self.top1.to_dict(),
            "regret": self.regret.to_dict(),
            "beside": {
                name: {"top1": top1.to_dict(), "regret": regret.to_dict()}
                for name, (top1, regret) in self.beside.items()
            },
            "clear": None if self.clear is None else self.clear.to_dict(),
            "unclear": None if self.unclear is None else self.unclear.to_dict(),
            "seen": list(self.seen),
            "notes": list(self.notes),
            "made": dict(self.made),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Reliability:
        """The record of a document that was checked."""
        plain = ("procedure", "depends", "truth", "score", "unit", "sources", "targets", "made")
        return cls(
            **{name: record[name] for name in plain},
            digest=record["truth_digest"],
            top1=Shown.from_dict(record["top1"]),
            regret=Shown.from_dict(record["regret"]),
            beside={
                name: (Shown.from_dict(both["top1"]), Shown.from_dict(both["regret"]))
                for name, both in record["beside"].items()
            },
            clear=None if record["clear"] is None else Part.from_dict(record["clear"]),
            unclear=None if record["unclear"] is None else Part.from_dict(record["unclear"]),
            seen=tuple(record["seen"]),
            notes=tuple(record["notes"]),
        )


def stored(procedure: Procedure) -> tuple[Reliability, ...]:
    """The shipped records of a procedure; none where it was not measured.

    Records of another procedure say nothing of this one, and those of a truth that has changed since are passed over.
    """
    from dsim.truth import open_truth

    own = [
        (record, path.parent)
        for path in sorted(shipped("truth").glob(f"*/{FILE}"))
        for record in records(path)
        if record.procedure == procedure.key
    ]
    return tuple(record for record, truth in own if record.digest == open_truth(truth).digest)


def records(path: Path) -> list[Reliability]:
    """The records of a file; DataError where it is not of schema ``dsim.reliability/1``."""
    document = read(path, _HINT)
    check(document, SCHEMA, str(path), _HINT)
    return [Reliability.from_dict(record) for record in document["records"]]


def write(path: Path, record: Reliability) -> None:
    """Put a record into a file, in the place of an older one of the same measure."""
    same = record.depends["measure"]
    others = [known for known in (records(path) if path.exists() else []) if known.depends["measure"] != same]
    to_json({"schema": SCHEMA, "records": [known.to_dict() for known in (*others, record)]}, path)
