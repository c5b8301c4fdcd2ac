"""Verdicts in plain words, for a single measure and for several."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsim.comparison.measure_agreement import Agreement
from dsim.measures import SimilarityMatrix, Verdict
from dsim.report.page.text import listed, name, number, plural, strong


@dataclass(frozen=True)
class Said:
    """A verdict for the page.

    ``best`` is the source in question, None without one; ``kind`` the look of the badge: ``sure``, ``open``,
    ``unknown`` or ``none``; ``badge`` its text, ``words`` sentences in HTML.
    """

    best: str | None
    kind: str
    badge: str
    words: str


def of_measure(matrix: SimilarityMatrix, target: str) -> Said:
    """What one measure says of one target."""
    found = matrix.verdicts[target]
    if found.best is None:
        return Said(None, "none", "no answer", _sentence("No source could be compared", ""))
    near = _floor(matrix, target) if found.within_floor else ""
    if found.second is None:
        return Said(found.best, "unknown", "only source", _sentence(f"{strong(found.best)} is the only source", near))
    if found.clear is None:
        why = "no intervals were computed" if not matrix.replicates else "an interval could not be computed"
        words = f"{strong(found.best)} is nearest. Whether that is more than chance is not known: {why}"
        return Said(found.best, "unknown", "not assessed", _sentence(words, near))
    words = _clear(matrix, found) if found.clear else _open(matrix, found)
    kind, badge = ("sure", "clear winner") if found.clear else ("open", "no clear winner")
    return Said(found.best, kind, badge, _sentence(words, near))


def of_all(found: Agreement, target: str) -> Said:
    """What several measures say of one target."""
    votes, count = found.votes(target), len(found.measures)
    if not votes:
        return Said(None, "none", "no answer", _sentence("No measure could name a nearest source", ""))
    most = max(votes.values())
    first = [source for source, cast in votes.items() if cast == most]
    rest = [
        f"{cast} {'puts' if cast == 1 else 'put'} {name(source)} first"
        for source, cast in votes.items()
        if source not in first
    ]
    silent = count - sum(votes.values())
    rest += [f"{silent} {'names' if silent == 1 else 'name'} none, or several"] if silent else []
    others = f"; {listed(rest)}" if rest else ""
    if most == count:
        return Said(first[0], "sure", "all agree", _sentence(f"All {count} measures put {strong(first[0])} first", ""))
    if len(first) > 1:
        words = f"{listed([strong(source) for source in first])} are each first for {most} of {count} measures{others}"
        return Said(first[0], "open", "measures differ", _sentence(words, ""))
    words = f"{most} of {count} measures put {strong(first[0])} first{others}"
    kind, badge = ("sure", "most agree") if most > count / 2 else ("open", "measures differ")
    return Said(first[0], kind, badge, _sentence(words, ""))


def _clear(matrix: SimilarityMatrix, found: Verdict) -> str:
    best, second = strong(found.best or ""), name(found.second or "")
    return f"{best} is nearest. The second, {second}, lies {_margin(matrix, found)} farther ({_interval(matrix)})"


def _open(matrix: SimilarityMatrix, found: Verdict) -> str:
    best, second = strong(found.best or ""), name(found.second or "")
    if found.low == found.high == 0:
        return f"{best} is nearest, and not alone: {name(found.reason.removeprefix('no clear winner: '))}"
    return (
        f"{best} is first and cannot be told from {second}: that lies {_margin(matrix, found)} farther"
        f" ({_interval(matrix)}, which holds 0)"
    )


def _margin(matrix: SimilarityMatrix, found: Verdict) -> str:
    unit = f" {name(matrix.unit)}" if matrix.unit else ""
    return f"{number(found.low)} to {number(found.high)}{unit}"


def _interval(matrix: SimilarityMatrix) -> str:
    return f"{100 * matrix.confidence:g} % interval, {plural(matrix.replicates, 'resample')}"


def _floor(matrix: SimilarityMatrix, target: str) -> str:
    floor = (matrix.floor or {}).get(target, math.nan)
    return f"It is no farther from the target than two halves of the target are from each other ({number(floor)})"


def _sentence(words: str, more: str) -> str:
    return f"{words}.{f' {more}.' if more else ''}"
