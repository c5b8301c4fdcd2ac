"""What ``dsim evaluate`` says besides the numbers, on stderr."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.evaluation import Contrast, Evaluation, Score

#: Pairs that one line names.
_NAMED = 3


def tell(evaluations: Sequence[Evaluation], contrasts: Sequence[Contrast], written: Sequence[Path]) -> None:
    """Print what must be said of each evaluation, once where it is of all, and the files."""
    from dsim.ui import say, say_written

    said: dict[str, list[str]] = {}
    for one in evaluations:
        for line in dict.fromkeys(notes(one)):
            said.setdefault(line, []).append(one.measure)
    for line, measures in said.items():
        about = f"{', '.join(measures)}: " if len(measures) < len(evaluations) else ""
        say(f"note: {about}{line}")
    for line in _of_contrasts(contrasts):
        say(f"note: {line}")
    say_written(written)


def notes(one: Evaluation) -> Iterator[str]:
    """One line for each thing that a number does not say."""
    yield from one.notes
    yield from _reasons(one)
    yield from _of_scores(one.judgement.scores.values())
    yield from (f"{found.name}: {found.note}" for found in one.baselines if found.note)
    yield from (f"ceiling: {line}" for line in _of_scores(one.ceiling.values()))


def _reasons(one: Evaluation) -> Iterator[str]:
    """Why a pair is unknown, one line per reason: a dataset that cannot be summarised fails in all of its pairs."""
    pairs: dict[tuple[str, str], list[str]] = {}
    unmeasured = {(source, target) for source, target, side, _ in one.unknown if side == "truth"}
    for source, target, side, reason in one.unknown:
        if reason and (side == "truth" or (source, target) not in unmeasured):
            pairs.setdefault((side, reason), []).append(f"{source} -> {target}")
    for (side, reason), found in pairs.items():
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield f"no {side} of {', '.join(found[:_NAMED])}{more}: {reason}"


def _of_scores(scores: Iterable[Score]) -> Iterator[str]:
    """What scores say of themselves, once for those that say the same; no word on EQC without an embedding."""
    from dsim.evaluation.scores import BY_NAME

    spoken = [score for score in scores if not (score.name == "eqc" and math.isnan(score.value))]
    told: dict[str, list[str]] = {}
    for score in spoken:
        if score.note:
            told.setdefault(score.note, []).append(BY_NAME[score.name].title)
    for note, titles in told.items():
        yield f"{', '.join(titles)}: {note}" if len(titles) < len(spoken) else note


def _of_contrasts(contrasts: Sequence[Contrast]) -> Iterator[str]:
    """Why a paired test says less than it seems, once for the scores of which it is true."""
    from dsim.evaluation.scores import BY_NAME

    told: dict[tuple[str, str, str], list[str]] = {}
    for found in contrasts:
        if found.note:
            told.setdefault((found.first, found.second, found.note), []).append(BY_NAME[found.score].title)
    for (first, second, note), titles in told.items():
        yield f"{first} and {second}, {', '.join(titles)}: {note}"
