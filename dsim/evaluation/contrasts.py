"""Paired tests: are two rankings of the sources different, on the same targets?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsim.errors import UsageError, repeated
from dsim.evaluation.alike import differences, intervals_of
from dsim.evaluation.results import Contrast, Evaluation, Judgement
from dsim.evaluation.scores import BY_NAME, PER_TARGET

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.evaluation.intervals import Intervals

    Values = NDArray[np.float64]


def contrasts(
    first: Judgement, others: Sequence[Judgement], how: Intervals, scores: Sequence[str] = PER_TARGET
) -> tuple[Contrast, ...]:
    """One ranking against each of the others, for each score: score by score, in the order of ``others``.

    Parameters
    ----------
    first, others : judged on the same targets, in the same order.
    how : of the intervals; its seed is also that of flips, where they are drawn.
    scores : names of scores that each target has.

    Returns
    -------
    tuple[Contrast, ...]
        ``difference`` in the unit of the score, first less other, with its interval over targets. ``p`` is two-sided,
        of ``sign_flip_p``; for a share against chances, those of the random baseline, of ``chance_p``. ``p_adjusted``
        is Holm's over ``others``, for each score by itself. NaN with the reason in ``note`` where no target has both.
    """
    return _adjusted([_contrast(score, first, other, how) for score in scores for other in others])


def contrast_all(evaluations: Sequence[Evaluation], scores: Sequence[str] = PER_TARGET) -> tuple[Contrast, ...]:
    """Every two of the measures against each other, for each score; Holm's adjustment is over all these pairs.

    Raises
    ------
    UsageError
        For fewer than two evaluations, one measure twice, or evaluations of different truths, targets or settings.
    """
    _check(evaluations)
    how = intervals_of(evaluations[0])
    pairs = list(itertools.combinations([evaluation.judgement for evaluation in evaluations], 2))
    return _adjusted([_contrast(score, first, second, how) for score in scores for first, second in pairs])


def _contrast(score: str, first: Judgement, second: Judgement, how: Intervals) -> Contrast:
    import numpy as np

    one, other = first.per_target[score], second.per_target[score]
    difference, low, high, n = how.difference(one, other, BY_NAME[score])
    both = ~np.isnan(one - other)
    against_chance = BY_NAME[score].share and _is_chance(other[both])
    p = _p(one[both], other[both], against_chance, how.seed)
    note = _note(n, len(one), p, against_chance)
    return Contrast(score, first.name, second.name, difference, low, high, p, n, p, note)


def _is_chance(shares: Values) -> bool:
    """Whether these are chances of a hit, on every target, as the random baseline has, and no hits and misses."""
    return bool(len(shares) and ((shares > 0) & (shares < 1)).all())


def _p(one: Values, other: Values, against_chance: bool, seed: int) -> float:
    from dsim.stats.resampling import sign_flip_p
    from dsim.stats.shares import chance_p

    # The difference of a hit or miss from a small chance is lopsided: its signs must not be flipped.
    return chance_p(float(one.sum()), other) if against_chance else sign_flip_p(one - other, seed)


def _note(n: int, targets: int, p: float, against_chance: bool) -> str:
    if not n:
        return "no target has both"
    notes = [f"{targets - n} of {targets} targets lack one of the two"] if n < targets else []
    if against_chance:
        notes.append("p of so many hits by chance, exact")
    elif p < 1 and 2.0 ** (1 - n) > 0.05:
        # Half of the flips mirror the others.
        notes.append(f"of {n} targets no p below {2.0 ** (1 - n):g} is possible")
    return "; ".join(notes)


def _adjusted(found: Sequence[Contrast]) -> tuple[Contrast, ...]:
    """With Holm's adjustment within each score."""
    from dataclasses import replace

    import numpy as np

    from dsim.stats.multiple import holm

    adjusted = list(found)
    for score in dict.fromkeys(contrast.score for contrast in found):
        places = [i for i, contrast in enumerate(found) if contrast.score == score]
        for i, p in zip(places, holm(np.array([found[i].p for i in places])), strict=True):
            adjusted[i] = replace(found[i], p_adjusted=float(p))
    return tuple(adjusted)


def _check(evaluations: Sequence[Evaluation]) -> None:
    if len(evaluations) < 2:
        raise UsageError("a paired test needs two measures", hint="give two or more matrices")
    names = [evaluation.measure for evaluation in evaluations]
    twice = sorted(repeated(names))
    if twice:
        raise UsageError(f"{', '.join(twice)}: given more than once", hint="give each measure once")
    one = evaluations[0]
    for other in evaluations[1:]:
        differing = differences(one, other)
        if differing:
            raise UsageError(
                f"{one.measure} and {other.measure} were not judged alike: {', '.join(differing)} differ",
                hint="judge both against the same truth, with the same sources, targets and settings",
            )
