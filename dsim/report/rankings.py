"""The ranking of sources for each target, with intervals on one scale, and verdicts in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dsim.comparison import verdict_of_votes
from dsim.measures import Likeness, Outcome
from dsim.pages import (
    MISSING,
    emphasise_name,
    escape,
    format_count,
    format_number,
    format_percent,
    isolate_name,
    join_words,
)

if TYPE_CHECKING:
    from dsim.comparison import Agreement
    from dsim.measures import Ranked, SimilarityMatrix, Verdict


@dataclass(frozen=True)
class WordedVerdict:
    """A verdict for the page.

    ``best`` is the source in question, None without one; ``kind`` the look of the badge: ``sure``, ``open``,
    ``unknown`` or ``none``; ``badge`` its text, ``words`` sentences in HTML.
    """

    best: str | None
    kind: str
    badge: str
    words: str


def render_badge(verdict: WordedVerdict) -> str:
    """Return the verdict in two words, as HTML."""
    return f'<span class="badge {verdict.kind}">{verdict.badge}</span>'


def word_verdict(matrix: SimilarityMatrix, target: str) -> WordedVerdict:
    """Return the verdict of one measure for one target, in words; raises KeyError for a name that is not a target."""
    return _with_likeness(_word_ranking(matrix, target), matrix.verdicts[target])


def _with_likeness(worded: WordedVerdict, verdict: Verdict | None) -> WordedVerdict:
    """The verdict with whether the source resembles the target; nothing is green where that is not so."""
    if verdict is None or verdict.resemblance is None:
        return worded
    match verdict.likeness:
        case Likeness.NONE:
            rest = f" ({escape(verdict.resemblance.reason)})" if verdict.resemblance.reason else ""
            which = f"{verdict.resemblance.assessed}sources"
            words = f"None of the {which} resembles the target{rest}. {worded.words} But {_FAR}."
            return WordedVerdict(worded.best, "none", "none resembles it", words)
        case Likeness.UNCERTAIN:
            other = verdict.resemblance.instead
            unsure = "Whether it resembles the target is uncertain"
            may = f"It does not resemble the target, and {emphasise_name(other)} may" if other else unsure
            kind = "open" if worded.kind == "sure" else worded.kind
            return replace(worded, kind=kind, words=f"{worded.words} {may}.")
        case Likeness.RESEMBLES:
            return replace(worded, words=f"{worded.words} It resembles the target.")
        case _:
            why = escape(verdict.resemblance.reason)
            return replace(worded, words=f"{worded.words} Whether it resembles the target is not known: {why}.")


_FAR = "that is farther from the target than any two sets of one kind that dsim knows"


def _word_ranking(matrix: SimilarityMatrix, target: str) -> WordedVerdict:
    verdict = matrix.verdicts[target]
    outcome = verdict.outcome
    if outcome is Outcome.NO_SOURCE or verdict.best is None:
        return WordedVerdict(None, "none", "no answer", _sentence("No source could be compared", ""))
    near = _floor_sentence(matrix, target) if verdict.within_floor else ""
    if outcome is Outcome.ONLY_SOURCE:
        among = " with a value" if len(matrix.distances(target)) > 1 else ""
        words = f"{emphasise_name(verdict.best)} is the only source{among}"
        return WordedVerdict(verdict.best, "unknown", "only source", _sentence(words, near))
    if outcome is Outcome.NOT_ASSESSED:
        why = "no intervals were computed" if not matrix.replicates else "an interval could not be computed"
        words = f"{emphasise_name(verdict.best)} is nearest. Whether that is more than chance is not known: {why}"
        return WordedVerdict(verdict.best, "unknown", "not assessed", _sentence(words, near))
    clear = outcome is Outcome.CLEAR
    words = _clear_winner(matrix, verdict) if clear else _no_clear_winner(matrix, verdict)
    kind, badge = ("sure", "clear winner") if clear else ("open", "no clear winner")
    return WordedVerdict(verdict.best, kind, badge, _sentence(words, near))


def word_votes(agreement: Agreement, target: str) -> WordedVerdict:
    """Return the verdict of several measures for one target: their votes, in words."""
    return _with_likeness(_word_poll(agreement, target), verdict_of_votes(agreement, target))


def _word_poll(agreement: Agreement, target: str) -> WordedVerdict:
    poll = agreement.poll(target)
    if not poll.votes:
        return WordedVerdict(None, "none", "no answer", _sentence("No measure could name a nearest source", ""))
    most, count, first = poll.most, poll.voters, poll.leaders
    rest = [
        f"{cast} {'puts' if cast == 1 else 'put'} {isolate_name(source)} first"
        for source, cast in poll.votes.items()
        if source not in first
    ]
    silent = count - sum(poll.votes.values())
    rest += [f"{silent} {'names' if silent == 1 else 'name'} none, or several"] if silent else []
    others = f"; {join_words(rest)}" if rest else ""
    if poll.unanimous:
        words = f"All {count} measures put {emphasise_name(first[0])} first"
        return WordedVerdict(first[0], "sure", "all agree", _sentence(words, ""))
    if len(first) > 1:
        leaders = join_words([emphasise_name(source) for source in first])
        words = f"{leaders} are each first for {most} of {count} measures{others}"
        return WordedVerdict(first[0], "open", "measures differ", _sentence(words, ""))
    words = f"{most} of {count} measures put {emphasise_name(first[0])} first{others}"
    kind, badge = ("sure", "most agree") if poll.decided else ("open", "measures differ")
    return WordedVerdict(first[0], kind, badge, _sentence(words, ""))


def _clear_winner(matrix: SimilarityMatrix, verdict: Verdict) -> str:
    best, second = emphasise_name(verdict.best or ""), isolate_name(verdict.second or "")
    return f"{best} is nearest. The second, {second}, lies {_margin(matrix, verdict)} farther ({_interval(matrix)})"


def _no_clear_winner(matrix: SimilarityMatrix, verdict: Verdict) -> str:
    best, second = emphasise_name(verdict.best or ""), isolate_name(verdict.second or "")
    if verdict.outcome is Outcome.TIED:
        return f"{best} is nearest, and not alone: {isolate_name(verdict.reason.removeprefix('no clear winner: '))}"
    return (
        f"{best} is first and cannot be distinguished from {second}: that lies {_margin(matrix, verdict)} farther"
        f" ({_interval(matrix)}, which holds 0)"
    )


def _margin(matrix: SimilarityMatrix, verdict: Verdict) -> str:
    unit = f" {isolate_name(matrix.unit)}" if matrix.unit else ""
    return f"{format_number(verdict.low)} to {format_number(verdict.high)}{unit}"


def _interval(matrix: SimilarityMatrix) -> str:
    return f"{100 * matrix.confidence:g} % interval, {format_count(matrix.replicates, 'resample')}"


def _floor_sentence(matrix: SimilarityMatrix, target: str) -> str:
    floor = (matrix.floor or {}).get(target, math.nan)
    halves = f"two halves of the target are from each other ({format_number(floor)})"
    return f"It is no farther from the target than {halves}"


def _sentence(words: str, more: str) -> str:
    return f"{words}.{f' {more}.' if more else ''}"


#: Sources in the ranking of a target; all values stand in the heat map.
_MOST_SHOWN = 12


def render_rankings(matrix: SimilarityMatrix, worded: bool) -> str:
    """Return one card for each target, with its verdict in words if ``worded``, and then how to read them.

    The values of the matrix are (sources, targets).
    """
    scale = Scale.over(_values(matrix))
    cards = "\n".join(_ranking_card(matrix, target, scale, worded) for target in matrix.targets)
    return f'<div class="rankings">\n{cards}\n</div>\n<p class="small key">{" ".join(_key(matrix, scale))}</p>'


def _values(matrix: SimilarityMatrix) -> Iterator[float]:
    """All values that are drawn."""
    for ranking in matrix.rankings():
        yield (matrix.floor or {}).get(ranking.target, math.nan)
        for entry in ranking.entries:
            yield from (entry.value, entry.low, entry.high)


def _ranking_card(matrix: SimilarityMatrix, target: str, scale: Scale, worded: bool) -> str:
    verdict, entries = word_verdict(matrix, target), matrix.ranking(target).entries
    floor = (matrix.floor or {}).get(target, math.nan)
    rows = "\n".join(_row(matrix, rank, entry, floor, scale) for rank, entry in enumerate(entries[:_MOST_SHOWN], 1))
    more = len(entries) - _MOST_SHOWN
    rest = f'<p class="small">{more} more in the heat map below.</p>' if more > 0 else ""
    words = f" {verdict.words}" if worded else ""
    known = matrix.verdicts[target].resemblance
    far = f'<p class="small">{escape(known.words)}.</p>' if known is not None and known.bounds is not None else ""
    heads = "".join(f'<th scope="col"{kind}>{head}</th>' for head, kind in _heads(matrix))
    return (
        f'<article class="card ranking"><h3>for {isolate_name(target)}</h3><p>{render_badge(verdict)}{words}</p>\n'
        f"<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>{rest}{far}</article>"
    )


def _heads(matrix: SimilarityMatrix) -> list[tuple[str, str]]:
    value = f"{matrix.direction}{f', {escape(matrix.unit)}' if matrix.unit else ''}"
    heads = [
        ('<span class="unseen">rank</span>', ""),
        ("source", ' class="text"'),
        ('<span class="unseen">drawn</span>', ' class="drawn"'),
        (value, ""),
    ]
    heads += [("first\u00a0in", "")] if matrix.replicates else []
    return [*heads, ("p", "")] if matrix.permutations else heads


def _row(matrix: SimilarityMatrix, rank: int, entry: Ranked, floor: float, scale: Scale) -> str:
    source = f'<td>{rank}</td><th scope="row" class="text">{isolate_name(entry.source)}</th>'
    if math.isnan(entry.value):
        wide = len(_heads(matrix)) - 2
        return f'<tr class="failed">{source}<td class="reason" colspan="{wide}">failed: {escape(entry.note)}</td></tr>'
    known = not math.isnan(entry.low)
    bounds = f'<span class="ci">{format_number(entry.low)} to {format_number(entry.high)}</span>' if known else ""
    cells = [
        f'<td class="drawn">{render_bar(entry.value, entry.low, entry.high, floor, scale)}</td>',
        f"<td>{format_number(entry.value)}{bounds}</td>",
    ]
    cells += [f"<td>{format_percent(entry.first_share)}</td>"] if matrix.replicates else []
    cells += [f"<td>{MISSING if math.isnan(entry.p) else f'{entry.p:.2g}'}</td>"] if matrix.permutations else []
    return f"<tr>{source}{''.join(cells)}</tr>"


def _key(matrix: SimilarityMatrix, scale: Scale) -> Iterator[str]:
    yield f"All rankings are drawn on one scale, {format_number(scale.low)} to {format_number(scale.high)}."
    if matrix.replicates:
        yield (
            f"Bar: {100 * matrix.confidence:g} % interval over {matrix.replicates} resamples of the images. First in: "
            "share of the resamples in which the source ranks first."
        )
    if matrix.floor and not all(math.isnan(matrix.floor.get(target, math.nan)) for target in matrix.targets):
        yield (
            "Dashed line: how far two random halves of the target are from each other; nearer than that, no distance "
            "is left to explain."
        )
    if matrix.permutations:
        yield f"p: of {matrix.permutations} permutations, of each pair by itself: could both be one population?"


@dataclass(frozen=True)
class Scale:
    """The values at the left and right edge of the bars.

    >>> Scale(0.0, 10.0).place(2.5)
    '25%'
    """

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float]) -> Scale:
        """Return the scale from the least to the largest known value, with 0: what hardly differs stands together."""
        known = [0.0, *(value for value in values if math.isfinite(value))]
        return cls(min(known), max(known))

    def place(self, value: float) -> str:
        """Return the place of a value, as a share of the width."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return f"{round(100 * share, 2):g}%"


def render_bar(value: float, low: float, high: float, floor: float, scale: Scale) -> str:
    """A dot for the value, a bar for its interval, a line where the halves are; its numbers stand beside it."""
    if math.isnan(value):
        return ""
    parts = ['<line class="track" x1="0%" x2="100%" y1="50%" y2="50%"/>']
    if not math.isnan(floor):
        parts.append(f'<line class="floor" x1="{scale.place(floor)}" x2="{scale.place(floor)}" y1="0%" y2="100%"/>')
    if not math.isnan(low) and not math.isnan(high):
        parts.append(f'<line class="span" x1="{scale.place(low)}" x2="{scale.place(high)}" y1="50%" y2="50%"/>')
    parts.append(f'<circle class="dot" cx="{scale.place(value)}" cy="50%" r="4"/>')
    return f'<svg class="bar" aria-hidden="true">{"".join(parts)}</svg>'
