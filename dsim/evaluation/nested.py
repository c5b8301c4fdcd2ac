"""A measure chosen among several without looking at the target on which the choice is then judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.errors import UnknownNameError, UsageError
from dsim.evaluation.alike import differences, intervals_of
from dsim.evaluation.results import Evaluation, Judgement
from dsim.evaluation.scores import BY_NAME, PER_TARGET

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Nested:
    """A choice made anew for every target.

    Parameters
    ----------
    judgement : of the choice, as of one measure: each target's scores are those of the measure chosen for it.
    chosen : by target, the measure that was best on the others; empty where none has a score there.
    score : by which was chosen.
    """

    judgement: Judgement
    chosen: tuple[str, ...]
    score: str


def nested_choice(evaluations: Sequence[Evaluation], score: str = "regret") -> Nested:
    """For each target the measure with the best mean score over the *other* targets, judged on that target alone.

    The best of many measures on a truth looks better there than it is: the truth chose it. Here no target's own scores
    enter the choice that is made for it, as in leave-one-out cross-validation. What the targets have in common, such as
    the truth's sources, still does.

    Parameters
    ----------
    evaluations : of two measures or more, against one truth with the same targets and settings. Of measures that tie
        the first given is chosen. One that lacks a score on some targets is judged by those that it has.
    score : of ``PER_TARGET``, by which is chosen: the lowest mean regret, the highest of any other.

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

    from dsim.evaluation.judging import POOLED, missing, summarise

    _check(evaluations, score)
    one = evaluations[0]
    picks = _picks(np.stack([found.judgement.per_target[score] for found in evaluations]), BY_NAME[score].better)
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
    judgement = summarise(
        f"nested choice by {score}",
        (values, reasons),
        {name: missing(name, "distances of different measures cannot be pooled") for name in POOLED},
        tuple(selected),
        intervals_of(one),
        targets=one.targets,
        note=f"for each target the best of {len(evaluations)} measures on the other targets, by mean {score}",
    )
    return Nested(judgement, tuple(evaluations[pick].measure if pick >= 0 else "" for pick in picks), score)


def _picks(values: NDArray[np.float64], better: str) -> list[int]:
    """For each target the row of (measures, targets) that is best on the others; -1 where none is known there."""
    import numpy as np

    from dsim.stats.known import mean_known

    losses = values if better == "lower" else -values
    picks = []
    for target in range(values.shape[1]):
        mean = mean_known(np.delete(losses, target, axis=1), axis=1)
        picks.append(-1 if np.isnan(mean).all() else int(np.nanargmin(mean)))
    return picks


def _check(evaluations: Sequence[Evaluation], score: str) -> None:
    if score not in PER_TARGET:
        raise UnknownNameError("score", score, PER_TARGET, hint=f"choose by one of: {', '.join(PER_TARGET)}")
    if len(evaluations) < 2:
        raise UsageError("a choice needs two measures", hint="give the evaluations of two or more")
    one = evaluations[0]
    for other in evaluations[1:]:
        differing = differences(one, other)
        if differing:
            raise UsageError(
                f"the evaluations differ in {', '.join(differing)}",
                hint="judge all measures against the same truth, with the same sources, targets and settings",
            )
