"""Whether evaluations may be held against each other, and the intervals that they then share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.evaluation.intervals import Intervals
    from dsim.evaluation.results import Evaluation

#: What two evaluations must share for their targets to be pairs, and their intervals comparable.
_SHARED = ("truth", "score", "sources", "targets", "self_pairs", "confidence", "resamples", "interval", "seed")


def differences(one: Evaluation, other: Evaluation) -> list[str]:
    """The fields in which two evaluations were not judged alike; empty where their targets are pairs."""
    import numpy as np

    differing = [key for key in _SHARED if getattr(one, key) != getattr(other, key)]
    if not differing and not np.array_equal(one.scores, other.scores, equal_nan=True):
        return ["scores"]
    return differing


def intervals_of(evaluation: Evaluation) -> Intervals:
    """How the intervals of an evaluation were made, with the same draws of its targets."""
    from dsim.evaluation.intervals import Intervals

    one = evaluation
    return Intervals(len(one.targets), one.confidence, one.resamples, one.interval, one.seed)
