"""H-score of the target through the source's head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability import h_score, regularised_h_score
from dsim_transferability.specs import H_SCORE
from dsim_transferability.taught import Taught, TransferScore


class HScore(TransferScore):
    """Variance between classes in units of the covariance; similarity >= 0."""

    spec = H_SCORE
    plain: bool

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return (h_score if self.plain else regularised_h_score)(points, target.classes)

    def why_undefined(self, points: NDArray[np.float64], target: Taught) -> str:
        return (
            f"the target's {len(points)} images span as many dimensions as they can in {points.shape[1]} features, so "
            "any labels would score alike: use plain=false"
        )
