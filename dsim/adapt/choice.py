"""Which way to take: cross-validated Dice, together with what the ways gave on measured targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Spread of Dice between images, and of differences of two ways on one image, that is expected before any is seen, and
#: for how many images that expectation counts: two or three images alone cannot say how much images differ.
USUAL_SPREAD, USUAL_DIFFERENCE, WORTH = 0.15, 0.10, 3
#: A lead of less than this, in Dice, is a tie.
TIE = 0.005
#: Mean and spread of a lead, in Dice.
Lead = tuple[float, float]
#: By the number of annotated images: the lead of a way over the chosen model as it is, on images that nobody annotated;
#: mean and spread over 16 real sets, each left out of the models (python -m benchmarks.adaptation.picture). One image
#: was measured on 7 of them, and trainings on it are not known well enough to be chosen untested.
LEADS: Mapping[int, Mapping[str, Lead]] = {
    1: {"vote": (0.033, 0.047)},
    3: {"vote": (0.011, 0.021), "finetune": (0.122, 0.137), "scratch": (0.117, 0.136)},
    5: {"vote": (0.006, 0.010), "finetune": (0.090, 0.099), "scratch": (0.080, 0.102)},
    10: {"vote": (0.002, 0.010), "finetune": (0.100, 0.091), "scratch": (0.075, 0.131)},
}
#: Two-sided 95 % of the normal distribution.
NORMAL = 1.959963984540054


@dataclass(frozen=True)
class Interval:
    """A mean with bounds of 95 %, all in the unit of the values."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Choice:
    """The way that is taken.

    Parameters
    ----------
    way : its name. ``best`` : the way of the largest expected lead; another one where ``way`` ties with it.
    estimates : of each way that was tried, the Dice to be expected on other images, in [0, 1].
    lead : of the chosen way over the simplest one that was tried, in [-1, 1]; None where it is that.
    """

    way: str
    best: str
    estimates: Mapping[str, Interval]
    lead: Interval | None


def choose_way(
    scores: Mapping[str, Sequence[float]],
    units: Sequence[str],
    rest: int = 0,
    leads: Mapping[str, Lead] | None = None,
    tie: float = TIE,
) -> Choice:
    """Return the way to take, of ways from the simplest on.

    Parameters
    ----------
    scores : of each way the Dice of each annotated image in [0, 1], (k,), by models that had not seen that image.
    units : groups of the images, (k,): images of one group count as one.
    rest : number of images to which the mean shall apply; 0 for very many.
    leads : of a way over ``apply``, before anything is seen; by default ``usual_leads`` of so many units.
    tie : of ways whose expected leads differ by less, the simplest is taken.

    The expected lead of a way over the simplest is the mean of the usual one and of that seen here, each weighted by
    its precision (two Gaussians; Gelman et al. 2013, Bayesian Data Analysis, section 2.5).

    >>> choose_way({"apply": [0.5, 0.6, 0.4], "finetune": [0.7, 0.9, 0.8]}, ["a", "b", "c"]).way
    'finetune'
    >>> choose_way({"apply": [0.9, 0.9, 0.8], "finetune": [0.6, 0.5, 0.6]}, ["a", "b", "c"]).way
    'apply'
    """
    from dsim.stats.pooled import unit_means

    means = {way: unit_means(values, units) for way, values in scores.items()}
    simplest = next(iter(means))
    known = usual_leads(len(means[simplest])) if leads is None else leads
    expected = {way: _expected_lead(means[way] - means[simplest], way, simplest, known, rest) for way in means}
    best = max(expected, key=lambda way: expected[way].mean)
    way = next(way for way in means if expected[way].mean > expected[best].mean - tie or way == best)
    estimates = {name: _interval(values, rest) for name, values in means.items()}
    return Choice(way, best, estimates, None if way == simplest else expected[way])


def untested_way(ways: Sequence[str], leads: Mapping[str, Lead], tie: float = TIE) -> str:
    """Return the way of the largest usual lead, the simplest of those within ``tie``, where nothing can be tested.

    >>> untested_way(["apply", "vote", "scratch"], {"vote": (0.01, 0.02), "scratch": (-0.1, 0.1)})
    'vote'
    """
    expected = {way: leads.get(way, (0.0, 0.0))[0] for way in ways}
    return next(way for way in ways if expected[way] > max(expected.values()) - tie)


def usual_leads(count: int) -> Mapping[str, Lead]:
    """Return the leads over ``apply`` that are usual with so many annotated images: of the nearest count measured.

    >>> usual_leads(2) == usual_leads(3)
    True
    """
    return LEADS[min(LEADS, key=lambda known: abs(math.log(known / count)))]


def _expected_lead(
    seen: NDArray[np.float64], way: str, simplest: str, leads: Mapping[str, Lead], rest: int
) -> Interval:
    """What is expected of the lead of a way over the simplest, from differences seen (u,) and what is usual."""
    from dsim.stats.pooled import pooled_error

    if way == simplest:
        return Interval(0.0, 0.0, 0.0)
    error = pooled_error(seen, USUAL_DIFFERENCE, WORTH, rest)
    (mean, spread), (base, _) = leads.get(way, (0.0, math.inf)), leads.get(simplest, (0.0, 0.0))
    weights = 1 / error**2, 1 / spread**2
    found = (weights[0] * float(seen.mean()) + weights[1] * (mean - base)) / sum(weights)
    half = NORMAL / math.sqrt(sum(weights))
    return Interval(found, max(-1.0, found - half), min(1.0, found + half))


def _interval(values: NDArray[np.float64], rest: int) -> Interval:
    from dsim.stats.pooled import pooled_interval

    mean, low, high = pooled_interval(values, USUAL_SPREAD, WORTH, rest)
    return Interval(mean, max(0.0, low), min(1.0, high))
