"""The reliability of a procedure's choices on truths: records, their files, their measurement, and sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.files.documents import check, number, or_nan, read, to_json
from dsim.files.shipped import shipped
from dsim.recommend.procedure import RULE, Outcome, Procedure, carry_out
from dsim.runtime import VERSION, Runtime

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.evaluation import Evaluation, Score
    from dsim.measures import SimilarityMatrix
    from dsim.truth import TransferMatrix


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
        """Return the shown part of an evaluation's score."""
        return cls(score.value, score.low, score.high, score.targets)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Shown:
        """Return the object of a JSON document. Raises KeyError where a field is missing."""
        value, low, high = (or_nan(document[name]) for name in ("value", "low", "high"))
        return cls(value, low, high, document["targets"])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; NaN is null."""
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
        """Return the object of a JSON document. Raises KeyError where a field is missing."""
        return cls(document["targets"], document["best"], or_nan(document["regret"]))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; NaN is null."""
        return {**asdict(self), "regret": number(self.regret)}


@dataclass(frozen=True)
class Reliability:
    """The quality of a procedure's choices on the targets of a truth, none of which was among its own sources.

    Parameters
    ----------
    procedure : key of the procedure. ``depends`` : what the key stands for.
    truth, digest, score, unit : of the truth. ``sources``, ``targets`` : how many.
    top1 : share of targets for which the choice was the best source; ``regret`` : best score less that of the choice,
        mean over targets.
    beside : top-1 and regret of rankings that look at no image, by name.
    clear, unclear : the targets with a clear winner, and without; None where the procedure does not separate them.
    seen : targets whose images trained a network that the measure uses. ``notes`` : what else must be said.
    made : date, version and seed.
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
        """Return a record of schema ``dsim.reliability/1``."""
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
        """Return the record of a document that was checked. Raises KeyError where a field is missing."""
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
    """Return the shipped records of a procedure; none where it was not measured.

    Records of another procedure say nothing of this one, and those of a truth that has changed since are passed over.
    Raises DataError where a shipped file is damaged.
    """
    return _valid(lambda record: record.procedure == procedure.key)


def stored_for(matrix: SimilarityMatrix) -> tuple[Reliability, ...]:
    """Return the shipped records of choices by the measure of a matrix, with its parameters and weights.

    The values of the matrix are (sources, targets). Raises DataError where a shipped file is damaged.
    """
    own = {"rule": RULE, **{key: matrix.provenance.get(key) for key in ("measure", "parameters", "extractors")}}
    return _valid(lambda record: {key: record.depends.get(key) for key in own} == own)


def _valid(wanted: Callable[[Reliability], bool]) -> tuple[Reliability, ...]:
    """The shipped records that are wanted, and are of truths that have not changed since."""
    from dsim.truth import open_truth

    found = [
        (record, path.parent)
        for path in sorted(shipped("truth").glob(f"*/{FILE}"))
        for record in records(path)
        if wanted(record)
    ]
    return tuple(record for record, truth in found if record.digest == open_truth(truth).digest)


def records(path: Path) -> list[Reliability]:
    """Return the records of a file; raises DataError where it is not of schema ``dsim.reliability/1``."""
    document = read(path, _HINT)
    check(document, SCHEMA, str(path), _HINT)
    return [Reliability.from_dict(record) for record in document["records"]]


def write(path: Path, record: Reliability) -> None:
    """Put a record into a file, in place of an older one of the same measure; DsimError where it cannot be written."""
    same = record.depends["measure"]
    others = [known for known in (records(path) if path.exists() else []) if known.depends["measure"] != same]
    to_json({"schema": SCHEMA, "records": [known.to_dict() for known in (*others, record)]}, path)


#: Rankings that look at no image, and use nothing of the target's scores: what a choice must beat.
BESIDE = ("random", "best fixed source, others")


def measure_reliability(
    truth: TransferMatrix,
    sources: Sequence[Dataset],
    targets: Sequence[Dataset],
    procedure: Procedure,
    *,
    seed: int = 0,
    jobs: int = 1,
    runtime: Runtime | None = None,
    notes: Sequence[str] = (),
) -> Reliability:
    """Return the judgement of choices for every target of a truth, each taken from the pool first.

    Parameters
    ----------
    sources, targets : the datasets under the truth's names, as ``open_benchmark`` gives them.
    notes : what must be said beside the numbers.

    Raises UsageError, DataError or NeedError as ``carry_out`` and ``evaluate``. No number of the truth enters a choice.
    """
    from dsim.evaluation import evaluate

    runtime = runtime or Runtime()
    outcome = carry_out(procedure, sources, targets, bootstrap=0, seed=seed, jobs=jobs, runtime=runtime)
    matrix = joined(outcome.matrices, [dataset.name for dataset in sources], [dataset.name for dataset in targets])
    found = evaluate(matrix, truth)
    scores = found.judgement.scores
    return Reliability(
        procedure=procedure.key,
        depends=procedure.depends,
        truth=truth.name,
        digest=truth.digest,
        score=truth.score,
        unit=truth.unit,
        sources=len(found.sources),
        targets=len(found.targets),
        top1=Shown.of(scores["top1"]),
        regret=Shown.of(scores["regret"]),
        beside=_beside(found),
        clear=_part(found, outcome, True) if procedure.members else None,
        unclear=_part(found, outcome, False) if procedure.members else None,
        seen=tuple(name for name in found.targets if matrix.provenance["datasets"][name]["seen_by"]),
        notes=tuple(notes),
        made={"dsim": VERSION, "created": datetime.now(UTC).isoformat(timespec="seconds"), "seed": seed},
    )


def joined(matrices: Sequence[SimilarityMatrix], sources: Sequence[str], targets: Sequence[str]) -> SimilarityMatrix:
    """Return one matrix of targets that were compared to different sources: values (sources, targets), no intervals.

    Where a source was left out for a target it is that target: NaN, and never ranked.
    """
    import numpy as np

    values = np.full((len(sources), len(targets)), np.nan)
    same = np.ones(values.shape, dtype=bool)
    notes = [["the target itself"] * len(targets) for _ in sources]
    for matrix in matrices:
        rows, columns = [sources.index(name) for name in matrix.sources], [targets.index(t) for t in matrix.targets]
        values[np.ix_(rows, columns)], same[np.ix_(rows, columns)] = matrix.values, matrix.same
        for row, row_notes in zip(rows, matrix.notes, strict=True):
            for column, note in zip(columns, row_notes, strict=True):
                notes[row][column] = note
    datasets = {name: facts for matrix in matrices for name, facts in matrix.provenance["datasets"].items()}
    return replace(
        matrices[0],
        sources=tuple(sources),
        targets=tuple(targets),
        values=values,
        notes=tuple(map(tuple, notes)),
        same=same,
        verdicts={name: verdict for matrix in matrices for name, verdict in matrix.verdicts.items()},
        provenance={**matrices[0].provenance, "datasets": datasets},
        clouds=None,
    )


def _beside(found: Evaluation) -> Mapping[str, tuple[Shown, Shown]]:
    judged = {baseline.name: baseline.scores for baseline in found.baselines}
    return {
        name: (Shown.of(judged[name]["top1"]), Shown.of(judged[name]["regret"])) for name in BESIDE if name in judged
    }


def _part(found: Evaluation, outcome: Outcome, clear: bool) -> Part:
    """Of the targets whose choice was clear, or was not: those that can be judged."""
    wanted = {choice.target for choice in outcome.choices if choice.clear is clear}
    scores = found.judgement.per_target
    rows = [
        (float(top1), float(regret))
        for target, top1, regret in zip(found.targets, scores["top1"], scores["regret"], strict=True)
        if target in wanted and not math.isnan(regret)
    ]
    mean = sum(regret for _, regret in rows) / len(rows) if rows else math.nan
    return Part(len(rows), sum(top1 for top1, _ in rows), mean)


UNKNOWN = "How reliable this is has not been measured."
#: Names of rankings that look at no image, in words.
_CALLED = {
    "random": "a source drawn at random",
    "best fixed source, others": "always the source that is best for the other targets",
}


def said(records: Sequence[Reliability]) -> list[str]:
    """Return the sentences of records; without records, that the reliability is unknown."""
    return [sentence for record in records for sentence in sentences(record)] or [UNKNOWN]


def sentences(record: Reliability) -> Iterator[str]:
    """Yield the sentences of one record: top-1, regret, whether a clear winner is worth more, and its notes."""
    top1 = [f"{_CALLED[name]}: {_percent(both[0].value)}" for name, both in record.beside.items() if name in _CALLED]
    yield (
        f"On {record.truth} ({record.targets} targets, {record.sources} sources) this procedure chose the best source"
        f" for {_percent(record.top1.value)} of the targets ({_percent(record.top1.low)} to"
        f" {_percent(record.top1.high)}){_held_against(top1)}."
    )
    regret = [f"{_CALLED[name]}: {both[1].value:.3g}" for name, both in record.beside.items() if name in _CALLED]
    yield (
        f"Its choice lost {record.regret.value:.3g} {_points(record)} against the best source, mean over the targets"
        f"{_bounds(record.regret)}{_held_against(regret)}."
    )
    if record.clear and record.unclear and record.clear.targets and record.unclear.targets:
        yield (
            f"Where all members agreed ({record.clear.targets} targets) the choice was the best for"
            f" {record.clear.best:.3g} of them and lost {record.clear.regret:.3g} on average; where they did not"
            f" ({record.unclear.targets}), for {record.unclear.best:.3g} and {record.unclear.regret:.3g}."
        )
    if record.seen:
        yield (
            f"A network of the measure was trained, without scores, on the images of {len(record.seen)} of these"
            f" {record.targets} targets: on images that it never saw it may do worse."
        )
    yield from record.notes


def _held_against(others: Sequence[str]) -> str:
    return "".join(f"; {other}" for other in others)


def _points(record: Reliability) -> str:
    return f"points of {record.score}" if record.unit == "%" else f"of {record.score}"


def _bounds(score: Shown) -> str:
    return "" if math.isnan(score.low) else f" ({score.low:.3g} to {score.high:.3g})"


def _percent(share: float) -> str:
    """
    >>> _percent(0.541), _percent(float("nan"))
    ('54 %', '?')
    """
    return "?" if math.isnan(share) else f"{100 * share:.0f} %"
