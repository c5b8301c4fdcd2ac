"""The picture of a similarity matrix: sources in rows, targets in columns, dark where they are similar."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.measures import SimilarityMatrix
from dsim.plots.figure_parts import equal_decimals
from dsim.plots.line_of_values import draw_points, floor_of, quantity_of
from dsim.plots.marks import Cell, Mark, best_sources, explain, failures, self_pairs
from dsim.plots.style import INK, PALE_INK, check_suffix, drawable, ink_on, pictures, save, unframed
from dsim.registry import Direction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAME_LENGTH = 32
#: Cells narrower than this, in inches, hold no number.
_ROOM_FOR_NUMBERS = 0.4
#: Values whose range is this share of the largest, or less, hardly differ in colour.
_ALIKE = 0.1


def draw_heatmap(
    matrix: SimilarityMatrix, path: Path | None = None, title: str | None = None, note: str = "", legend: str = ""
) -> Figure:
    """Draw a matrix as coloured cells, perceptually uniform: the darker, the more similar.

    The colours include 0, so that values which hardly differ look alike; lines on the colour bar are the noise floors
    of the targets. A star marks the best source of each target: filled, or hollow without a clear winner or where it
    does not resemble the target. A dataset against itself is framed and does not stretch the colours. Failed cells are
    hatched, with their reasons below.
    A single target, or a single source, has no table: its values are drawn as points on a line, in their order.

    Parameters
    ----------
    matrix : its values are (sources, targets).
    path : a name in .png or .svg, written atomically; None writes no file.
    title : default: the measure and its direction. ``note`` : a line below the picture. ``legend`` : what the colours
        mean; default: the direction and the unit.

    Raises
    ------
    UsageError : another suffix.
    """
    check_suffix(path)
    if min(matrix.values.shape) == 1:
        return draw_points(matrix, path, title, note, legend)
    title = title or f"{matrix.measure}: {matrix.direction} of sources to targets"
    # Wider than high: a number is.
    cell = Cell.fit(matrix.values.shape, 9, 0.75, 0.5)
    with pictures():
        figure, axes = _canvas(matrix, cell, title)
        mesh = _cells(axes, matrix)
        floors = _colour_bar(figure, axes, mesh, matrix, legend)
        _name_axes(axes, matrix, cell)
        if cell.width >= _ROOM_FOR_NUMBERS:
            _numbers(axes, matrix, mesh, cell)
        marks = [*_stars(axes, matrix, mesh, cell), *self_pairs(axes, matrix.same), *failures(axes, _reasons(matrix))]
        explain(figure, axes, [*marks, *floors, *_how_alike(matrix)], note)
        return save(figure, path, title)


def _reasons(matrix: SimilarityMatrix) -> dict[tuple[int, int], str]:
    return {(int(row), int(column)): matrix.notes[row][column] for row, column in np.argwhere(np.isnan(matrix.values))}


def _canvas(matrix: SimilarityMatrix, cell: Cell, title: str) -> tuple[Figure, Axes]:
    """A figure that the cells fill exactly; names and legends stand outside, and the file is cut to what is drawn."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(cell.width * len(matrix.targets), cell.height * len(matrix.sources)))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_title(drawable(title, 90), loc="left", pad=12, fontweight="bold", parse_math=False)
    return figure, axes


def _cells(axes: Axes, matrix: SimilarityMatrix) -> Any:
    low, high = range_of_colours(matrix)
    colours = "viridis" if matrix.direction is Direction.DISTANCE else "viridis_r"
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(matrix.values), cmap=colours, vmin=low, vmax=high, edgecolors="white", linewidth=0.8
    )
    axes.invert_yaxis()
    unframed(axes)
    return mesh


def _shown(matrix: SimilarityMatrix) -> NDArray[np.float64]:
    """The values (n,) of all pairs of two datasets, else what there is."""
    finite = np.isfinite(matrix.values)
    shown = matrix.values[finite & ~matrix.same]
    return shown if len(shown) else matrix.values[finite]


def range_of_colours(matrix: SimilarityMatrix) -> tuple[float, float]:
    """Return the smallest and the largest value of the colours, with 0 between them or one of them.

    Stretched over the values (sources, targets) alone, 2.72 would be dark and 2.83 bright. A dataset against itself
    does not count, unless there is nothing else.
    """
    shown = _shown(matrix)
    if not shown.any():
        return 0.0, 1.0
    return min(0.0, float(shown.min())), max(0.0, float(shown.max()))


def tell_narrow_range(matrix: SimilarityMatrix) -> str:
    """Return a remark where colours cannot show the differences of the values (sources, targets); "" where they can."""
    shown = _shown(matrix)
    largest = float(np.abs(shown).max(initial=0))
    if len(shown) < 2 or not largest or np.ptp(shown) >= _ALIKE * largest:
        return ""
    return f"The values differ by {100 * float(np.ptp(shown)) / largest:.2g} % of the largest."


def _how_alike(matrix: SimilarityMatrix) -> list[Mark]:
    from matplotlib.lines import Line2D

    remark = tell_narrow_range(matrix)
    return [(Line2D([], [], linestyle="none"), remark)] if remark else []


def _colour_bar(figure: Figure, axes: Axes, mesh: Any, matrix: SimilarityMatrix, legend: str) -> list[Mark]:
    """To the right of the cells, at their top: as high as they are, within 1.6 to 4 inches; returns its own marks.

    What it shows stands below it in short lines: upright, a long text would run through the title.
    """
    width, height = figure.get_size_inches()
    length = float(np.clip(height, 1.6, 4)) / height
    place = axes.inset_axes((1 + 0.2 / width, 1 - length, 0.17 / width, length))
    bar = figure.colorbar(mesh, cax=place)
    text = textwrap.fill(drawable(legend or quantity_of(matrix), 120), 20)
    style: dict[str, Any] = {"va": "top", "fontsize": 8, "parse_math": False}
    place.annotate(text, (0, 0), (0, -12), "axes fraction", "offset points", **style)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)
    if matrix.direction is Direction.DISTANCE:
        bar.ax.invert_yaxis()
    return _floors(place, mesh, matrix)


def _floors(bar: Axes, mesh: Any, matrix: SimilarityMatrix) -> list[Mark]:
    """A line on the colour bar for the noise floor of each target, as far as the colours reach."""
    from matplotlib.lines import Line2D

    low, high = range_of_colours(matrix)
    known = [floor for target in matrix.targets if low <= (floor := floor_of(matrix, target)) <= high]
    for floor in known:
        bar.axhline(floor, color=_ink(mesh, floor), linewidth=1)
    line = Line2D([], [], color=INK, linewidth=1)
    return [(line, "noise floor of a target: two halves of it, on the colour bar")] if known else []


def _name_axes(axes: Axes, matrix: SimilarityMatrix, cell: Cell) -> None:
    labels = [drawable(name, _NAME_LENGTH) for name in matrix.targets]
    axes.set_xticks(np.arange(len(labels)) + 0.5, labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(np.arange(len(matrix.sources)) + 0.5, [drawable(name, _NAME_LENGTH) for name in matrix.sources])
    for ticks, room in ((axes.get_xticklabels(), cell.width), (axes.get_yticklabels(), cell.height)):
        for label in ticks:
            label.set(parse_math=False, fontsize=8.5 if room >= 0.3 else 7)
    axes.tick_params(length=0)
    axes.set_xlabel("target", color=PALE_INK)
    axes.set_ylabel("source", color=PALE_INK)


def _numbers(axes: Axes, matrix: SimilarityMatrix, mesh: Any, cell: Cell) -> None:
    form = equal_decimals(matrix.values.ravel().tolist())
    for (row, column), value in np.ndenumerate(matrix.values):
        if math.isfinite(value):
            text = format(value, form)
            size = min(9.0, 72 * cell.height * 0.5, 72 * cell.width * 0.86 / (0.62 * max(len(text), 4)))
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size, color=_ink(mesh, value))


def _ink(mesh: Any, value: float) -> str:
    """White on dark cells, dark on pale ones."""
    return ink_on(mesh.cmap(mesh.norm(value)))


def _stars(axes: Axes, matrix: SimilarityMatrix, mesh: Any, cell: Cell) -> list[Mark]:
    """In the corner of a cell that holds a number, else in its middle."""
    place = (0.87, 0.22) if cell.width >= _ROOM_FOR_NUMBERS else (0.5, 0.5)
    size = min(8.0, 72 * min(cell) * (0.3 if cell.width >= _ROOM_FOR_NUMBERS else 0.42))
    return best_sources(axes, matrix, lambda value: _ink(mesh, value), place, size=size)
