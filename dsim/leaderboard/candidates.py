"""The measures that are to have a row, and everything that the distances of each depend on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsim.comparison import code_of, make_plan, measure_identity, plugin_of
from dsim.errors import DsimError, UsageError
from dsim.files import slug, write_text
from dsim.files.documents import digest
from dsim.leaderboard.benchmark import Benchmark
from dsim.leaderboard.rows import Row, Status, read_row, row_document
from dsim.leaderboard.worker import Failure, comes_again
from dsim.measures import SimilarityMeasure, build_measure
from dsim.registry import default
from dsim.runtime import VERSION, Runtime

#: Bumped when the meaning of what is kept changes.
SCHEMA = "dsim.leaderboard.run.kept/1"
#: name@version, with or without parameters.
_VERSIONED = re.compile(r"[^@:\s]+@[1-9]\d*(:.+)?")


@dataclass(frozen=True)
class Candidate:
    """A measure that is to have a row.

    Parameters
    ----------
    call : the text from which another process builds it.
    row : what is known before it runs; ``failed`` with the reason, until it has run.
    depends : everything that its distances depend on; empty where it cannot run here.
    """

    call: str
    row: Row
    depends: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The sha256 of everything that the distances depend on."""
        return digest(self.depends)


def candidates(
    benchmark: Benchmark, calls: Sequence[str] | None, seed: int, runtime: Runtime
) -> tuple[list[Candidate], list[str]]:
    """Return the measures of these calls, each once, and notes on those refused; by default every registered one.

    Raises UsageError for a call that is wrong. Whatever else is wrong with a measure becomes the reason in its row: a
    plugin that is broken, something that it needs and the datasets lack, weights that cannot be had.
    """
    by_measure: dict[str, Candidate] = {}
    notes = []
    for call in default().measures if calls is None else calls:
        try:
            measure = candidate(benchmark, call, seed, runtime)
        except UsageError as error:
            if calls is not None:
                raise
            notes.append(f"{call} has no row: {error.message}")
            continue
        by_measure.setdefault(measure.row.measure, measure)
    return list(by_measure.values()), notes


def candidate(benchmark: Benchmark, call: str, seed: int, runtime: Runtime) -> Candidate:
    """Return the measure of one call, and what its distances on the benchmark depend on.

    Raises UsageError for a wrong call.
    """
    try:
        measure = build_measure(call)
    except UsageError:
        raise
    except Exception as error:
        spec = default().measure_spec(call.partition(":")[0].strip())
        row = _row(f"{spec.name}@{spec.version}", spec.name)
        return Candidate(call, Failure.of(error).fail_row(row))
    row = replace(_row(measure.identity, measure.spec.name), parameters=measure.params, code=code_of(type(measure)))
    try:
        depends = _depends(benchmark, measure, seed, runtime)
    except Exception as error:
        return Candidate(repr(measure), Failure.of(error).fail_row(row))
    return Candidate(repr(measure), replace(row, parameters=depends["identity"]["parameters"]), depends)


def _row(identity: str, name: str) -> Row:
    """The row of a measure that has not run yet."""
    if not _VERSIONED.fullmatch(identity):
        raise UsageError(
            f"measure {identity!r} is refused: its version is not a whole number from 1 on, so nobody could know "
            "which numbers are its own",
            hint="have its author give spec.version",
        )
    return Row(identity, Status.FAILED, plugin=plugin_of(name))


def _depends(benchmark: Benchmark, measure: SimilarityMeasure[Any], seed: int, runtime: Runtime) -> dict[str, Any]:
    """Measure, images and seed. Not the truth: distances do not know how well anything transferred."""
    plan = make_plan(measure, benchmark.sources, benchmark.targets, seed=seed, bootstrap=0, jobs=1, runtime=runtime)
    return {
        "schema": SCHEMA,
        "dsim": VERSION,
        "identity": measure_identity(plan),
        "sources": [dataset.name for dataset in plan.sources],
        "targets": [dataset.name for dataset in plan.targets],
        "datasets": {name: [plan.fingerprints[name], dataset.order] for name, dataset in plan.datasets.items()},
        "seed": seed,
        "device": runtime.device,
    }


_LONGEST = 80


@dataclass(frozen=True)
class StoredRows:
    """The rows below a folder. Verdicts are not kept: the truth may change, and judging is quick."""

    folder: Path

    def find(self, one: Candidate, timeout: float | None) -> Row | None:
        """Return the row of a candidate, if it was kept and still holds; a failure only where it would come again."""
        stored = self._read(self._path(one.row.measure))
        if not one.depends or stored is None or stored.get("key") != one.key:
            return None
        try:
            row = read_row(stored["row"])
        except (LookupError, TypeError, ValueError, DsimError):
            return None  # edited by hand, or written by another version
        return row if row.status is not Status.FAILED or comes_again(row, timeout) else None

    def put(self, one: Candidate, row: Row) -> None:
        """Write a finished row, whole or not at all, without a verdict on it.

        Raises DsimError where the file cannot be written.
        """
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
        """Yield the calls of all measures that have a row here, in alphabetical order of their files."""
        for path in sorted(self.folder.glob("*.json")):
            stored = self._read(path)
            if stored is not None:
                yield stored["call"]

    def _path(self, measure: str) -> Path:
        return self.folder / f"{row_file_name(measure)}.json"

    def _read(self, path: Path) -> dict[str, Any] | None:
        """The document in a file; None where it is missing, or not one of ours: then the measure runs again."""
        try:
            stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return stored if stored["schema"] == SCHEMA and stored["call"] else None
        except (OSError, ValueError, LookupError, TypeError):
            return None


def row_file_name(measure: str) -> str:
    """Return a file name for a measure's identity; with a digest where letters had to go, so that no two share it.

    >>> row_file_name("cc@1"), row_file_name("cc@1:size=32")
    ('cc@1', 'cc@1_size_32-98b278f6')
    """
    plain = slug(measure)
    if plain == measure and len(plain) <= _LONGEST:
        return plain
    return f"{plain[:_LONGEST]}-{hashlib.sha256(measure.encode()).hexdigest()[:8]}"
