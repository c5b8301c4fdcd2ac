"""Intervals of accuracies, and of differences of two, when each point was tested in several splits and by several maps.

All splits and maps are of the same images: only other images, or other groups of them, say how an accuracy would be
elsewhere. So whole groups are resampled, or single images where there are no groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.accuracy_spread import CONFIDENCE, RESAMPLES, TestUnits
from dsim.stats.power_law import Estimate
from dsim.stats.resampling import draws, mean_interval, times_drawn

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

#: More groups, or images, are resampled in so many lots, drawn at random.
LOTS = 2000
#: Numbers held at once while resampling: 64 MB.
_HELD = 8_000_000
#: Variances below this are rounding.
_NOTHING = 1e-24


@dataclass(frozen=True)
class ShareDifference:
    """First less second accuracy, on the same images and splits.

    Parameters
    ----------
    difference : in [-1, 1]. low, high : its interval, over groups (or images), and over seeds where there are several.
    seeds : maps of each method. units : groups or images. grouped : whether units are groups; single images give an
        interval that is too narrow where several are of one patient or smear.
    """

    difference: float
    low: float
    high: float
    seeds: int
    units: int
    grouped: bool

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them: NaN is null."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in vars(self).items()
        }


def share_interval(
    shares: Floats,
    codes: Codes,
    groups: Sequence[str] | None = None,
    *,
    balanced: bool = False,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Return the accuracy of one method with its interval over other groups of images, or images, and other seeds.

    Parameters
    ----------
    shares : of the splits in which each point was recognised, float64 (seeds, n), NaN where it was not tested. Or
        another score of points in [-1, 1], such as their silhouettes.
    codes : class of each point, (n,), at least 0 where it was tested. groups : n texts, resampled whole.
    balanced : whether all classes count alike.

    Returns
    -------
    Estimate
        Bootstrap over units; with several seeds, Student's interval with the variances over units and over seeds added.
        NaN, with the reason, where nothing was tested; without an interval for a single unit.

    References
    ----------
    Efron 1979, doi:10.1214/aos/1176344552; Hesterberg 2015, doi:10.1080/00031305.2015.1089789 (few units);
    Satterthwaite 1946, doi:10.2307/3002019.

    >>> found = share_interval(np.array([[1.0, 1.0, 0.0, 1.0]]), np.zeros(4, dtype=np.intp))
    >>> found.value, found.low < 0.75 < found.high
    (0.75, True)
    """
    estimate, _ = _estimate([shares], codes, groups, balanced, confidence, resamples, seed)
    bounds = (0.0, 1.0) if np.nanmin(shares, initial=0.0) >= 0 else (-1.0, 1.0)
    low, high = np.clip((estimate.low, estimate.high), *bounds).tolist()
    return Estimate(estimate.value, low, high, estimate.note)


def compare_shares(
    first: Floats,
    second: Floats,
    codes: Codes,
    groups: Sequence[str] | None = None,
    *,
    balanced: bool = False,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ShareDifference:
    """Return the difference of two accuracies on the same images and splits, with an interval paired by both.

    Parameters
    ----------
    first, second : (seeds, n), NaN where a point was not tested, the same points in both; the numbers of seeds may
        differ, and the spread over seeds of both enters.

    Raises ValueError where other points were tested.

    References
    ----------
    As of ``share_interval``.

    >>> better = compare_shares(np.ones((1, 40)), np.tile([1.0, 0.0], 20)[None], np.zeros(40, dtype=np.intp))
    >>> better.difference, better.clear
    (0.5, True)
    """
    if not np.array_equal(np.isnan(first[0]), np.isnan(second[0])):
        raise ValueError("both methods must have been tested on the same points")
    estimate, units = _estimate([first, second], codes, groups, balanced, confidence, resamples, seed)
    seeds = min(len(first), len(second))
    return ShareDifference(estimate.value, estimate.low, estimate.high, seeds, units.count, units.grouped)


def _estimate(
    sides: Sequence[Floats],
    codes: Codes,
    groups: Sequence[str] | None,
    balanced: bool,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[Estimate, TestUnits]:
    """The accuracy of the first side, less that of the second where there are two, and the units it is of."""
    tested = np.flatnonzero(~np.isnan(sides[0][0]))
    if not len(tested):
        return Estimate(math.nan, math.nan, math.nan, "no point was tested"), TestUnits.of(np.zeros(1, dtype=np.intp))
    truth = codes[tested] if balanced else np.zeros(len(tested), dtype=np.intp)
    named = None if groups is None else [groups[index] for index in tested.tolist()]
    units = TestUnits.of(truth, named)
    hits = [units.totals(shares[:, tested]) for shares in sides]
    difference = hits[0].mean(axis=0) - (hits[1].mean(axis=0) if len(hits) > 1 else 0.0)
    value = float(units.accuracy(difference))
    if units.count < 2:
        what = "group" if units.grouped else "image"
        return Estimate(value, math.nan, math.nan, f"one {what} only: no interval"), units
    replicates = _resampled(units, difference, resamples, seed)
    spreads = [units.accuracy(of_seeds) for of_seeds in hits if len(of_seeds) > 1]
    seeded = [(float(each.var(ddof=1)) / len(each), len(each) - 1) for each in spreads]
    if sum(variance for variance, _ in seeded) < _NOTHING:
        low, high = mean_interval(value, replicates, units.count, confidence)
    else:
        over_units = float(np.nanvar(replicates)) * units.count / (units.count - 1)
        low, high = _student(value, [(over_units, units.count - 1), *seeded], confidence)
    return Estimate(value, low, high), units


def _student(value: float, parts: Sequence[tuple[float, int]], confidence: float) -> tuple[float, float]:
    """Student's interval of the sum of variances, each with its degrees of freedom (Satterthwaite)."""
    from scipy.special import stdtrit

    total = sum(variance for variance, _ in parts)
    freedom = total**2 / sum(variance**2 / degrees for variance, degrees in parts)
    half = float(stdtrit(freedom, 0.5 + confidence / 2)) * math.sqrt(total)
    return value - half, value + half


def _resampled(units: TestUnits, hits: Floats, resamples: int, seed: int) -> Floats:
    """Accuracies (resamples,) of resampled units, of hits (cells,); of lots of units where they are many."""
    lots = np.arange(units.count)
    if units.count > LOTS:
        lots = np.random.default_rng([seed, units.count]).permutation(units.count) % LOTS
    times = times_drawn(draws(min(units.count, LOTS), resamples, seed))
    rows = max(1, _HELD // max(len(hits), 1))
    blocks = [times[start : start + rows] for start in range(0, resamples, rows)]
    return np.concatenate([units.accuracy(hits, block[:, lots]) for block in blocks])
