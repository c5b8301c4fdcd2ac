"""The picture of several measures beside each other: whom each ranks first, and how alike they rank."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.plots.figure_parts import number
from dsim.plots.style import INK, PALE_INK, check_suffix, drawable, ink_on, pictures, save, unframed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    from dsim.comparison import Agreement

_NAME_LENGTH = 36
#: In inches.
_CELL_HIGH, _CELL_WIDE, _WIDEST, _SQUARE, _GAP = 0.3, 1.15, 2.4, 0.42, 0.85
#: All measures, most of them (of those that rank a source first), fewer.
_SHADES = {"all": "#0072B2", "most": "#9CC9E3", "few": "#F1F1F1"}
_SMALL: dict[str, Any] = {"color": PALE_INK, "fontsize": 8}


def draw_agreement(found: Agreement, path: Path | None, note: str = "") -> Figure:
    """Draw the nearest source of each target by each measure, and Kendall's tau between the measures' rankings.

    Parameters
    ----------
    found : of m measures; tau is drawn as a table (m, m).
    path : a name in .png or .svg, written atomically; None writes no file. ``note`` : a line below the picture.

    Raises
    ------
    UsageError : another suffix.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    count = len(found.measures)
    # Few targets have wide cells, as far as the table below reaches: names of sources need room.
    column = min(max(_CELL_WIDE, _SQUARE * count / len(found.targets)), _WIDEST)
    wide = max(column * len(found.targets), _SQUARE * count)
    high = (_CELL_HIGH * count, _SQUARE * count)
    total = sum(high) + _GAP
    title = f"{count} measures: where they agree"
    with pictures():
        figure = Figure(figsize=(wide, total))
        upper = figure.add_axes((0, 1 - high[0] / total, column * len(found.targets) / wide, high[0] / total))
        lower = figure.add_axes((0, 0, _SQUARE * count / wide, high[1] / total))
        _nearest(upper, found, int(12 * column))
        _taus(lower, found)
        if note:
            below = -16 - 5 * max(len(drawable(name, _NAME_LENGTH)) for name in found.measures)
            lower.annotate(drawable(note), (0, 0), (0, below), "axes fraction", "offset points", **_SMALL)
        return save(figure, path, title)


def _nearest(axes: Axes, found: Agreement, letters: int) -> None:
    """One row per measure, one column per target, with the name of the source that the measure ranks first."""
    axes.set_title("nearest source of each target", loc="left", pad=46, fontweight="bold")
    for column, target in enumerate(found.targets):
        votes, nearest = found.votes(target), found.nearest(target)
        for row, measure in enumerate(found.measures):
            source = nearest[measure]
            shade = _shade(votes.get(source or "", 0), len(found.measures))
            axes.add_patch(_rectangle(column, row, shade))
            text = drawable(source, letters) if source else "none"
            ink = "white" if shade == _SHADES["all"] else INK if source else PALE_INK
            axes.text(
                column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7.5, color=ink, parse_math=False
            )
    _name(axes, found.measures, "y")
    _name(axes, found.targets, "x")
    axes.set(xlim=(0, len(found.targets)), ylim=(len(found.measures), 0))
    key = "dark: every measure ranks it first; pale: most do; grey: fewer do"
    axes.annotate(key, (0, 0), (0, -12), "axes fraction", "offset points", **_SMALL)


def _shade(votes: int, measures: int) -> str:
    if votes == measures:
        return _SHADES["all"]
    return _SHADES["most"] if votes > measures / 2 else _SHADES["few"]


def _rectangle(column: int, row: int, colour: str) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="white", linewidth=0.8)


def _taus(axes: Axes, found: Agreement) -> None:
    axes.set_title("Kendall's tau of rankings, mean over targets", loc="left", pad=10, fontweight="bold")
    taus = found.kendall
    mesh = axes.pcolormesh(np.ma.masked_invalid(taus), cmap="RdBu", vmin=-1, vmax=1, edgecolors="white", linewidth=0.8)
    axes.invert_yaxis()
    for (row, column), value in np.ndenumerate(taus):
        if math.isfinite(value):
            ink = ink_on(mesh.cmap(float(value + 1) / 2))
            axes.text(column + 0.5, row + 0.5, number(value), ha="center", va="center", fontsize=7, color=ink)
    _name(axes, found.measures, "y")
    labels = [drawable(name, _NAME_LENGTH) for name in found.measures]
    axes.set_xticks(np.arange(len(labels)) + 0.5, labels, rotation=90, fontsize=8, parse_math=False)


def _name(axes: Axes, names: tuple[str, ...], side: str) -> None:
    labels = [drawable(name, _NAME_LENGTH) for name in names]
    places = np.arange(len(labels)) + 0.5
    if side == "x":
        axes.xaxis.tick_top()
        axes.set_xticks(places, labels, rotation=20, ha="left", rotation_mode="anchor")
    else:
        axes.set_yticks(places, labels)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set(parse_math=False, fontsize=8)
    axes.tick_params(length=0)
    unframed(axes)
