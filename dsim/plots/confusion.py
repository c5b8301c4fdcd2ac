"""The picture of a confusion matrix: what each class is taken for, with the frequencies of the classes beside it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UsageError
from dsim.plots.marks import Cell
from dsim.plots.style import INK, PALE_INK, check_suffix, drawable, ink_on, pictures, save, unframed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

_NAME_LENGTH = 30
#: Inches of a cell that holds a mean and its spread, and of one that holds a number.
_ROOM_FOR_SPREAD, _ROOM_FOR_NUMBER = 0.42, 0.24
#: Shares that round to 0.00 are left out: what is confused is to be seen.
_LEAST = 0.005


def draw_confusion(
    mean: Array,
    classes: Sequence[str],
    path: Path | None = None,
    *,
    spread: Array | None = None,
    frequencies: Sequence[int] | None = None,
    title: str = "Confusion matrix",
    note: str = "",
) -> Figure:
    """Draw a confusion matrix by rows: the share of each true class that is predicted as each class.

    The darker, the larger, from 0 to 1; the diagonal is framed. Numbers are means, with the standard deviation over
    draws below them where the cells have room; shares below 0.005 are not written. Bars to the right are the test
    images of each class, on a logarithmic axis. A class without test images is an empty row.

    Parameters
    ----------
    mean : (c, c), true classes in rows, of sum 1 or NaN. classes : c names. spread : (c, c), or None.
    frequencies : test images of each class. path : a name in .png or .svg; None writes no file.
    note : below the picture.

    Raises
    ------
    UsageError : a matrix that is not of these classes, another suffix.

    References
    ----------
    Nielsen et al. 2023, Self-supervision for medical image classification, Fig. 3.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    count = len(classes)
    if mean.shape != (count, count) or (spread is not None and spread.shape != mean.shape) or not count:
        raise UsageError(
            f"a confusion matrix of {count} classes must be {count} x {count}, got {mean.shape}",
            hint="give a row and a column for each class",
        )
    if frequencies is not None and len(frequencies) != count:
        raise UsageError(f"{count} classes have {len(frequencies)} frequencies", hint="give one for each class")
    cell = Cell.fit(mean.shape, 10, 0.62, 0.5)
    with pictures():
        figure = Figure(figsize=(cell.width * count, cell.height * count))
        axes = figure.add_axes((0, 0, 1, 1))
        mesh = axes.pcolormesh(
            np.ma.masked_invalid(mean), cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.6
        )
        axes.invert_yaxis()
        unframed(axes)
        _diagonal(axes, mean)
        _numbers(axes, mean, spread, mesh, cell)
        _names(axes, classes, cell)
        bars = _frequencies(figure, axes, frequencies, cell) if frequencies is not None else axes
        heading = axes.set_title(drawable(title, 90), loc="left", pad=10, fontweight="bold", fontsize=11)
        heading.set_parse_math(False)
        _below(figure, axes, bars, [_explained(mean, spread, cell), note])
        return save(figure, path, title)


def _diagonal(axes: Axes, mean: Array) -> None:
    from matplotlib.patches import Rectangle

    for place, value in enumerate(np.diag(mean)):
        if math.isfinite(value):
            corner = (place + 0.03, place + 0.03)
            axes.add_patch(Rectangle(corner, 0.94, 0.94, fill=False, edgecolor=INK, linewidth=0.8))


def _numbers(axes: Axes, mean: Array, spread: Array | None, mesh: Any, cell: Cell) -> None:
    """The mean of each cell, without the 0 before the point; its spread below where there is room."""
    if cell.width < _ROOM_FOR_NUMBER:
        return
    size = min(9.0, 72 * cell.width / 3.2, 72 * cell.height / 2.2)
    both = _has_spread(spread, cell)
    for (row, column), value in np.ndenumerate(mean):
        if not value >= _LEAST:
            continue
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": ink_on(mesh.cmap(mesh.norm(value)))}
        axes.text(column + 0.5, row + (0.36 if both else 0.5), _short(value), fontsize=size, **style)
        if both and spread is not None:
            axes.text(column + 0.5, row + 0.74, f"±{_short(float(spread[row, column]))}", fontsize=size * 0.72, **style)


def _has_spread(spread: Array | None, cell: Cell) -> bool:
    return spread is not None and min(cell.width, cell.height) >= _ROOM_FOR_SPREAD


def _short(value: float) -> str:
    """A share in two digits.

    >>> _short(0.714), _short(0.999), _short(0.001)
    ('.71', '1.0', '.00')
    """
    text = f"{value:.2f}"
    return "1.0" if text == "1.00" else text.removeprefix("0")


def _names(axes: Axes, classes: Sequence[str], cell: Cell) -> None:
    names = [drawable(name, _NAME_LENGTH) for name in classes]
    places = np.arange(len(names)) + 0.5
    size = 8.5 if cell.height >= 0.4 else 7.5
    aslant: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(places, names, fontsize=size, parse_math=False, **aslant)
    axes.set_yticks(places, names, fontsize=size, parse_math=False)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted class", color=PALE_INK)
    axes.set_ylabel("true class", color=PALE_INK)


def _frequencies(figure: Figure, axes: Axes, frequencies: Sequence[int], cell: Cell) -> Axes:
    """Bars to the right of the rows, as long as the logarithm of the number, which stands behind them."""
    wide = figure.get_size_inches()[0]
    bars = axes.inset_axes((1 + 0.15 / wide, 0, 1.0 / wide, 1))
    places = np.arange(len(frequencies)) + 0.5
    lengths = np.log10(np.maximum(np.asarray(frequencies, dtype=np.float64), 1)) + 0.15
    bars.barh(places, lengths, height=0.62, color="#9DB7CC")
    bars.set(ylim=axes.get_ylim(), xlim=(0, float(lengths.max()) * 1.02), xticks=[], yticks=[])
    unframed(bars)
    size = 7.5 if cell.height >= 0.3 else 6.5
    for place, length, number in zip(places, lengths, frequencies, strict=True):
        where: tuple[Any, Any] = ("data", "offset points")
        bars.annotate(f"{number}", (length, place), (3, 0), *where, va="center", fontsize=size, color=INK)
    bars.set_xlabel("test images,\nlog axis", loc="left", fontsize=7.5, color=PALE_INK)
    return bars


def _explained(mean: Array, spread: Array | None, cell: Cell) -> str:
    sure = " ± its standard deviation over draws" if _has_spread(spread, cell) else ", mean over draws"
    empty = " Empty rows have no test image." if np.isnan(mean).all(axis=1).any() else ""
    return f"Share of each true class{sure}; below 0.005 not written.{empty}"


def _below(figure: Figure, axes: Axes, bars: Axes, notes: Sequence[str]) -> None:
    """Notes below the names of the columns, from the left edge of what is drawn to the right one."""
    box, edge = axes.get_tightbbox(), bars.get_tightbbox()
    assert box is not None, "visible axes have an extent"
    assert edge is not None, "visible axes have an extent"
    to_figure = figure.transFigure.inverted()
    box, edge = box.transformed(to_figure), edge.transformed(to_figure)
    wide, high = figure.get_size_inches()
    letters = max(60, int(15 * (max(edge.x1, box.x1) - box.x0) * wide))
    lines = [line for note in notes for line in textwrap.wrap(drawable(note, 600), letters)]
    style: dict[str, Any] = {"va": "top", "fontsize": 7.5, "color": PALE_INK, "linespacing": 1.4, "parse_math": False}
    figure.text(box.x0, box.y0 - 0.1 / high, "\n".join(lines), **style)
