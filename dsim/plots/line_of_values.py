"""The picture of a similarity matrix with one target, or one source: its values in their order, as points on a line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.measures import SimilarityMatrix
from dsim.plots.figure_parts import bare, equal_decimals
from dsim.plots.marks import Mark, doubt, explain, star_meaning
from dsim.plots.style import COLOURS, INK, PALE_INK, check_suffix, drawable, pictures, save
from dsim.registry import Direction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAME_LENGTH = 36
#: In inches: of one row, and of the line itself.
_ROW, _WIDE = 0.3, 5.0
_POINT: dict[str, Any] = {"marker": "o", "linestyle": "none", "markersize": 7, "color": COLOURS[0]}
_ITSELF: dict[str, Any] = {**_POINT, "markerfacecolor": "white", "markeredgewidth": 1.4}
_INTERVAL: dict[str, Any] = {"color": COLOURS[0], "linewidth": 2, "alpha": 0.45}
_FLOOR: dict[str, Any] = {"color": INK, "linewidth": 1.1, "linestyle": (0, (4, 3))}


def quantity_of(matrix: SimilarityMatrix) -> str:
    """Return what the values are, their unit, and which of them mean similar."""
    unit = f", {matrix.unit}" if matrix.unit else ""
    similar = "small" if matrix.direction is Direction.DISTANCE else "large"
    return f"{matrix.direction}{unit} ({similar} is similar)"


def floor_of(matrix: SimilarityMatrix, name: str) -> float:
    """Return the noise floor of a dataset; NaN where it is not known."""
    return float((matrix.floor or {}).get(name, math.nan))


@dataclass(frozen=True)
class _Row:
    """One pair of the matrix, under the name of its dataset that differs from row to row."""

    name: str
    value: float
    low: float
    high: float
    floor: float
    itself: bool
    note: str


def draw_points(
    matrix: SimilarityMatrix, path: Path | None, title: str | None = None, note: str = "", legend: str = ""
) -> Figure:
    """Draw the values of a matrix with one target, or one source, as points on an axis that begins at 0.

    The most similar one stands on top, failed pairs at the bottom with their reasons; values are printed to the right.
    Bars are intervals, dashed lines noise floors. A star marks the best source of the target: filled, or hollow without
    a clear winner or where it does not resemble the target. A dataset against itself is hollow.

    Parameters
    ----------
    matrix : its values are (sources, 1) or (1, targets).
    path, title, note, legend : as of ``draw_heatmap``.

    Raises
    ------
    UsageError : another suffix.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    rows, best = _rows(matrix), _best(matrix)
    with pictures():
        figure = Figure(figsize=(_WIDE, _ROW * len(rows)))
        axes = figure.add_axes((0, 0, 1, 1))
        title = title or _title(matrix)
        axes.set_title(drawable(title, 90), loc="left", pad=12, fontweight="bold", parse_math=False)
        marks = [*_lines(axes, matrix, rows), *_points(axes, rows), *_star(axes, matrix, rows, best)]
        _frame(axes, rows)
        _texts(axes, rows)
        axes.set_xlabel(drawable(legend or quantity_of(matrix)), parse_math=False, fontsize=8.5)
        explain(figure, axes, marks, note)
        return save(figure, path, title)


def _title(matrix: SimilarityMatrix) -> str:
    if len(matrix.targets) == 1:
        return f"{matrix.measure}: {matrix.direction} of sources to {drawable(matrix.targets[0], _NAME_LENGTH)}"
    return f"{matrix.measure}: {matrix.direction} of {drawable(matrix.sources[0], _NAME_LENGTH)} to targets"


def _rows(matrix: SimilarityMatrix) -> list[_Row]:
    """All pairs, the most similar first, failed ones last."""
    one_target = len(matrix.targets) == 1
    names = matrix.sources if one_target else matrix.targets
    nothing = np.full(matrix.values.shape, math.nan)
    low, high = (nothing if bound is None else bound for bound in (matrix.low, matrix.high))
    numbers = (one.ravel().tolist() for one in (matrix.values, low, high, matrix.same))
    notes = [note for row in matrix.notes for note in row]
    rows = [
        _Row(name, value, least, most, floor_of(matrix, matrix.targets[0] if one_target else name), itself, note)
        for name, value, least, most, itself, note in zip(names, *numbers, notes, strict=True)
    ]
    return sorted(rows, key=lambda row: (math.isnan(row.value), row.value * matrix.direction.sign))


def _best(matrix: SimilarityMatrix) -> str | None:
    """The best source, where there are several to choose from."""
    if len(matrix.sources) == 1:
        return None
    return matrix.verdicts[matrix.targets[0]].best


def _lines(axes: Axes, matrix: SimilarityMatrix, rows: list[_Row]) -> list[Mark]:
    """Noise floors and intervals, below the points."""
    from matplotlib.lines import Line2D

    marks: list[Mark] = []
    floors = {place: row.floor for place, row in enumerate(rows) if math.isfinite(row.floor)}
    for place, floor in floors.items():
        axes.plot([floor, floor], [place - 0.5, place + 0.5], **_FLOOR)
    if floors:
        marks.append((Line2D([], [], **_FLOOR), "noise floor: two halves of the target"))
    bounded = [(place, row) for place, row in enumerate(rows) if math.isfinite(row.low + row.high)]
    for place, row in bounded:
        axes.plot([row.low, row.high], [place, place], **_INTERVAL)
    if bounded:
        marks.append((Line2D([], [], **_INTERVAL), f"{matrix.confidence * 100:g} % interval"))
    return marks


def _points(axes: Axes, rows: list[_Row]) -> list[Mark]:
    from matplotlib.lines import Line2D

    for place, row in enumerate(rows):
        axes.plot(row.value, place, **(_ITSELF if row.itself else _POINT))
    return (
        [(Line2D([], [], **_ITSELF), "the dataset against itself, not ranked")]
        if any(one.itself for one in rows)
        else []
    )


def _star(axes: Axes, matrix: SimilarityMatrix, rows: list[_Row], best: str | None) -> list[Mark]:
    """The star stands on the point of the best source."""
    from matplotlib.lines import Line2D

    if best is None:
        return []
    why = doubt(matrix.verdicts[matrix.targets[0]])
    place = next(place for place, row in enumerate(rows) if row.name == best)
    style = {**_POINT, "marker": "*", "markersize": 15, "markeredgecolor": INK, "markeredgewidth": 0.8}
    style |= {"markerfacecolor": "white"} if why else {}
    axes.plot(rows[place].value, place, **style)
    return [(Line2D([], [], **{**style, "markersize": 10}), star_meaning(why))]


def _frame(axes: Axes, rows: list[_Row]) -> None:
    """An axis with 0 in it, so that values which hardly differ stand close together."""
    bare(axes, "x")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    names = [drawable(row.name, _NAME_LENGTH) for row in rows]
    axes.set_yticks(range(len(rows)), names, parse_math=False, fontsize=8.5)
    ends = np.array([[row.value, row.low, row.high, row.floor] for row in rows] or [[0.0]])
    known = [0.0, *ends[np.isfinite(ends)].tolist()]
    low, high = min(known), max(known)
    room = 0.04 * (high - low) or 0.5
    axes.set_xlim(low - room, high + room)
    if all(math.isnan(row.value) for row in rows):
        axes.set_xticks([])
    axes.axvline(0, color=PALE_INK, linewidth=0.8, zorder=0.5)


def _texts(axes: Axes, rows: list[_Row]) -> None:
    """The values to the right of the line; in the row of a failed pair, why."""
    form = equal_decimals(row.value for row in rows)
    style: dict[str, Any] = {"va": "center_baseline", "fontsize": 8.5, "parse_math": False, "annotation_clip": False}
    for place, row in enumerate(rows):
        where = (axes.get_yaxis_transform(), "offset points")
        if math.isfinite(row.value):
            axes.annotate(format(row.value, form), (1, place), (10, 0), *where, **style)
        else:
            reason = f"failed: {row.note}" if row.note else "failed"
            axes.annotate(drawable(reason, 70), (0, place), (6, 0), *where, **style, color=PALE_INK)
