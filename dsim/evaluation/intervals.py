"""The interval of every score: targets are the cases, and few."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.errors import UsageError
from dsim.evaluation.results import Score
from dsim.evaluation.scores import ScoreSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


METHODS = ("expanded", "percentile")
#: Pairs times resamples that are held at once.
_BLOCK = 2_000_000
#: The note on a score that only one target has.
_ONE = "one target has no interval"


@dataclass(frozen=True)
class Intervals:
    """Settings of the intervals of scores; all scores of as many targets have the same draws, so they are paired.

    Parameters
    ----------
    targets : how many there are. confidence : in (0, 1). resamples : of the targets, at least 100.
    method : ``expanded``: bootstrap with the tails of ``expanded_tail`` for means, Wilson's interval for shares, that
        of Agresti and Min for their differences; where targets are too few for any percentile (fewer than 6 at 95 %),
        Student's with the bootstrap's standard error. ``percentile``: the plain percentile bootstrap for all.
    seed : of the draws.

    Raises
    ------
    UsageError
        For settings outside their range.

    >>> import numpy as np
    >>> from dsim.evaluation.scores import BY_NAME
    >>> score = Intervals(4).over_targets(BY_NAME["top1"], np.array([0.0, 0.0, 1.0, np.nan]))
    >>> round(score.value, 3), round(score.low, 3), round(score.high, 3), score.targets
    (0.333, 0.061, 0.792, 3)
    """

    targets: int
    confidence: float = 0.95
    resamples: int = 2000
    method: str = "expanded"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise UsageError(f"confidence {self.confidence:g} of intervals", hint="give one between 0 and 1, like 0.95")
        if self.resamples < 100:
            raise UsageError(f"{self.resamples} resamples are too few for an interval", hint="give 100 or more")
        if self.method not in METHODS:
            raise UsageError(f"no interval named {self.method!r}", hint=f"choose from {', '.join(METHODS)}")

    def over_targets(self, spec: ScoreSpec, values: Values) -> Score:
        """Return the score of all targets: the mean, the sum for regret_sum, the largest for worst_regret.

        Parameters
        ----------
        values : float64 (n,) for n targets; NaN where one has none: it is left out, and ``note`` says how many are.
        """
        import numpy as np

        known = values[~np.isnan(values)]
        n = len(known)
        left_out = f"{len(values) - n} of {len(values)} targets have none" if n < len(values) else ""
        if not n:
            return Score(spec.name, math.nan, math.nan, math.nan, 0, "no target has one")
        low, high, why = self._bounds(spec, known)
        return Score(spec.name, _summary(spec, known), low, high, n, _joined(left_out, why))

    def pooled(self, spec: ScoreSpec, distances: Values, scores: Values, counted: NDArray[np.bool_]) -> Score:
        """Return the correlation of -distance and score over all counted pairs; whole targets are resampled.

        Pairs of one target share its difficulty, so they are not independent cases.

        Parameters
        ----------
        distances, scores : float64 (sources, targets), known where counted. counted : bool of the same shape.
        """
        import numpy as np

        held = np.flatnonzero(counted.any(axis=0))
        n, pairs = len(held), counted[:, held]
        x, y, column = -distances[:, held][pairs], scores[:, held][pairs], np.nonzero(pairs)[1]
        value = float(_correlation(spec, x, y, np.ones((1, len(x))))[0]) if len(x) >= 3 else math.nan
        if math.isnan(value):
            why = f"{len(x)} pairs are too few" if len(x) < 3 else "the distances or the scores of all pairs are equal"
            return Score(spec.name, math.nan, math.nan, math.nan, n, why)
        if n < 2:
            return Score(spec.name, value, math.nan, math.nan, n, _ONE)
        replicates = self._pooled_replicates(spec, x, y, column, n)
        undefined = int(np.isnan(replicates).sum())
        low, high = self._interval(value, replicates, n)
        return Score(
            spec.name, value, max(low, -1.0), min(high, 1.0), n, f"{undefined} resamples have none" if undefined else ""
        )

    def difference(
        self, first: Values, second: Values, spec: ScoreSpec | None = None
    ) -> tuple[float, float, float, int]:
        """Return the mean of first less second over the targets that have both, its bounds, and their number.

        Parameters
        ----------
        first, second : float64 (n,) for n targets; NaN where one has none.
        spec : of the score. Without it the difference of shares has the bootstrap's interval, which is too narrow.

        NaN without such targets; bounds NaN with one.
        """
        import numpy as np

        from dsim.stats.shares import share_difference_interval

        differences = first - second
        known = differences[~np.isnan(differences)]
        n = len(known)
        if n < 2:
            return float(known.mean()) if n else math.nan, math.nan, math.nan, n
        value = float(known.mean())
        if spec is not None and spec.share and self.method == "expanded":
            return value, *share_difference_interval(known, self.confidence), n
        return value, *self._interval(value, self._resampled(known).mean(axis=1), n), n

    def _bounds(self, spec: ScoreSpec, known: Values) -> tuple[float, float, str]:
        """Bounds, and a note on them."""
        from dsim.stats.resampling import percentile_interval
        from dsim.stats.shares import wilson_interval

        n = len(known)
        if spec.share and self.method == "expanded":
            return *wilson_interval(float(known.mean()), n, self.confidence), ""
        if n < 2:
            return math.nan, math.nan, _ONE
        resampled = self._resampled(known)
        if spec.name == "worst_regret":
            low, _ = percentile_interval(resampled.max(axis=1), n, self.confidence, expanded=False)
            return low, math.nan, "no upper bound: no resample holds a target worse than the worst seen"
        low, high = _possible(spec, known, *self._interval(float(known.mean()), resampled.mean(axis=1), n))
        factor = n if spec.name == "regret_sum" else 1
        return factor * low, factor * high, "all targets alike: the bootstrap gives no width" if low == high else ""

    def _resampled(self, values: Values) -> Values:
        from dsim.stats.resampling import draws

        return values[draws(len(values), self.resamples, self.seed)]

    def _interval(self, value: float, replicates: Values, n: int) -> tuple[float, float]:
        from dsim.stats.resampling import mean_interval

        return mean_interval(value, replicates, n, self.confidence, self.method == "expanded")

    def _pooled_replicates(self, spec: ScoreSpec, x: Values, y: Values, column: NDArray[np.intp], n: int) -> Values:
        """Correlation in each resample of n targets, (resamples,); ``column`` is the target of each pair."""
        import numpy as np

        from dsim.stats.resampling import draws, times_drawn

        times = times_drawn(draws(n, self.resamples, self.seed))
        step = max(1, _BLOCK // len(x))
        blocks = [times[start : start + step, column] for start in range(0, len(times), step)]
        return np.concatenate([_correlation(spec, x, y, block) for block in blocks])


def _summary(spec: ScoreSpec, known: Values) -> float:
    if spec.name == "worst_regret":
        return float(known.max())
    return float(known.sum() if spec.name == "regret_sum" else known.mean())


def _possible(spec: ScoreSpec, known: Values, low: float, high: float) -> tuple[float, float]:
    """Bounds that the score can have: regrets are not below 0 where none is, the others are correlations and shares."""
    if spec.in_score_units:
        return (max(low, 0.0) if known.min() >= 0 else low), high
    return max(low, 0.0 if spec.share else -1.0), min(high, 1.0)


def _correlation(spec: ScoreSpec, x: Values, y: Values, weights: Values) -> Values:
    from dsim.stats.resampling import weighted_pearson, weighted_spearman

    return (weighted_spearman if spec.name == "pooled_spearman" else weighted_pearson)(x, y, weights)


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
