"""Tables of ``dsim evaluate`` on stdout, and its notes on stderr."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.evaluation import bounds, digits
from dsim.evaluation.scores import shown

if TYPE_CHECKING:
    from dsim.evaluation import Contrast, Evaluation, Judgement, Score


#: Scores whose paired tests are shown; the files hold all.
_MAIN = ("pearson", "spearman", "top1", "regret")
#: Baselines that stand beside every score; the others have a table of their own.
_BESIDE = {"random": "random", "best fixed source, others": "best fixed, others"}
#: Contrasts of several measures that are shown, those of the smallest p first.
_CONTRASTS = 20


def show(evaluations: Sequence[Evaluation], contrasts: Sequence[Contrast]) -> None:
    """Print one evaluation in full, or several side by side with the paired tests."""
    if len(evaluations) > 1:
        _show_together(evaluations)
        _show_contrasts(contrasts, evaluations[0].unit)
        return
    _show_scores(evaluations[0])
    _show_baselines(evaluations[0])
    _show_targets(evaluations[0])


def _p(value: float) -> str:
    return "" if math.isnan(value) else "< 0.0001" if value < 0.0001 else f"{value:.2g}"


def _show_scores(one: Evaluation) -> None:
    """Every score beside a random source, the best fixed source and the ceiling."""
    from dsim.evaluation import BY_NAME
    from dsim.ui import print_table

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
    optional = [columns[2], "random", "ceiling", "better", "best fixed, others", "targets"]
    title = f"{one.measure} judged by {one.truth} ({one.score}): {of}"
    print_table(title, columns, rows, right=columns[1:-1], optional=optional)


def _interval(score: Score, one: Evaluation) -> str:
    return bounds(score.name, score.low, score.high, one.unit)


def _ceiling(name: str, one: Evaluation) -> str:
    found = one.ceiling.get(name)
    return "" if found is None else shown(name, found.value, one.unit)


def _show_baselines(one: Evaluation) -> None:
    """The measure and all baselines, with the paired test of the measure against each."""
    from dsim.ui import print_table

    tested = {(contrast.score, contrast.second): contrast.p_adjusted for contrast in one.contrasts}
    columns = ["selection by", "regret", "interval", "top-1", "Pearson", "p regret", "p top-1", "p Pearson"]
    rows = []
    for found in (one.judgement, *one.baselines):
        figures = [shown(name, found.scores[name].value, one.unit) for name in ("regret", "top1", "pearson")]
        figures.insert(1, _interval(found.scores["regret"], one))
        of = [_p(tested.get((name, found.name), math.nan)) for name in ("regret", "top1", "pearson")]
        rows.append([found.name, *figures, *of])
    title = "beside it (p: the measure against each, paired over targets, Holm)"
    optional = ["interval", "p regret", "top-1", "Pearson", "p top-1", "p Pearson"]
    print_table(title, columns, rows, right=columns[1:], optional=optional)


def _show_targets(one: Evaluation) -> None:
    """For each target: the source that the measure selects, the best source, and the regret."""
    from dsim.ui import print_table

    columns = ["target", "nearest", one.score, "best source", f"best {one.score}", "regret", "Pearson", "Spearman"]
    rows = []
    best = next(found.selected for found in one.baselines if found.name == "oracle")
    for position, target in enumerate(one.targets):
        row = [target]
        for chosen in (one.judgement.selected[position], best[position]):
            row += [_several(chosen), _scored(one, chosen, position)]
        scores = ((name, float(one.judgement.per_target[name][position])) for name in ("regret", "pearson", "spearman"))
        rows.append([*row, *(shown(name, value, "%" if one.unit else "").removesuffix(" %") for name, value in scores)])
    optional = ["regret", *columns[3:5], "Pearson", "Spearman"]
    print_table("for each target", columns, rows, right=[columns[2], *columns[4:]], optional=optional)


def _several(sources: Sequence[str]) -> str:
    return "none" if not sources else sources[0] if len(sources) == 1 else f"{len(sources)} tied: {', '.join(sources)}"


def _scored(one: Evaluation, sources: Sequence[str], target: int) -> str:
    """The mean score of those that are tied: what a choice among them is worth."""
    if not sources:
        return ""
    values = [float(one.scores[one.sources.index(source), target]) for source in sources]
    return digits("regret", sum(values) / len(values), one.unit)


def _show_together(evaluations: Sequence[Evaluation]) -> None:
    """Measures in rows, and the baselines that all of them have below."""
    from dsim.ui import print_table

    first = evaluations[0]
    columns = ["selection by", "Pearson", "interval", "RCI", "pooled r", "top-1", "regret", "interval "]
    rows = [_side_by_side(one.judgement, first) for one in evaluations]
    rows += [_side_by_side(found, first) for found in first.baselines]
    of = f"{first.truth} ({first.score}): {len(first.targets)} targets, {len(first.sources)} sources; baselines below"
    optional = ["top-1", "interval ", "interval", "RCI", "pooled r"]
    print_table(f"{len(evaluations)} measures judged by {of}", columns, rows, right=columns[1:], optional=optional)


def _side_by_side(found: Judgement, one: Evaluation) -> list[str]:
    figures = {name: shown(name, score.value, one.unit) for name, score in found.scores.items()}
    pearson, regret = _interval(found.scores["pearson"], one), _interval(found.scores["regret"], one)
    return [
        found.name,
        figures["pearson"],
        pearson,
        figures["spearman"],
        figures["pooled_pearson"],
        figures["top1"],
        figures["regret"],
        regret,
    ]


def _show_contrasts(contrasts: Sequence[Contrast], unit: str) -> None:
    """The paired tests of each two measures."""
    from dsim.evaluation import BY_NAME
    from dsim.ui import print_table

    some = sorted(
        (found for found in contrasts if found.score in _MAIN), key=lambda found: (math.isnan(found.p), found.p)
    )
    columns = ["score", "first", "second", "difference", "interval", "p", "p (Holm)", "targets"]
    rows = [
        [
            BY_NAME[found.score].title,
            found.first,
            found.second,
            shown(found.score, found.difference, unit) or "none",
            bounds(found.score, found.low, found.high, unit),
            _p(found.p),
            _p(found.p_adjusted),
            str(found.targets),
        ]
        for found in some[:_CONTRASTS]
    ]
    more = f" ({len(rows)} of {len(contrasts)}; all are in evaluate.json)" if len(contrasts) > len(rows) else ""
    optional = ["p (Holm)", "interval", "p", "targets"]
    print_table(f"first less second, paired over targets{more}", columns, rows, right=columns[3:], optional=optional)


def print_notes(evaluations: Sequence[Evaluation], contrasts: Sequence[Contrast], written: Sequence[Path]) -> None:
    """Print the notes of each evaluation, a common note once, and the files."""
    from dsim.evaluation import notes_on
    from dsim.ui import say, say_written

    said: dict[str, list[str]] = {}
    for one in evaluations:
        for line in dict.fromkeys(notes_on(one)):
            said.setdefault(line, []).append(one.measure)
    for line, measures in said.items():
        about = f"{', '.join(measures)}: " if len(measures) < len(evaluations) else ""
        say(f"note: {about}{line}")
    for line in _of_contrasts(contrasts):
        say(f"note: {line}")
    say_written(written)


def _of_contrasts(contrasts: Sequence[Contrast]) -> Iterator[str]:
    """The reason why a paired test says less than it seems, once for all scores concerned."""
    from dsim.evaluation import BY_NAME

    titles_by_note: dict[tuple[str, str, str], list[str]] = {}
    for found in contrasts:
        if found.note:
            titles_by_note.setdefault((found.first, found.second, found.note), []).append(BY_NAME[found.score].title)
    for (first, second, note), titles in titles_by_note.items():
        yield f"{first} and {second}, {', '.join(titles)}: {note}"
