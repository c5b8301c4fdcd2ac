"""Noise of repeated measurements, and the spread that remains without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: Deviations below this share of the largest value are rounding.
_ROUNDING = 1e-12


def squared_errors(values: Array, shared: bool = False) -> Array:
    """Return the squared standard error of the mean over repetitions, of each source for each target.

    Parameters
    ----------
    values : (sources, targets, repetitions), NaN where not measured.
    shared : a repetition is the same for all sources of a target, as a fold is: what it adds to all of them alike is no
        noise of their order, and is taken out first.

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
