"""What Dice to expect of a candidate from signals alone, learnt from measured targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from dsim.selection.posterior import NORMAL, Posterior
from dsim.selection.record import Record, RecordedTarget, shipped_record
from dsim.selection.signals import DISTANCES, SIGNALS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.selection.evidence import Evidence
    from dsim.stats.grouped_regression import Group, GroupedRegression

    Array = NDArray[np.float64]

#: The weight of the constant is free, in units of the deviation of the others.
_FREE = 25.0
#: Passes in which the noise, which depends on the level, and the level are found by turns.
_PASSES = 4
#: Targets from which on leaving one out says anything.
_FEWEST = 3


@dataclass(frozen=True)
class Noise:
    """How far the Dice of a candidate on one image lies from its mean, and how alike candidates do so."""

    spread: float
    floor: float
    common: float

    def covariance(self, level: Array, agreement: Array) -> Array:
        """Return the covariance (c, c) of the Dice on one image, of candidates at these levels (c,)."""
        from dsim.stats.gaussian_selection import noise_covariance

        return noise_covariance(level, agreement, self.spread, self.floor, self.common)


@dataclass(frozen=True)
class Prior:
    """The expected Dice of candidates by their signals, and how sure that is.

    Parameters
    ----------
    regression : of Dice on the ``design`` of the signals. ``noise`` : of single images.
    widening : factor by which intervals are widened, so that they cover 95 % of what was measured on targets that were
        left out of the fit.
    targets : names of the targets that it was learnt from.
    """

    regression: GroupedRegression
    noise: Noise
    widening: float
    targets: tuple[str, ...]

    @classmethod
    def fit(cls, record: Record, without: Collection[str] = ()) -> Prior:
        """Return the prior learnt from the targets of a record, except those ``without``."""
        return fit_prior([target for target in record.targets if target.name not in without])

    def expect(self, signals: Mapping[str, Array], agreement: Array) -> tuple[Array, Array]:
        """Return mean (c,) and covariance (c, c) of the expected Dice by the signals (c,) and agreement (c, c)."""
        from dsim.stats.gaussian_selection import nearest_semidefinite

        mean, cov = self.regression.predict(design(signals), nearest_semidefinite(agreement))
        return mean, cov * self.widening**2

    def update(self, evidence: Evidence, seed: int = 0) -> Posterior:
        """Return what is known of the Dice (c,) of the candidates on the rest, given the scores on annotated images."""
        return self.posterior(evidence.signals, evidence.agreement, evidence.scores, evidence.rest, seed)

    def posterior(
        self, signals: Mapping[str, Array], agreement: Array, scores: Array, rest: int, seed: int = 0
    ) -> Posterior:
        """Return the same from signals (c,), agreement (c, c), scores (c, k) and the number of images without mask."""
        import numpy as np

        from dsim.stats.gaussian_selection import condition_on_cases, mean_of_rest

        prior = self.expect(signals, agreement)
        mean, cov = prior
        for _ in range(_PASSES):
            noise = self.noise.covariance(np.clip(mean, 0, 1), agreement)
            mean, cov = condition_on_cases(*prior, scores, noise)
        return Posterior(*mean_of_rest(mean, cov, noise, rest), seed)


def design(signals: Mapping[str, Array]) -> Array:
    """Return the properties (c, p) of candidates that Dice is regressed on, from signals (c,).

    Of each signal the normal score of its rank among the candidates, better ones higher; of behaviour also the value;
    and a constant. What is not known is in the middle.
    """
    import numpy as np

    count = len(next(iter(signals.values())))
    columns = [np.ones(count)]
    for name in SIGNALS:
        values = signals.get(name, np.full(count, np.nan))
        columns.append(_normal_scores(-values if name in DISTANCES else values))
        if name not in DISTANCES:
            columns.append(np.nan_to_num(2 * values - 1, nan=0.0))
    return np.column_stack(columns)


def _normal_scores(values: Array) -> Array:
    """Normal scores of the ranks (c,), ties in the middle; 0 for NaN."""
    import numpy as np
    from scipy.special import ndtri
    from scipy.stats import rankdata

    known = np.isfinite(values)
    found = np.zeros(len(values))
    if known.any():
        found[known] = ndtri((rankdata(values[known]) - 0.5) / known.sum())
    return found


def fit_prior(targets: Sequence[RecordedTarget]) -> Prior:
    """Return the prior of these targets; its widening is found by leaving out each in turn."""
    from dsim.stats.grouped_regression import fit_grouped_regression

    groups = [_group(target) for target in targets]
    regression = fit_grouped_regression(groups, _free(groups))
    prior = Prior(regression, fit_noise(targets), 1.0, tuple(target.name for target in targets))
    return replace(prior, widening=find_widening(targets, prior))


def _free(groups: Sequence[Group]) -> Array:
    """The prior variance (p,) of each weight in units of the fitted one: the constant is free."""
    import numpy as np

    free = np.ones(groups[0].rows.shape[1])
    free[0] = _FREE
    return free


def _group(target: RecordedTarget) -> Group:
    from dsim.stats.gaussian_selection import nearest_semidefinite
    from dsim.stats.grouped_regression import Group

    error = target.dice.var(axis=1, ddof=1) / target.dice.shape[1]
    return Group(design(target.signals), target.dice.mean(axis=1), nearest_semidefinite(target.agreement), error)


def fit_noise(targets: Sequence[RecordedTarget]) -> Noise:
    """Return the noise of single images by least squares over candidates, and over pairs of them."""
    import numpy as np
    from scipy.optimize import nnls

    deviations = np.concatenate([target.dice.std(axis=1, ddof=1) for target in targets])
    levels = np.concatenate([target.dice.mean(axis=1) for target in targets])
    shape = np.sqrt(np.clip(4 * levels * (1 - levels), 0, 1))
    (spread, floor), _ = nnls(np.column_stack([shape, np.ones(len(shape))]), deviations)
    above, unlike = np.concatenate([_correlations(target) for target in targets], axis=1)
    common = float(np.clip((above * unlike).sum() / (unlike**2).sum(), 0, 1))
    return Noise(float(spread), float(floor), common)


def _correlations(target: RecordedTarget) -> Array:
    """Of two candidates each whose Dice varies: the correlation over images less their agreement, and 1 - agreement."""
    import numpy as np

    varied = target.dice.std(axis=1) > 0
    first, second = np.triu_indices(int(varied.sum()), 1)
    agreement = target.agreement[varied][:, varied][first, second]
    correlation = np.atleast_2d(np.corrcoef(target.dice[varied]))[first, second]
    return np.stack([correlation - agreement, 1 - agreement])


def find_widening(targets: Sequence[RecordedTarget], prior: Prior) -> float:
    """Return the factor by which intervals must be widened to cover 95 % of the Dice of targets that are left out.

    Each target in turn has no say on the weights; the few variances are those of the prior.
    """
    import numpy as np

    from dsim.measures import CONFIDENCE
    from dsim.stats.grouped_regression import fit_weights

    if len(targets) < _FEWEST:
        return 1.0
    groups, distances = [_group(target) for target in targets], []
    for place, target in enumerate(targets):
        others = groups[:place] + groups[place + 1 :]
        without = replace(prior, regression=fit_weights(others, _free(groups), prior.regression.deviations))
        found = without.posterior(target.signals, target.agreement, target.dice[:, :0], target.dice.shape[1])
        distances.append(np.abs(target.dice.mean(axis=1) - found.mean) / found.deviation)
    return float(np.quantile(np.concatenate(distances), CONFIDENCE) / NORMAL)


@lru_cache(maxsize=1)
def shipped_prior() -> Prior:
    """Return the prior of the shipped record; raises DataError where the installation lacks it."""
    return Prior.fit(shipped_record())
