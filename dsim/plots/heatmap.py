"""The picture of a similarity matrix: sources in rows, targets in columns, dark where they are similar."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.measures import SimilarityMatrix
from dsim.plots.frames import equal_decimals
from dsim.plots.marks import Mark, best_sources, explain, failures, self_pairs
from dsim.plots.style import PALE_INK, check_suffix, drawable, ink_on, pictures, save, unframed
from dsim.registry import Direction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAME_LENGTH = 32
#: Cells narrower than this, in inches, hold no number.
_ROOM_FOR_NUMBERS = 0.4


def draw_heatmap(
    matrix: SimilarityMatrix, path: Path | None = None, title: str | None = None, note: str = "", legend: str = ""
) -> Figure:
    """Draw a matrix as coloured cells, perceptually uniform: the darker, the more similar.

    A star marks the best source of each target: filled, or hollow without a clear winner. A dataset against
    itself is framed and does not stretch the colours. Failed cells are hatched, with their reasons below.

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
    title = title or f"{matrix.measure}: {matrix.direction} of sources to targets"
    cell = _cell_inches(matrix)
    with pictures():
        figure, axes = _canvas(matrix, cell, title)
        mesh = _cells(axes, matrix)
        _colour_bar(figure, axes, mesh, matrix, legend)
        _name_axes(axes, matrix, cell)
        if cell >= _ROOM_FOR_NUMBERS:
            _numbers(axes, matrix, mesh, cell)
        marks = [*_stars(axes, matrix, mesh, cell), *self_pairs(axes, matrix.same), *failures(axes, _reasons(matrix))]
        explain(figure, axes, marks, note)
        return save(figure, path, title)


def _reasons(matrix: SimilarityMatrix) -> dict[tuple[int, int], str]:
    return {(int(row), int(column)): matrix.notes[row][column] for row, column in np.argwhere(np.isnan(matrix.values))}


def _cell_inches(matrix: SimilarityMatrix) -> float:
    return float(np.clip(9 / max(len(matrix.sources), len(matrix.targets)), 0.24, 0.75))


def _canvas(matrix: SimilarityMatrix, cell: float, title: str) -> tuple[Figure, Axes]:
    """A figure that the cells fill exactly; names and legends stand outside, and the file is cut to what is drawn."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(cell * len(matrix.targets), cell * len(matrix.sources)))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_title(drawable(title, 90), loc="left", pad=12, fontweight="bold", parse_math=False)
    return figure, axes


def _cells(axes: Axes, matrix: SimilarityMatrix) -> Any:
    low, high = _limits(matrix)
    colours = "viridis" if matrix.direction is Direction.DISTANCE else "viridis_r"
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(matrix.values), cmap=colours, vmin=low, vmax=high, edgecolors="white", linewidth=0.8
    )
    axes.invert_yaxis()
    unframed(axes)
    return mesh


def _limits(matrix: SimilarityMatrix) -> tuple[float, float]:
    """The range of colours: of all pairs of two datasets, else of what there is."""
    finite = np.isfinite(matrix.values)
    shown = matrix.values[finite & ~matrix.same]
    if not len(shown):
        shown = matrix.values[finite]
    if not len(shown):
        return 0.0, 1.0
    low, high = float(shown.min()), float(shown.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _colour_bar(figure: Figure, axes: Axes, mesh: Any, matrix: SimilarityMatrix, legend: str) -> None:
    """To the right of the cells, at their top: as high as they are, within 1.6 to 4 inches."""
    width, height = figure.get_size_inches()
    length = float(np.clip(height, 1.6, 4)) / height
    place = axes.inset_axes((1 + 0.2 / width, 1 - length, 0.17 / width, length))
    bar = figure.colorbar(mesh, cax=place)
    unit = f", {matrix.unit}" if matrix.unit else ""
    similar = "small" if matrix.direction is Direction.DISTANCE else "large"
    bar.set_label(legend or f"{matrix.direction}{unit} ({similar} is similar)")
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)
    if matrix.direction is Direction.DISTANCE:
        bar.ax.invert_yaxis()


def _name_axes(axes: Axes, matrix: SimilarityMatrix, cell: float) -> None:
    size = 8.5 if cell >= 0.3 else 7
    labels = [drawable(name, _NAME_LENGTH) for name in matrix.targets]
    axes.set_xticks(np.arange(len(labels)) + 0.5, labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(np.arange(len(matrix.sources)) + 0.5, [drawable(name, _NAME_LENGTH) for name in matrix.sources])
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set(parse_math=False, fontsize=size)
    axes.tick_params(length=0)
    axes.set_xlabel("target", color=PALE_INK)
    axes.set_ylabel("source", color=PALE_INK)


def _numbers(axes: Axes, matrix: SimilarityMatrix, mesh: Any, cell: float) -> None:
    form = equal_decimals(matrix.values.ravel().tolist())
    for (row, column), value in np.ndenumerate(matrix.values):
        if math.isfinite(value):
            text = format(value, form)
            size = min(9.0, 72 * cell * 0.86 / (0.62 * max(len(text), 4)))
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size, color=_ink(mesh, value))


def _ink(mesh: Any, value: float) -> str:
    """White on dark cells, dark on pale ones."""
    return ink_on(mesh.cmap(mesh.norm(value)))


def _stars(axes: Axes, matrix: SimilarityMatrix, mesh: Any, cell: float) -> list[Mark]:
    """In the corner of a cell that holds a number, else in its middle."""
    place = (0.84, 0.17) if cell >= _ROOM_FOR_NUMBERS else (0.5, 0.5)
    return best_sources(axes, matrix, lambda value: _ink(mesh, value), place, size=min(8.0, 72 * cell * 0.42))
