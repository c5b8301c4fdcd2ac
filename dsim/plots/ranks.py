"""The picture of ranks: how a measure orders the sources of each target, beside how well they really transferred."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.plots.figure_parts import best_pairs, decimals, number
from dsim.plots.marks import Cell, Mark, explain, failures, self_pairs
from dsim.plots.style import INK, PALE_INK, check_suffix, drawable, ink_on, pictures, save, unframed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dsim.evaluation import Evaluation

_NAME_LENGTH = 30
_COLOURS = "viridis"
#: In inches: cells that are smaller hold no rank; the space between the panels, and above the strips below them.
_ROOM_FOR_RANKS, _BETWEEN, _ABOVE_STRIP = 0.3, 0.8, 0.12


def draw_ranks(evaluation: Evaluation, path: Path | None = None, note: str = "") -> Figure:
    """Draw the ranks of all sources for each target, on the left by the measure, on the right by the truth.

    Dark is the first rank; tied sources share their mean rank. In both panels a star marks the best source of the
    target and a ring the nearest, so that the left one shows which rank the measure gives to the best source, and the
    right one how good its choice really was. The source that is best on average stands on top. Below are Spearman's
    correlation and the regret of each target. A dataset against itself is framed, pairs without a value are hatched.

    Parameters
    ----------
    evaluation : of distances and scores (sources, targets).
    path : a name in .png or .svg, written atomically; None writes no file. ``note`` : a line below the picture.

    Raises
    ------
    UsageError : another suffix.
    """
    check_suffix(path)
    title = f"{evaluation.measure}: ranks of the sources"
    near = _ranks(np.where(evaluation.counted, evaluation.distances, np.nan))
    good = _ranks(np.where(evaluation.candidates, -evaluation.scores, np.nan))
    order = _order(good)
    cell = Cell.fit(near.shape, 5.5, 0.5, 0.5)
    with pictures():
        figure, panels, strips = _canvas(evaluation, cell, title)
        marks: list[Mark] = []
        for axes, ranks in zip(panels, (near, good), strict=True):
            _cells(axes, ranks[order], cell)
            marks = _marks(axes, evaluation, ranks, order, cell)
        _strip(strips[0], "Spearman", evaluation.judgement.per_target["spearman"], 2, cell, "RdBu")
        _strip(strips[1], "regret", evaluation.judgement.per_target["regret"], decimals(evaluation), cell)
        _name(panels, strips, evaluation, order)
        explain(figure, strips[0], [*_ends(evaluation), *marks], note)
        return save(figure, path, title)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks (sources, targets) within each target, 1 for the smallest; ties share their mean rank, NaN has none."""
    from scipy.stats import rankdata

    ranks: NDArray[np.float64] = rankdata(values, axis=0, nan_policy="omit")
    return ranks


def _order(good: NDArray[np.float64]) -> list[int]:
    """Sources by their mean rank, those without any last."""
    known = ~np.isnan(good)
    mean = [float(ranks[some].mean()) if some.any() else math.inf for ranks, some in zip(good, known, strict=True)]
    return sorted(range(len(mean)), key=lambda row: (mean[row], row))


def _canvas(evaluation: Evaluation, cell: Cell, title: str) -> tuple[Figure, list[Axes], list[Axes]]:
    """Two panels side by side that the cells fill exactly, a strip of one row below each; names stand outside."""
    from matplotlib.figure import Figure

    wide, high = cell.width * len(evaluation.targets), cell.height * len(evaluation.sources)
    width, height = 2 * wide + _BETWEEN, high + _ABOVE_STRIP + cell.height
    figure = Figure(figsize=(width, height))
    lefts = (0, (wide + _BETWEEN) / width)
    panels = [figure.add_axes((left, 1 - high / height, wide / width, high / height)) for left in lefts]
    strips = [figure.add_axes((left, 0, wide / width, cell.height / height)) for left in lefts]
    heading: dict[str, Any] = {"fontsize": 12, "fontweight": "bold", "parse_math": False}
    panels[0].annotate(drawable(title, 90), (0, 1), (0, 28), "axes fraction", "offset points", **heading)
    return figure, panels, strips


def _cells(axes: Axes, ranks: NDArray[np.float64], cell: Cell) -> None:
    """Coloured cells, each with its rank where there is room."""
    sources = len(ranks)
    axes.pcolormesh(np.ma.masked_invalid(ranks), cmap=_COLOURS, vmin=1, vmax=sources, edgecolors="white", linewidth=0.8)
    axes.invert_yaxis()
    if cell.width < _ROOM_FOR_RANKS:
        return
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": min(8.0, 72 * cell.height * 0.45)}
    for (row, column), rank in np.ndenumerate(ranks):
        if math.isfinite(rank):
            ink = _ink((rank - 1) / max(sources - 1, 1), _COLOURS)
            axes.text(column + 0.5, row + 0.5, f"{rank:g}", color=ink, **style)


def _ink(share: float, colours: str) -> str:
    """White on dark cells, dark on pale ones, by how far along the colours they lie."""
    from matplotlib import colormaps

    return ink_on(colormaps[colours](float(share)))


def _marks(
    axes: Axes, evaluation: Evaluation, ranks: NDArray[np.float64], order: Sequence[int], cell: Cell
) -> list[Mark]:
    """Stars, rings, frames and hatches, and what they mean."""
    from matplotlib.lines import Line2D

    def ink(row: int, column: int) -> str:
        rank = ranks[order[row], column]
        return INK if math.isnan(rank) else _ink((rank - 1) / max(len(order) - 1, 1), _COLOURS)

    roomy, side = cell.width >= _ROOM_FOR_RANKS, 72 * min(cell)
    place = (0.86, 0.16) if roomy else (0.5, 0.5)
    for row, column in np.argwhere(best_pairs(evaluation)[order]):
        axes.plot(
            column + place[0], row + place[1], **_star(ink(row, column), max(4, side * (0.22 if roomy else 0.34)))
        )
    for row, column in np.argwhere(_nearest(evaluation)[order]):
        axes.plot(column + 0.5, row + 0.5, **_ring(ink(row, column), side * (0.66 if side > 25 else 0.9)))
    explained = [
        (Line2D([], [], **_star(INK, 7)), "the source that transferred best"),
        (Line2D([], [], **_ring(INK, 9)), "the source that the measure finds nearest"),
    ]
    unknown = _unknown(evaluation, order)
    judged = "" if evaluation.self_pairs == "include" else ", not judged"
    return [
        *explained,
        *self_pairs(axes, _same(evaluation)[order], f"a dataset against itself{judged}"),
        *failures(axes, unknown, lambda row, column: math.isnan(ranks[order[row], column])),
    ]


def _star(colour: str, size: float) -> dict[str, Any]:
    return {"marker": "*", "linestyle": "none", "markersize": size, "color": colour, "markeredgewidth": 0.5}


def _ring(colour: str, size: float) -> dict[str, Any]:
    shape = {"marker": "o", "linestyle": "none", "markersize": size}
    return {**shape, "markerfacecolor": "none", "markeredgecolor": colour, "markeredgewidth": 1.1}


def _nearest(evaluation: Evaluation) -> NDArray[np.bool_]:
    """bool (sources, targets), what the measure chose."""
    selected = evaluation.judgement.selected
    return np.array([[source in chosen for chosen in selected] for source in evaluation.sources])


def _same(evaluation: Evaluation) -> NDArray[np.bool_]:
    """bool (sources, targets): left out though nothing is unknown, or of one name."""
    same: NDArray[np.bool_] = np.array(evaluation.sources)[:, None] == np.array(evaluation.targets)
    if evaluation.self_pairs == "exclude":
        same = same | ~(evaluation.counted | evaluation.candidates | np.isnan(evaluation.scores))
    return same


def _unknown(evaluation: Evaluation, order: Sequence[int]) -> dict[tuple[int, int], str]:
    """Why a pair has no value, by place in the panel; that of the truth where both sides lack one."""
    rows = {evaluation.sources[row]: place for place, row in enumerate(order)}
    reasons = {}
    for source, target, side, reason in sorted(evaluation.unknown, key=lambda pair: pair[2]):
        lacking = "no distance" if side == "distance" else f"no {drawable(evaluation.score, _NAME_LENGTH)}"
        reasons[rows[source], evaluation.targets.index(target)] = f"{lacking}: {reason}"
    return reasons


def _strip(
    axes: Axes, name: str, values: NDArray[np.float64], decimals: int, cell: Cell, colours: str | None = None
) -> None:
    """One number for each target, in a coloured cell where colours are given, from -1 to 1."""
    axes.set(xlim=(0, len(values)), ylim=(0, 1))
    if colours:
        cells = np.ma.masked_invalid(values)[None]
        axes.pcolormesh(cells, cmap=colours, vmin=-1, vmax=1, edgecolors="white", linewidth=0.8)
    for column, value in enumerate(values):
        text, ink = "none", PALE_INK
        if math.isfinite(value):
            text, ink = number(value, decimals), _ink((value + 1) / 2, colours) if colours else INK
        size = min(8.0, 72 * cell.height * 0.45, 72 * cell.width * 0.9 / (0.6 * max(len(text), 4)))
        axes.text(column + 0.5, 0.5, text, ha="center", va="center", fontsize=size, color=ink)
    axes.set_yticks([0.5], [name], fontsize=8.5)


def _name(panels: Sequence[Axes], strips: Sequence[Axes], evaluation: Evaluation, order: Sequence[int]) -> None:
    titles = ("by distance", f"by {drawable(evaluation.score, _NAME_LENGTH)}")
    for axes, strip, title in zip(panels, strips, titles, strict=True):
        axes.set_title(title, loc="left", fontsize=9, fontweight="bold", parse_math=False)
        axes.set(xticks=[], yticks=[])
        places = np.arange(len(evaluation.targets)) + 0.5
        targets = [drawable(name, _NAME_LENGTH) for name in evaluation.targets]
        strip.set_xticks(places, targets, rotation=40, ha="right", rotation_mode="anchor", parse_math=False)
        for one in (axes, strip):
            one.tick_params(length=0, labelsize=8)
            unframed(one)
    sources = [drawable(evaluation.sources[row], _NAME_LENGTH) for row in order]
    panels[0].set_yticks(np.arange(len(order)) + 0.5, sources, parse_math=False)


def _ends(evaluation: Evaluation) -> list[Mark]:
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    colours, last = colormaps[_COLOURS], len(evaluation.sources)
    return [(Patch(color=colours(0.0)), "rank 1"), (Patch(color=colours(1.0)), f"rank {last}")]
