"""The measures that are to have a row, and everything that the distances of each depend on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dsim.comparison.plan import make_plan
from dsim.comparison.provenance import code_of, measure_identity, plugin_of
from dsim.errors import UsageError
from dsim.files.documents import digest
from dsim.leaderboard.rows import Row, Status
from dsim.leaderboard.run.benchmark import Benchmark
from dsim.leaderboard.run.failures import Failure
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
    call : the text by which another process builds it.
    row : what is known before it runs; ``failed`` with the reason, until it has run.
    depends : everything that its distances depend on; empty where it cannot run here.
    """

    call: str
    row: Row
    depends: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """sha256 of what the distances depend on."""
        return digest(self.depends)


def candidates(
    benchmark: Benchmark, calls: Sequence[str] | None, seed: int, runtime: Runtime
) -> tuple[list[Candidate], list[str]]:
    """The measures of these calls, each once; every registered one where none is named. And notes on those refused.

    Raises UsageError for a call that is wrong. Whatever else is wrong with a measure becomes the reason in its row: a
    plugin that is broken, something that it needs and the datasets lack, weights that cannot be had.
    """
    found: dict[str, Candidate] = {}
    notes = []
    for call in default().measures if calls is None else calls:
        try:
            made = candidate(benchmark, call, seed, runtime)
        except UsageError as error:
            if calls is not None:
                raise
            notes.append(f"{call} has no row: {error.message}")
            continue
        found.setdefault(made.row.measure, made)
    return list(found.values()), notes


def candidate(benchmark: Benchmark, call: str, seed: int, runtime: Runtime) -> Candidate:
    """The measure of one call, and what its distances on the benchmark depend on; UsageError for a wrong call."""
    try:
        measure = build_measure(call)
    except UsageError:
        raise
    except Exception as error:
        spec = default().measure_spec(call.partition(":")[0].strip())
        row = _row(f"{spec.name}@{spec.version}", spec.name)
        return Candidate(call, Failure.of(error).told_in(row))
    row = replace(_row(measure.identity, measure.spec.name), parameters=measure.params, code=code_of(type(measure)))
    try:
        depends = _depends(benchmark, measure, seed, runtime)
    except Exception as error:
        return Candidate(repr(measure), Failure.of(error).told_in(row))
    return Candidate(repr(measure), replace(row, parameters=depends["identity"]["parameters"]), depends)


def _row(identity: str, name: str) -> Row:
    """The row of a measure that has not run yet."""
    if not _VERSIONED.fullmatch(identity):
        raise UsageError(
            f"measure {identity!r} is refused: its version is no whole number from 1 on, so nobody could tell which "
            "numbers are its own",
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
