"""The picture of regret: what each target loses by training on the source that a measure ranks first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UsageError
from dsim.plots.figure_parts import bare, best_pairs, decimals, foot, head, number, plural, point_looks, point_mark
from dsim.plots.style import GRID, INK, PALE_INK, Look, check_suffix, drawable, pictures, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dsim.evaluation import Evaluation, Judgement, Score

_NAME_LENGTH = 30
#: Baselines that are drawn for each target, and how.
_BESIDE: dict[str, dict[str, Any]] = {
    "random": {"marker": "|", "markersize": 12, "markeredgewidth": 1.4},
    "best fixed source": {"marker": "d", "markersize": 6, "markerfacecolor": "none"},
}


def draw_regret(evaluations: Sequence[Evaluation], path: Path | None = None, note: str = "") -> Figure:
    """Draw the regret of each target under one or several measures, beside a random source and the best fixed one.

    Targets are in rows, the first measure's largest regret on top, targets without one last. For one measure the
    sources that it chose and the best ones stand beside, with their scores, and its mean is a line with its interval.
    Below are the means of all measures and baselines with their intervals, each with its mark. 0 is the oracle.

    Parameters
    ----------
    evaluations : at least one; by one truth, of the same pairs (sources, targets).
    path : a name in .png or .svg, written atomically; None writes no file. ``note`` : a line below the picture.

    Raises
    ------
    UsageError : another suffix, nothing to draw, or evaluations that cannot be laid side by side.
    """
    check_suffix(path)
    _require(evaluations)
    first = evaluations[0]
    title = f"{first.measure}: regret" if len(evaluations) == 1 else f"regret of {len(evaluations)} measures"
    with pictures():
        figure = _draw(evaluations)
        below = (
            f"{first.score} that is lost by training on the nearest source instead of the best; truth: {first.truth}"
        )
        head(figure, title, below)
        foot(figure, [_how(evaluations), note], int(13 * figure.get_figwidth()))
        return save(figure, path, title)


def _require(evaluations: Sequence[Evaluation]) -> None:
    if not evaluations:
        raise UsageError("no evaluation was given", hint="give at least one")
    first = evaluations[0]
    for other in evaluations[1:]:
        if _judged(other) != _judged(first):
            raise UsageError(
                f"the regrets of {first.measure} and {other.measure} are not of the same truth, sources and targets",
                hint="judge both by one truth, on the same datasets, with the same treatment of self pairs",
            )


def _judged(evaluation: Evaluation) -> tuple[object, ...]:
    return evaluation.truth, evaluation.sources, evaluation.targets, evaluation.self_pairs


def _draw(evaluations: Sequence[Evaluation]) -> Figure:
    from matplotlib.figure import Figure

    first, count = evaluations[0], len(evaluations)
    means = [*(evaluation.judgement for evaluation in evaluations), *_baselines(first)]
    row = max(0.3, min(0.12 * count + 0.12, 16 / len(first.targets)))
    high = (row * len(first.targets) + 0.2, 0.27 * len(means) + 0.2)
    figure = Figure(figsize=(10.5, sum(high) + 1.9), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=high)
    order = _order(first)
    looks = point_looks(count)
    _rows(above, evaluations, order, looks)
    _means(below, first, means, looks)
    if count == 1:
        _choices(above, first, order)
        _mean_line(above, first)
    return figure


def _regret(judgement: Judgement) -> NDArray[np.float64]:
    return np.asarray(judgement.per_target["regret"], dtype=np.float64)


def _order(evaluation: Evaluation) -> list[int]:
    """Targets from the largest regret to the smallest, those without one last."""
    regret = _regret(evaluation.judgement)
    return sorted(range(len(regret)), key=lambda at: (math.isnan(regret[at]), -np.nan_to_num(regret[at]), at))


def _baselines(evaluation: Evaluation) -> list[Judgement]:
    """Those that have a regret, without the oracle, whose regret is 0."""
    known = [baseline for baseline in evaluation.baselines if not math.isnan(baseline.scores["regret"].value)]
    return [baseline for baseline in known if baseline.name != "oracle"]


def _beside(evaluation: Evaluation) -> list[Judgement]:
    return [baseline for baseline in _baselines(evaluation) if baseline.name in _BESIDE]


def _mark_beside(name: str) -> dict[str, Any]:
    return {"linestyle": "none", "markeredgecolor": PALE_INK, "zorder": 6, **_BESIDE[name]}


def _rows(axes: Axes, evaluations: Sequence[Evaluation], order: Sequence[int], looks: Sequence[Look]) -> None:
    """One row for each target; measures one above the other in it."""
    first, places = evaluations[0], np.arange(len(order))
    bare(axes, "x")
    axes.axvline(0, color=INK, linewidth=1)
    for place in places[1::2] if len(evaluations) > 1 else ():
        axes.axhspan(place - 0.5, place + 0.5, color=GRID, alpha=0.35, linewidth=0, zorder=0)
    for judgement in _beside(first):
        axes.plot(_regret(judgement)[order], places, **_mark_beside(judgement.name))
    for shift, evaluation, look in zip(_shifts(len(evaluations)), evaluations, looks, strict=True):
        regret = _regret(evaluation.judgement)[order]
        axes.hlines(places + shift, 0, np.nan_to_num(regret), color=look.colour, linewidth=1, alpha=0.5)
        axes.plot(regret, places + shift, **point_mark(look, 7 if len(evaluations) < 4 else 5))
    names = [drawable(first.targets[target], _NAME_LENGTH) for target in order]
    axes.set_yticks(places, names, parse_math=False, fontsize=8.5)
    axes.set_ylim(len(order) - 0.4, -0.6)


def _shifts(count: int) -> NDArray[np.float64]:
    """Where the measures stand in a row, the first on top."""
    return (np.arange(count) - (count - 1) / 2) * 0.75 / count


def _choices(axes: Axes, evaluation: Evaluation, order: Sequence[int]) -> None:
    """Beside each row the nearest source and the best, with their scores; or why there is none."""
    best = best_pairs(evaluation)
    nearest, better = [], []
    for target in order:
        names = [source for source, is_best in zip(evaluation.sources, best[:, target], strict=True) if is_best]
        chosen = evaluation.judgement.selected[target]
        reason = evaluation.judgement.reasons.get(("regret", evaluation.targets[target]), "")
        nearest.append((_sources(evaluation, chosen, target), INK) if not reason else (drawable(reason, 40), PALE_INK))
        same = chosen and set(chosen) == set(names)
        better.append(("the same", PALE_INK) if same else (_sources(evaluation, names, target), INK))
    offset = _column(axes, 14, "nearest source", nearest)
    _column(axes, offset + 16, "best source", better)


def _column(axes: Axes, offset: float, heading: str, texts: Sequence[tuple[str, str]]) -> float:
    """A column of texts and their colours to the right of the rows, from so many points on; where it ends."""
    where = (axes.get_yaxis_transform(), "offset points")
    style: dict[str, Any] = {"va": "center_baseline", "fontsize": 8.5, "parse_math": False, "annotation_clip": False}
    written = [axes.annotate(heading, (1, -1), (offset, 0), *where, **style, fontweight="bold")]
    for place, (text, colour) in enumerate(texts):
        written.append(axes.annotate(text, (1, place), (offset, 0), *where, **style, color=colour))
    figure = axes.get_figure()
    assert figure is not None, "the axes are drawn on one"
    return offset + max(text.get_window_extent().width for text in written) * 72 / figure.dpi


def _sources(evaluation: Evaluation, names: Sequence[str], target: int) -> str:
    """One source with its score, or two, or how many."""
    if not names:
        return ""
    if len(names) > 2:
        return f"{len(names)} sources alike"
    joined = " or ".join(drawable(name, 24 if len(names) == 1 else 16) for name in names)
    scores = {evaluation.scores[evaluation.sources.index(name), target] for name in names}
    return f"{joined}  {number(scores.pop(), decimals(evaluation))}" if len(scores) == 1 else joined


def _mean_line(axes: Axes, evaluation: Evaluation) -> None:
    score = evaluation.judgement.scores["regret"]
    colour = point_looks(1)[0].colour
    if not math.isnan(score.value):
        axes.axvline(score.value, color=colour, linewidth=1.2, zorder=2)
    if not math.isnan(score.low):
        axes.axvspan(score.low, score.high, color=colour, alpha=0.1, linewidth=0, zorder=0)


def _means(axes: Axes, evaluation: Evaluation, judgements: Sequence[Judgement], looks: Sequence[Look]) -> None:
    """The mean over targets of each measure and baseline, with its interval, and both as text."""
    bare(axes, "x")
    axes.axvline(0, color=INK, linewidth=1)
    where = (axes.get_yaxis_transform(), "offset points")
    baseline = {"linestyle": "none", "marker": ".", "markersize": 6, "markerfacecolor": PALE_INK}
    for place, judgement in enumerate(judgements):
        colour, mark = PALE_INK, {**baseline, "markeredgecolor": PALE_INK, **_BESIDE.get(judgement.name, {})}
        if place < len(looks):
            colour, mark = looks[place].colour, point_mark(looks[place], 7)
        score = judgement.scores["regret"]
        axes.hlines(place, score.low, score.high, color=colour, linewidth=1.6, alpha=0.7)
        axes.plot(score.value, place, **mark)
        style: dict[str, Any] = {"va": "center_baseline", "fontsize": 8.5, "annotation_clip": False}
        axes.annotate(_mean(evaluation, score), (1, place), (14, 0), *where, **style)
    names = [drawable(judgement.name, _NAME_LENGTH) for judgement in judgements]
    axes.set_yticks(range(len(names)), names, parse_math=False, fontsize=8.5)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_title("mean over targets", loc="left", fontsize=9, fontweight="bold")
    unit = f", {evaluation.unit}" if evaluation.unit else ""
    axes.set_xlabel(f"regret in {drawable(evaluation.score, _NAME_LENGTH)}{unit}", parse_math=False)


def _mean(evaluation: Evaluation, score: Score) -> str:
    """The mean as text, its interval, and of how many targets it is where some have none."""
    if math.isnan(score.value):
        return "none"
    value, low, high = (number(one, decimals(evaluation)) for one in (score.value, score.low, score.high))
    interval = "" if math.isnan(score.low) else f"  ({low} to {high})"
    few = "" if score.targets == len(evaluation.targets) else f", {plural(score.targets, 'target')}"
    return value + interval + few


def _how(evaluations: Sequence[Evaluation]) -> str:
    first = evaluations[0]
    what = "The line and the band are the mean and its interval" if len(evaluations) == 1 else "Bars are intervals"
    holes = any(np.isnan(_regret(evaluation.judgement)).any() for evaluation in evaluations)
    missing = " A mark is missing where the regret is not known." if holes else ""
    level = f"{first.confidence * 100:g} %"
    return f"{what}, {level}, by resampling targets. 0 is the oracle: the best source for each.{missing}"
