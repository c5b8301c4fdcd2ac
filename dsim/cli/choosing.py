"""Which measures a command line asks for: calls, and words that stand for many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dsim.errors import DsimError, UsageError
from dsim.measures import SimilarityMeasure, build_measure, with_extractor, with_weights
from dsim.registry import Need, default

#: Words that stand for every registered measure that needs no more than this, as it is by default.
WORDS = {"label-free": frozenset({Need.IMAGES, Need.FEATURES}), "all": frozenset(Need)}


@dataclass(frozen=True)
class Chosen:
    """A measure to compare by; ``of_word`` is whether it was not asked for by its name."""

    measure: SimilarityMeasure[Any]
    of_word: bool = False


@dataclass(frozen=True)
class Choice:
    """The measures asked for, and those that a word stands for but that cannot be had, with the reasons."""

    chosen: tuple[Chosen, ...]
    failed: tuple[tuple[str, Exception], ...]


def choose(texts: Sequence[str], extractor: str | None, weights: str | None, note: Callable[[str], None]) -> Choice:
    """Build what was asked for, each measure once. UsageError for a name or parameter that is wrong."""
    found = {
        repr(measure): Chosen(measure)
        for text in texts
        if text not in WORDS
        for measure in [build_measure(_equipped(text, extractor, weights, note))]
    }
    failed = []
    for name, needs in [(name, WORDS[word]) for word in texts if word in WORDS for name in default().measures]:
        try:
            measure = build_measure(_equipped(name, extractor, weights, note, of_word=True))
        except DsimError as error:
            failed.append((name, error))
            continue
        if measure.needs <= needs:
            found.setdefault(repr(measure), Chosen(measure, of_word=True))
    return Choice(tuple(found.values()), tuple(failed))


def _equipped(
    text: str, extractor: str | None, weights: str | None, note: Callable[[str], None], of_word: bool = False
) -> str:
    """The call with the extractor and the weights that were given for all measures."""
    if extractor:
        changed = with_extractor(text, extractor)
        if changed is None:
            note(f"{text} has no parameter extractor: left as it is")
        text = changed or text
    if not weights:
        return text
    try:
        return with_weights(text, weights)
    except UsageError:
        if not of_word:
            raise
        return text
