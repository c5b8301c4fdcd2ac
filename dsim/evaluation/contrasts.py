"""Several evaluations beside each other: paired tests on the same targets, and a choice among measures."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.errors import UnknownNameError, UsageError, repeated
from dsim.evaluation.results import Contrast, Evaluation, Judgement
from dsim.evaluation.scores import BY_NAME, PER_TARGET

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.evaluation.intervals import Intervals

    Values = NDArray[np.float64]


#: What two evaluations must share for their targets to be pairs, and their intervals comparable.
_SHARED = ("truth", "score", "sources", "targets", "self_pairs", "confidence", "resamples", "interval", "seed")


def _differing_fields(one: Evaluation, other: Evaluation) -> list[str]:
    """The settings in which two evaluations differ; empty where their targets are pairs."""
    import numpy as np

    differing = [key for key in _SHARED if getattr(one, key) != getattr(other, key)]
    if not differing and not np.array_equal(one.scores, other.scores, equal_nan=True):
        return ["scores"]
    return differing


def _shared_intervals(evaluation: Evaluation) -> Intervals:
    """The settings of an evaluation's intervals, with the same draws of its targets."""
    from dsim.evaluation.intervals import Intervals

    one = evaluation
    return Intervals(len(one.targets), one.confidence, one.resamples, one.interval, one.seed)


def contrasts(
    first: Judgement, others: Sequence[Judgement], how: Intervals, scores: Sequence[str] = PER_TARGET
) -> tuple[Contrast, ...]:
    """Return the contrasts of one ranking with each of the others, score by score, in the order of ``others``.

    The scores of either are float64 (n,) for n targets.

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
    """Return the contrasts of every two measures, for each score; Holm's adjustment is over all these pairs.

    The scores of each are float64 (n,) for n targets.

    Raises
    ------
    UsageError
        For fewer than two evaluations, one measure twice, or evaluations of different truths, targets or settings.
    """
    _check(evaluations)
    how = _shared_intervals(evaluations[0])
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

    from dsim.stats.shares import holm

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
        differing = _differing_fields(one, other)
        if differing:
            raise UsageError(
                f"{one.measure} and {other.measure} were not judged alike: {', '.join(differing)} differ",
                hint="judge both against the same truth, with the same sources, targets and settings",
            )


@dataclass(frozen=True)
class Nested:
    """A choice made anew for every target.

    Parameters
    ----------
    judgement : of the choice, as of one measure: each target's scores are those of the measure chosen for it.
    chosen : by target, the measure that was best on the others; empty where none has a score there.
    score : the score that chose.
    """

    judgement: Judgement
    chosen: tuple[str, ...]
    score: str


def nested_choice(evaluations: Sequence[Evaluation], score: str = "regret") -> Nested:
    """Return, for each target, the measure with the best mean score over the *other* targets, judged on that target.

    The best of many measures on a truth looks better there than it is: the truth chose it. Here no target's own scores
    enter the choice that is made for it, as in leave-one-out cross-validation. What the targets have in common, such as
    the truth's sources, still does.

    Parameters
    ----------
    evaluations : of two measures or more, against one truth with the same targets and settings. Of measures that tie
        the first given is chosen. One that lacks a score on some targets is judged by those that it has.
    score : of ``PER_TARGET``; it chooses the lowest mean regret, or the highest of any other score.

    Raises
    ------
    UsageError
        For fewer than two evaluations, or different truths, targets or settings. UnknownNameError for another score.

    References
    ----------
    Varma and Simon 2006, doi:10.1186/1471-2105-7-91 (bias of the best of several; nested cross-validation).

    >>> from dsim.evaluation import evaluate
    >>> found = [evaluate(name, "asap-dsc") for name in ("asap-published-printed", "asap-published")]
    >>> nested_choice(found).judgement.scores["top1"].value
    0.75
    """
    import numpy as np

    _check_choice(evaluations, score)
    picks = _picks(np.stack([found.judgement.per_target[score] for found in evaluations]), BY_NAME[score].better)
    judgement = _judge_picks(evaluations, picks, score)
    return Nested(judgement, tuple(evaluations[pick].measure if pick >= 0 else "" for pick in picks), score)


def _judge_picks(evaluations: Sequence[Evaluation], picks: Sequence[int], score: str) -> Judgement:
    """The judgement of a choice: each target's scores are those of the evaluation picked for it, -1 for none."""
    import numpy as np

    from dsim.evaluation.judgement import POOLED, missing, summarise

    one = evaluations[0]
    values = {name: np.full(len(one.targets), np.nan) for name in PER_TARGET}
    reasons, selected = {}, []
    for target, pick in enumerate(picks):
        judged = evaluations[pick].judgement if pick >= 0 else None
        for name in PER_TARGET:
            values[name][target] = judged.per_target[name][target] if judged else np.nan
            why = judged.reasons.get((name, one.targets[target])) if judged else f"no measure has a {score} elsewhere"
            if why:
                reasons[name, target] = why
        selected.append(judged.selected[target] if judged else ())
    return summarise(
        f"nested choice by {score}",
        (values, reasons),
        {name: missing(name, "distances of different measures cannot be pooled") for name in POOLED},
        tuple(selected),
        _shared_intervals(one),
        targets=one.targets,
        note=f"for each target the best of {len(evaluations)} measures on the other targets, by mean {score}",
    )


def _picks(values: NDArray[np.float64], better: str) -> list[int]:
    """For each target the row of (measures, targets) that is best on the others; -1 where none is known there."""
    import numpy as np

    from dsim.stats.ranking import mean_known

    losses = values if better == "lower" else -values
    picks = []
    for target in range(values.shape[1]):
        mean = mean_known(np.delete(losses, target, axis=1), axis=1)
        picks.append(-1 if np.isnan(mean).all() else int(np.nanargmin(mean)))
    return picks


def _check_choice(evaluations: Sequence[Evaluation], score: str) -> None:
    if score not in PER_TARGET:
        raise UnknownNameError("score", score, PER_TARGET, hint=f"choose by one of: {', '.join(PER_TARGET)}")
    if len(evaluations) < 2:
        raise UsageError("a choice needs two measures", hint="give the evaluations of two or more")
    one = evaluations[0]
    for other in evaluations[1:]:
        differing = _differing_fields(one, other)
        if differing:
            raise UsageError(
                f"the evaluations differ in {', '.join(differing)}",
                hint="judge all measures against the same truth, with the same sources, targets and settings",
            )
