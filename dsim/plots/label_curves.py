"""The picture of label efficiency: accuracy by the number of labelled images, each extractor a line, with forecasts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UsageError
from dsim.plots.figure_parts import bare, foot, head, key, point_looks
from dsim.plots.style import INK, PALE_INK, Look, check_suffix, drawable, pictures, save
from dsim.stats.power_law import PowerLaw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

_NAME_LENGTH = 34
#: More lines in a panel, and the intervals of their forecasts would hide each other.
_FEW_LINES = 3
#: How far lines stand apart, so that their bars are not on top of each other: a factor on the axis of counts.
_APART = 1.045
#: Inches of a panel, and of the key beside them.
_PANEL, _KEY = (4.0, 3.1), 2.9
_CHANCE: dict[str, Any] = {"color": PALE_INK, "linewidth": 1.0, "linestyle": (0, (1, 2))}
_BAND: dict[str, Any] = {"alpha": 0.13, "linewidth": 0, "zorder": 2}
_FORECAST: dict[str, Any] = {"linewidth": 1.4, "linestyle": (0, (4, 2.5))}


@dataclass(frozen=True)
class LabelCurve:
    """One line: the accuracies of an extractor, or of a baseline, in one panel.

    Parameters
    ----------
    name : of the extractor; a name has the same colour in all panels. ``panel`` : of what it is, as
        ``cells, svm``. ``counts`` : (m,) labelled images per class.
    accuracies : (r, m) of r draws, in [0, 1]; NaN where there is none.
    low, high : (m,), interval of the mean over test groups; None where it is not known.
    law : the fitted power law, drawn beyond the largest count; None for no forecast.
    baseline : drawn with hollow marks and a thin line.
    """

    name: str
    panel: str
    counts: Sequence[int]
    accuracies: Array = field(repr=False)
    low: Array | None = field(default=None, repr=False)
    high: Array | None = field(default=None, repr=False)
    law: PowerLaw | None = field(default=None, repr=False)
    baseline: bool = False


def draw_label_curves(
    curves: Sequence[LabelCurve],
    path: Path | None = None,
    *,
    title: str = "Accuracy by labelled images per class",
    note: str = "",
    chance: Mapping[str, float] | None = None,
    levels: Mapping[str, Mapping[str, float]] | None = None,
    until: float | None = None,
    units: str = "test groups",
    size: tuple[float, float] = _PANEL,
) -> Figure:
    """Draw accuracy against labelled images per class on a logarithmic axis, like Fig. 2 of Nielsen et al.

    Bands are the mean plus and minus one standard deviation over draws, bars the interval of the mean over test groups;
    dashed lines are forecasts beyond the labels at hand, with their intervals where a panel has up to three lines.

    Parameters
    ----------
    curves : those of one ``panel`` share axes; panels come in the order of their first curve.
    path : a name in .png or .svg, written atomically; None writes no file. ``note`` : a line below the picture.
    chance : by panel the accuracy of guessing. ``levels`` : by panel other levels to beat, by their names.
    until : how far forecasts are drawn; default: four times the largest count.
    units : what the bars resample. ``size`` : inches of a panel.

    Raises
    ------
    UsageError : no curve, another suffix.

    References
    ----------
    Nielsen et al. 2023, Self-supervision for medical image classification, Fig. 2.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    if not curves:
        raise UsageError("there is no curve to draw", hint="give curves=[...], of one extractor or more")
    panels = list(dict.fromkeys(curve.panel for curve in curves))
    names = list(dict.fromkeys(curve.name for curve in curves))
    looks = dict(zip(names, point_looks(len(names)), strict=True))
    wide = min(len(panels), 3)
    high = math.ceil(len(panels) / wide)
    with pictures():
        figure = Figure(figsize=(size[0] * wide + _KEY, size[1] * high + 0.7), layout="constrained")
        grid = figure.subplots(high, wide, sharey=True, squeeze=False).ravel()
        for axes, panel in zip(grid, panels, strict=False):
            mine = [curve for curve in curves if curve.panel == panel]
            _panel(axes, mine, looks, until)
            _levels(axes, (levels or {}).get(panel, {}), (chance or {}).get(panel))
            axes.set_title(drawable(panel, 40), loc="left", fontsize=9, fontweight="bold", parse_math=False)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        _frame(list(grid[: len(panels)]), wide)
        marks = [(name, _mark(looks[name], _is_baseline(curves, name))) for name in names]
        key(figure, "Extractors", [*marks, *_meanings(curves, chance, units)], _NAME_LENGTH, "center")
        head(figure, title, note)
        foot(figure, _explained(curves, units), int(13 * figure.get_figwidth()))
        return save(figure, path, title)


def _is_baseline(curves: Sequence[LabelCurve], name: str) -> bool:
    return all(curve.baseline for curve in curves if curve.name == name)


def _mark(look: Look, baseline: bool) -> dict[str, Any]:
    """A line with its marks, as matplotlib takes it."""
    mark: dict[str, Any] = {"color": look.colour, "marker": look.shape, "markersize": 4.5, "linewidth": 1.7}
    if baseline:
        return {**mark, "markerfacecolor": "white", "markeredgewidth": 1.2, "linewidth": 1.0}
    return {**mark, "markeredgecolor": "white", "markeredgewidth": 0.6}


def _panel(axes: Axes, curves: Sequence[LabelCurve], looks: Mapping[str, Look], until: float | None) -> None:
    bare(axes)
    axes.set_xscale("log")
    for place, curve in enumerate(curves):
        look = looks[curve.name]
        counts = np.asarray(curve.counts, dtype=np.float64) * _APART ** (place - (len(curves) - 1) / 2)
        mean, spread = _mean_and_spread(curve.accuracies)
        axes.fill_between(counts, mean - spread, mean + spread, color=look.colour, **_BAND)
        axes.plot(counts, mean, zorder=5, **_mark(look, curve.baseline))
        if curve.low is not None and curve.high is not None:
            _bars(axes, counts, curve.low, curve.high, look.colour)
        _forecast(axes, curve, look, until, len(curves) <= _FEW_LINES)
    ticks = sorted({count for curve in curves for count in curve.counts})
    axes.set_xticks(_apart(ticks), [f"{count:g}" for count in _apart(ticks)])
    axes.minorticks_off()


def _bars(axes: Axes, counts: Array, low: Array, high: Array, colour: str) -> None:
    """Intervals with caps, below the marks of the means."""
    axes.vlines(counts, low, high, color=colour, linewidth=1.2, zorder=4)
    for edge in (low, high):
        axes.plot(counts, edge, color=colour, marker="_", markersize=4, linestyle="none", zorder=4)


def _mean_and_spread(accuracies: Array) -> tuple[Array, Array]:
    """Mean over draws and standard deviation, (m,) each; 0 of a single draw, NaN without any."""
    known = ~np.isnan(accuracies)
    draws = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, accuracies, 0.0).sum(axis=0) / draws
        squares = np.where(known, (accuracies - mean) ** 2, 0.0).sum(axis=0)
    spread: Array = np.sqrt(squares / np.maximum(draws - 1, 1))
    return mean, spread


def _forecast(axes: Axes, curve: LabelCurve, look: Look, until: float | None, bounds: bool) -> None:
    """The law beyond the largest count, from the law itself: what it misses of the last mean is seen."""
    if curve.law is None or math.isnan(curve.law.plateau):
        return
    last = float(max(curve.counts))
    end = until or 4 * last
    if end <= last:
        return
    at = np.geomspace(last, end, 41)
    value, low, high = curve.law.line(at)
    axes.plot(at, value, color=look.colour, zorder=3, **_FORECAST)
    if bounds:
        for edge in (low, high):
            axes.plot(at, edge, color=look.colour, linewidth=0.7, linestyle=(0, (1, 2)), zorder=3)


def _apart(ticks: Sequence[int]) -> list[int]:
    """The counts that have room for their numbers: none nearer than a fifth of the axis' tenfold to the one before.

    >>> _apart([1, 5, 6, 10, 25])
    [1, 5, 10, 25]
    """
    shown: list[int] = []
    for tick in ticks:
        if not shown or math.log10(tick / shown[-1]) > 0.2:
            shown.append(tick)
    return shown


def _levels(axes: Axes, levels: Mapping[str, float], chance: float | None) -> None:
    """Horizontal lines with their names on them: what is to be beaten, and guessing."""
    if chance is not None:
        axes.axhline(chance, zorder=1, **_CHANCE)
    where = (axes.get_yaxis_transform(), "offset points")
    for name, value in levels.items():
        axes.axhline(value, color=INK, linewidth=0.9, zorder=1)
        text = f"{drawable(name, 30)} {value:.2f}"
        style: dict[str, Any] = {"ha": "left", "va": "bottom", "fontsize": 7, "color": PALE_INK, "parse_math": False}
        axes.annotate(text, (0, value), (3, 1.5), *where, **style)


def _frame(panels: Sequence[Axes], wide: int) -> None:
    """Names of the axes; accuracy is within [0, 1]."""
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(max(low, 0.0), min(high, 1.0))
    for place, axes in enumerate(panels):
        if place % wide == 0:
            axes.set_ylabel("balanced accuracy", fontsize=8.5)
        if place >= len(panels) - wide:
            axes.set_xlabel("labelled images per class", fontsize=8.5)


def _meanings(
    curves: Sequence[LabelCurve], chance: Mapping[str, float] | None, units: str
) -> list[tuple[str, dict[str, Any]]]:
    """What else is drawn, as entries of the key."""
    marks: list[tuple[str, dict[str, Any]]] = []
    if any(len(curve.accuracies) > 1 for curve in curves):
        marks.append(("± 1 sd over draws", {"color": PALE_INK, "linewidth": 8, "alpha": 0.3}))
    if any(curve.low is not None for curve in curves):
        bar = {"color": PALE_INK, "marker": "|", "markersize": 11, "markeredgewidth": 1.5, "linestyle": "none"}
        marks.append((f"95 % over {units}", bar))
    if any(curve.law is not None for curve in curves):
        marks.append(("forecast", {"color": PALE_INK, **_FORECAST}))
    if chance:
        marks.append(("chance", _CHANCE))
    return marks


def _explained(curves: Sequence[LabelCurve], units: str) -> list[str]:
    """What the marks say, in sentences."""
    notes = []
    if any(len(curve.accuracies) > 1 for curve in curves):
        notes.append("Band: how lucky one may be with the images that are labelled.")
    if any(curve.low is not None for curve in curves):
        notes.append(f"Bar: how far the mean may move on other {units}.")
    if any(curve.law is not None for curve in curves):
        dotted = any(curve.law is not None and _lines(curves, curve.panel) <= _FEW_LINES for curve in curves)
        bounds = "; dotted: its 95 % interval" if dotted else ""
        notes.append(f"Dashed: the power law beyond the labels at hand{bounds}.")
    return [" ".join(notes)] if notes else []


def _lines(curves: Sequence[LabelCurve], panel: str) -> int:
    return sum(curve.panel == panel for curve in curves)
