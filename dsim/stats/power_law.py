"""The power law of a learning curve: accuracy(n) = plateau - slope * n^-exponent, and what follows from it.

With three to nine points, three parameters are hardly known from the points alone: a curve that still rises fits a low
plateau with a large exponent about as well as a high plateau with a small one. So the fit knows two things beforehand
(``Prior``): about which exponents learning curves have, and how far real curves are from any power law.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Least and largest exponent, and how many between them are tried before the best is refined.
EXPONENTS, _GRID = (0.05, 3.0), 64
#: Rounds of golden sections between two neighbours of the grid, to 1e-8 and 1e-3 of their distance.
_ROUNDS, _ROUNDS_OF_REPLICATES = 40, 16
#: Beyond so many times the largest count a forecast is marked as far.
_FAR = 10.0
_RESAMPLES = 1000


class Estimate(NamedTuple):
    """A number with its interval; NaN or infinite where there is none, with the reason in ``note``."""

    value: float
    low: float
    high: float
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them: what is not finite is null.

        >>> Estimate(0.5, 0.4, float("inf")).to_dict()
        {'value': 0.5, 'low': 0.4, 'high': None, 'note': ''}
        """
        return {
            name: value if isinstance(value, str) or math.isfinite(value) else None
            for name, value in self._asdict().items()
        }


@dataclass(frozen=True)
class Prior:
    """What is known of learning curves before one is seen.

    exponent : the median of exponents. spread : standard deviation of the exponent's natural logarithm; infinite for
        none. misfit : standard deviation of real mean accuracies about the best power law at 10 labels per class.
    fade : the misfit at n labels is misfit * (10 / n)^fade. Curves begin near chance and are S-shaped at first: what
        one or five labels give says little of the law that holds for many.

    The defaults were chosen on curves that are reported nowhere: 77 of scikit-learn's digits, wine and tumours, whole,
    projected and with noise, and of Gaussian clusters, with four classifiers each.

    >>> Prior().misfit_at(np.array([1.0, 10.0, 100.0])).round(4).tolist()
    [0.4, 0.04, 0.004]
    """

    exponent: float = 0.5
    spread: float = 0.9
    misfit: float = 0.04
    fade: float = 1.0

    def misfit_at(self, counts: Array) -> Array:
        """Return the standard deviation of mean accuracies about the law at counts (m,)."""
        found: Array = self.misfit * (10 / counts) ** self.fade
        return found


#: Plain least squares: the counts are weighted by the spread over draws alone.
NO_PRIOR = Prior(spread=math.inf, misfit=0.0)


@dataclass(frozen=True)
class PowerLaw:
    """A fitted curve accuracy(n) = plateau - slope * n^-exponent.

    Attributes
    ----------
    plateau : accuracy at infinitely many labels, at most 1. slope : at least 0. exponent : within ``EXPONENTS``.
        All NaN without a fit, with the reason in ``note``.
    counts, means : (m,), what was fitted. errors : (m,), the standard deviation that each mean was given.
    replicates : (b, 3), plateau, slope and exponent of replicates; intervals are their percentiles.
    confidence : of the intervals.
    """

    plateau: float
    slope: float
    exponent: float
    counts: Array
    means: Array
    errors: Array
    replicates: Array = field(repr=False)
    confidence: float = 0.95
    note: str = ""

    def at(self, n: float) -> Estimate:
        """Return the accuracy with n labels per class.

        >>> fit_power_law([1, 10, 100], [[0.4, 0.7, 0.79487]], prior=NO_PRIOR).at(1000).value.__round__(4)
        0.8249
        """
        if not n > 0:
            raise ValueError(f"n must be positive, got {n}")
        if math.isnan(self.plateau):
            return Estimate(math.nan, math.nan, math.nan, self.note)
        plateau, slope, exponent = self.replicates.T
        value = self.plateau - self.slope * n**-self.exponent
        return self._estimate(value, plateau - slope * n**-exponent, self._remark(n))

    def line(self, counts: Array) -> Array:
        """Return value, lower and upper bound at each of n counts, (3, n).

        >>> fit_power_law([1, 10, 100], [[0.4, 0.7, 0.8]]).line(np.array([1.0, 50.0])).shape
        (3, 2)
        """
        return np.array([self.at(float(n))[:3] for n in counts]).T.reshape(3, -1)

    def needed(self, accuracy: float) -> Estimate:
        """Return how many labels per class the accuracy takes: at least 1.

        Infinite with a reason where the accuracy is not below the plateau; the upper bound is infinite where it is not
        below that of some replicates. NaN without a fit.

        >>> law = fit_power_law([1, 10, 100], [[0.4, 0.7, 0.79487]], prior=NO_PRIOR)
        >>> round(law.needed(0.8).value)
        128
        >>> law.needed(0.9).note
        'the accuracy 0.900 is above the plateau 0.839'
        """
        if math.isnan(self.plateau) or math.isnan(accuracy):
            return Estimate(math.nan, math.nan, math.nan, self.note or "no accuracy is asked for")
        value = float(_needed(np.array([[self.plateau, self.slope, self.exponent]]), accuracy)[0])
        note = self._remark(value)
        if math.isinf(value):
            note = f"the accuracy {accuracy:.3f} is above the plateau {self.plateau:.3f}"
        return self._estimate(value, _needed(self.replicates, accuracy), note)

    @property
    def plateau_estimate(self) -> Estimate:
        """The plateau with its interval."""
        return self._estimate(self.plateau, self.replicates[:, 0], self.note)

    def to_dict(self) -> dict[str, Any]:
        """Return the law as JSON has it, without replicates: numbers that are not finite are null."""
        plateau = self.plateau_estimate
        law = {"plateau": plateau.value, "slope": self.slope, "exponent": self.exponent}
        bounds = {"plateau_low": plateau.low, "plateau_high": plateau.high, "confidence": self.confidence}
        known = {name: value if math.isfinite(value) else None for name, value in {**law, **bounds}.items()}
        return {**known, "counts": self.counts.tolist(), "note": self.note}

    def _estimate(self, value: float, replicates: Array, note: str) -> Estimate:
        if not len(replicates):
            return Estimate(value, math.nan, math.nan, note)
        tail = (1 - self.confidence) / 2
        # Without interpolation: between a number and infinity there is none.
        low, high = np.quantile(replicates, [tail, 1 - tail], method="inverted_cdf")
        return Estimate(value, float(low), float(high), note)

    def _remark(self, n: float) -> str:
        if math.isfinite(n) and n > _FAR * self.counts.max():
            return f"more than {_FAR:g} times the largest count {self.counts.max():g}"
        return self.note


def _needed(laws: Array, accuracy: float) -> Array:
    """Labels per class of laws (b, 3), at least 1, infinite from the plateau on."""
    plateau, slope, exponent = laws.T
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        counts = np.exp(np.log(slope / (plateau - accuracy)) / exponent)
    below = accuracy < plateau
    return np.where(below, np.maximum(np.where(slope > 0, counts, 1.0), 1.0), np.inf)


def fit_power_law(
    counts: Any,
    accuracies: Any,
    *,
    replicates: Array | None = None,
    prior: Prior | None = None,
    confidence: float = 0.95,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> PowerLaw:
    """Return the power law of a learning curve, with replicates for intervals.

    The sum of squared residuals over their variances, and of the squared deviation of the logarithm of the exponent
    from the prior's median over its variance, is minimised with plateau <= 1 and slope >= 0: exactly for each exponent,
    which is searched on a grid and then by golden sections. The variance of a mean over r draws is s^2 / r plus the
    squared misfit at its count. Replicates are fitted alike to resampled means to which errors of the misfit are added,
    with the median exponent drawn from the prior, so that they vary as the posterior does (randomise then optimise).

    Parameters
    ----------
    counts : (m,) labels per class, positive and different. accuracies : (r, m) in [0, 1], of r draws; a single row for
        means alone. Counts at which no draw has a value (NaN) are left out.
    replicates : (b, m), resampled mean accuracies, for example over draws and test groups; default: ``resamples``
        bootstraps over draws.
    prior : default ``Prior()``; ``NO_PRIOR`` for plain weighted least squares.

    Returns
    -------
    NaN, with a reason, where fewer than three counts have an accuracy.

    Raises ValueError for shapes that do not match, and for counts that are not positive or are repeated.

    References
    ----------
    arXiv:2510.11553 (AUC(n) = a - b n^-c); Bardsley et al. 2014, doi:10.1137/140964023 (randomise then optimise).

    >>> law = fit_power_law([1, 5, 10, 25, 50], [[0.25, 0.57062, 0.64659, 0.714, 0.74798]], prior=NO_PRIOR)
    >>> round(law.plateau, 2), round(law.slope, 2), round(law.exponent, 2)
    (0.83, 0.58, 0.5)
    """
    n, rows = _checked(counts, accuracies)
    prior = prior or Prior()
    known = np.array(~np.isnan(rows).all(axis=0))
    n, rows = n[known], rows[:, known]
    if len(n) < 3:
        note = f"a power law needs accuracies at 3 counts or more, got {len(n)}"
        nothing = np.full(len(n), math.nan)
        return PowerLaw(math.nan, math.nan, math.nan, n, nothing, nothing, np.empty((0, 3)), confidence, note)
    means = np.nanmean(rows, axis=0)
    misfits = prior.misfit_at(n)
    errors = _errors(rows, misfits)
    resampled = _over_draws(rows, resamples, seed) if replicates is None else _replicates(replicates, known)
    plateau, slope, exponent = _fit(n, means[None], errors, prior, np.zeros(1), _ROUNDS)[0].tolist()
    rng = np.random.default_rng([seed, len(n)])
    noise = rng.standard_normal(resampled.shape) * misfits
    shifts = rng.standard_normal(len(resampled)) * (prior.spread if math.isfinite(prior.spread) else 0.0)
    laws = _fit(n, resampled + noise, errors, prior, shifts, _ROUNDS_OF_REPLICATES)
    note = "" if slope > 0 else "the accuracy does not rise with the number of labels"
    return PowerLaw(plateau, slope, exponent, n, means, errors, laws, confidence, note)


def _checked(counts: Any, accuracies: Any) -> tuple[Array, Array]:
    n, rows = np.asarray(counts, dtype=np.float64), np.atleast_2d(np.asarray(accuracies, dtype=np.float64))
    if n.ndim != 1 or rows.ndim != 2 or rows.shape[1] != len(n):
        raise ValueError(f"accuracies must be (repeats, {n.size}), one column for each count, got {rows.shape}")
    if not (n > 0).all() or len(set(n.tolist())) < len(n):
        raise ValueError(f"counts must be positive and different, got {n.tolist()}")
    return n, rows


def _replicates(replicates: Array, known: NDArray[np.bool_]) -> Array:
    if replicates.ndim != 2 or replicates.shape[1] != len(known):
        raise ValueError(f"replicates must be (resamples, {len(known)}), got {replicates.shape}")
    chosen = replicates[:, known]
    return chosen[~np.isnan(chosen).any(axis=1)]


def _errors(rows: Array, misfits: Array) -> Array:
    """Standard deviation of each mean (m,): over draws, and the misfit; equal where neither is known."""
    draws = (~np.isnan(rows)).sum(axis=0)
    deviations = np.where(np.isnan(rows), 0.0, rows - np.nanmean(rows, axis=0))
    variance = (deviations**2).sum(axis=0) / np.maximum(draws - 1, 1) / draws
    total = variance + misfits**2
    # Without any spread one count would have all the weight.
    least = 1e-6 * total.max() if total.max() > 0 else 1.0
    result: Array = np.sqrt(np.maximum(total, least))
    return result


def _over_draws(rows: Array, resamples: int, seed: int) -> Array:
    """Mean accuracies of resampled draws, (resamples, m); all counts of a draw go together, as nested draws do."""
    from dsim.stats.resampling import draws, times_drawn

    weights = times_drawn(draws(len(rows), resamples, seed))
    known = ~np.isnan(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        means: Array = (weights @ np.where(known, rows, 0.0)) / (weights @ known)
    return means[~np.isnan(means).any(axis=1)]


def _fit(n: Array, means: Array, errors: Array, prior: Prior, shifts: Array, rounds: int) -> Array:
    """Laws (b, 3) of mean accuracies (b, m); ``shifts`` (b,) of the logarithm of the median exponent."""
    grid = np.linspace(math.log(EXPONENTS[0]), math.log(EXPONENTS[1]), _GRID)
    weights = errors**-2
    best = (_grid_residuals(grid, n, means, weights) + _penalty(grid[:, None], prior, shifts)).argmin(axis=0)
    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, _GRID - 1)]

    def cost(logarithm: Array) -> Array:
        x = n ** -np.exp(logarithm)[:, None]
        plateau, slope = _solve(x, means, weights)
        residuals = plateau[:, None] - slope[:, None] * x - means
        total: Array = residuals**2 @ weights + _penalty(logarithm, prior, shifts)
        return total

    exponent = _golden(cost, low, high, rounds)
    plateau, slope = _solve(n ** -np.exp(exponent)[:, None], means, weights)
    return np.stack([plateau, slope, np.exp(exponent)], axis=1)


def _golden(cost: Callable[[Array], Array], low: Array, high: Array, rounds: int) -> Array:
    """The smallest cost between bounds, (b,), each by golden sections: one evaluation a round."""
    golden = (math.sqrt(5) - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = cost(left), cost(right)
    for _ in range(rounds):
        lower = at_left < at_right
        low, high = np.where(lower, low, left), np.where(lower, right, high)
        new = np.where(lower, high - golden * (high - low), low + golden * (high - low))
        at_new = cost(new)
        left, right = np.where(lower, new, right), np.where(lower, left, new)
        at_left, at_right = np.where(lower, at_new, at_right), np.where(lower, at_left, at_new)
    return (low + high) / 2


def _penalty(logarithm: Array, prior: Prior, shifts: Array) -> Array:
    penalty: Array = ((logarithm - math.log(prior.exponent) - shifts) / prior.spread) ** 2
    return penalty


def _solve(x: Array, means: Array, weights: Array) -> tuple[Array, Array]:
    """The best plateau <= 1 and slope >= 0 for powers ``x`` that broadcast with the means (..., m)."""
    shares = weights / weights.sum()
    mean_x, mean_y = x @ shares, means @ shares
    across = ((x - mean_x[..., None]) * (means - mean_y[..., None])) @ shares
    slope = np.maximum(-across / ((x - mean_x[..., None]) ** 2 @ shares), 0.0)
    plateau = mean_y + slope * mean_x
    # At the bound the slope alone is left: the problem is convex, so that its optimum lies on the bound.
    bounded = (x * (1 - means)) @ shares / (x**2 @ shares)
    return np.minimum(plateau, 1.0), np.where(plateau > 1, np.maximum(bounded, 0.0), slope)


def _grid_residuals(grid: Array, n: Array, means: Array, weights: Array) -> Array:
    """Sums of squared residuals, (grid, b), by moments: all curves share the powers of a point of the grid."""
    shares = weights / weights.sum()
    x = n[None] ** -np.exp(grid)[:, None]
    centre = means @ shares
    y = means - centre[:, None]
    mean_x, mean_xx = (x @ shares)[:, None], (x**2 @ shares)[:, None]
    cross = (x * shares) @ y.T
    slope = np.maximum(-cross / (mean_xx - mean_x**2), 0.0)
    room = 1 - centre
    bounded = np.maximum((room * mean_x - cross) / mean_xx, 0.0)
    slope = np.where(slope * mean_x > room, bounded, slope)
    plateau = np.minimum(slope * mean_x, room)
    squares = (y**2 @ shares) + plateau**2 + slope**2 * mean_xx + 2 * slope * (cross - plateau * mean_x)
    result: Array = squares * weights.sum()
    return result
