"""A leaderboard as Markdown, as GitHub shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dsim.leaderboard import phrases
from dsim.leaderboard.board import Board, equal_best, ranks, tied_with_best
from dsim.leaderboard.phrases import NONE, TIE, Column
from dsim.leaderboard.rows import Row, Status

if TYPE_CHECKING:
    from dsim.evaluation import Score
    from dsim.truth import TransferMatrix

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")


def to_markdown(board: Board) -> str:
    """Return the board as Markdown: measures, baselines, failures, rows published elsewhere, and how it was made.

    Raises UsageError where the board's settings make no interval.
    """
    parts = [
        f"# Leaderboard: {escape_markdown(board.truth.name)}",
        escape_markdown(phrases.description(board)),
        *(escape_markdown(sentence) for sentence in phrases.headline(board)),
        _measures(board),
        _list([*phrases.common_notes(board), *phrases.reading(board)]),
        *_section("Baselines and ceiling", _references(board)),
        *_section("Failed", _failed(board)),
        *_section("As published on other data: not comparable with the rows above", _elsewhere(board)),
        *_section("What must be said", _remarks(board)),
        *_section("How it was made", _list(phrases.making(board))),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape_markdown(text: str) -> str:
    """Return the text on one line, with everything that Markdown would read as markup taken literally.

    >>> print(escape_markdown("a|b <script>"))
    a\\|b \\<script\\>
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def format_code(text: str) -> str:
    """Return the text as code, which may stand in a table.

    >>> print(format_code("cc@1"), format_code("a|b"))
    `cc@1` `a\\|b`
    """
    line = " ".join(text.split()).replace("|", "\\|")
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    space = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{space}{line}{space}{fence}"


def _measures(board: Board) -> str:
    shown, places = phrases.columns(board), ranks(board)
    marks = {column.score: (equal_best(board, column.score), tied_with_best(board, column.score)) for column in shown}
    heads = ["#", "measure", "parameters", *(column.title for column in shown), "targets", "s", "MB", "status"]
    lines = []
    for row in board.rows:
        if row.status is not Status.FAILED:
            scores = [_marked(row, column, board.truth, *marks[column.score]) for column in shown]
            place = str(places[row.measure] or NONE) if row.judged else NONE
            lines.append([place, *_name(row), *scores, *_costs(board, row)])
    return _table(heads, lines, left=(1, 2, len(heads) - 1))


def _name(row: Row) -> tuple[str, str]:
    if row.judged:
        name, parameters = phrases.name_and_parameters(row.measure)
        return format_code(name), format_code(parameters)
    return escape_markdown(row.measure), ""


def _costs(board: Board, row: Row) -> tuple[str, str, str, str]:
    targets = phrases.targets_of(board, row) if row.judged else NONE
    status = f"{row.status}: {row.source}" if row.source else str(row.status)
    return targets, phrases.amount(row.seconds), phrases.amount(row.peak_mb), escape_markdown(status)


def _marked(row: Row, column: Column, truth: TransferMatrix, bold: frozenset[str], tied: set[str]) -> str:
    """A score with its interval; bold where it is the best of the column, marked where it is tied with the best."""
    text = _score(row.scores, column, truth)
    if row.judged and row.measure in bold:
        number, _, rest = text.partition(" ")
        text = f"**{number}** {rest}".rstrip()
    return f"{text} {TIE}" if row.judged and row.measure in tied else text


def _score(scores: Mapping[str, Score], column: Column, truth: TransferMatrix) -> str:
    score = scores.get(column.score)
    if score is None:
        return NONE
    number = phrases.figure(column.score, score.value, truth)
    bounds = phrases.interval(score, truth) if column.with_interval else ""
    return " ".join(part for part in (number, bounds, phrases.fewer(score, truth)) if part)


def _references(board: Board) -> str:
    shown = phrases.columns(board)
    lines = [
        [
            escape_markdown(baseline.name),
            *(_score(baseline.scores, column, board.truth) for column in shown),
            escape_markdown(baseline.note),
        ]
        for baseline in phrases.references(board)
    ]
    return _table(["baseline", *(column.title for column in shown), "what it is"], lines, left=(0, len(shown) + 1))


def _failed(board: Board) -> str:
    rows = [row for row in board.rows if row.status is Status.FAILED]
    lines = [
        [format_code(row.measure), escape_markdown(phrases.reason_of(row)), escape_markdown(row.plugin)] for row in rows
    ]
    return _table(["measure", "reason", "of"], lines, left=(0, 1, 2))


def _elsewhere(board: Board) -> str:
    printed = phrases.printed(board)
    lines = [
        [
            escape_markdown(row.measure),
            *(phrases.as_printed(row, column) for column in printed),
            escape_markdown(phrases.source_elsewhere(row)),
        ]
        for row in board.elsewhere
    ]
    return _table(["measure", *(column.title for column in printed), "source"], lines, left=(0, len(printed) + 1))


def _remarks(board: Board) -> str:
    lines = [
        f"{format_code(measure)}: {escape_markdown('; '.join(notes))}" for measure, notes in phrases.remarks(board)
    ]
    return "\n".join(f"- {line}" for line in lines)


def _section(title: str, body: str) -> tuple[str, ...]:
    return (f"## {title}", body) if body else ()


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {escape_markdown(line)}" for line in lines)


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """A table; figures are aligned to the right. Empty without lines."""
    if not lines:
        return ""
    rule = [":---" if place in left else "---:" for place in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *lines))
