"""GBC of the target through the source's head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability import gbc
from dsim_transferability.specs import GBC
from dsim_transferability.taught import Taught, TransferScore


class Gbc(TransferScore):
    """Minus the overlap of the target's classes; similarity <= 0."""

    spec = GBC
    gaussian: str

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return gbc(points, target.classes, self.gaussian)

    def why_undefined(self, points: NDArray[np.float64], target: Taught) -> str:
        return "a class of the target does not vary at all as the source's head sees it, so it is no Gaussian"
