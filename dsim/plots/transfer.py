"""The picture of distance against transferability: every judged pair, with the line through them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.plots.figure_parts import (
    Pairs,
    bare,
    foot,
    format_score,
    head,
    height,
    height_label,
    key,
    number,
    pairs_of,
    plural,
    point_looks,
    point_mark,
)
from dsim.plots.names import Names, names_of, settle
from dsim.plots.style import COLOURS, INK, PALE_INK, Look, check_suffix, drawable, pictures, save
from dsim.stats.correlation import line, normal_band, resampled_lines
from dsim.stats.resampling import draws, mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dsim.evaluation import Evaluation

#: More targets, or more pairs, and each target has a panel of its own.
_TARGETS_TOGETHER, _PAIRS_TOGETHER = 8, 60
#: Sources whose names a panel has room for, and whose looks a reader can distinguish.
_ROOM_FOR_NAMES, _DISTINCT_LOOKS = 10, 24
#: Fewer targets make few different resamples.
_FEW_TARGETS = 8
_NAME_LENGTH = 28
#: What it costs a name to cover a pair, in pixels of distance: every pair is worth seeing.
_COVERS_PAIR = 60.0
_NEAR = "distance, near on the left"
#: Of the band of a line.
_BAND: dict[str, Any] = {"color": INK, "alpha": 0.09, "linewidth": 0, "zorder": 1}


def draw_transfer(evaluation: Evaluation, path: Path | None = None, note: str = "") -> Figure:
    """Draw the distance of each counted pair against its transferability, or its score without a baseline.

    Up to 8 targets with up to 60 pairs share one panel, like Fig. 4 of the cats paper (arXiv:2107.05940): colour and
    shape show the target, the name the source, and the line is of all pairs, with a band from resampled targets. More
    are drawn in one panel per target, each with the line and the band of its sources. A dataset against itself is
    hollow. Correlations are of what is drawn: negative where near sources transfer better.

    Parameters
    ----------
    evaluation : of distances and scores (sources, targets).
    path : a name in .png or .svg, written atomically; None writes no file. ``note`` : a line below the picture.

    Raises
    ------
    UsageError : another suffix.
    """
    check_suffix(path)
    pairs = pairs_of(evaluation)
    together = len(evaluation.targets) <= _TARGETS_TOGETHER and len(pairs) <= _PAIRS_TOGETHER
    title = f"{evaluation.measure}: distance against {height(evaluation)}"
    with pictures():
        figure, names, how = (_draw_together if together else _draw_apart)(evaluation, pairs)
        head(figure, title, _pooled(evaluation, pairs))
        foot(figure, [how if _has_r(evaluation) else "", _sign(evaluation), note], int(13 * figure.get_figwidth()))
        settle(figure)
        for waiting in names:
            waiting.place(9 if together else 7, _COVERS_PAIR)
        return save(figure, path, title)


def _draw_together(evaluation: Evaluation, pairs: Pairs) -> tuple[Figure, list[Names], str]:
    """One panel of all pairs, its names, and how its line was drawn; colour and shape show the target."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 7), layout="constrained")
    axes = figure.add_subplot()
    _frame(axes, pairs)
    how = _line_of_all(axes, evaluation, pairs)
    looks = point_looks(len(evaluation.targets))
    chosen = [looks[column] for column in pairs.columns]
    _points(axes, evaluation, pairs, chosen, 8)
    axes.set_xlabel(_NEAR)
    axes.set_ylabel(height_label(evaluation), parse_math=False)
    marks = [(target, point_mark(look, 8)) for target, look in zip(evaluation.targets, looks, strict=True)]
    if pairs.alone.any():
        marks.append(("a dataset against itself", point_mark(Look(PALE_INK, "o"), 8, hollow=True)))
    key(figure, "Targets", marks, _NAME_LENGTH)
    colours = [look.colour for look in chosen]
    return figure, [names_of(axes, pairs.sources, pairs.points, colours, pairs.points, 8, _NAME_LENGTH)], how


def _draw_apart(evaluation: Evaluation, pairs: Pairs) -> tuple[Figure, list[Names], str]:
    """One panel for each target, all with the same axes; colour and shape show the source."""
    from matplotlib.figure import Figure

    count, sources = len(evaluation.targets), len(evaluation.sources)
    wide = min(count, 3 if count <= 12 else 4 if count <= 20 else 6)
    high = math.ceil(count / wide)
    keyed = _ROOM_FOR_NAMES < sources <= _DISTINCT_LOOKS
    figure = Figure(figsize=(3.4 * wide + (2.2 if keyed else 0), 2.5 * high + 1.2), layout="constrained")
    grid = figure.subplots(high, wide, sharex=True, sharey=True, squeeze=False).ravel()
    _frame(grid[0], pairs)
    looks = point_looks(sources) if sources <= _DISTINCT_LOOKS else [Look(COLOURS[0], "o")] * sources
    names = [_panel(axes, evaluation, pairs, column, looks) for column, axes in enumerate(grid[:count])]
    for axes in grid[count:]:
        axes.set_visible(False)
    for axes in grid[max(count - wide, 0) : count]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(_NEAR, fontsize=8)
    figure.supylabel(height_label(evaluation), fontsize=9).set_parse_math(False)
    if keyed:
        marks = [(source, point_mark(look, 7)) for source, look in zip(evaluation.sources, looks, strict=True)]
        key(figure, "Sources", marks, _NAME_LENGTH)
    alone = " Hollow is a dataset against itself." if pairs.alone.any() else ""
    return figure, names, _how_of_target(evaluation, "In each panel, r and the line of least squares are") + alone


def _panel(axes: Axes, evaluation: Evaluation, pairs: Pairs, column: int, looks: Sequence[Look]) -> Names:
    """The sources of one target: all are named, or the nearest and the best where there are many."""
    mine = pairs.of_target(column)
    _line_of_target(axes, evaluation, mine)
    chosen = [looks[row] for row in mine.rows]
    _points(axes, evaluation, mine, chosen, 6)
    title = drawable(evaluation.targets[column], 24)
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold", parse_math=False)
    r = -float(evaluation.judgement.per_target["pearson"][column])
    axes.set_title("no r" if math.isnan(r) else f"r = {number(r)}", loc="right", fontsize=8.5, color=PALE_INK)
    named = list(range(len(mine)))
    if len(evaluation.sources) > _ROOM_FOR_NAMES and named:
        named = sorted({int(np.argmin(mine.x)), int(np.argmax(mine.y))})
    colours = [chosen[at].colour for at in named]
    return names_of(axes, [mine.sources[at] for at in named], mine.points[named], colours, mine.points, 7, 20)


def _frame(axes: Axes, pairs: Pairs) -> None:
    """Limits around all points, with room for names, whatever lines and bands do."""
    axes.margins(0.09)
    axes.plot(pairs.x, pairs.y, linestyle="none")
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())


def _points(axes: Axes, evaluation: Evaluation, pairs: Pairs, looks: Sequence[Look], size: float) -> None:
    bare(axes)
    for look, (x, y), alone in zip(looks, pairs.points, pairs.alone, strict=True):
        axes.plot(x, y, **point_mark(look, size, bool(alone)), scalex=False, scaley=False)
    if evaluation.transferability is not None:
        axes.axhline(0, color=INK, linewidth=1, zorder=2)
        where = (axes.get_yaxis_transform(), "offset points")
        axes.annotate("no gain", (1, 0), (-3, 3), *where, ha="right", fontsize=7.5, color=PALE_INK)
    if not len(pairs):
        axes.text(0.5, 0.5, "no pair counts", transform=axes.transAxes, ha="center", color=PALE_INK)


def _line_of_all(axes: Axes, evaluation: Evaluation, pairs: Pairs) -> str:
    """The line through all pairs, its band, and how they were found."""
    count = len(set(pairs.targets))
    if count < 2:
        _line_of_target(axes, evaluation, pairs)
        return _how_of_target(evaluation, "The line of least squares is")
    at = np.linspace(pairs.x.min(), pairs.x.max(), 101)
    centre = line(pairs.x, pairs.y, at)
    axes.plot(at, centre, color=INK, linewidth=1.4, zorder=3)
    if not np.isnan(centre).any():
        axes.fill_between(at, *_band(evaluation, pairs, at, centre), **_BAND)
    few = f"; {count} targets are few for that, and the band is rough" if count < _FEW_TARGETS else ""
    return (
        "The line is of least squares over all pairs. Pairs of one target share its difficulty, so that the "
        f"{evaluation.confidence * 100:g} % band is from resampling whole targets{few}."
    )


def _band(
    evaluation: Evaluation, pairs: Pairs, at: NDArray[np.float64], centre: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bounds of the line at some places, (2, places), from the resamples and by the rule of the judge's intervals."""
    targets, groups = np.unique(pairs.columns, return_inverse=True)
    count, expanded = len(targets), evaluation.interval == "expanded"
    drawn = draws(count, evaluation.resamples, evaluation.seed)
    lines = resampled_lines(pairs.x, pairs.y, groups, drawn, at)
    places = zip(centre, lines.T, strict=True)
    return np.array([mean_interval(*here, count, evaluation.confidence, expanded) for here in places]).T


def _line_of_target(axes: Axes, evaluation: Evaluation, pairs: Pairs) -> None:
    """The line through the sources of one target, and its band."""
    if not len(pairs):
        return
    at = np.linspace(pairs.x.min(), pairs.x.max(), 101)
    axes.plot(at, line(pairs.x, pairs.y, at), color=INK, linewidth=1.1, zorder=3)
    axes.fill_between(at, *normal_band(pairs.x, pairs.y, at, evaluation.confidence), **_BAND)


def _how_of_target(evaluation: Evaluation, what: str) -> str:
    band = f"{evaluation.confidence * 100:g} % band"
    return f"{what} over the sources of the target; the {band} is of independent normal errors."


def _has_r(evaluation: Evaluation) -> bool:
    return not math.isnan(evaluation.judgement.scores["pooled_pearson"].value)


def _pooled(evaluation: Evaluation, pairs: Pairs) -> str:
    """Pearson's r of what is drawn, over all pairs, with its interval: the judge's, with the sign turned."""
    score = evaluation.judgement.scores["pooled_pearson"]
    known = len(set(pairs.columns))
    r = format_score(score, evaluation.confidence, sign=-1)
    return f"r of distance and {height(evaluation)}: {r}  ({plural(len(pairs), 'pair')}, {plural(known, 'target')})"


def _sign(evaluation: Evaluation) -> str:
    r = evaluation.judgement.scores["pooled_pearson"].value
    judged = "" if math.isnan(r) else f": pooled Pearson {number(r, 3)}"
    return f"A negative r is of a good measure: near sources transfer better. The judge turns the sign{judged}."
