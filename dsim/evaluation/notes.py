"""Notes on an evaluation: what must be said of its scores, missing pairs, baselines and ceiling."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from dsim.evaluation.results import Evaluation, Score
from dsim.evaluation.scores import BY_NAME

#: Pairs that one line names.
_NAMED = 3


def notes_on(one: Evaluation) -> Iterator[str]:
    """Yield what must be said of an evaluation, one line each: of scores, missing pairs, baselines and the ceiling."""
    yield from one.notes
    yield from _reasons(one)
    yield from _of_scores(one.judgement.scores.values())
    yield from (f"{found.name}: {found.note}" for found in one.baselines if found.note)
    yield from (f"ceiling: {line}" for line in _of_scores(one.ceiling.values()))


def _reasons(one: Evaluation) -> Iterator[str]:
    """Yield why pairs are unknown, one line per reason: a failed dataset fails in all of its pairs."""
    pairs: dict[tuple[str, str], list[str]] = {}
    unmeasured = {(source, target) for source, target, side, _ in one.unknown if side == "truth"}
    for source, target, side, reason in one.unknown:
        if reason and (side == "truth" or (source, target) not in unmeasured):
            pairs.setdefault((side, reason), []).append(f"{source} -> {target}")
    for (side, reason), found in pairs.items():
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield f"no {side} of {', '.join(found[:_NAMED])}{more}: {reason}"


def _of_scores(scores: Iterable[Score]) -> Iterator[str]:
    """Yield the notes of scores, equal ones once; none on EQC without an embedding."""
    spoken = [score for score in scores if not (score.name == "eqc" and math.isnan(score.value))]
    titles_by_note: dict[str, list[str]] = {}
    for score in spoken:
        if score.note:
            titles_by_note.setdefault(score.note, []).append(BY_NAME[score.name].title)
    for note, titles in titles_by_note.items():
        yield f"{', '.join(titles)}: {note}" if len(titles) < len(spoken) else note
