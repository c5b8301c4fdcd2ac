"""Baselines and the ceiling: rankings that know nothing of images, and one that knows the truth, judged alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsim.evaluation.judgement import CORRELATIONS, FEWEST, POOLED, TOP, judge, missing, nearest, per_target, summarise
from dsim.evaluation.results import Judgement, Score
from dsim.evaluation.scores import PER_TARGET, SCORES, ScoreSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.evaluation.alignment import Aligned
    from dsim.evaluation.intervals import Intervals
    from dsim.evaluation.judgement import PerTarget
    from dsim.truth import TransferMatrix

    Values = NDArray[np.float64]
    #: For each target, the sources that are chosen.
    Chosen = tuple[tuple[str, ...], ...]


_ONE_SOURCE = "it names one source and ranks no others"
_NO_CHOICE = "no source is chosen"
#: Simulated truths behind the ceiling.
SIMULATIONS = 1000


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


def ceiling(truth: TransferMatrix, counted: NDArray[np.bool_], how: Intervals) -> Mapping[str, Score]:
    """Return the scores of a measure that knows the expected score of every pair.

    It would not reach 1: it is judged by means of a few repetitions. For each target the means are drawn together so
    that they vary as the expected scores do (``without_noise``); measured truths are simulated around them, with the
    noise that the repetitions show (``squared_errors``), normal and independent between sources; the order of the
    expected scores is judged against each.

    Parameters
    ----------
    truth : with at least two repetitions. Folds that all sources of a target share add no noise to their order.
    counted : bool (sources, targets), the pairs that are judged.
    how : confidence of the intervals, seed of the simulations.

    Returns
    -------
    dict[str, Score]
        By name, in the order of ``SCORES``; for regrets, the smallest that can be expected. The interval holds the
        central share of the simulations: a perfect measure would score within it on one truth. NaN with the reason in
        ``note`` where there is none.

    Where the sources differ by noise alone, the perfect measure has no order: its correlation is 0.
    docs/evaluation.md says how far the estimate is from ceilings that are known.
    """
    import numpy as np

    from dsim.stats.noise import squared_errors

    repetitions = truth.values.shape[2]
    if repetitions < 2:
        return _none("the truth was measured once: its noise is not known")
    errors = squared_errors(truth.values, shared=truth.repetition == "fold")
    rng = np.random.default_rng([how.seed, SIMULATIONS])
    held = [np.flatnonzero(rows) for rows in (counted & ~np.isnan(errors)).T]
    judged = [
        _simulated(np.nanmean(truth.values[rows, target], axis=1), errors[rows, target], rng)
        for target, rows in enumerate(held)
        if len(rows)
    ]
    if not judged:
        return _none("no target has a source that was measured twice")
    note = f"{SIMULATIONS} simulations, noise of {repetitions} repetitions"
    return {spec.name: _over_targets(spec, judged, how.confidence, note) for spec in SCORES}


def _simulated(means: Values, errors: Values, rng: np.random.Generator) -> dict[str, Values]:
    """Scores of the perfect measure for one target, by name, (simulations,); those that are undefined left out."""
    import numpy as np

    from dsim.stats import ranking
    from dsim.stats.noise import without_noise

    expected = without_noise(means, errors)
    truths = expected + np.sqrt(errors) * rng.standard_normal((SIMULATIONS, len(means)))
    found = {name: ranking.top_k(-expected, truths, k) for name, k in TOP.items()}
    found["regret"] = ranking.regret(-expected, truths)
    if len(means) >= FEWEST and (np.ptp(expected) > 0 or errors.any()):
        # Only a constant order has no correlation with noise.
        found |= {name: np.nan_to_num(getattr(ranking, name)(expected, truths)) for name in CORRELATIONS}
    return found


def _over_targets(spec: ScoreSpec, judged: list[dict[str, Values]], confidence: float, note: str) -> Score:
    """The score of all targets: mean over simulations, and what the central share of them lies between."""
    import numpy as np

    if spec.name not in (*PER_TARGET, "regret_sum", "worst_regret"):
        return missing(spec.name, "the ceiling is of orders within targets")
    per_target = spec.name if spec.per_target else "regret"
    values = [found[per_target] for found in judged if per_target in found]
    if not values:
        return missing(spec.name, f"no target has {FEWEST} sources")
    combine: Any = {"regret_sum": np.sum, "worst_regret": np.max}.get(spec.name, np.mean)
    simulated = combine(np.stack(values), axis=0)
    tail = (1 - confidence) / 2
    low, high = np.quantile(simulated, [tail, 1 - tail])
    left_out = len(judged) - len(values)
    note += f"; {left_out} of {len(judged)} targets have none" if left_out else ""
    return Score(spec.name, float(simulated.mean()), float(low), float(high), len(values), note)


def _none(why: str) -> dict[str, Score]:
    return {spec.name: missing(spec.name, why) for spec in SCORES}
