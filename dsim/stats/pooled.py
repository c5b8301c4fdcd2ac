"""Means of very few values, whose spread is pooled with the one that is usual of their kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def unit_means(values: Sequence[float], units: Sequence[str]) -> NDArray[np.float64]:
    """Return the mean of each unit, float64 (u,), of values (k,) and the units to which they belong, (k,).

    >>> unit_means([1.0, 3.0, 5.0], ["a", "a", "b"]).tolist()
    [2.0, 5.0]
    """
    names, place = np.unique(np.array(units), return_inverse=True)
    sums = np.bincount(place, weights=np.asarray(values, dtype=np.float64), minlength=len(names))
    return sums / np.bincount(place, minlength=len(names))


def pooled_error(values: NDArray[np.float64], usual: float, worth: float, rest: int = 0) -> float:
    """Return the standard error of the mean of values (n,), as a statement on the mean of ``rest`` others.

    Parameters
    ----------
    usual : standard deviation of such values that is known beforehand. ``worth`` : the number of values that this
        knowledge counts for; the variance is (worth usual^2 + sum of squares) / (worth + n - 1), the mean of a scaled
        inverse chi-square posterior (Gelman et al. 2013, Bayesian Data Analysis, section 2.6).
    rest : 0 for very many.

    >>> round(pooled_error(np.array([0.4, 0.6]), usual=0.1, worth=0), 6)
    0.1
    >>> pooled_error(np.array([0.5]), usual=0.1, worth=3)
    0.1
    """
    deviation = values - values.mean()
    variance = (worth * usual**2 + float(deviation @ deviation)) / (worth + len(values) - 1)
    return float(np.sqrt(variance * (1 / len(values) + (1 / rest if rest else 0))))


def pooled_interval(
    values: NDArray[np.float64], usual: float, worth: float, rest: int = 0, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the mean of values (n,) and its bounds, by Student's t with worth + n - 1 degrees of freedom.

    Parameters are those of ``pooled_error``; ``level`` is the coverage.

    >>> [round(value, 3) for value in pooled_interval(np.array([0.4, 0.6]), usual=0.1, worth=3)]
    [0.5, 0.281, 0.719]
    """
    from scipy.stats import t

    half = float(t.ppf((1 + level) / 2, worth + len(values) - 1)) * pooled_error(values, usual, worth, rest)
    mean = float(values.mean())
    return mean, mean - half, mean + half
