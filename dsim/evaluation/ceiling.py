"""The best that any measure could reach: the truth is itself measured, with noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dsim.evaluation.judgement import CORRELATIONS, FEWEST, TOP, missing
from dsim.evaluation.results import Score
from dsim.evaluation.scores import PER_TARGET, SCORES, ScoreSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.evaluation.intervals import Intervals
    from dsim.truth import TransferMatrix

    Values = NDArray[np.float64]


SIMULATIONS = 1000


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
