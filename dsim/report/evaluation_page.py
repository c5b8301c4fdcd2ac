"""The page of an evaluation: how often its choices were right and what they lost, then scores, targets, pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.evaluation import baseline_table, choices_in_words, notes_on, score_table, shown, target_table
from dsim.pages import escape, format_count, isolate_name, render_list
from dsim.plots import draw_ranks, draw_regret, draw_transfer
from dsim.report.layout import (
    Section,
    draw_into_page,
    render_answer,
    render_columns,
    render_document,
    render_facts,
    render_record,
    write_page,
)
from dsim.runtime import VERSION

if TYPE_CHECKING:
    from dsim.evaluation import Evaluation, ScoreTable

#: The baseline that is chance.
_CHANCE = "random"
#: Columns that hold names.
_NAMES = ("score", "better", "selection by", "target", "nearest", "best source")


def write_evaluation_report(evaluation: Evaluation, path: str | Path) -> Path:
    """Write the page on a measure judged by a truth, whole or not at all, and return its path.

    Its tables and pictures are those of ``dsim evaluate``: distances and scores (sources, targets). Raises UsageError
    for a name that does not end in .html or .htm, and DsimError where it cannot be written.
    """
    return write_page(path, lambda: _render(evaluation))


def _render(evaluation: Evaluation) -> str:
    notes = render_list(escape(note) for note in dict.fromkeys(notes_on(evaluation)))
    sections = [
        Section("scores", "Scores", _table(score_table(evaluation), _HOW_SCORES)),
        Section("baselines", "Beside other ways to choose", _table(baseline_table(evaluation), _HOW_BASELINES)),
        Section("targets", "Each target", _table(target_table(evaluation), _HOW_TARGETS)),
        Section("pictures", "Pictures", _pictures(evaluation)),
        Section("notes", "Notes", notes),
        Section("provenance", "What the numbers depend on", _provenance(evaluation)),
    ]
    question = (
        f"<p>The sources that {isolate_name(evaluation.measure)} puts nearest, against what models trained on them"
        f" really reached: {escape(evaluation.score)} of {isolate_name(evaluation.truth)},"
        f" {format_count(len(evaluation.sources), 'source')}, {format_count(len(evaluation.targets), 'target')}.</p>"
    )
    title = f"How good are the choices of {evaluation.measure}?"
    return render_document(title, sections, header=question, lead=_answer(evaluation))


_HOW_SCORES = "Means over targets with intervals; none where a score is not defined."
_HOW_BASELINES = "p: the measure against each, paired over targets, adjusted by Holm; empty where there is no test."
_HOW_TARGETS = "Regret: the score of the best source less that of the nearest."


def _answer(evaluation: Evaluation) -> str:
    """One sentence in words, and the figures behind it."""
    found = evaluation.judgement.scores
    chance = [one.scores["regret"].value for one in evaluation.baselines if one.name == _CHANCE]
    fared = choices_in_words(found["top1"].value, found["regret"].value, *(chance or [math.nan]))
    return render_answer(f"Its choices were {fared}.", [line for line in _figures(evaluation) if line])


def _figures(evaluation: Evaluation) -> Iterator[str]:
    """Yield the share of right choices and the mean regret, of the measure and of chance; none where not known."""
    chosen = ("the measure", evaluation.judgement)
    by_chance = [("a source drawn at random", one) for one in evaluation.baselines if one.name == _CHANCE]
    for who, judgement in (chosen, *by_chance):
        values = [shown(name, judgement.scores[name].value, evaluation.unit) for name in ("top1", "regret")]
        if all(values):
            yield f"By {who}: right for {values[0]} of the targets, mean regret {values[1]} ({evaluation.score})."


def _table(table: ScoreTable, how: str) -> str:
    names = [place for place, column in enumerate(table.columns) if column in _NAMES]
    rows = [[isolate_name(cell) if cell else "" for cell in row] for row in table.rows]
    html = render_columns(table.title, table.columns, rows, names)
    return f'{html}\n<p class="small">{escape(how)}</p>' if html else ""


def _pictures(evaluation: Evaluation) -> str:
    near = "Each mark is a pair of source and target; near is on the left."
    ranks = "The sources of each target, ranked by the measure and by what they really gave."
    regret = "What each target loses by the choice, beside other ways to choose."
    drawings = (
        ("Distance and transfer", near, partial(draw_transfer, evaluation)),
        ("Ranks", ranks, partial(draw_ranks, evaluation)),
        ("Regret", regret, partial(draw_regret, [evaluation])),
    )
    return "\n".join(f"<h3>{label}</h3>\n{draw_into_page(draw, label, caption)}" for label, caption, draw in drawings)


def _provenance(evaluation: Evaluation) -> str:
    facts = [
        ("judged", f"{isolate_name(evaluation.measure)} by {isolate_name(evaluation.truth)}"),
        # An evaluation that was read from a file may be of another version.
        ("page written by", f"dsim {escape(VERSION)}"),
        ("intervals", escape(_intervals(evaluation))),
        ("self pairs", f"{escape(evaluation.self_pairs)}d"),
        ("sources", _names(evaluation.sources)),
        ("targets", _names(evaluation.targets)),
    ]
    records = [
        f"<h3>{heading}</h3>\n{record}"
        for heading, key in (("The measure", "matrix"), ("The truth", "truth"))
        if (record := render_record(evaluation.provenance.get(key, {})))
    ]
    return "\n".join([render_facts(facts), *records])


def _intervals(evaluation: Evaluation) -> str:
    return (
        f"{evaluation.confidence:.0%}, {evaluation.interval} bootstrap over targets, {evaluation.resamples} resamples,"
        f" seed {evaluation.seed}"
    )


def _names(names: Sequence[str]) -> str:
    return ", ".join(isolate_name(name) for name in names)
