"""Violins of scores of repeated experiments, side by side within groups, with a baseline across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UsageError
from dsim.plots.figure_parts import bare, foot, head, key
from dsim.plots.style import COLOURS, INK, PALE_INK, check_suffix, drawable, pictures, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches of a group, of a panel's height, and of the key beside them.
_GROUP, _HIGH, _KEY = 1.25, 2.9, 2.3
#: Part of a group's width that its violins share.
_FILLED = 0.84
#: Values that a violin needs: fewer are dots alone.
FEWEST = 4
_NAME_LENGTH = 40


@dataclass(frozen=True)
class ViolinPanel:
    """One pair of axes: groups side by side, in each of them a violin for every series.

    Parameters
    ----------
    title, quantity : above the panel, and beside its axis. values : by group, then by series, the values (n,) of
        single experiments; NaN is left out. baseline : mean and deviation of a method that is drawn across, or None.
    """

    title: str
    quantity: str
    values: Mapping[str, Mapping[str, Sequence[float]]] = field(repr=False)
    baseline: tuple[float, float] | None = None


def draw_violins(
    panels: Sequence[ViolinPanel],
    path: Path | None = None,
    *,
    title: str,
    note: str = "",
    baseline: str = "baseline",
    columns: int = 2,
) -> Figure:
    """Draw the density of each series within each group, its median and quartiles, and every single value.

    The density is a Gaussian kernel estimate, cut to the range of the values; below ``FEWEST`` values there are dots
    alone, since a density of so few says nothing.

    Parameters
    ----------
    panels : in rows of ``columns``; a series has the same colour in all of them.
    path : a name in .png or .svg, written atomically; None writes no file. note : a line below the picture.
    baseline : what the line across stands for.

    Raises
    ------
    UsageError : no panel, another suffix.

    References
    ----------
    Hintze and Nelson 1998, doi:10.1080/00031305.1998.10480559.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    if not panels:
        raise UsageError(f"there is no panel to draw under the title {title!r}", hint="give one panel at least")
    series = list(dict.fromkeys(name for panel in panels for group in panel.values.values() for name in group))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(series)}
    groups = max(len(panel.values) for panel in panels)
    wide = min(columns, len(panels))
    high = -(-len(panels) // wide)
    size = (wide * (0.8 + groups * max(_GROUP, 0.28 * len(series))) + _KEY, high * _HIGH + 0.9)
    with pictures():
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(high, wide, squeeze=False).ravel()
        for axes, panel in zip(grid, panels, strict=False):
            _draw_panel(axes, panel, series, colours)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        marks: list[tuple[str, dict[str, Any]]] = [
            (name, {"color": colours[name], "marker": "o", "linestyle": "none"}) for name in series
        ]
        if any(panel.baseline for panel in panels):
            marks.append((f"{baseline}, and deviation", {"color": INK, "linestyle": (0, (4, 2))}))
        key(figure, "Series", marks, _NAME_LENGTH, "center")
        head(figure, title, note)
        foot(figure, ["dots: single values; bar: quartiles; stroke: median"], int(13 * size[0]))
        return save(figure, path, title)


def _draw_panel(axes: Axes, panel: ViolinPanel, series: Sequence[str], colours: Mapping[str, str]) -> None:
    bare(axes, "y")
    if panel.baseline is not None:
        mean, deviation = panel.baseline
        axes.axhline(mean, color=INK, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1)
        axes.axhspan(mean - deviation, mean + deviation, color=PALE_INK, alpha=0.12, linewidth=0, zorder=0)
    step = _FILLED / len(series)
    for place, group in enumerate(panel.values.values()):
        for number, name in enumerate(series):
            values = np.asarray(group.get(name, ()), dtype=np.float64)
            values = values[~np.isnan(values)]
            if len(values):
                centre = place + (number - (len(series) - 1) / 2) * step
                _draw_violin(axes, centre, step, values, colours[name])
    axes.set_xticks(range(len(panel.values)), [drawable(name, 24) for name in panel.values], parse_math=False)
    axes.set_xlim(-0.5, len(panel.values) - 0.5)
    axes.set_ylabel(drawable(panel.quantity, 40), fontsize=8)
    axes.set_title(drawable(panel.title, 40), loc="left", fontsize=9, fontweight="bold", parse_math=False)


def _draw_violin(axes: Axes, centre: float, width: float, values: NDArray[np.float64], colour: str) -> None:
    if len(values) >= FEWEST and np.ptp(values) > 0:
        drawn: Any = axes.violinplot([values], [centre], widths=0.9 * width, showextrema=False)
        for body in drawn["bodies"]:
            body.set(facecolor=colour, edgecolor=colour, alpha=0.3, linewidth=0.8)
        low, high = np.quantile(values, [0.25, 0.75])
        axes.vlines(centre, low, high, color=colour, linewidth=3, zorder=3)
    half = 0.28 * width
    axes.hlines(float(np.median(values)), centre - half, centre + half, color=colour, linewidth=1.6, zorder=4)
    apart = np.linspace(-0.1, 0.1, len(values)) * width if len(values) > 1 else np.zeros(1)
    axes.scatter(centre + apart, values, s=9, color=colour, edgecolors="white", linewidths=0.4, zorder=5)
