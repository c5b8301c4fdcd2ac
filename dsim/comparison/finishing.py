"""Work on summaries that gives one number each: looked up where it was done before, else done and kept."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, TypeVar

from dsim.comparison.cells import Cell
from dsim.comparison.jobs import run_jobs
from dsim.comparison.ledger import CellLedger
from dsim.comparison.plan import Plan
from dsim.comparison.provenance import conditions
from dsim.comparison.summaries import Failed, Summaries
from dsim.errors import MeasureError
from dsim.files.documents import digest

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
