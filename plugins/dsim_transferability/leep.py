"""LEEP: the target's labels from the posteriors of the source's head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability import leep
from dsim_transferability.specs import LEEP
from dsim_transferability.taught import Taught, TransferScore


class Leep(TransferScore):
    """Log expected empirical prediction; similarity <= 0."""

    spec = LEEP
    centre: str

    def seen(self, source: Taught, target: Taught) -> NDArray[np.float64]:
        if self.centre == "source":
            return source.head.posteriors(target.points)
        # Elsewhere in the space of features the head gives all images one class: only its directions carry over.
        moved = target.points - target.points.mean(axis=0, dtype=np.float64)
        return source.head.posteriors(moved + source.points.mean(axis=0, dtype=np.float64))

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return leep(points, target.classes)
