"""What seeds do to a number: its mean and spread over trainings, and paired differences between two ways to train."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsim.files.documents import number

CONFIDENCE = 0.95


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
        """As JSON has it: NaN is null."""
        return {name: number(value) if isinstance(value, float) else value for name, value in vars(self).items()}


@dataclass(frozen=True)
class Difference(Spread):
    """A paired difference, first less second; ``p`` of Student's paired test, two-sided."""

    p: float = math.nan


def spread(values: Sequence[float | None]) -> Spread:
    """Mean and spread of the values of several seeds; None where a seed has none.

    Source: Student 1908, doi:10.1093/biomet/6.1.1.

    >>> found = spread([0.2, 0.4, 0.3])
    >>> round(found.mean, 3), round(found.sd, 3), round(found.low, 3), round(found.high, 3)
    (0.3, 0.1, 0.052, 0.548)
    >>> spread([0.2]).note
    'one seed: its spread is not known'
    """
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    lost = f"{len(values) - len(known)} of {len(values)} seeds have none" if len(known) < len(values) else ""
    if not len(known):
        return Spread(math.nan, math.nan, math.nan, math.nan, 0, "no seed has one")
    mean = float(known.mean())
    if len(known) < 2:
        return Spread(mean, math.nan, math.nan, math.nan, 1, lost or "one seed: its spread is not known")
    sd = float(known.std(ddof=1))
    half = _quantile(len(known)) * sd / math.sqrt(len(known))
    return Spread(mean, sd, mean - half, mean + half, len(known), lost)


def difference(first: Sequence[float | None], second: Sequence[float | None]) -> Difference:
    """First less second, seed by seed: both were trained from the same start on the same split.

    Source: Student 1908, doi:10.1093/biomet/6.1.1.

    >>> found = difference([0.5, 0.6, 0.8], [0.4, 0.4, 0.5])
    >>> round(found.mean, 3), round(found.p, 3)
    (0.2, 0.074)
    """
    pairs = zip(first, second, strict=True)
    found = spread([None if one is None or other is None else one - other for one, other in pairs])
    return Difference(found.mean, found.sd, found.low, found.high, found.n, found.note, _p(found))


def _p(found: Spread) -> float:
    from scipy.special import stdtr

    if found.n < 2:
        return math.nan
    if found.sd == 0:
        return 1.0 if found.mean == 0 else 0.0
    return float(2 * stdtr(found.n - 1, -abs(found.mean) / (found.sd / math.sqrt(found.n))))


def _quantile(n: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2))
