"""What a measure says of a dataset besides numbers (pseudo-labels were used, ...)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dsim.comparison.cells import Cell
from dsim.comparison.finishing import Work, finish
from dsim.measures import SimilarityMeasure

if TYPE_CHECKING:
    from dsim.comparison.plan import Plan
    from dsim.comparison.summaries import Summaries


def remarks(plan: Plan, summaries: Summaries, jobs: int) -> dict[str, list[str]]:
    """The remarks on each dataset; kept, so that summaries are not read for them alone."""
    measure = plan.measure
    if type(measure).remark is SimilarityMeasure.remark:
        return {}
    work = {name: Work([summaries.key(name), "remark"], (name,), partial(_remark, measure)) for name in plan.datasets}
    found = finish(plan, summaries, jobs, work, "remarks", "datasets")
    return {name: [cell.note] for name, cell in found.items() if cell.value == 0 and cell.note}


def _remark(measure: SimilarityMeasure[Any], summary: Any) -> Cell:
    # A value, so that it is kept; what fails is told in the cells.
    return Cell(0.0, measure.remark(summary))
