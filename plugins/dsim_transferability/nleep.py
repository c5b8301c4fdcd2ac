"""NLEEP: the target's labels from clusters of the target through the source's head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability import nleep
from dsim_transferability.specs import NLEEP
from dsim_transferability.taught import Taught, TransferScore


class Nleep(TransferScore):
    """LEEP with a Gaussian mixture in place of the head; similarity <= 0."""

    spec = NLEEP
    components: int

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return nleep(points, target.classes, self.components, target.seed)

    def why_undefined(self, points: NDArray[np.float64], target: Taught) -> str:
        needed = self.components * len(np.unique(target.classes))
        if needed > len(points):
            return f"the target has {len(points)} images, fewer than the {needed} Gaussians: lower components"
        return "the Gaussian mixture does not converge on this target"
