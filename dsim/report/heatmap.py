"""All values as a table of colours: dark where source and target are similar."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from dsim.measures import SimilarityMatrix
from dsim.pages import (
    MISSING,
    escape,
    format_count,
    format_decimals,
    format_number,
    isolate_name,
    render_list,
    render_scroll,
)
from dsim.plots import equal_decimals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Classes of the style sheet, v0 to v15.
_SHADES = 16
#: Targets from which on names stand upright.
_MANY = 8


def render_heatmap(matrix: SimilarityMatrix) -> str:
    """Return the table of all values (sources, targets), and below it the reasons why cells failed.

    A star marks the best source of each target.
    """
    low, high = _limits(matrix)
    form = equal_decimals(value for row in matrix.values for value in row)
    heads = "".join(f'<th scope="col"><span>{isolate_name(target)}</span></th>' for target in matrix.targets)
    many = " many" if len(matrix.targets) > _MANY else ""
    rows = "\n".join(_row(matrix, row, (low, high), form) for row in range(len(matrix.sources)))
    table = (
        f'<table class="heat{many}"><thead><tr><th scope="col" class="text corner">source \\ target</th>'
        f"{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    )
    return f"{render_scroll('Heat map of all values', table)}\n{_key(matrix, low, high)}{_failures(matrix)}"


def _row(matrix: SimilarityMatrix, row: int, limits: tuple[float, float], form: str) -> str:
    cells = "".join(_cell(matrix, row, column, limits, form) for column in range(len(matrix.targets)))
    return f'<tr><th scope="row" class="text">{isolate_name(matrix.sources[row])}</th>{cells}</tr>'


def _cell(matrix: SimilarityMatrix, row: int, column: int, limits: tuple[float, float], form: str) -> str:
    value, target = float(matrix.values[row, column]), matrix.targets[column]
    if math.isnan(value):
        return f'<td class="failed">{MISSING}<span class="unseen"> failed</span></td>'
    same = " same" if matrix.same[row, column] else ""
    verdict = matrix.verdicts[target]
    star = ""
    if verdict.best == matrix.sources[row] and not same:
        mark, meaning = ("☆", "first, no clear winner") if verdict.clear is False else ("★", "best")
        star = f'<span class="star" aria-hidden="true">{mark}</span><span class="unseen"> {meaning}</span>'
    return f'<td class="v{_shade(matrix, value, limits)}{same}">{format_decimals(value, form)}{star}</td>'


def _shade(matrix: SimilarityMatrix, value: float, limits: tuple[float, float]) -> int:
    """0 for the most similar; a dataset against itself may lie beyond the scale, and has its end."""
    low, high = limits
    share = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5
    return round((share if matrix.direction.sign > 0 else 1 - share) * (_SHADES - 1))


def _limits(matrix: SimilarityMatrix) -> tuple[float, float]:
    """The range of colours: of all pairs of two datasets, else of what there is."""
    shown = _known(matrix.values[~matrix.same]) or _known(matrix.values.ravel())
    return (min(shown), max(shown)) if shown else (0.0, 0.0)


def _known(values: NDArray[np.float64]) -> list[float]:
    return [float(value) for value in values if math.isfinite(value)]


def _key(matrix: SimilarityMatrix, low: float, high: float) -> str:
    ends = (low, high) if matrix.direction.sign > 0 else (high, low)
    strip = "".join(f'<span class="v{shade}"></span>' for shade in range(_SHADES))
    legend = (
        f'<span class="legend" aria-hidden="true"><span class="end">similar {format_number(ends[0])}</span>'
        f'<span class="strip">{strip}</span><span class="end">{format_number(ends[1])} unlike</span></span>'
    )
    key = ["The darker, the more similar."]
    clear = {matrix.verdicts[target].clear is not False for target in matrix.targets if matrix.verdicts[target].best}
    key += ["★ best source of the target."] if True in clear else []
    key += ["☆ first, but no clear winner."] if False in clear else []
    key += ["Framed: a dataset against itself, not ranked."] if matrix.same.any() else []
    return f'<p class="small key">{legend} {" ".join(key)}</p>'


def _failures(matrix: SimilarityMatrix) -> str:
    reasons = Counter(reason for _, _, reason in matrix.failed)
    return render_list(
        f"failed, {format_count(count, 'pair')}: {escape(reason)}" for reason, count in reasons.most_common()
    )
