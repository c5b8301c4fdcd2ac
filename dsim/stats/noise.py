"""Noise of repeated measurements, and the spread that remains without it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: Deviations below this share of the largest value are rounding.
_ROUNDING = 1e-12
#: Of the intervals of a mean over seeds.
CONFIDENCE = 0.95


def squared_errors(values: Array, shared: bool = False) -> Array:
    """Return the squared standard error of the mean over repetitions, of each source for each target.

    Parameters
    ----------
    values : (sources, targets, repetitions), NaN where not measured.
    shared : a repetition is the same for all sources of a target, as a fold is: what it adds to all of them alike does
        not disturb their order, and is subtracted first.

    Returns
    -------
    (sources, targets), at least 0; NaN where nothing was measured, or where no source of the target has the two
        repetitions (and, where shared, the target two sources) that it takes. A source with one repetition has the
        mean variance of the target's others.

    >>> squared_errors(np.array([[[1.0, 3.0]], [[5.0, 5.0]]])).tolist()
    [[1.0], [0.0]]
    >>> squared_errors(np.array([[[1.0, 3.0]], [[5.0, 7.0]]]), shared=True).tolist()
    [[0.0], [0.0]]
    """
    known = ~np.isnan(values)
    count = known.sum(axis=2)
    deviations = np.where(known, values, 0.0)
    deviations = np.where(known, deviations - (deviations.sum(axis=2) / np.maximum(count, 1))[:, :, None], 0.0)
    freedom = np.maximum(count - 1, 0).astype(np.float64)
    if shared:
        repeated = (count >= 2).sum(axis=0)
        together = deviations.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        deviations = np.where(known, deviations - together, 0.0)
        freedom *= (repeated - 1) / np.maximum(repeated, 1)
    deviations[np.abs(deviations) <= _ROUNDING * np.abs(np.where(known, values, 0.0)).max()] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(freedom > 0, (deviations**2).sum(axis=2) / freedom, np.nan)
        of_others = np.nansum(variance, axis=0) / (~np.isnan(variance)).sum(axis=0)
        return np.where(count > 0, np.where(np.isnan(variance), of_others, variance) / count, np.nan)


def without_noise(means: Array, errors: Array) -> Array:
    """Return noisy means drawn together, so that they vary as the true ones are estimated to.

    Parameters
    ----------
    means, errors : (n,), and their squared standard errors; none NaN.

    Returns
    -------
    (n,): deviations from the mean of all times sqrt(B), with B = max(0, 1 - (n - 3) / (n - 1) e / v) for the mean
        squared error e and the variance v of ``means``. Without the factor, 1 - e / v is too small on average, since v
        is in the denominator; B is without bias, but for its bound. Up to three means are not drawn together.

    References
    ----------
    Efron and Morris 1973, doi:10.1080/01621459.1973.10481350.

    >>> without_noise(np.array([0.0, 2.0, 4.0, 6.0, 8.0]), np.full(5, 15.0)).round(6).tolist()
    [2.0, 3.0, 4.0, 5.0, 6.0]
    """
    n = len(means)
    variance = float(means.var(ddof=1)) if n > 3 else 0.0
    if variance == 0:
        return means
    kept = max(0.0, 1 - (n - 3) / (n - 1) * float(errors.mean()) / variance)
    centre = float(means.mean())
    drawn: Array = centre + np.sqrt(kept) * (means - centre)
    return drawn if kept < 1 else means


@dataclass(frozen=True)
class Spread:
    """A mean over seeds; NaN with the reason in ``note``.

    ``sd`` is the standard deviation of one training (divisor n - 1), NaN for a single seed; ``low`` and ``high`` bound
    the mean with a confidence of 95 % (Student); ``n`` is the number of seeds that have a value.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them: NaN is null."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class Difference(Spread):
    """A paired difference, first less second; ``p`` of Student's paired test, two-sided."""

    p: float = math.nan


def spread(values: Sequence[float | None]) -> Spread:
    """Return mean and spread of the values of several seeds; None where a seed has none.

    Source: Student 1908, doi:10.1093/biomet/6.1.1.

    >>> result = spread([0.2, 0.4, 0.3])
    >>> round(result.mean, 3), round(result.sd, 3), round(result.low, 3), round(result.high, 3)
    (0.3, 0.1, 0.052, 0.548)
    >>> spread([0.2]).note
    'one seed: its spread is not known'
    """
    from scipy.special import stdtrit

    known = np.array([value for value in values if value is not None], dtype=np.float64)
    n = len(known)
    lost = f"{len(values) - n} of {len(values)} seeds have none" if n < len(values) else ""
    if not n:
        return Spread(math.nan, math.nan, math.nan, math.nan, 0, "no seed has one")
    mean = float(known.mean())
    if n < 2:
        return Spread(mean, math.nan, math.nan, math.nan, 1, lost or "one seed: its spread is not known")
    sd = float(known.std(ddof=1))
    half = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * sd / math.sqrt(n)
    return Spread(mean, sd, mean - half, mean + half, n, lost)


def difference(first: Sequence[float | None], second: Sequence[float | None]) -> Difference:
    """Return first less second, seed by seed: both were trained from the same start on the same split.

    Source: Student 1908, doi:10.1093/biomet/6.1.1.

    >>> result = difference([0.5, 0.6, 0.8], [0.4, 0.4, 0.5])
    >>> round(result.mean, 3), round(result.p, 3)
    (0.2, 0.074)
    """
    from scipy.special import stdtr

    pairs = zip(first, second, strict=True)
    result = spread([None if one is None or other is None else one - other for one, other in pairs])
    p = math.nan
    if result.n > 1 and result.sd:
        p = float(2 * stdtr(result.n - 1, -abs(result.mean) / (result.sd / math.sqrt(result.n))))
    elif result.n > 1:
        p = 1.0 if result.mean == 0 else 0.0
    return Difference(result.mean, result.sd, result.low, result.high, result.n, result.note, p)
