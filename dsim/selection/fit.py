"""Whether the best of the candidates is of use at all: by nearness of its images, and by annotated images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dsim.selection.signals import KINSHIP, nearness

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.selection.posterior import Posterior
    from dsim.selection.record import RecordedTarget

    Array = NDArray[np.float64]


class Fit(StrEnum):
    """Whether the best of the candidates is of use for the target at all."""

    FITS = "fits"
    UNCERTAIN = "uncertain"
    NONE = "nothing fits"


#: Dice from which a pre-label is of use: where less than half is right it is redrawn rather than corrected.
USEFUL_DICE = 0.5
#: Probability that the best is of use, from which on one fits, and up to which nothing does.
_FITS, _NONE = 0.8, 0.2
#: Share of targets with kin that may be told that nothing fits, and without kin that one does.
ALARMS = 0.1


@dataclass(frozen=True)
class KinBounds:
    """Bounds on the nearness of the nearest candidate: kin are seldom below ``none``, strangers above ``fits``.

    NaN where there were no two targets of one kind.
    """

    none: float
    fits: float

    def judge(self, near: float) -> Fit:
        """Return what a pool is whose nearest candidate is so near.

        >>> [str(KinBounds(0.5, 1.5).judge(near)) for near in (2.0, 1.0, 0.1, float("nan"))]
        ['fits', 'uncertain', 'nothing fits', 'uncertain']
        """
        if near >= max(self.none, self.fits):
            return Fit.FITS
        return Fit.NONE if near < min(self.none, self.fits) else Fit.UNCERTAIN


def nearest_kin(signals: Mapping[str, Array]) -> float:
    """Return the nearness of the nearest candidate, from signals (c,); NaN where no distance is known."""
    return float(nearness(signals, KINSHIP).max())


def kin_of(target: RecordedTarget, kinds: Mapping[str, str]) -> list[int]:
    """Return the positions of the candidates that were trained on a set of the target's kind."""
    return [
        position
        for position, sources in enumerate(target.sources)
        if any(kinds.get(source) == target.kind for source in sources)
    ]


def find_bounds(targets: Sequence[RecordedTarget]) -> KinBounds:
    """Return the bounds that these targets give: with their kin among the candidates, and with all kin left out."""
    import numpy as np

    kinds, kin, strangers = {target.name: target.kind for target in targets}, [], []
    for target in targets:
        alike = kin_of(target, kinds)
        others = [position for position in range(len(target.candidates)) if position not in alike]
        kin += [nearest_kin(target.signals)] if alike else []
        strangers += [nearest_kin(target.of(others).signals)] if others else []
    known = [[value for value in values if math.isfinite(value)] for values in (kin, strangers)]
    if not all(known):
        return KinBounds(math.nan, math.nan)
    return KinBounds(float(np.quantile(known[0], ALARMS)), float(np.quantile(known[1], 1 - ALARMS)))


def judge_fit(posterior: Posterior, signals: Mapping[str, Array], bounds: KinBounds, annotated: int) -> tuple[Fit, str]:
    """Return whether the best of the candidates is of use, and why, in words without a full stop.

    After annotated images their scores decide; before, whether the nearest source is of the target's kind.
    """
    if not annotated:
        return _by_kin(nearest_kin(signals), bounds)
    chance = posterior.chance_above(USEFUL_DICE)
    reason = f"the best has a Dice above {USEFUL_DICE:g} with probability {chance:.2f}"
    if chance >= _FITS:
        return Fit.FITS, reason
    return (Fit.NONE if chance <= _NONE else Fit.UNCERTAIN), reason


def _by_kin(near: float, bounds: KinBounds) -> tuple[Fit, str]:
    found = bounds.judge(near)
    if math.isnan(near):
        return found, "how near the images of the sources are is not known"
    words = {
        Fit.FITS: "the images of the nearest source are as near as those of one kind, and seldom those of another",
        Fit.UNCERTAIN: "the images of the nearest source are as near as those of one kind or of another may be",
        Fit.NONE: "the images of all sources are farther than those of one kind are",
    }
    return found, words[found]
