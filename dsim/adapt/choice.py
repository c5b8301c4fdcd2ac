"""Which way to take, from cross-validated Dice: intervals over independent images, and ties that go to the simpler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Spread of Dice between images, and of differences of two ways on one image, that is expected before any is seen, and
#: for how many images that expectation counts: two or three images alone cannot say how much images differ.
USUAL_SPREAD, USUAL_DIFFERENCE, WORTH = 0.15, 0.10, 3
#: A lead of less than so many standard errors is a tie.
TIE = 0.5


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
    way : its name. ``best`` : the way of the highest mean; another one where ``way`` ties with it and is simpler.
    estimates : of each way that was tried, the Dice to be expected on other images, in [0, 1].
    lead : of the chosen way over the simplest one that was tried, in [-1, 1]; None where it is that.
    """

    way: str
    best: str
    estimates: Mapping[str, Interval]
    lead: Interval | None


def choose_way(scores: Mapping[str, Sequence[float]], units: Sequence[str], rest: int = 0, tie: float = TIE) -> Choice:
    """Return the way to take, of ways from the simplest on.

    Parameters
    ----------
    scores : of each way the Dice of each annotated image in [0, 1], (k,), by models that had not seen that image.
    units : groups of the images, (k,): images of one group count as one.
    rest : number of images to which the mean shall apply; 0 for very many.
    tie : the highest mean wins, but a simpler way that lies less than so many standard errors of their difference
        behind it is taken instead.

    >>> choose_way({"apply": [0.5, 0.6, 0.4], "finetune": [0.7, 0.9, 0.8]}, ["a", "b", "c"]).way
    'finetune'
    >>> choose_way({"apply": [0.8, 0.6, 0.4], "finetune": [0.7, 0.71, 0.42]}, ["a", "b", "c"]).way
    'apply'
    """
    from dsim.stats.pooled import pooled_error, unit_means

    means = {way: unit_means(values, units) for way, values in scores.items()}
    best = max(means, key=lambda way: float(means[way].mean()))

    def ties(way: str) -> bool:
        behind = means[best] - means[way]
        return float(behind.mean()) < tie * pooled_error(behind, USUAL_DIFFERENCE, WORTH)

    way = next(way for way in means if way == best or ties(way))
    simplest = next(iter(means))
    lead = None if way == simplest else _interval(means[way] - means[simplest], USUAL_DIFFERENCE, rest, -1)
    estimates = {name: _interval(values, USUAL_SPREAD, rest, 0) for name, values in means.items()}
    return Choice(way, best, estimates, lead)


def _interval(values: NDArray[np.float64], usual: float, rest: int, least: float) -> Interval:
    from dsim.stats.pooled import pooled_interval

    mean, low, high = pooled_interval(values, usual, WORTH, rest)
    return Interval(mean, max(least, low), min(1.0, high))
