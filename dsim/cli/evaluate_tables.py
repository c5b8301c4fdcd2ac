"""Tables of ``dsim evaluate`` on stdout, and its notes on stderr."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.evaluation import bounds, shown, shown_p

if TYPE_CHECKING:
    from dsim.evaluation import Contrast, Evaluation, Judgement, Score


#: Scores whose paired tests are shown; the files hold all.
_MAIN = ("pearson", "spearman", "top1", "regret")
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


def _show_scores(one: Evaluation) -> None:
    """Every score beside a random source, the best fixed source and the ceiling."""
    from dsim.evaluation import score_table
    from dsim.ui import print_table

    table = score_table(one)
    optional = [table.columns[2], "random", "ceiling", "better", "best fixed, others", "targets"]
    print_table(table.title, table.columns, table.rows, right=table.columns[1:-1], optional=optional)


def _show_baselines(one: Evaluation) -> None:
    """The measure and all baselines, with the paired test of the measure against each."""
    from dsim.evaluation import baseline_table
    from dsim.ui import print_table

    table = baseline_table(one)
    optional = ["interval", "p regret", "top-1", "Pearson", "p top-1", "p Pearson"]
    print_table(table.title, table.columns, table.rows, right=table.columns[1:], optional=optional)


def _show_targets(one: Evaluation) -> None:
    """For each target: the source that the measure selects, the best source, and the regret."""
    from dsim.evaluation import target_table
    from dsim.ui import print_table

    table = target_table(one)
    right = [column for place, column in enumerate(table.columns) if place not in (0, 1, 3)]
    optional = ["regret", *table.columns[3:5], "Pearson", "Spearman"]
    print_table(table.title, table.columns, table.rows, right=right, optional=optional)


def _interval(score: Score, one: Evaluation) -> str:
    return bounds(score.name, score.low, score.high, one.unit)


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
            shown_p(found.p),
            shown_p(found.p_adjusted),
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
