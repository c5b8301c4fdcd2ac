"""The words and figures of a leaderboard, alike in Markdown and on the page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.evaluation import BY_NAME, PER_TARGET
from dsim.leaderboard.board import Board, best, complete, ranks, reference, tied_with_best
from dsim.leaderboard.rows import Row, Status

if TYPE_CHECKING:
    from dsim.evaluation import Score
    from dsim.truth import TransferMatrix

#: Stands for a missing value.
NONE = "–"
#: Marks rows that cannot be distinguished from the best.
TIE = "="
CEILING = "noise ceiling"
#: What rows of each kind are called where they are counted.
_COUNTED = {
    Status.OK: "measures run here",
    Status.ADDED: "added",
    Status.PUBLISHED: "as published",
    Status.FAILED: "failed",
}
#: The parts of a row's environment that are shown, and their form.
_CONDITIONS = {"dsim": "dsim {}", "device": "device {}", "system": "{}", "cores": "{} cores", "python": "Python {}"}


@dataclass(frozen=True)
class Column:
    """A score as a column: its ``title`` with unit, and whether its interval is shown beside it."""

    score: str
    title: str
    with_interval: bool = False


@dataclass(frozen=True)
class Reference:
    """A baseline that measures are compared with, or the ceiling."""

    name: str
    note: str
    scores: Mapping[str, Score]

    def value(self, score: str) -> float:
        """Return the value of a score; NaN where there is none."""
        return self.scores[score].value if score in self.scores else math.nan


def columns(board: Board) -> tuple[Column, ...]:
    """Return the scores that a board shows, the deciding one first; EQC only where a measure has one."""
    unit = score_unit(board.truth)
    shown = (
        Column("regret", f"mean regret ({unit})", True),
        Column("worst_regret", f"worst regret ({unit})"),
        Column("top1", "top-1 (%)"),
        Column("top2", "top-2 (%)"),
        Column("top3", "top-3 (%)"),
        Column("pearson", "Pearson"),
        Column("spearman", "Spearman (RCI)", True),
        Column("kendall", "Kendall"),
        Column("weighted_kendall", "weighted Kendall"),
        Column("pooled_pearson", "pooled r"),
    )
    embeds = any("eqc" in row.scores and not math.isnan(row.scores["eqc"].value) for row in board.rows)
    return (*shown, Column("eqc", "EQC")) if embeds else shown


def printed(board: Board) -> list[Column]:
    """Return the scores that rows published elsewhere have; without units, for those are their papers'."""
    titles = {"regret": "mean regret", "worst_regret": "worst regret"}
    shown = [Column(column.score, titles.get(column.score, column.title)) for column in columns(board)]
    return [column for column in shown if any(column.score in row.published for row in board.elsewhere)]


def as_printed(row: Row, column: Column) -> str:
    """Return a score of a row published elsewhere, as its paper has it; shares in percent."""
    value = row.published.get(column.score, math.nan)
    if math.isnan(value):
        return NONE
    return f"{100 * value:.1f}" if BY_NAME[column.score].share else f"{value:.4g}"


def reason_of(row: Row) -> str:
    """Return why a row failed, and how that is mended, where it is known."""
    fix = row.environment.get("fix")
    return f"{row.reason}; fix: {fix}" if fix else row.reason


def source_elsewhere(row: Row) -> str:
    """Return where a row is printed, of which truth, and what must be said of it."""
    truth = row.environment.get("truth")
    return "; ".join(str(part) for part in (row.source, truth and f"judged on {truth}", _note(row)) if part)


def _note(row: Row) -> str:
    return str(row.environment.get("note") or "")


def score_unit(truth: TransferMatrix) -> str:
    """Return the unit of regret, as it stands in the heads of columns."""
    return f"{truth.score},\u00a0{truth.unit}" if truth.unit else truth.score


def _why_none(scores: Mapping[str, Score]) -> str:
    """The reason, where no score has a value; empty otherwise."""
    notes = [found.note for found in scores.values() if math.isnan(found.value)]
    return f"; not known: {notes[0]}" if notes and len(notes) == len(scores) else ""


def figure(score: str, value: float, truth: TransferMatrix) -> str:
    """Return a score as it is printed: shares in percent, regret with four digits of the range of scores.

    NaN is a dash. Raises KeyError for a name that is not a score.
    """
    spec = BY_NAME[score]
    if math.isnan(value):
        return NONE
    if spec.share:
        return f"{100 * value:.1f}"
    if not spec.in_score_units:
        return f"{value:z.3f}"
    return f"{value:z.2f}" if truth.bounds[1] - truth.bounds[0] > 10 else f"{value:z.4f}"


def interval(found: Score, truth: TransferMatrix) -> str:
    """Return the interval of a score in brackets; empty without one."""
    if math.isnan(found.low) and math.isnan(found.high):
        return ""
    return f"[{figure(found.name, found.low, truth)}, {figure(found.name, found.high, truth)}]"


def fewer(found: Score, truth: TransferMatrix) -> str:
    """Return ``(9)`` for a score that only 9 of the targets have: it is not compared with those of all of them."""
    of_targets = found.name in PER_TARGET and not math.isnan(found.value)
    return f"({found.targets})" if of_targets and 0 < found.targets < len(truth.targets) else ""


def name_and_parameters(measure: str) -> tuple[str, str]:
    """Return ``otdd@1:p=2`` as ``otdd@1`` and ``p=2``: the parameters are those that differ from their defaults."""
    name, _, parameters = measure.partition(":")
    return name, parameters.replace(",", ", ")


def targets_of(board: Board, row: Row) -> str:
    """Return on how many targets a row was judged; with the board's number where these are fewer.

    Raises KeyError for a row without a regret.
    """
    count, most = row.scores["regret"].targets, len(board.truth.targets)
    return str(count) if count == most else f"{count} of {most}"


def amount(value: float) -> str:
    """Return seconds or MB with three digits below a hundred; a dash where not known."""
    if math.isnan(value):
        return NONE
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def references(board: Board) -> list[Reference]:
    """Return the baselines, and last the noise ceiling; empty where no row was judged."""
    evaluation = reference(board)
    if evaluation is None:
        return []
    rows = [Reference(judgement.name, judgement.note, judgement.scores) for judgement in evaluation.baselines]
    meaning = "the most that any measure could reach, given the noise of the truth"
    if evaluation.ceiling:
        rows.append(Reference(CEILING, f"{meaning}{_why_none(evaluation.ceiling)}", evaluation.ceiling))
    return rows


def headline(board: Board) -> list[str]:
    """Return the answer in sentences: the best measure, its ties, and the cost of choosing without a measure.

    Raises UsageError where the board's settings make no interval.
    """
    first = best(board, "regret")
    if first is None:
        return ["No measure was judged on this benchmark."]
    truth, regret = board.truth, first.scores["regret"]
    rivals = len(complete(board.rows, "regret")) - 1
    tied = len(tied_with_best(board, "regret"))
    sentences = [
        f"{first.measure} has the smallest mean regret: {_with_interval(regret, truth)} {_points(truth)}.",
        f"{tied} of the {rivals} other measures cannot be distinguished from it."
        if rivals
        else "No other measure was judged.",
    ]
    costs = [
        f"{baseline.name} {figure('regret', baseline.value('regret'), truth)}"
        for baseline in references(board)
        if baseline.name != CEILING and not math.isnan(baseline.value("regret"))
    ]
    return [*sentences, f"Mean regret without a measure: {'; '.join(costs)}."] if costs else sentences


def description(board: Board) -> str:
    """Return the numbers of rows, sources and targets, and the score, in a sentence."""
    truth, counts = board.truth, Counter(row.status for row in board.rows)
    parts = [f"{counts[status]} {words}" for status, words in _COUNTED.items() if counts[status]]
    return (
        f"{', '.join(parts) or 'no measures'}; {len(truth.sources)} sources, {len(truth.targets)} targets, "
        f"scored by {_measured(truth)}."
    )


def reading(board: Board) -> list[str]:
    """Return sentences on how the marks are to be read."""
    percent = f"{100 * board.settings['confidence']:g} %"
    lines = [
        "Regret: the score of the best source less that of the source that the measure puts nearest. Rows are ordered "
        "by its mean over targets; equal ones share a rank.",
        f"Bold: the best of a column. {TIE}: cannot be distinguished from the best: the {percent} interval of the "
        f"paired difference over targets holds 0. A row without {TIE} differs from the best one, no more: neighbours "
        "may tie.",
        "A number in brackets behind a score: of so many targets only. On the others it is undefined (all sources at "
        "one distance have no correlation), and it is not compared with scores of all targets.",
        "Pooled r: Pearson's r over all pairs, of -distance and the score, or transferability where the truth has a "
        "baseline; papers that print r of the distance have the other sign.",
        "as published: what a paper prints or lists, from images that are not at hand. added: run by someone else, its "
        "scores computed anew from its distances.",
    ]
    partial = [row.measure for row, rank in zip(board.rows, _ranked(board), strict=True) if row.judged and rank is None]
    if partial:
        lines.append(f"Without a rank, for it was judged on fewer targets than others: {', '.join(partial)}.")
    return lines


def making(board: Board) -> list[str]:
    """Return sentences on how the board was made: truth, self pairs, intervals, versions."""
    truth, settings = board.truth, board.settings
    repeated = f"{truth.repetitions} {truth.repetition or 'repetition'}s" if truth.repetitions > 1 else "one repetition"
    kind = {
        "expanded": "expanded percentile bootstrap, Wilson's interval for top-k",
        "percentile": "percentile bootstrap",
    }
    pairs = "left out" if settings["self_pairs"] == "exclude" else "judged like all others"
    lines = [
        f"Truth: {truth.name}, {_measured(truth)}, mean of {repeated}; sha256 {truth.digest[:16]}.",
        f"Pairs of a dataset with itself: {pairs}.",
        f"Intervals: {100 * settings['confidence']:g} %, over targets, {kind[settings['interval']]}, "
        f"{settings['resamples']} resamples, seed {settings['seed']}.",
        "Seconds and MB (10^6 bytes): wall time and peak memory of one process that began with an empty cache.",
    ]
    return [*lines, *_conditions(board.rows), *_plugins(board.rows)]


def common_notes(board: Board) -> list[str]:
    """Return the notes of the evaluation that all rows share: few targets, pairs that were not measured."""
    all_notes = [row.evaluation.notes for row in board.rows if row.evaluation is not None]
    return [note for note in (all_notes[0] if all_notes else ()) if all(note in notes for notes in all_notes)]


def remarks(board: Board) -> list[tuple[str, list[str]]]:
    """Return the remarks on single rows, by measure: targets left out, correlations that do not exist, misprints."""
    common = set(common_notes(board))
    by_measure = []
    for row in board.rows:
        notes = [note for note in (row.evaluation.notes if row.evaluation else ()) if note not in common]
        notes += [*_left_out(board, row), *([_note(row)] if _note(row) else [])]
        if notes:
            by_measure.append((row.measure, notes))
    return by_measure


def _left_out(board: Board, row: Row) -> list[str]:
    """Of each score that a row has not, or not of all targets, the reason."""
    if not row.judged:
        return []
    shown = [row.scores[column.score] for column in columns(board) if column.score in row.scores]
    lacking = [score for score in shown if math.isnan(score.value) or 0 < score.targets < len(board.truth.targets)]
    return [f"{BY_NAME[score.name].title}: {score.note}" for score in lacking if score.note and score.name != "eqc"]


def _with_interval(found: Score, truth: TransferMatrix) -> str:
    return f"{figure(found.name, found.value, truth)} {interval(found, truth)}".rstrip()


def _points(truth: TransferMatrix) -> str:
    return f"{truth.unit} {truth.score}".strip()


def _measured(truth: TransferMatrix) -> str:
    return f"{truth.score} in {truth.unit}" if truth.unit else truth.score


def _ranked(board: Board) -> list[int | None]:
    by_measure = ranks(board)
    return [by_measure[row.measure] for row in board.rows]


def _conditions(rows: Iterable[Row]) -> list[str]:
    """Under what the rows ran, each once."""
    counts = Counter(
        ", ".join(form.format(row.environment[key]) for key, form in _CONDITIONS.items() if row.environment.get(key))
        for row in rows
        if row.status is not Status.PUBLISHED
    )
    return [f"Ran under: {words} ({count} rows)." for words, count in counts.items() if words]


def _plugins(rows: Iterable[Row]) -> list[str]:
    names = sorted({row.plugin for row in rows if row.plugin})
    return [f"Measures of: {', '.join(names)}."] if names else []
