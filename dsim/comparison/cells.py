"""One value per pair, with its replicates; finished pairs are kept and never computed twice."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsim.comparison.summaries import Failed
from dsim.errors import MeasureError
from dsim.files.documents import digest, number, or_nan
from dsim.measures import SimilarityMeasure

if TYPE_CHECKING:
    from dsim.measures import Draws

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
