"""An evaluation as a short text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsim.evaluation.scores import SCORES
from dsim.evaluation.shown import bounds, shown

if TYPE_CHECKING:
    from dsim.evaluation.results import Evaluation

#: Baselines that stand beside the measure; the others are in the document.
_BESIDE = ("random", "best fixed source")


def table(found: Evaluation) -> str:
    """The scores that there are, with intervals, beside two baselines and the ceiling; then what must be said."""
    beside = [baseline for baseline in found.baselines if baseline.name in _BESIDE]
    percent = f"{100 * found.confidence:g} % interval"
    rows = [["", found.measure, percent, "targets", *(baseline.name for baseline in beside), "ceiling"]]
    for spec in SCORES:
        score = found.judgement.scores[spec.name]
        if not math.isnan(score.value):
            others = [baseline.scores[spec.name].value for baseline in beside]
            highest = found.ceiling[spec.name].value if spec.name in found.ceiling else math.nan
            values = [shown(spec.name, value, found.unit) for value in (*others, highest)]
            between = bounds(spec.name, score.low, score.high, found.unit)
            rows.append([spec.title, shown(spec.name, score.value, found.unit), between])
            rows[-1] += [str(score.targets or ""), *values]
    head = f"{found.measure} judged by {found.truth} ({found.score}): "
    head += f"{len(found.sources)} sources, {len(found.targets)} targets"
    return "\n".join([head, "", *_aligned(rows), "", *(f"note: {note}" for note in found.notes)]).rstrip()


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for title, *cells in rows:
        right = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join([title.ljust(widths[0]), *right]).rstrip())
    return lines
