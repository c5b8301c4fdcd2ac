"""How reliable a choice is, in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.recommend.reliability import Reliability, Shown

UNKNOWN = "How reliable this is has not been measured."
#: Names of rankings that look at no image, in words.
_CALLED = {
    "random": "a source drawn at random",
    "best fixed source, others": "always the source that is best for the other targets",
}


def said(records: Sequence[Reliability]) -> list[str]:
    """What the records tell, one sentence each; that nothing is known where there are none."""
    return [sentence for record in records for sentence in sentences(record)] or [UNKNOWN]


def sentences(record: Reliability) -> Iterator[str]:
    """One record: top-1, regret, whether a clear winner is worth more, and what must be said beside."""
    top1 = [f"{_CALLED[name]}: {_percent(both[0].value)}" for name, both in record.beside.items() if name in _CALLED]
    yield (
        f"On {record.truth} ({record.targets} targets, {record.sources} sources) this procedure chose the best source"
        f" for {_percent(record.top1.value)} of the targets ({_percent(record.top1.low)} to"
        f" {_percent(record.top1.high)}){_held_against(top1)}."
    )
    regret = [f"{_CALLED[name]}: {both[1].value:.3g}" for name, both in record.beside.items() if name in _CALLED]
    yield (
        f"Its choice lost {record.regret.value:.3g} {_points(record)} against the best source, mean over the targets"
        f"{_bounds(record.regret)}{_held_against(regret)}."
    )
    if record.clear and record.unclear and record.clear.targets and record.unclear.targets:
        yield (
            f"Where all members agreed ({record.clear.targets} targets) the choice was the best for"
            f" {record.clear.best:.3g} of them and lost {record.clear.regret:.3g} on average; where they did not"
            f" ({record.unclear.targets}), for {record.unclear.best:.3g} and {record.unclear.regret:.3g}."
        )
    if record.seen:
        yield (
            f"A network of the measure was trained, without scores, on the images of {len(record.seen)} of these"
            f" {record.targets} targets: on images that it never saw it may do worse."
        )
    yield from record.notes


def _held_against(others: Sequence[str]) -> str:
    return "".join(f"; {other}" for other in others)


def _points(record: Reliability) -> str:
    return f"points of {record.score}" if record.unit == "%" else f"of {record.score}"


def _bounds(score: Shown) -> str:
    return "" if math.isnan(score.low) else f" ({score.low:.3g} to {score.high:.3g})"


def _percent(share: float) -> str:
    """
    >>> _percent(0.541), _percent(float("nan"))
    ('54 %', '?')
    """
    return "?" if math.isnan(share) else f"{100 * share:.0f} %"
