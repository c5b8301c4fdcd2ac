"""The answer of a comparison of maps in a sentence: which method is best, where the intervals allow to say so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.maps.method_scores import Judges, MethodScores
    from dsim.stats.power_law import Estimate
    from dsim.stats.share_intervals import ShareDifference


class Compared(Protocol):
    """The part of a comparison that the answer is made of."""

    @property
    def dataset(self) -> Dataset: ...
    @property
    def judges(self) -> Judges: ...
    @property
    def methods(self) -> tuple[MethodScores, ...]: ...
    @property
    def order(self) -> tuple[MethodScores, ...]: ...
    def contrasts(self) -> tuple[tuple[str, ShareDifference], ...]: ...


def answer(comparison: Compared) -> str:
    """Return the answer: the best method only where its difference from every other excludes 0.

    Where a method that trains nothing is best, or not clearly worse than those that train, the sentence says so.
    """
    ranked = [each for each in comparison.order if not math.isnan(each.accuracy.value)]
    if not ranked:
        return _without_accuracy(comparison)
    best, contrasts = ranked[0], dict(comparison.contrasts())
    recognised = "images from other groups" if comparison.judges.groups is not None else "other images"
    measured = f"neighbours on its map recognise {in_words(best.accuracy)} of {recognised}"
    name = best.method.text
    if len(ranked) == 1:
        return f"On {comparison.dataset.name}, {name}: {measured}."
    tied = [other for other, difference in contrasts.items() if not difference.low > 0]
    if not tied:
        second = ranked[1].method.text
        start = f"a method that trains nothing is best: {name}" if _beats_training(best, ranked) else f"{name} is best"
        more = difference_in_words(contrasts[second])
        return f"On {comparison.dataset.name}, {start}: {measured}, {more} more than {second}."
    start = f"On {comparison.dataset.name}, no method is clearly best: {name} comes first ({measured}), but"
    return f"{start} {_joined(tied)} {_verb(tied)} not clearly below it{_cheap_ones(best, ranked, tied)}."


def in_words(estimate: Estimate) -> str:
    """Return an estimate with its interval.

    >>> from dsim.stats.power_law import Estimate
    >>> in_words(Estimate(0.612, 0.55, 0.66)), in_words(Estimate(0.6, math.nan, math.nan))
    ('0.61 (0.55 to 0.66)', '0.60')
    """
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def difference_in_words(found: ShareDifference) -> str:
    """Return a difference with its interval.

    >>> from dsim.stats.share_intervals import ShareDifference
    >>> difference_in_words(ShareDifference(0.051, 0.02, 0.08, 1, 40, True))
    '0.05 (0.02 to 0.08)'
    """
    if math.isnan(found.low):
        return f"{found.difference:.2f}"
    return f"{found.difference:.2f} ({found.low:.2f} to {found.high:.2f})"


def _beats_training(best: MethodScores, ranked: Sequence[MethodScores]) -> bool:
    return not best.method.trains and any(each.method.trains for each in ranked)


def _cheap_ones(best: MethodScores, ranked: Sequence[MethodScores], tied: Sequence[str]) -> str:
    """That training did not clearly pay, where it did not."""
    if _beats_training(best, ranked):
        return f"; {best.method.text} trains nothing"
    cheap = [each.method.text for each in ranked[1:] if each.method.text in tied and not each.method.trains]
    if not best.method.trains or not cheap:
        return ""
    if len(cheap) == len(tied):
        return f", and {'they train' if len(cheap) > 1 else 'it trains'} nothing"
    return f"; {_joined(cheap)}, which {'train' if len(cheap) > 1 else 'trains'} nothing, {_verb(cheap)} among them"


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]


def _verb(names: Sequence[str]) -> str:
    return "are" if len(names) > 1 else "is"


def _without_accuracy(comparison: Compared) -> str:
    known = [each for each in comparison.methods if not math.isnan(each.trustworthiness)]
    where = f"On {comparison.dataset.name}, "
    reason = "there are no labels" if comparison.judges.labels is None else comparison.methods[0].accuracy.note
    if not known:
        return f"{where}no map can be judged by its neighbours: {reason}."
    best = max(known, key=lambda each: each.trustworthiness)
    return (
        f"{where}no map can be judged by its neighbours' labels: {reason}. {best.method.text} keeps the neighbours of "
        f"its own features best (trustworthiness {best.trustworthiness:.3f}), which says nothing about what they show."
    )
