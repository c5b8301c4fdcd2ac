"""LEEP: the target's labels from the posteriors of the source's head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability import Head, leep
from dsim_transferability.specs import LEEP
from dsim_transferability.taught import Taught, TransferScore


class Leep(TransferScore):
    """Log expected empirical prediction; similarity <= 0."""

    spec = LEEP

    def seen(self, head: Head, points: NDArray[np.float32]) -> NDArray[np.float64]:
        return head.posteriors(points)

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return leep(points, target.classes)
