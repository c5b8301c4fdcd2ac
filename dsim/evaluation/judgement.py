"""The judgement of one ranking of the sources: for each target, with reasons for missing scores, and over targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dsim.evaluation.results import Judgement, Score
from dsim.evaluation.scores import BY_NAME, PER_TARGET, ScoreSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.evaluation.intervals import Intervals

    Values = NDArray[np.float64]
    Which = NDArray[np.bool_]
    #: Of each score of ``PER_TARGET``, (targets,); and why one is missing, by (score, position of the target).
    PerTarget = tuple[dict[str, Values], dict[tuple[str, int], str]]


CORRELATIONS = ("pearson", "spearman", "kendall", "weighted_kendall")
TOP = {"top1": 1, "top2": 2, "top3": 3}
POOLED = ("pooled_pearson", "pooled_spearman")
#: The fewest sources that make a ranking: the correlation of two is always 1 or -1.
FEWEST = 3


def per_target(distances: Values, scores: Values, counted: Which) -> PerTarget:
    """Return every score of ``PER_TARGET`` for every target.

    Parameters
    ----------
    distances, scores : float64 (sources, targets); small is near, large is good. NaN where not known.
    counted : bool (sources, targets), the pairs that are judged: both sides known, and not left out.

    A source with a known score but no distance cannot be chosen, and takes no part in correlations; it may still have
    been the best, so that regret and top-k are against it. One that has both and is not counted does not exist here.

    Returns
    -------
    values : by name of score, float64 (targets,), NaN where undefined.
    reasons : of each NaN, by (score, position of the target).

    >>> import numpy as np
    >>> distances, scores = np.array([[1.0, 1], [2, 1], [3, 1]]), np.array([[70.0, 50], [90, 40], [60, 60]])
    >>> values, reasons = per_target(distances, scores, np.ones((3, 2), dtype=bool))
    >>> values["spearman"].round(3).tolist(), values["regret"].tolist()
    ([0.5, nan], [20.0, 10.0])
    >>> reasons["spearman", 1]
    'all its distances are equal'
    """
    import numpy as np

    values = {name: np.full(distances.shape[1], np.nan) for name in PER_TARGET}
    reasons: dict[tuple[str, int], str] = {}
    candidates = candidates_of(distances, scores, counted)
    for target in range(distances.shape[1]):
        some = candidates[:, target]
        near = np.where(counted[some, target], distances[some, target], np.inf)
        of_target, why = _one_target(near, scores[some, target])
        for name in PER_TARGET:
            if name in of_target:
                values[name][target] = of_target[name]
            else:
                reasons[name, target] = why
    return values, reasons


def candidates_of(distances: Values, scores: Values, counted: Which) -> Which:
    """Return the pairs that a choice is measured against, bool (sources, targets): counted, or without distance."""
    import numpy as np

    candidates: Which = ~np.isnan(scores) & (counted | np.isnan(distances))
    return candidates


def _one_target(distances: Values, scores: Values) -> tuple[dict[str, float], str]:
    """The scores that one target has, and why it lacks the others; distances are infinite where there is none."""
    import numpy as np

    from dsim.stats import ranking

    known = np.isfinite(distances)
    if not known.any():
        return {}, "the truth has no score of it" if not len(scores) else "the measure has no distance to it"
    found = {name: float(ranking.top_k(distances, scores, k)) for name, k in TOP.items()}
    found["regret"] = float(ranking.regret(distances, scores))
    near, good = -distances[known], scores[known]
    why = _why_no_correlation(near, good)
    if not why:
        found |= {name: float(getattr(ranking, name)(near, good)) for name in CORRELATIONS}
    return found, why


def _why_no_correlation(distances: Values, scores: Values) -> str:
    if len(scores) < FEWEST:
        return f"a correlation needs {FEWEST} sources, and it has {len(scores)}"
    if (scores == scores[0]).all():
        return "all its scores are equal"
    return "all its distances are equal" if (distances == distances[0]).all() else ""


def judge(
    name: str,
    distances: Values,
    scores: Values,
    counted: Which,
    how: Intervals,
    *,
    sources: Sequence[str],
    targets: Sequence[str],
    note: str = "",
    pooled_scores: Values | None = None,
) -> Judgement:
    """Return the judgement of distances, float64 (sources, targets); parameters as those of ``per_target``.

    ``pooled_scores`` takes the place of ``scores`` where all pairs are pooled: transferability, where there is one;
    pairs without it are left out there.
    """
    import numpy as np

    worth = scores if pooled_scores is None else pooled_scores
    pooled = {score: how.pooled(BY_NAME[score], distances, worth, counted & ~np.isnan(worth)) for score in POOLED}
    chosen = nearest(distances, counted, sources)
    return summarise(name, per_target(distances, scores, counted), pooled, chosen, how, targets=targets, note=note)


def nearest(distances: Values, counted: Which, sources: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return for each target the nearest of the counted sources; several where they are tied, none without any.

    ``distances`` are float64 and ``counted`` bool, (sources, targets).
    """
    import numpy as np

    near = np.where(counted, distances, np.inf)
    first = (near == near.min(axis=0)) & np.isfinite(near)
    return tuple(
        tuple(source for source, is_first in zip(sources, column, strict=True) if is_first) for column in first.T
    )


def summarise(
    name: str,
    found: PerTarget,
    pooled: Mapping[str, Score],
    selected: tuple[tuple[str, ...], ...],
    how: Intervals,
    *,
    targets: Sequence[str],
    note: str = "",
) -> Judgement:
    """Return the judgement of all targets' scores, float64 (targets,) each: means, shares, sum and worst.

    Raises KeyError where ``found`` lacks a score.
    """
    values, reasons = found
    scores = {}
    for score, spec in BY_NAME.items():
        if score in pooled:
            scores[score] = pooled[score]
        elif score == "eqc":
            scores[score] = missing(score, "the measure has no embedding")
        else:
            of = score if spec.per_target else "regret"
            left_out = _left_out({target: why for (which, target), why in reasons.items() if which == of}, targets)
            scores[score] = _over_targets(spec, values[of], left_out, how)
    named = {(score, targets[target]): why for (score, target), why in reasons.items()}
    return Judgement(name, values, named, selected, scores, note)


def missing(score: str, why: str) -> Score:
    """Return a score without a value, for this reason."""
    return Score(score, math.nan, math.nan, math.nan, 0, why)


def _left_out(reasons: Mapping[int, str], targets: Sequence[str]) -> str:
    """The targets that a mean leaves out, by reason; empty where it leaves out none."""
    if not reasons:
        return ""
    by_reason: dict[str, list[str]] = {}
    for target in sorted(reasons):
        by_reason.setdefault(reasons[target], []).append(targets[target])
    left_out = "; ".join(f"{', '.join(names)}: {why}" for why, names in by_reason.items())
    if len(reasons) == len(targets):
        return next(iter(by_reason)) if len(by_reason) == 1 else f"no target has one: {left_out}"
    return f"{len(reasons)} of {len(targets)} targets left out: {left_out}"


def _over_targets(spec: ScoreSpec, values: Values, left_out: str, how: Intervals) -> Score:
    import numpy as np

    known = values[~np.isnan(values)]
    if not len(known):
        return missing(spec.name, left_out)
    score = how.over_targets(spec, known)
    return replace(score, note="; ".join(text for text in (left_out, score.note) if text))
