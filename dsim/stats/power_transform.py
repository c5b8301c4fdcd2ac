"""Yeo-Johnson power transform of many features at once: exponents of maximum likelihood, then mean 0 and variance 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Newton steps and bisections; the likelihood is convex, so that a handful suffices but at the bounds.
_STEPS = 80
_TOLERANCE = 1e-11
#: Values worked on at once: what the processor's cache holds.
_VALUES = 2**15
#: Below it, derivatives come from their series, which do not cancel.
_SMALL = 1e-3
#: Largest transformed value: squares of sums of thousands of them are still numbers.
FARTHEST = 1e140


@dataclass(frozen=True)
class PowerTransform:
    """A fitted transform: exponents, and the mean and scale of the transformed features, each float64 (d,)."""

    exponents: Floats
    mean: Floats
    scale: Floats

    def apply(self, values: Floats) -> Floats:
        """Return transformed values, float64 (n, d), of values (n, d), at most ``FARTHEST`` from 0.

        Values far from those of the fit, to a large power, can leave the numbers of float64: they stay as far as a
        distance can be squared, and are as far from all others as before.
        """
        with np.errstate(over="ignore"):
            raised = (raise_to_powers(values, self.exponents) - self.mean) / self.scale
        return np.clip(raised, -FARTHEST, FARTHEST)


def fit_power_transform(values: Floats) -> PowerTransform:
    """Return the Yeo-Johnson transform of maximum likelihood of each feature, followed by standardisation.

    Parameters
    ----------
    values : float64 (n, d), finite. A constant feature stays as it is, less its mean.

    As scikit-learn's ``PowerTransformer`` with its defaults, whose exponents it meets to about 1e-6 (its search stops
    where the likelihood no longer changes); here they are the roots of the derivative, all features at once. Source:
    Yeo and Johnson 2000, doi:10.1093/biomet/87.4.954; the likelihood is convex in the exponent (arXiv:2210.01639).

    >>> skewed = np.exp(np.linspace(-2, 2, 50))[:, None]
    >>> fitted = fit_power_transform(skewed)
    >>> round(float(fitted.exponents[0]), 4), float(abs(fitted.apply(skewed).mean()).round(12))
    (-0.6505, 0.0)
    """
    exponents = fit_exponents(values)
    raised = raise_to_powers(values, exponents)
    mean, variance = raised.mean(axis=0), raised.var(axis=0)
    scale = np.sqrt(variance)
    scale[_is_constant(variance, mean, len(values))] = 1.0
    return PowerTransform(exponents, mean, scale)


def raise_to_powers(values: Floats, exponents: Floats) -> Floats:
    """Return the Yeo-Johnson transform, float64 (n, d), of values (n, d) with exponents (d,).

    >>> raise_to_powers(np.array([[3.0], [-3.0]]), np.array([0.5])).round(4).tolist()
    [[2.0], [-4.6667]]
    """
    signs, logs = np.sign(values), np.log1p(np.abs(values))
    powers = np.where(values < 0, 2 - exponents, exponents)
    raised: Floats = signs * _raised(logs, powers)
    return raised


def fit_exponents(values: Floats) -> Floats:
    """Return the Yeo-Johnson exponent of maximum likelihood, float64 (d,), of each feature of values (n, d).

    1 for a constant feature. Bounded, as in scipy, so that 20 times the largest value can be transformed.
    """
    n, d = values.shape
    exponents = np.ones(d)
    varied = np.flatnonzero(~_is_constant(values.var(axis=0), values.mean(axis=0), n))
    step = max(1, _VALUES // n)
    for start in range(0, len(varied), step):
        chosen = varied[start : start + step]
        exponents[chosen] = _search(np.ascontiguousarray(values[:, chosen].T))
    return exponents


def _search(values: Floats) -> Floats:
    """Exponents (d,) of values (d, n): Newton's steps, kept between bounds that close in."""
    logs, negative = np.log1p(np.abs(values)), values < 0
    signs = np.sign(values)
    low, high = _bounds(values, negative)
    exponents: Floats = np.clip(1.0, low, high)
    active = np.arange(len(values))
    for _ in range(_STEPS):
        now = exponents[active]
        slope, curvature = _derivatives(logs[active], signs[active], negative[active], now)
        low[active] = np.where(slope < 0, now, low[active])
        high[active] = np.where(slope > 0, now, high[active])
        with np.errstate(divide="ignore", invalid="ignore"):
            new = now - slope / curvature
        inside = (new > low[active]) & (new < high[active])  # false for NaN
        new = np.where(slope == 0, now, np.where(inside, new, (low[active] + high[active]) / 2))
        exponents[active] = new
        active = active[np.abs(new - now) > _TOLERANCE * (1 + np.abs(now))]
        if not len(active):
            break
    return exponents


def _bounds(values: Floats, negative: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The exponents, (d,) each, between which nothing overflows: those of ``scipy.stats.yeojohnson_normmax``."""
    info = np.finfo(np.float64)
    largest = np.log1p(20 * np.abs(values).max(axis=1))
    low = (np.log(info.tiny) - np.log(info.eps)) / 2 / largest
    high = (np.log(info.max) + np.log(info.eps)) / 2 / largest
    every, some = negative.all(axis=1), negative.any(axis=1)
    lows = np.where(every, 2 - high, np.where(some, np.maximum(2 - high, low), low))
    highs = np.where(every, 2 - low, np.where(some, np.minimum(2 - low, high), high))
    return lows, highs


def _derivatives(logs: Floats, signs: Floats, negative: NDArray[np.bool_], exponents: Floats) -> tuple[Floats, Floats]:
    """First and second derivative, (d,) each, of the negative log-likelihood of values (d, n) per sample."""
    powers = np.where(negative, 2 - exponents[:, None], exponents[:, None])
    value, first, second = _raised_with_derivatives(logs, powers)
    value, second = signs * value, signs * second
    value -= value.mean(axis=1, keepdims=True)
    first -= first.mean(axis=1, keepdims=True)
    n = logs.shape[1]
    variance = np.einsum("ij,ij->i", value, value) / n
    mixed = np.einsum("ij,ij->i", value, first) / n / variance
    bend = (np.einsum("ij,ij->i", first, first) + np.einsum("ij,ij->i", value, second)) / n / variance
    slope = mixed - np.einsum("ij,ij->i", signs, logs) / n
    return slope, bend - 2 * mixed**2


def _raised(logs: Floats, powers: Floats) -> Floats:
    """(exp(p u) - 1) / p; u where p is 0."""
    zero = np.abs(powers) < np.finfo(np.float64).eps
    safe = np.where(zero, 1.0, powers)
    return np.where(zero, logs, np.expm1(powers * logs) / safe)


def _raised_with_derivatives(logs: Floats, powers: Floats) -> tuple[Floats, Floats, Floats]:
    """(exp(p u) - 1) / p, and its first and second derivative by p."""
    product = powers * logs
    grown = np.expm1(product)
    safe = np.where(powers == 0, 1.0, powers)
    value = grown / safe
    grown += 1
    first = (grown * logs - value) / safe
    second = (grown * logs**2 - 2 * first) / safe
    small = np.abs(product) < _SMALL
    if small.any():
        t, u = product[small], logs[small]
        value[small] = u * (1 + t * (1 / 2 + t * (1 / 6 + t / 24)))
        first[small] = u**2 * (1 / 2 + t * (1 / 3 + t * (1 / 8 + t / 30)))
        second[small] = u**3 * (1 / 3 + t * (1 / 4 + t * (1 / 10 + t / 36)))
    return value, first, second


def _is_constant(variance: Floats, mean: Floats, n: int) -> NDArray[np.bool_]:
    """Whether the variance (d,) is not more than rounding gives."""
    eps = np.finfo(np.float64).eps
    constant: NDArray[np.bool_] = variance <= n * eps * variance + (n * mean * eps) ** 2
    return constant
