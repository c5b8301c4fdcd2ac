"""Agreement of several observers who sort the same things into categories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Kappa:
    """``value`` of Fleiss' kappa; ``observed`` agreement of pairs of observers, and what chance would give."""

    value: float
    observed: float
    expected: float


def fleiss_kappa(counts: NDArray[Any]) -> Kappa:
    """Return Fleiss' kappa: how much more often two observers agree than by chance.

    Parameters
    ----------
    counts : (things, categories), how many observers put each thing into each category. Things may have been judged by
        different numbers of observers; those that fewer than two judged say nothing about agreement, and are left out.

    Returns
    -------
    Kappa
        ``value`` in [-1, 1]: 1 for full agreement, 0 for that of chance. NaN where all answers are the same, when
        chance agrees too, or where nothing was judged twice.

    References
    ----------
    Fleiss 1971, doi:10.1037/h0031619.

    >>> round(fleiss_kappa(np.array([[3, 0], [0, 3], [2, 1]])).value, 6)
    0.55
    """
    counts = np.asarray(counts, dtype=np.float64)
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return Kappa(math.nan, math.nan, math.nan)
    judges = counts.sum(axis=1)
    observed = float(((counts * (counts - 1)).sum(axis=1) / (judges * (judges - 1))).mean())
    expected = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return Kappa(_beyond_chance(observed, expected), observed, expected)


def pooled_kappa(kappas: Sequence[Kappa]) -> Kappa:
    """Return one kappa for several questions: from the means of their observed and expected agreement.

    The mean of the kappas themselves would be ruled by questions that nearly all answer alike, whose kappa is unstable.

    References
    ----------
    De Vries, Elliott, Kanouse and Teleki 2008, Field Methods 20(3), 272-282.

    >>> round(pooled_kappa([Kappa(0.6, 0.8, 0.5), Kappa(0.2, 0.6, 0.5)]).value, 6)
    0.4
    """
    known = [kappa for kappa in kappas if not math.isnan(kappa.observed)]
    if not known:
        return Kappa(math.nan, math.nan, math.nan)
    observed = float(np.mean([kappa.observed for kappa in known]))
    expected = float(np.mean([kappa.expected for kappa in known]))
    return Kappa(_beyond_chance(observed, expected), observed, expected)


def _beyond_chance(observed: float, expected: float) -> float:
    return math.nan if expected >= 1 else (observed - expected) / (1 - expected)
