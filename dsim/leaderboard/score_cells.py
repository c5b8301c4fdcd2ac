"""The cells of the page: figures with their marks, and pictures on scales that all rows share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.leaderboard import phrases
from dsim.leaderboard.board import Board, equal_best, ranks, tied_with_best
from dsim.leaderboard.phrases import CEILING, TIE, Column
from dsim.leaderboard.rows import Row
from dsim.pages import escape

if TYPE_CHECKING:
    from dsim.evaluation import Evaluation, Score


#: In units of the picture; the page's style sheet gives the size on screen.
_WIDTH, _HEIGHT = 132.0, 12.0
_BAR, _STRIP = 11.0, 24.0


@dataclass(frozen=True)
class _Line:
    """A value to hold others against: its ``kind`` gives the look, from the style sheet."""

    kind: str
    name: str
    value: float


@dataclass(frozen=True)
class _Scale:
    """The values at the left and right edge.

    >>> _Scale(0.0, 10.0).place(5.0)
    66.0
    """

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return the distance from the left edge; values beyond an edge lie on it."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return round(_WIDTH * min(max(share, 0.0), 1.0), 2)

    def holds(self, value: float) -> bool:
        """Return whether a value lies within the edges."""
        return not math.isnan(value) and self.low <= value <= self.high


def _draw_interval(value: float, low: float, high: float, scale: _Scale, lines: Sequence[_Line], label: str) -> str:
    """A dot for the value, a bar for its interval, and a line through each reference; ``label`` is read out."""
    if math.isnan(value):
        return ""
    middle = _HEIGHT / 2
    parts = [f"<title>{escape(label)}</title>", *_reference_lines(scale, lines, _HEIGHT)]
    if not math.isnan(low) and not math.isnan(high):
        left, right = scale.place(low), scale.place(high)
        parts.append(f'<line class="span" x1="{left}" x2="{right}" y1="{middle}" y2="{middle}"/>')
    parts.append(f'<circle class="dot" cx="{scale.place(value)}" cy="{middle}" r="3"/>')
    return _svg("bar", _WIDTH, _HEIGHT, parts)


def _draw_axis(scale: _Scale, ticks: Sequence[tuple[float, str]], lines: Sequence[_Line]) -> str:
    """The scale of a column of bars, for its head."""
    parts = [f"<title>{escape(_listed(lines))}</title>", *_reference_lines(scale, lines, 5.0)]
    parts.append(f'<line class="axis" x1="0" x2="{_WIDTH}" y1="5" y2="5"/>')
    for value, text in ticks:
        where = scale.place(value)
        anchor = "start" if where == 0 else "end" if where == _WIDTH else "middle"
        parts.append(f'<text x="{where}" y="15" text-anchor="{anchor}">{escape(text)}</text>')
    return _svg("axis", _WIDTH, 17.0, parts)


def _draw_sample(line: _Line) -> str:
    """The look of a reference line, for the key."""
    return _svg("sample", 8.0, _HEIGHT, [f'<line class="ref {line.kind}" x1="4" x2="4" y1="0" y2="{_HEIGHT}"/>'])


def _draw_strip(regrets: Sequence[float], labels: Sequence[str], most: float) -> str:
    """One bar per target, as high as its regret; a dot where there is none, a cross where it is not known.

    Parameters
    ----------
    regrets : 0 or more; NaN where not known. ``labels`` : the text of each bar when it is pointed at.
    most : the regret of a bar of full height, common to all rows.
    """
    bars = [
        f'<g><title>{escape(text)}</title><rect class="hit" x="{_BAR * place}" y="0" width="{_BAR}" height="{_STRIP}"/>'
        f"{_regret_bar(place, regret, most)}</g>"
        for place, (regret, text) in enumerate(zip(regrets, labels, strict=True))
    ]
    return _svg("strip", _BAR * len(regrets), _STRIP, bars)


def _draw_names(names: Sequence[str], high: float = 88.0) -> str:
    """The names above the bars of a strip, upright; the long ones shortened."""
    parts = []
    for place, name in enumerate(names):
        x, short = _BAR * (place + 0.5) + 3, name if len(name) <= 15 else f"{name[:14]}…"
        turned = f'transform="translate({x} {high - 2}) rotate(-90)"'
        parts.append(f"<g><title>{escape(name)}</title><text {turned}>{escape(short)}</text></g>")
    return _svg("names", _BAR * len(names), high, parts)


def _regret_bar(place: int, regret: float, most: float) -> str:
    left, foot = _BAR * place, _STRIP - 1
    middle = left + _BAR / 2
    if math.isnan(regret):
        x1, x2 = middle - 2.5, middle + 2.5
        return f'<path class="unknown" d="M{x1} {foot - 5}L{x2} {foot}M{x2} {foot - 5}L{x1} {foot}"/>'
    if regret <= 0 or most <= 0:
        return f'<circle class="hit-best" cx="{middle}" cy="{foot - 2}" r="2"/>'
    high = max(1.5, round((_STRIP - 2) * min(regret / most, 1.0), 2))
    return f'<rect class="regret" x="{left + 1.5}" y="{round(foot - high, 2)}" width="{_BAR - 3}" height="{high}"/>'


def _reference_lines(scale: _Scale, lines: Sequence[_Line], high: float) -> list[str]:
    drawn = []
    for line in lines:
        if scale.holds(line.value):
            x = scale.place(line.value)
            drawn.append(f'<line class="ref {line.kind}" x1="{x}" x2="{x}" y1="0" y2="{high}"/>')
    return drawn


def _listed(lines: Sequence[_Line]) -> str:
    return "; ".join(f"{line.name} {line.value:.3g}" for line in lines if not math.isnan(line.value))


def _svg(kind: str, width: float, height: float, parts: Sequence[str]) -> str:
    return f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="img">{"".join(parts)}</svg>'


_EACH = '<span class="on-screen">each target</span>'
_HEADS = ("target", "chosen source", "best source", "regret", "Pearson", "Spearman", "Kendall")


def _target_regrets(board: Board, row: Row) -> list[tuple[float, str]]:
    """Regret of each target of the truth, in order, and a sentence about it; empty for rows that were not judged."""
    if row.evaluation is None:
        return []
    by_target = {target: _regret(board, row.evaluation, place) for place, target in enumerate(row.evaluation.targets)}
    return [by_target.get(target, (math.nan, f"{target}: not judged")) for target in board.truth.targets]


def _regret(board: Board, evaluation: Evaluation, place: int) -> tuple[float, str]:
    target, chosen = evaluation.targets[place], evaluation.judgement.selected[place]
    value = float(evaluation.judgement.per_target["regret"][place])
    if math.isnan(value):
        return value, f"{target}: {evaluation.judgement.reasons.get(('regret', target), 'no regret')}"
    return value, f"{target}: chose {_join_sources(chosen)}, regret {phrases.figure('regret', value, board.truth)}"


def render_details(board: Board, row: Row, wide: int) -> str:
    """Return the row below a measure's own, with each target, folded up; empty for rows that were not judged."""
    if row.evaluation is None:
        return ""
    kind = ' class="text"'
    heads = "".join(
        f'<th scope="col"{kind if place < 3 else ""}>{escape(head)}</th>' for place, head in enumerate(_HEADS)
    )
    lines = "".join(_target_row(board, row.evaluation, place) for place in range(len(row.evaluation.targets)))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    parameters = phrases.name_and_parameters(row.measure)[1]
    summary = f'<code>{escape(parameters)}</code><span class="unseen">, each target</span>' if parameters else _EACH
    folded = f"<details><summary>{summary}</summary>{table}</details>"
    return f'<tr class="more"><td></td><td colspan="{wide}">{folded}</td></tr>'


def _target_row(board: Board, evaluation: Evaluation, place: int) -> str:
    target = evaluation.targets[place]
    chosen = _join_sources(evaluation.judgement.selected[place], evaluation, place, board)
    texts = [target, chosen or phrases.NONE, _best_sources(board, evaluation, place)]
    cells = [f'<td class="text">{escape(text)}</td>' for text in texts]
    for score in ("regret", "pearson", "spearman", "kendall"):
        value = float(evaluation.judgement.per_target[score][place])
        why = evaluation.judgement.reasons.get((score, target), "")
        title = f' title="{escape(why)}"' if why else ""
        cells.append(f"<td{title}>{escape(phrases.figure(score, value, board.truth))}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _best_sources(board: Board, evaluation: Evaluation, place: int) -> str:
    """The best of the sources that a choice is measured against; several where they are equal."""
    import numpy as np

    from dsim.evaluation import candidates_of

    held = candidates_of(evaluation.distances, evaluation.scores, evaluation.counted)[:, place]
    if not held.any():
        return phrases.NONE
    scores = np.where(held, evaluation.scores[:, place], -np.inf)
    best = tuple(evaluation.sources[i] for i in np.flatnonzero(scores == scores.max()))
    return _join_sources(best, evaluation, place, board)


def _join_sources(
    sources: tuple[str, ...], evaluation: Evaluation | None = None, place: int = 0, board: Board | None = None
) -> str:
    """Names joined by ``or``, with their scores where an evaluation is given."""
    if evaluation is None or board is None:
        return " or ".join(sources)
    scores = {name: float(evaluation.scores[i, place]) for i, name in enumerate(evaluation.sources)}
    return " or ".join(f"{name} ({phrases.figure('regret', scores[name], board.truth)})" for name in sources)


#: How the reference lines look, by the names of baselines.
_KINDS = {
    "random": "random",
    "best fixed source": "fixed",
    "best fixed source, others": "others",
    "ImageNet": "imagenet",
    CEILING: "ceiling",
}
_TIE = f' <span class="tie" title="cannot be distinguished from the best">{TIE}</span>'


@dataclass(frozen=True)
class ScoreCells:
    """The parts that all cells of a board share.

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
    scales: Mapping[str, _Scale]
    lines: Mapping[str, Sequence[_Line]]
    most: float

    @classmethod
    def of(cls, board: Board) -> ScoreCells:
        """Return the marks, scales and reference lines of a board.

        Raises UsageError where the board's settings make no interval.
        """
        columns = phrases.columns(board)
        drawn = [column.score for column in columns if column.with_interval]
        known = [value for row in board.rows for value, _ in _target_regrets(board, row) if not math.isnan(value)]
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
        """Return the direction that puts the best first."""
        from dsim.evaluation import BY_NAME

        return "ascending" if BY_NAME[column.score].better == "lower" else "descending"

    def score(self, row: Row, column: Column) -> str:
        """Return a score of a row: bold where it is the best, marked where it is tied; with its interval and bar."""
        found = row.scores.get(column.score)
        if found is None or math.isnan(found.value):
            why = found.note if found is not None else ""
            return f'<td data-sort="" title="{escape(why)}">{phrases.NONE}</td>'
        number = escape(phrases.figure(column.score, found.value, self.board.truth))
        if row.judged and row.measure in self.bold[column.score]:
            number = f"<strong>{number}</strong>"
        tie = _TIE if row.judged and row.measure in self.tied[column.score] else ""
        few = phrases.fewer(found, self.board.truth)
        tie += f' <span class="ci">{few}</span>' if few else ""
        return f'<td data-sort="{found.value!r}">{number}{tie}{self._beside(row, found, column)}</td>'

    def _beside(self, row: Row, found: Score, column: Column) -> str:
        if not column.with_interval:
            return ""
        interval = phrases.interval(found, self.board.truth)
        bounds = f' <span class="ci">{escape(interval)}</span>' if interval else ""
        label = f"{row.measure}: {phrases.figure(column.score, found.value, self.board.truth)} {interval}".rstrip()
        scale, lines = self.scales[column.score], self.lines[column.score]
        return bounds + _draw_interval(found.value, found.low, found.high, scale, lines, label)

    def strip(self, row: Row) -> str:
        """Return the regret of each target, as bars."""
        of_targets = _target_regrets(self.board, row)
        if not of_targets:
            return "<td></td>"
        values, labels = zip(*of_targets, strict=True)
        return f'<td class="text">{_draw_strip(values, labels, self.most)}</td>'

    def plain(self, scores: Mapping[str, Score], column: Column) -> str:
        """Return a score of a baseline, with its interval where the column shows one."""
        found = scores.get(column.score)
        if found is None or math.isnan(found.value):
            return f'<span title="{escape(found.note if found is not None else "")}">{phrases.NONE}</span>'
        bounds = phrases.interval(found, self.board.truth) if column.with_interval else ""
        beside = f' <span class="ci">{escape(bounds)}</span>' if bounds else ""
        return escape(phrases.figure(column.score, found.value, self.board.truth)) + beside

    def names(self) -> str:
        """Return the targets' names, which stand above their bars."""
        return _draw_names(self.board.truth.targets)

    def axis(self, column: Column) -> str:
        """Return the scale of a column; empty where nothing is drawn."""
        if column.score not in self.scales:
            return ""
        scale = self.scales[column.score]
        values = (scale.low, scale.high) if column.score == "regret" else (scale.low, 0.0, scale.high)
        return _draw_axis(scale, [(value, f"{value:g}") for value in values], self.lines[column.score])

    def key(self) -> str:
        """Return the meaning of lines and bars."""
        shown = {line.kind: line for score in self.lines for line in self.lines[score]}
        of_bars = f"bars: regret of each target, up to {phrases.figure('regret', self.most, self.board.truth)}"
        parts = [
            *(f"{_draw_sample(line)} {escape(line.name)}" for line in shown.values()),
            f'<span class="tie">{TIE}</span> cannot be distinguished from the best',
            escape(of_bars),
            "dot: the best source was chosen",
        ]
        return " ".join(f"<span>{part}</span>" for part in parts)


def _scale(board: Board, score: str) -> _Scale:
    """Correlations up to 1; regret from 0 to the largest bound, or that of a baseline."""
    scores = [row.scores[score] for row in board.rows if score in row.scores]
    if score != "regret":
        below = [value for known in scores for value in (known.value, known.low) if value < -0.5]
        return _Scale(-1.0 if below else -0.5, 1.0)
    values = [value for known in scores for value in (known.value, known.high)]
    values += [baseline.value(score) for baseline in phrases.references(board) if baseline.name in _KINDS]
    return _Scale(0.0, _rounded_up(max((value for value in values if not math.isnan(value)), default=0.0)))


def _rounded_up(value: float) -> float:
    """The next number of one or two digits, so that an axis ends where it can be read.

    >>> _rounded_up(28.9), _rounded_up(0.061), _rounded_up(0.0)
    (30.0, 0.065, 1.0)
    """
    if value <= 0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(value)) / 2
    return round(math.ceil(value / step) * step, 12)


def _lines(board: Board, score: str) -> list[_Line]:
    lines = [
        _Line(_KINDS[baseline.name], baseline.name, baseline.value(score))
        for baseline in phrases.references(board)
        if baseline.name in _KINDS
    ]
    return [line for line in lines if not math.isnan(line.value)]
