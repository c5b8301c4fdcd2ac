"""One value per pair, with its replicates; finished pairs are kept and never computed twice."""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from dsim.comparison.plan import Plan
from dsim.comparison.provenance import conditions
from dsim.comparison.summaries import Failed, Summaries, run_jobs
from dsim.errors import MeasureError
from dsim.files.documents import digest, number, or_nan
from dsim.measures import SimilarityMeasure
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from dsim.measures import Draws
    from dsim.store.json_store import JsonStore


Pair = tuple[str, str]


@dataclass(frozen=True)
class Cell:
    """The outcome of one pair: a value, or NaN and the reason; replicates where they were asked for and can be had.

    ``note`` is the reason, or what the measure says of the value. ``conditions`` says, as JSON, under which versions
    and on which device it was computed: perhaps long ago.
    """

    value: float
    note: str = ""
    replicates: tuple[float, ...] = ()
    conditions: str = "{}"

    def to_dict(self) -> dict[str, Any]:
        """For the store; NaN is null."""
        return {
            "value": number(self.value),
            "note": self.note,
            "replicates": [number(value) for value in self.replicates],
            "conditions": self.conditions,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Cell:
        """The cell that ``to_dict`` stored."""
        replicates = tuple(or_nan(item) for item in stored["replicates"])
        return cls(or_nan(stored["value"]), stored["note"], replicates, stored["conditions"])


def cell_key(source_key: Mapping[str, Any], target_key: Mapping[str, Any], bootstrap: int) -> str:
    """Identity of a cell: both summaries with all that they depend on, and the replicates."""
    return digest([source_key, target_key, bootstrap])


def compute_column(
    measure: SimilarityMeasure[Any],
    sources: Sequence[Any],
    target: Any,
    draws: Sequence[tuple[Draws, Draws] | None],
) -> list[Cell]:
    """Compare several sources with one target: at once where no cell is resampled, else one by one."""
    if not any(draws) and not any(isinstance(summary, Failed) for summary in (*sources, target)):
        try:
            values = measure.compare_many(sources, [target])
            if values.shape == (len(sources), 1) and all(math.isfinite(value) for value in values[:, 0]):
                remarks = [measure.pair_remark(source, target) for source in sources]
                return [Cell(float(value), remark) for value, remark in zip(values[:, 0], remarks, strict=True)]
        except Exception:
            pass  # one by one, so that the failure is told of the cell it belongs to
    return [compute_cell(measure, source, target, drawn) for source, drawn in zip(sources, draws, strict=True)]


def is_defect(note: str) -> bool:
    """Whether a failed cell's note tells of a defect of the measure; otherwise it says itself why there is no value.

    >>> is_defect("comparing raised ZeroDivisionError: by zero"), is_defect("no expert chose for the target")
    (True, False)
    """
    return (
        re.match(r"(comparing|summarising .+) raised \w+: |the measure returned \S+ without a reason", note) is not None
    )


def compute_cell(
    measure: SimilarityMeasure[Any],
    source: Any,
    target: Any,
    draws: tuple[Draws, Draws] | None,
) -> Cell:
    """Compare two summaries; whatever goes wrong becomes NaN with a reason, never a plausible number."""
    for summary in (source, target):
        if isinstance(summary, Failed):
            return Cell(math.nan, summary.reason)
    try:
        if draws is None:
            value, sampled = float(measure.compare(source, target)), None
        else:
            value, sampled = measure.compare_with_replicates(source, target, *draws)
        remark = measure.pair_remark(source, target) if math.isfinite(value) else ""
    except MeasureError as error:
        return Cell(math.nan, error.message)
    except Exception as error:
        return Cell(math.nan, f"comparing raised {type(error).__name__}: {error}")
    if not math.isfinite(value):
        return Cell(math.nan, f"the measure returned {value} without a reason")
    replicates = () if sampled is None else sampled.tolist()
    return Cell(value, remark, tuple(item if math.isfinite(item) else math.nan for item in replicates))


#: A commit flushes to disk and so costs milliseconds: pairs are written in bundles, and whatever happens at the end.
_SECONDS_BETWEEN_WRITES = 0.5


class CellLedger:
    """A context in which finished pairs are kept: also those before an interrupt."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pending: dict[str, Cell] = {}
        self._written = time.monotonic()

    @cached_property
    def _store(self) -> JsonStore:
        from dsim.store.json_store import JsonStore

        return JsonStore(self._runtime.cache / "cells.sqlite", self._runtime.progress.note)

    def known(self, keys: Sequence[str]) -> dict[str, Cell]:
        """Those of the pairs that were computed before."""
        return {key: Cell.from_dict(stored) for key, stored in self._store.get_many(keys).items()}

    def add(self, key: str, cell: Cell) -> None:
        """Keep a finished pair. A failure is not kept: its cause may be mended by tomorrow."""
        if math.isnan(cell.value):
            return
        self._pending[key] = cell
        if time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES:
            self._write()

    def _write(self) -> None:
        if self._pending:
            self._store.put_many({key: cell.to_dict() for key, cell in self._pending.items()})
        self._pending = {}
        self._written = time.monotonic()

    def __enter__(self) -> CellLedger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()


K = TypeVar("K", bound=Hashable)


@dataclasses.dataclass(frozen=True)
class Work:
    """One number to find.

    Parameters
    ----------
    key : what it depends on, as JSON. ``reads`` : the names of the datasets whose summaries it is made of.
    compute : called with these summaries; what goes wrong in it becomes NaN with a reason.
    """

    key: Any
    reads: tuple[str, ...]
    compute: Callable[..., Cell]

    @property
    def digest(self) -> str:
        """The identity under which the number is kept."""
        return digest(self.key)


def finish(
    plan: Plan, summaries: Summaries, jobs: int, work: Mapping[K, Work], description: str, unit: str
) -> dict[K, Cell]:
    """Do all the work that nobody did before; the numbers by the names of the work."""
    ledger = CellLedger(plan.runtime)
    stored = ledger.known([one.digest for one in work.values()])
    cells = {name: stored[one.digest] for name, one in work.items() if one.digest in stored}
    missing = [name for name in work if name not in cells]
    summaries.prepare(list(dict.fromkeys(read for name in missing for read in work[name].reads)), jobs)
    tasks = [partial(_attempt, work[name].compute, [summaries[read] for read in work[name].reads]) for name in missing]
    with ledger, plan.runtime.progress.task(description, len(missing), unit) as task:

        def done(position: int, cell: Cell) -> None:
            name = missing[position]
            cells[name] = dataclasses.replace(cell, conditions=conditions(plan.runtime))
            ledger.add(work[name].digest, cells[name])
            task.advance()

        run_jobs(jobs, tasks, done)
    return cells


def _attempt(compute: Callable[..., Cell], summaries: list[Any]) -> Cell:
    for summary in summaries:
        if isinstance(summary, Failed):
            return Cell(math.nan, summary.reason)
    try:
        return compute(*summaries)
    except MeasureError as error:
        return Cell(math.nan, error.message)
    except Exception as error:
        return Cell(math.nan, f"it raised {type(error).__name__}: {error}")
