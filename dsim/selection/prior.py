"""What Dice to expect of a candidate from signals alone, learnt from measured targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dsim.selection.fit import KinBounds, find_bounds
from dsim.selection.posterior import NORMAL, Posterior
from dsim.selection.record import Record, RecordedTarget, shipped_record
from dsim.selection.signals import BEHAVIOUR, USEFUL, nearness

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.selection.evidence import Evidence
    from dsim.stats.grouped_regression import Group, GroupedRegression

    Array = NDArray[np.float64]

#: The weight of the constant is free, in units of the deviation of the others.
_FREE = 25.0
#: That of how much better a model does than its signals say, on all targets alike.
_OF_MODEL = 0.1
#: So many images the prior counts for in the level that the noise depends on: one image with nothing right does not
#: show that all have nothing right.
_PRIOR_IMAGES = 1
#: The prior's level is not taken to be nearer to 0 and 1 than this.
_MIDDLE = 0.05, 0.9
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
    targets, models : names of the targets that it was learnt from, and ids of the zoo's models that were applied to
        them: how well each did on other targets than its signals say has a weight too.
    bounds : of the nearness of kin and of strangers.
    """

    regression: GroupedRegression
    noise: Noise
    widening: float
    targets: tuple[str, ...]
    models: tuple[str, ...]
    bounds: KinBounds

    @classmethod
    def fit(cls, record: Record, without: Collection[str] = ()) -> Prior:
        """Return the prior learnt from the targets of a record, except those ``without``."""
        targets = [target for target in record.targets if target.name not in without]
        if record.fitted and len(targets) == len(record.targets):
            return restored_prior(targets, record.fitted)
        return fit_prior(targets)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``restored_prior`` needs beside the targets, as JSON has it."""
        return {
            "deviations": self.regression.deviations.tolist(),
            "noise": [self.noise.spread, self.noise.floor, self.noise.common],
            "widening": self.widening,
        }

    def expect(self, signals: Mapping[str, Array], agreement: Array, models: Sequence[str] = ()) -> tuple[Array, Array]:
        """Return mean (c,) and covariance (c, c) of the expected Dice.

        Parameters
        ----------
        signals : by name (c,). agreement : (c, c). models : ids of the candidates in the zoo; those that the prior
            does not know, or where none is given, are as good as any.
        """
        from dsim.stats.gaussian_selection import nearest_semidefinite

        rows = _rows(signals, models, self.models)
        mean, cov = self.regression.predict(rows, nearest_semidefinite(agreement))
        return mean, cov * self.widening**2

    def update(self, evidence: Evidence, seed: int = 0) -> Posterior:
        """Return what is known of the Dice (c,) of the candidates on the rest, given the scores on annotated images."""
        models = [candidate.id for candidate in evidence.candidates]
        known = evidence.signals, evidence.agreement, evidence.scores, evidence.rest
        return self.posterior(*known, models=models, seed=seed)

    def posterior(
        self,
        signals: Mapping[str, Array],
        agreement: Array,
        scores: Array,
        rest: int,
        *,
        models: Sequence[str] = (),
        seed: int = 0,
    ) -> Posterior:
        """Return the same from what ``expect`` takes, scores (c, k) and the number of images without mask."""
        import numpy as np

        from dsim.stats.gaussian_selection import condition_on_cases, mean_of_rest

        mean, cov = self.expect(signals, agreement, models)
        level = (_PRIOR_IMAGES * np.clip(mean, *_MIDDLE) + scores.sum(axis=1)) / (_PRIOR_IMAGES + scores.shape[1])
        noise = self.noise.covariance(level, agreement)
        return Posterior(*mean_of_rest(*condition_on_cases(mean, cov, scores, noise), noise, rest), seed)


def design(signals: Mapping[str, Array]) -> Array:
    """Return the properties (c, 5) of candidates that Dice is regressed on, from signals (c,).

    A constant; consensus and edge agreement, from -1 to 1; how much nearer its sources are than those of the others;
    and how near the nearest is, the same for all candidates. What is not known is as usual.
    """
    import numpy as np

    near = nearness(signals, USEFUL)
    nearest = np.full(len(near), near.max())
    behaviour = [2 * _or_usual(signals.get(name), usual, len(near)) - 1 for name, usual in BEHAVIOUR.items()]
    columns = np.column_stack([np.ones(len(near)), *behaviour, near - near.mean(), nearest])
    known: Array = np.nan_to_num(columns, nan=0.0)
    return known


def _or_usual(values: Array | None, usual: float, count: int) -> Array:
    """The values (count,), the usual one in place of NaN."""
    import numpy as np

    return np.full(count, usual) if values is None else np.where(np.isfinite(values), values, usual)


def _rows(signals: Mapping[str, Array], models: Sequence[str], known: Sequence[str]) -> Array:
    """The design (c, 5) of the signals, and which of the m known models each candidate is: (c, 5 + m)."""
    import numpy as np

    rows = design(signals)
    own = [[model == one for one in known] for model in models] or np.zeros((len(rows), len(known)))
    return np.column_stack([rows, np.array(own, dtype=np.float64).reshape(len(rows), len(known))])


def fit_prior(targets: Sequence[RecordedTarget]) -> Prior:
    """Return the prior of these targets; its widening is found by leaving out each in turn."""
    from dsim.stats.grouped_regression import fit_grouped_regression

    groups, free = _groups(targets)
    prior = _prior(targets, fit_grouped_regression(groups, free), fit_noise(targets), 1.0)
    return replace(prior, widening=find_widening(targets, prior))


def restored_prior(targets: Sequence[RecordedTarget], fitted: Mapping[str, Any]) -> Prior:
    """Return the prior of these targets whose variances were found before; its weights follow in closed form."""
    import numpy as np

    from dsim.stats.grouped_regression import fit_weights

    regression = fit_weights(*_groups(targets), np.array(fitted["deviations"]))
    return _prior(targets, regression, Noise(*fitted["noise"]), fitted["widening"])


def _prior(targets: Sequence[RecordedTarget], regression: GroupedRegression, noise: Noise, widening: float) -> Prior:
    names = tuple(target.name for target in targets)
    return Prior(regression, noise, widening, names, _models_of(targets), find_bounds(targets))


def _models_of(targets: Sequence[RecordedTarget]) -> tuple[str, ...]:
    return tuple(sorted({model for target in targets for model in target.models if model}))


def _groups(targets: Sequence[RecordedTarget]) -> tuple[list[Group], Array]:
    """The targets as groups, and the prior variance of each weight in units of the fitted one; the constant is free."""
    import numpy as np

    from dsim.stats.gaussian_selection import nearest_semidefinite
    from dsim.stats.grouped_regression import Group

    known = _models_of(targets)
    groups = [
        Group(
            _rows(target.signals, target.models, known),
            target.dice.mean(axis=1),
            nearest_semidefinite(target.agreement),
            target.dice.var(axis=1, ddof=1) / target.dice.shape[1],
        )
        for target in targets
    ]
    free = np.ones(groups[0].rows.shape[1])
    free[0] = _FREE
    free[len(free) - len(known) :] = _OF_MODEL
    return groups, free


def fit_noise(targets: Sequence[RecordedTarget]) -> Noise:
    """Return the noise of single images by least squares over candidates, and over pairs of them."""
    import numpy as np
    from scipy.optimize import nnls

    variances = np.concatenate([target.dice.var(axis=1, ddof=1) for target in targets])
    levels = np.concatenate([target.dice.mean(axis=1) for target in targets])
    (spread, floor), _ = nnls(np.column_stack([4 * levels * (1 - levels), np.ones(len(levels))]), variances)
    above, unlike = np.concatenate([_correlations(target) for target in targets], axis=1)
    common = float(np.clip((above * unlike).sum() / (unlike**2).sum(), 0, 1))
    return Noise(float(np.sqrt(spread)), float(np.sqrt(floor)), common)


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
    (groups, free), distances = _groups(targets), []
    for place, target in enumerate(targets):
        others = groups[:place] + groups[place + 1 :]
        without = replace(prior, regression=fit_weights(others, free, prior.regression.deviations))
        none, rest = target.dice[:, :0], target.dice.shape[1]
        found = without.posterior(target.signals, target.agreement, none, rest, models=target.models)
        distances.append(np.abs(target.dice.mean(axis=1) - found.mean) / found.deviation)
    return float(np.quantile(np.concatenate(distances), CONFIDENCE) / NORMAL)


@lru_cache(maxsize=1)
def shipped_prior() -> Prior:
    """Return the prior of the shipped record; raises DataError where the installation lacks it."""
    return Prior.fit(shipped_record())
