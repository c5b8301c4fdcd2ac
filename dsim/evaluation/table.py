"""An evaluation as a short text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsim.evaluation.scores import SCORES, ScoreSpec

if TYPE_CHECKING:
    from dsim.evaluation.results import Evaluation, Score

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
            values = [_shown(spec, value, found.unit) for value in (*others, highest)]
            rows.append([spec.title, _shown(spec, score.value, found.unit), _interval(spec, score, found.unit)])
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


def _shown(spec: ScoreSpec, value: float, unit: str) -> str:
    """Shares in percent, regrets in the unit of the scores; empty where there is none."""
    if math.isnan(value):
        return ""
    if spec.share:
        return f"{100 * value:.2f} %"
    if spec.in_score_units:
        return f"{value:.2f} {unit}" if unit else f"{value:.4f}"
    return f"{value:.3f}"


def _interval(spec: ScoreSpec, score: Score, unit: str) -> str:
    low, high = _shown(spec, score.low, unit), _shown(spec, score.high, unit)
    return f"{low} to {high}" if low and high else f"{low} or more" if low else ""
