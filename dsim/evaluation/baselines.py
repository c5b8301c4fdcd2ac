"""Baselines: rankings that know nothing of images, judged like a measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dsim.evaluation.judgement import CORRELATIONS, POOLED, judge, missing, nearest, per_target, summarise
from dsim.evaluation.results import Judgement, Score
from dsim.evaluation.scores import PER_TARGET

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.evaluation.alignment import Aligned
    from dsim.evaluation.intervals import Intervals
    from dsim.evaluation.judgement import PerTarget

    Values = NDArray[np.float64]
    #: For each target, the sources that are chosen.
    Chosen = tuple[tuple[str, ...], ...]


_ONE_SOURCE = "it names one source and ranks no others"
_NO_CHOICE = "no source is chosen"


def baselines(aligned: Aligned, how: Intervals) -> tuple[Judgement, ...]:
    """Return all baselines that the truth, scores (sources, targets), allows; the oracle last.

    ``random`` (the expectation over all orders), ``best fixed source`` (chosen in hindsight), ``best fixed source,
    others`` (chosen by the other targets), ``largest source``; ``ImageNet`` where the truth has it; ``no transfer``
    where it has a baseline; ``oracle`` (the measured scores themselves).
    """
    makers: list[Callable[[Aligned, Intervals], Judgement]] = [_random, _best_fixed, _best_fixed_by_others, _largest]
    if aligned.truth.imagenet in aligned.sources:
        makers.append(_imagenet)
    if aligned.truth.baseline is not None:
        makers.append(_no_transfer)
    return tuple(make(aligned, how) for make in [*makers, _oracle])


def _judged(name: str, distances: Values, aligned: Aligned, how: Intervals, note: str) -> Judgement:
    """The judgement of distances (sources, targets) made without images; NaN where there is none."""
    import numpy as np

    return judge(
        name,
        distances,
        aligned.judged,
        aligned.candidates & ~np.isnan(distances),
        how,
        sources=aligned.sources,
        targets=aligned.targets,
        note=note,
        pooled_scores=aligned.truth.transferability,
    )


def _random(aligned: Aligned, how: Intervals) -> Judgement:
    """All sources tied, which gives the expected top-k and regret; the expected correlation of a random order is 0."""
    import numpy as np

    equal = np.zeros(aligned.scores.shape)
    values, reasons = per_target(equal, aligned.judged, aligned.candidates)
    perfect, why = per_target(-aligned.judged, aligned.judged, aligned.candidates)
    for name in CORRELATIONS:
        values[name] = np.where(np.isnan(perfect[name]), np.nan, 0.0)
    reasons = {key: reason for key, reason in reasons.items() if key[0] not in CORRELATIONS}
    reasons |= {key: reason for key, reason in why.items() if key[0] in CORRELATIONS}
    nan = math.nan
    pooled = {name: Score(name, 0.0, nan, nan, len(aligned.targets), "by definition") for name in POOLED}
    chosen = nearest(equal, aligned.candidates, aligned.sources)
    note = "the expectation of a source drawn at random; correlations are 0 by definition"
    found = summarise("random", (values, reasons), pooled, chosen, how, targets=aligned.targets, note=note)
    return replace(found, scores={**found.scores, "worst_regret": _random_worst(aligned)})


def _random_worst(aligned: Aligned) -> Score:
    """The expected cost of the worst target, which is more than the largest of the expected costs."""
    import numpy as np

    from dsim.stats.resampling import expected_largest

    choices = [cost[~np.isnan(cost)] for cost in _costs(aligned).T]
    choices = [cost for cost in choices if len(cost)]
    if not choices:
        return missing("worst_regret", "the truth has no score")
    nan = math.nan
    return Score("worst_regret", expected_largest(choices), nan, nan, len(choices), "expected cost of the worst target")


def _best_fixed(aligned: Aligned, how: Intervals) -> Judgement:
    import numpy as np

    from dsim.stats.ranking import mean_known

    cost = mean_known(_costs(aligned), axis=1)
    if np.isnan(cost).all():
        return _without("best fixed source", aligned, how, "the truth has no score")
    best = [name for name, value in zip(aligned.sources, cost, strict=True) if value == np.nanmin(cost)]
    distances = np.repeat(cost[:, None], len(aligned.targets), axis=1)
    note = f"always the same source, {' or '.join(best)}, chosen in hindsight by the scores that judge it"
    return _judged("best fixed source", distances, aligned, how, note)


def _best_fixed_by_others(aligned: Aligned, how: Intervals) -> Judgement:
    import numpy as np

    from dsim.stats.ranking import mean_known

    costs = _costs(aligned)
    others = [mean_known(np.delete(costs, target, axis=1), axis=1) for target in range(len(aligned.targets))]
    note = "for each target the source that is best for the other targets"
    return _judged("best fixed source, others", np.stack(others, axis=1), aligned, how, note)


def _costs(aligned: Aligned) -> Values:
    """The cost of each source for each target against its best, (sources, targets); NaN where it is not a candidate.

    Unlike raw scores, these can be averaged over the targets that a source has, whichever these are.
    """
    import numpy as np

    return _best(aligned) - np.where(aligned.candidates, aligned.scores, np.nan)


def _best(aligned: Aligned) -> Values:
    """The best score of each target, (targets,); NaN without candidates."""
    import numpy as np

    best = np.where(aligned.candidates, aligned.scores, -np.inf).max(axis=0)
    return np.where(np.isinf(best), np.nan, best)


def _largest(aligned: Aligned, how: Intervals) -> Judgement:
    import numpy as np

    known = aligned.truth.datasets
    images = {name: known[name].images if name in known else 0 for name in aligned.sources}
    unknown = [name for name, count in images.items() if not count]
    why = ""
    if len(unknown) == len(images):
        why = "how many images the sources have is not known"
    elif unknown:
        why = f"how many images it has is not known of {', '.join(unknown)}"
    elif len(set(images.values())) == 1:
        why = f"all sources have {next(iter(images.values()))} images"
    if why:
        return _without("largest source", aligned, how, why)
    largest = [name for name, count in images.items() if count == max(images.values())]
    sizes = np.array([images[name] for name in aligned.sources], dtype=np.float64)
    distances = np.repeat(-sizes[:, None], len(aligned.targets), axis=1)
    return _judged("largest source", distances, aligned, how, f"by number of images: {' or '.join(largest)}")


def _imagenet(aligned: Aligned, how: Intervals) -> Judgement:
    import numpy as np

    name = aligned.truth.imagenet
    distances = np.full(aligned.scores.shape, np.nan)
    distances[aligned.sources.index(name)] = 0.0
    counted = aligned.candidates & ~np.isnan(distances)
    found, _ = per_target(distances, aligned.judged, counted)
    known = {score: found[score] for score in ("top1", "regret")}
    partial = _partial(known, aligned, _ONE_SOURCE, f"the truth has no score of {name} on it")
    chosen = nearest(distances, counted, aligned.sources)
    return _unpooled("ImageNet", partial, chosen, aligned, how, _ONE_SOURCE, f"always {name}")


def _no_transfer(aligned: Aligned, how: Intervals) -> Judgement:
    """Training on the target alone: it chooses no source, and may be better than all of them."""
    alone = aligned.truth.baseline_mean
    regret = {"regret": _best(aligned) - alone} if alone is not None else {}
    partial = _partial(regret, aligned, _NO_CHOICE, "the truth has no score without transfer, or none of a source")
    note = "training on the target alone; below 0 where no source helped"
    return _unpooled("no transfer", partial, _nobody(aligned), aligned, how, _NO_CHOICE, note)


def _oracle(aligned: Aligned, how: Intervals) -> Judgement:
    return _judged("oracle", -aligned.judged, aligned, how, "the measured scores themselves; no measure can do better")


def _without(name: str, aligned: Aligned, how: Intervals, why: str) -> Judgement:
    """A baseline that cannot be had."""
    return _unpooled(name, _partial({}, aligned, why, ""), _nobody(aligned), aligned, how, why, why)


def _unpooled(
    name: str, found: PerTarget, chosen: Chosen, aligned: Aligned, how: Intervals, why: str, note: str
) -> Judgement:
    """The judgement of what ranks no sources, so that there is nothing to pool."""
    pooled = {score: missing(score, why) for score in POOLED}
    return summarise(name, found, pooled, chosen, how, targets=aligned.targets, note=note)


def _partial(known: Mapping[str, Values], aligned: Aligned, why: str, here: str) -> PerTarget:
    """Some scores by target; ``why`` the others are missing, and why (``here``) some targets lack even these."""
    import numpy as np

    none = np.full(len(aligned.targets), np.nan)
    values = {name: known.get(name, none) for name in PER_TARGET}
    reasons = {
        (name, int(target)): here if name in known else why
        for name in PER_TARGET
        for target in np.flatnonzero(np.isnan(values[name]))
    }
    return values, reasons


def _nobody(aligned: Aligned) -> Chosen:
    return ((),) * len(aligned.targets)
