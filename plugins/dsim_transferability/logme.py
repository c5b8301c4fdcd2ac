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
        # LogME fits no intercept. A network's features can form one themselves; a head's logits cannot, and carry an
        # offset that says where the source lies.
        seen = super().seen(source, target)
        return np.column_stack([seen - seen.mean(axis=0), np.ones(len(seen))])

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return logme(points, target.classes)
