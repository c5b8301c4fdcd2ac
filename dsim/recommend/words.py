"""The reliability of choices in words: how often they were right, and what they lost beside chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.recommend.reliability import Reliability

#: Shares that have a name, with it.
_NAMED = (
    (1 / 10, "a tenth"),
    (1 / 5, "a fifth"),
    (1 / 4, "a quarter"),
    (1 / 3, "a third"),
    (1 / 2, "half"),
    (2 / 3, "two thirds"),
    (3 / 4, "three quarters"),
    (9 / 10, "nine tenths"),
)
UNMEASURED = "How reliable such choices are has not been measured."


def in_words(records: Sequence[Reliability]) -> str:
    """Return how reliable such choices were on the truth where they did worst, in a sentence.

    What is said is not the mean over truths: drawn images are easier than real ones, and nobody's images are the mean.
    """
    if not records:
        return UNMEASURED
    worst = min(records, key=lambda record: (_or_zero(record.top1.value), -_or_zero(record.regret.value)))
    chance = worst.beside.get("random")
    lost = "" if chance is None else lost_in_words(worst.regret.value, chance[1].value)
    beside = f", and lost {lost}" if lost else ""
    return (
        f"Such choices were right for {share_in_words(worst.top1.value)}{beside}"
        f" ({worst.truth}, {worst.targets} targets)."
    )


def share_in_words(share: float) -> str:
    """Return a share of targets in words.

    >>> share_in_words(0.22), share_in_words(0.4), share_in_words(0.54), share_in_words(0.96), share_in_words(0.0)
    ('about 1 target in 5', 'about 4 targets in 10', 'about 5 targets in 10', 'nearly all targets', 'no target')
    """
    if math.isnan(share):
        return "an unknown share of the targets"
    if share in (0, 1):
        return "all targets" if share else "no target"
    # Of 0.4, 1 in 2 would promise more than there is, and more than is said of 0.45.
    if share < 0.35:
        return f"about 1 target in {round(1 / share)}"
    return "nearly all targets" if share >= 0.95 else f"about {round(10 * share)} targets in 10"


def lost_in_words(regret: float, chance: float) -> str:
    """Return what was lost beside what a source drawn at random loses; empty where that is not known.

    >>> lost_in_words(12.5, 37.4), lost_in_words(36.0, 37.4), lost_in_words(50.0, 37.4)
    ('a third of what chance loses', 'as much as chance loses', 'more than chance loses')
    >>> lost_in_words(0.0, 37.4), lost_in_words(1.0, 37.4)
    ('nothing', 'next to nothing')
    """
    if math.isnan(regret) or math.isnan(chance) or chance <= 0:
        return ""
    share = regret / chance
    if share < 0.05:
        return "next to nothing" if share > 0 else "nothing"
    if share > 1.05:
        return "more than chance loses"
    if share >= 0.95:
        return "as much as chance loses"
    _, name = min(_NAMED, key=lambda pair: abs(pair[0] - share))
    return f"{name} of what chance loses"


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value
