"""PARC of the target through the source's head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability import parc
from dsim_transferability.specs import PARC
from dsim_transferability.taught import Taught, TransferScore


class Parc(TransferScore):
    """Rank correlation of feature and label distances; similarity in [-1, 1]."""

    spec = PARC
    images: int

    def seen(self, source: Taught, target: Taught) -> NDArray[np.float64]:
        # An image's correlation runs over its features: two logits have one, their single coordinate has none.
        return source.head.logits(target.points)

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        if len(points) <= self.images:
            return parc(points, target.classes)
        rng = np.random.default_rng(target.seed)
        chosen = np.sort(rng.choice(len(points), self.images, replace=False))
        return parc(points[chosen], target.classes[chosen])

    def why_undefined(self, points: NDArray[np.float64], target: Taught) -> str:
        return "an image of the target has the same value in all features, and so no correlation with others"
