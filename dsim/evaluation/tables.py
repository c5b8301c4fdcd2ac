"""Tables of an evaluation as texts, for the console and for a page: scores, baselines, and each target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from dsim.evaluation.results import Evaluation, Score
from dsim.evaluation.scores import BY_NAME, bounds, digits, shown, shown_p

#: Baselines that stand beside every score; the others have a table of their own.
_BESIDE = {"random": "random", "best fixed source, others": "best fixed, others"}


class ScoreTable(NamedTuple):
    """A table of texts: each row is as long as ``columns``; the first column names the row."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def score_table(one: Evaluation) -> ScoreTable:
    """Return every score with its interval, beside a random source, the best fixed source and the ceiling."""
    beside = {title: found for name, title in _BESIDE.items() for found in one.baselines if found.name == name}
    highest = ["ceiling"] if any(not math.isnan(score.value) for score in one.ceiling.values()) else []
    columns = ["score", "value", f"{one.confidence:.0%} interval", "targets", *beside, *highest, "better"]
    rows = []
    for name, score in one.judgement.scores.items():
        if name == "eqc" and math.isnan(score.value):
            continue
        row = [
            BY_NAME[name].title,
            shown(name, score.value, one.unit) or "none",
            _interval(score, one),
            str(score.targets or ""),
        ]
        row += [shown(name, found.scores[name].value, one.unit) for found in beside.values()]
        rows.append([*row, *(_ceiling(name, one) for _ in highest), BY_NAME[name].better])
    of = f"{len(one.targets)} targets, {len(one.sources)} sources, {int(one.counted.sum())} pairs"
    return ScoreTable(f"{one.measure} judged by {one.truth} ({one.score}): {of}", columns, rows)


def baseline_table(one: Evaluation) -> ScoreTable:
    """Return the measure and all baselines, with the paired test of the measure against each."""
    tested = {(contrast.score, contrast.second): contrast.p_adjusted for contrast in one.contrasts}
    columns = ["selection by", "regret", "interval", "top-1", "Pearson", "p regret", "p top-1", "p Pearson"]
    rows = []
    for found in (one.judgement, *one.baselines):
        figures = [shown(name, found.scores[name].value, one.unit) for name in ("regret", "top1", "pearson")]
        figures.insert(1, _interval(found.scores["regret"], one))
        of = [shown_p(tested.get((name, found.name), math.nan)) for name in ("regret", "top1", "pearson")]
        rows.append([found.name, *figures, *of])
    return ScoreTable("beside it (p: the measure against each, paired over targets, Holm)", columns, rows)


def target_table(one: Evaluation) -> ScoreTable:
    """Return for each target the source that the measure selects, the best source, the regret and correlations."""
    columns = ["target", "nearest", one.score, "best source", f"best {one.score}", "regret", "Pearson", "Spearman"]
    rows = []
    best = next(found.selected for found in one.baselines if found.name == "oracle")
    for position, target in enumerate(one.targets):
        row = [target]
        for chosen in (one.judgement.selected[position], best[position]):
            row += [_several(chosen), _scored(one, chosen, position)]
        scores = ((name, float(one.judgement.per_target[name][position])) for name in ("regret", "pearson", "spearman"))
        rows.append([*row, *(shown(name, value, "%" if one.unit else "").removesuffix(" %") for name, value in scores)])
    return ScoreTable("for each target", columns, rows)


def _interval(score: Score, one: Evaluation) -> str:
    return bounds(score.name, score.low, score.high, one.unit)


def _ceiling(name: str, one: Evaluation) -> str:
    found = one.ceiling.get(name)
    return "" if found is None else shown(name, found.value, one.unit)


def _several(sources: Sequence[str]) -> str:
    return "none" if not sources else sources[0] if len(sources) == 1 else f"{len(sources)} tied: {', '.join(sources)}"


def _scored(one: Evaluation, sources: Sequence[str], target: int) -> str:
    """The mean score of those that are tied: what a choice among them is worth."""
    if not sources:
        return ""
    values = [float(one.scores[one.sources.index(source), target]) for source in sources]
    return digits("regret", sum(values) / len(values), one.unit)
