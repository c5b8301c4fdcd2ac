"""LogME of the target through the source's head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsim.stats.transferability import logme
from dsim_transferability.specs import LOGME
from dsim_transferability.taught import Taught, TransferScore


class LogMe(TransferScore):
    """Mean log maximum evidence per image; similarity, any real number."""

    spec = LOGME

    def seen(self, source: Taught, target: Taught) -> NDArray[np.float64]:
        # LogME fits no intercept. A network's features can form one themselves; a head's logits cannot.
        return np.column_stack([super().seen(source, target), np.ones(len(target.points))])

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return logme(points, target.classes)
