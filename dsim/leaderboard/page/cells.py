"""The cells of the page: figures with their marks, and pictures on scales that all rows share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from dsim.leaderboard.ordering import equal_best, ranks
from dsim.leaderboard.page import bars, wording
from dsim.leaderboard.page.bars import Line, Scale
from dsim.leaderboard.page.details import regrets
from dsim.leaderboard.page.wording import CEILING, TIE, Column
from dsim.leaderboard.rows import Board, Row
from dsim.leaderboard.ties import tied_with_best

if TYPE_CHECKING:
    from dsim.evaluation import Score

#: How the reference lines look, by the names of baselines.
_KINDS = {
    "random": "random",
    "best fixed source": "fixed",
    "best fixed source, others": "others",
    "ImageNet": "imagenet",
    CEILING: "ceiling",
}
_TIE = f' <span class="tie" title="cannot be told from the best">{TIE}</span>'


@dataclass(frozen=True)
class Cells:
    """What all cells of a board have in common.

    Parameters
    ----------
    ranks : by measure. ``bold``, ``tied`` : by score, the measures that are best, and those that are tied with it.
    scales, lines : by score, of the columns that are drawn. ``most`` : the largest regret of any target and row.
    """

    board: Board
    columns: tuple[Column, ...]
    ranks: Mapping[str, int | None]
    bold: Mapping[str, frozenset[str]]
    tied: Mapping[str, set[str]]
    scales: Mapping[str, Scale]
    lines: Mapping[str, Sequence[Line]]
    most: float

    @classmethod
    def of(cls, board: Board) -> Cells:
        """Marks, scales and reference lines of a board."""
        columns = wording.columns(board)
        drawn = [column.score for column in columns if column.with_interval]
        known = [value for row in board.rows for value, _ in regrets(board, row) if not math.isnan(value)]
        return cls(
            board=board,
            columns=columns,
            ranks=ranks(board),
            bold={column.score: equal_best(board, column.score) for column in columns},
            tied={column.score: tied_with_best(board, column.score) for column in columns},
            scales={score: _scale(board, score) for score in drawn},
            lines={score: _lines(board, score) for score in drawn},
            most=max(known, default=0.0),
        )

    def first(self, column: Column) -> str:
        """The direction that puts the best first."""
        from dsim.evaluation.scores import BY_NAME

        return "ascending" if BY_NAME[column.score].better == "lower" else "descending"

    def score(self, row: Row, column: Column) -> str:
        """A score of a row: bold where it is the best, marked where it is tied; with its interval and bar."""
        found = row.scores.get(column.score)
        if found is None or math.isnan(found.value):
            why = found.note if found is not None else ""
            return f'<td data-sort="" title="{escape(why)}">{wording.NONE}</td>'
        number = escape(wording.figure(column.score, found.value, self.board.truth))
        if row.judged and row.measure in self.bold[column.score]:
            number = f"<strong>{number}</strong>"
        tie = _TIE if row.judged and row.measure in self.tied[column.score] else ""
        few = wording.fewer(found, self.board.truth)
        tie += f' <span class="ci">{few}</span>' if few else ""
        return f'<td data-sort="{found.value!r}">{number}{tie}{self._beside(row, found, column)}</td>'

    def _beside(self, row: Row, found: Score, column: Column) -> str:
        if not column.with_interval:
            return ""
        told = wording.interval(found, self.board.truth)
        bounds = f' <span class="ci">{escape(told)}</span>' if told else ""
        said = f"{row.measure}: {wording.figure(column.score, found.value, self.board.truth)} {told}".rstrip()
        scale, lines = self.scales[column.score], self.lines[column.score]
        return bounds + bars.interval_bar(found.value, found.low, found.high, scale, lines, said)

    def strip(self, row: Row) -> str:
        """The regret of each target, as bars."""
        of_targets = regrets(self.board, row)
        if not of_targets:
            return "<td></td>"
        values, told = zip(*of_targets, strict=True)
        return f'<td class="text">{bars.strip(values, told, self.most)}</td>'

    def plain(self, scores: Mapping[str, Score], column: Column) -> str:
        """A score of a baseline, with its interval where the column shows one."""
        found = scores.get(column.score)
        if found is None or math.isnan(found.value):
            return f'<span title="{escape(found.note if found is not None else "")}">{wording.NONE}</span>'
        bounds = wording.interval(found, self.board.truth) if column.with_interval else ""
        beside = f' <span class="ci">{escape(bounds)}</span>' if bounds else ""
        return escape(wording.figure(column.score, found.value, self.board.truth)) + beside

    def names(self) -> str:
        """The targets' names above their bars."""
        return bars.strip_names(self.board.truth.targets)

    def axis(self, column: Column) -> str:
        """The scale of a column; empty where nothing is drawn."""
        if column.score not in self.scales:
            return ""
        scale = self.scales[column.score]
        values = (scale.low, scale.high) if column.score == "regret" else (scale.low, 0.0, scale.high)
        return bars.axis(scale, [(value, f"{value:g}") for value in values], self.lines[column.score])

    def key(self) -> str:
        """What the lines and bars mean."""
        shown = {line.kind: line for score in self.lines for line in self.lines[score]}
        of_bars = f"bars: regret of each target, up to {wording.figure('regret', self.most, self.board.truth)}"
        parts = [
            *(f"{bars.sample(line)} {escape(line.name)}" for line in shown.values()),
            f'<span class="tie">{TIE}</span> cannot be told from the best',
            escape(of_bars),
            "dot: the best source was chosen",
        ]
        return " ".join(f"<span>{part}</span>" for part in parts)


def _scale(board: Board, score: str) -> Scale:
    """Correlations up to 1; regret from 0 to the largest bound, or that of a baseline."""
    found = [row.scores[score] for row in board.rows if score in row.scores]
    if score != "regret":
        below = [value for one in found for value in (one.value, one.low) if value < -0.5]
        return Scale(-1.0 if below else -0.5, 1.0)
    values = [value for one in found for value in (one.value, one.high)]
    values += [one.value(score) for one in wording.references(board) if one.name in _KINDS]
    return Scale(0.0, _rounded_up(max((value for value in values if not math.isnan(value)), default=0.0)))


def _rounded_up(value: float) -> float:
    """The next number of one or two digits, so that an axis ends where it can be read.

    >>> _rounded_up(28.9), _rounded_up(0.061), _rounded_up(0.0)
    (30.0, 0.065, 1.0)
    """
    if value <= 0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(value)) / 2
    return round(math.ceil(value / step) * step, 12)


def _lines(board: Board, score: str) -> list[Line]:
    found = [
        Line(_KINDS[one.name], one.name, one.value(score)) for one in wording.references(board) if one.name in _KINDS
    ]
    return [line for line in found if not math.isnan(line.value)]
