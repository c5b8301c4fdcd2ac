"""Replicates of distances that have a noise floor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def centred(replicates: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    """The replicates, moved by one number so that their mean is the value, but never below 0.

    A resample holds fewer different images than its dataset, so a distance with a noise floor rises: resampled values
    would lie above the value, by up to 14 of their standard deviations, and their interval would miss it.
    """
    moved: NDArray[np.float64] = np.maximum(0.0, replicates - replicates.mean() + value)
    return moved
