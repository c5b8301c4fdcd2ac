"""Cells: numbers computed from summaries, each looked up where it is known, else computed and stored."""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dsim.comparison.failures import Failures
from dsim.comparison.plan import Plan
from dsim.comparison.provenance import conditions
from dsim.comparison.summaries import Failed, Summaries, run_jobs
from dsim.errors import MeasureError
from dsim.files.documents import digest, number, or_nan
from dsim.measures import SimilarityMeasure
from dsim.registry import MeasureSpec
from dsim.runtime import Runtime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.measures import Draws
    from dsim.store import JsonStore


K = TypeVar("K", bound=Hashable)
#: Names of a source and a target.
Pair = tuple[str, str]
#: A commit flushes to disk and so costs milliseconds: cells are written in bundles, and whatever happens at the end.
_SECONDS_BETWEEN_WRITES = 0.5


@dataclass(frozen=True)
class Cell:
    """The outcome of one computation: a value, or NaN with the reason; replicates where they were asked for.

    ``note`` is the reason, or the measure's remark on the value. ``conditions`` are, as JSON, the versions and the
    device under which it was computed: perhaps long ago.
    """

    value: float
    note: str = ""
    replicates: tuple[float, ...] = ()
    conditions: str = "{}"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object for the store; NaN is null."""
        return {
            "value": number(self.value),
            "note": self.note,
            "replicates": [number(value) for value in self.replicates],
            "conditions": self.conditions,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Cell:
        """Return the cell that ``to_dict`` stored. Raises KeyError where a field is missing."""
        replicates = tuple(or_nan(item) for item in stored["replicates"])
        return cls(or_nan(stored["value"]), stored["note"], replicates, stored["conditions"])


@dataclass(frozen=True)
class Work:
    """One cell to compute.

    Parameters
    ----------
    key : all that it depends on, as JSON. ``reads`` : the names of the datasets whose summaries it is made of.
    """

    key: Any
    reads: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The identity under which the cell is stored."""
        return digest(self.key)


@dataclass(frozen=True)
class SingleWork(Work):
    """A cell that is computed by itself: ``compute`` is called with the summaries that it reads."""

    compute: Callable[..., Cell]


@dataclass(frozen=True)
class Batch(Generic[K]):
    """Cells that one task computes: ``compute`` returns one for each name, in their order."""

    names: Sequence[K]
    compute: Callable[[], list[Cell]]


def compute_cells(
    plan: Plan,
    summaries: Summaries,
    jobs: int,
    work: Mapping[K, Work],
    batches: Callable[[Sequence[K]], Sequence[Batch[K]]],
    *,
    description: str,
    unit: str,
) -> dict[K, Cell]:
    """Return the cells of all work by name: from the store where they are known, else computed and stored.

    Parameters
    ----------
    batches : divides the names of missing cells into tasks; called when the summaries that they read are prepared.
    description, unit : of the progress display.

    Whatever goes wrong in a cell is NaN with its reason. Finished cells survive an interrupt. Raises DsimError where a
    dataset cannot be read.
    """
    ledger = _Ledger(plan.runtime)
    stored = ledger.known([cell.digest for cell in work.values()])
    cells = {name: stored[cell.digest] for name, cell in work.items() if cell.digest in stored}
    missing = [name for name in work if name not in cells]
    summaries.prepare(list(dict.fromkeys(read for name in missing for read in work[name].reads)), jobs)
    tasks = batches(missing)
    with ledger, plan.runtime.progress.task(description, len(missing), unit) as task:

        def done(position: int, computed: list[Cell]) -> None:
            now = conditions(plan.runtime)
            for name, cell in zip(tasks[position].names, computed, strict=True):
                cells[name] = dataclasses.replace(cell, conditions=now)
                ledger.add(work[name].digest, cells[name])
            task.advance(len(computed))

        run_jobs(jobs, [batch.compute for batch in tasks], done)
    return cells


def compute_singly(
    plan: Plan, summaries: Summaries, jobs: int, work: Mapping[K, SingleWork], description: str, unit: str
) -> dict[K, Cell]:
    """Return the cells of work that is computed one by one; see ``compute_cells``.

    Raises DsimError where a dataset cannot be read.
    """

    def batches(missing: Sequence[K]) -> list[Batch[K]]:
        read = {name: [summaries[dataset] for dataset in work[name].reads] for name in missing}
        one = partial(_compute_one, plan.failures)
        return [Batch([name], partial(one, work[name].compute, read[name])) for name in missing]

    return compute_cells(plan, summaries, jobs, work, batches, description=description, unit=unit)


def _compute_one(failures: Failures, compute: Callable[..., Cell], summaries: Sequence[Any]) -> list[Cell]:
    return [_guarded(failures, "it", compute, *summaries)]


def compute_column(
    measure: SimilarityMeasure[Any],
    failures: Failures,
    sources: Sequence[Any],
    target: Any,
    draws: Sequence[tuple[Draws, Draws] | None],
) -> list[Cell]:
    """Return the cells of several sources and one target; compared at once where no cell is resampled.

    ``draws`` holds for each source its resamples and the target's, or None. Resamples are index arrays (n,).
    """
    if not any(draws) and not any(isinstance(summary, Failed) for summary in (*sources, target)):
        try:
            values = measure.compare_many(sources, [target])
            if values.shape == (len(sources), 1) and all(math.isfinite(value) for value in values[:, 0]):
                remarks = [measure.pair_remark(source, target) for source in sources]
                return [Cell(float(value), remark) for value, remark in zip(values[:, 0], remarks, strict=True)]
        except Exception:
            pass  # one by one, so that the failure is reported for the cell that it belongs to
    return [
        _guarded(failures, "comparing", partial(_compare, measure, drawn), source, target)
        for source, drawn in zip(sources, draws, strict=True)
    ]


def _compare(measure: SimilarityMeasure[Any], draws: tuple[Draws, Draws] | None, source: Any, target: Any) -> Cell:
    if draws is None:
        value, sampled, lost = float(measure.compare(source, target)), None, ""
    else:
        value, sampled, lost = _with_replicates(measure, source, target, draws)
    if not math.isfinite(value):
        return Cell(math.nan, f"the measure returned {value} without a reason")
    replicates = () if sampled is None else sampled.tolist()
    finite = tuple(item if math.isfinite(item) else math.nan for item in replicates)
    return Cell(value, "; ".join(filter(None, [measure.pair_remark(source, target), lost])), finite)


def _with_replicates(
    measure: SimilarityMeasure[Any], source: Any, target: Any, draws: tuple[Draws, Draws]
) -> tuple[float, NDArray[np.float64], str]:
    """The value, its replicates, and why there are none: a resample that fails takes the interval, not the value."""
    import numpy as np

    try:
        return (*measure.compare_with_replicates(source, target, *draws), "")
    except MeasureError as error:
        value = float(measure.compare(source, target))
        return value, np.full(len(draws[0]), np.nan), f"no interval: {error.message}"


def _guarded(failures: Failures, activity: str, compute: Callable[..., Cell], *summaries: Any) -> Cell:
    """The computed cell; whatever goes wrong becomes NaN with a reason, never a plausible number."""
    for summary in summaries:
        if isinstance(summary, Failed):
            return Cell(math.nan, summary.reason)
    try:
        return compute(*summaries)
    except MeasureError as error:
        return Cell(math.nan, error.message)
    except Exception as error:
        return Cell(math.nan, failures.reason(activity, error))


def within_bounds(cell: Cell, spec: MeasureSpec) -> Cell:
    """Return the cell, or NaN with the reason where its value lies outside the bounds that the measure declares.

    Replicates outside them are NaN. What is stored stays as it was computed: the bounds may be mended by tomorrow.
    """
    if math.isnan(cell.value):
        return cell
    if not spec.within_bounds(cell.value):
        low, high = spec.bounds
        return Cell(math.nan, f"the value {cell.value:g} {_OUTSIDE} {low:g} to {high:g} of {spec.name}")
    if all(math.isnan(value) or spec.within_bounds(value) for value in cell.replicates):
        return cell
    kept = tuple(value if spec.within_bounds(value) else math.nan for value in cell.replicates)
    return dataclasses.replace(cell, replicates=kept)


_OUTSIDE = "lies outside the declared bounds"


def is_outside_bounds(note: str) -> bool:
    """Return whether a failed cell's note says that the value lies outside the measure's bounds."""
    return _OUTSIDE in note


def is_defect(note: str) -> bool:
    """Return whether a failed cell's note reports a defect of the measure; others say why the value is missing.

    >>> is_defect("comparing raised ZeroDivisionError: by zero"), is_defect("no expert chose for the target")
    (True, False)
    """
    defects = r"(comparing|summarising .+) raised \w+: |the measure returned \S+ without a reason"
    return re.match(rf"{defects}|the value \S+ {_OUTSIDE}", note) is not None


class _Ledger:
    """A context that stores finished cells: also those before an interrupt."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pending: dict[str, Cell] = {}
        self._written = time.monotonic()

    @cached_property
    def _store(self) -> JsonStore:
        from dsim.store import JsonStore

        return JsonStore(self._runtime.cache / "cells.sqlite", self._runtime.progress.note)

    def known(self, keys: Sequence[str]) -> dict[str, Cell]:
        """Return the cells that were computed before, by key."""
        return {key: Cell.from_dict(stored) for key, stored in self._store.get_many(keys).items()}

    def add(self, key: str, cell: Cell) -> None:
        """Store a finished cell. A failure is not stored: its cause may be mended by tomorrow."""
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

    def __enter__(self) -> _Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()
