"""How choices fared, in words: how often they were right, and what they lost beside chance."""

from __future__ import annotations

import math

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


def choices_in_words(top1: float, regret: float, chance: float) -> str:
    """Return how choices fared: for which share of the targets they were right, and what they lost beside chance.

    Parameters
    ----------
    top1 : share of targets, in [0, 1], whose best source was chosen; NaN where it is not known.
    regret, chance : mean regret of the choices, and of sources drawn at random, in one unit; NaN where not known.

    >>> choices_in_words(0.22, 12.5, 37.4), choices_in_words(0.54, 1.0, math.nan)
    ('right for about 1 target in 5, and lost a third of what chance loses', 'right for about 5 targets in 10')
    """
    lost = lost_in_words(regret, chance)
    return f"right for {share_in_words(top1)}{f', and lost {lost}' if lost else ''}"


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
