"""How far out a value lies in its own sample: p-values from a tail that is fitted to the sample's shoulder."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

#: The tail is fitted between these quantiles: where up to a tenth of the sample may be outliers, they do not widen it.
SHOULDER, EDGE = 0.75, 0.9
#: Values that make these quantiles known.
FEWEST = 30


def upper_tail_p(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p of each value of a sample to be so large, under a tail that decays exponentially from the shoulder on.

    Ranks cannot say this: in every sample the largest of n has the rank p 1 / n, outlier or not, so that no list of
    ranks survives a correction for n tests. An exponential tail is heavier than that of a normal distribution: of
    clean samples fewer values than nominal are small. Fitted between two quantiles, as an empirical null.

    Parameters
    ----------
    values : float64 (n,), finite.

    Returns
    -------
    float64 (n,), in [0, 1]: the rank p below the shoulder. NaN where there are fewer than ``FEWEST`` values. Where the
    shoulder has no width, larger values have p 0.

    References
    ----------
    Efron 2004 (empirical null), doi:10.1198/016214504000000089; Pickands 1975 (tails), doi:10.1214/aos/1176343003.

    >>> values = np.append(np.random.default_rng(0).exponential(size=999), 40.0)
    >>> p = upper_tail_p(values)
    >>> bool(p[-1] < 1e-12), bool(abs((p <= 0.05).mean() - 0.05) < 0.015)
    (True, True)
    """
    if len(values) < FEWEST:
        return np.full(len(values), np.nan)
    shoulder, edge = np.quantile(values, [SHOULDER, EDGE])
    scale = (edge - shoulder) / math.log((1 - SHOULDER) / (1 - EDGE))
    beyond = values - shoulder
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = (1 - SHOULDER) * (np.exp(-beyond / scale) if scale > 0 else np.where(beyond > 0, 0.0, 1.0))
    ranks = (len(values) - np.searchsorted(np.sort(values), values, side="left")) / len(values)
    return np.where(beyond > 0, np.minimum(tail, 1 - SHOULDER), ranks)
