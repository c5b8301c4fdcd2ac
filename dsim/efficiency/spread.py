"""How sure a balanced accuracy is; see ``dsim.stats.accuracy_spread``."""

from __future__ import annotations

from dsim.stats.accuracy_spread import (
    AccuracyDifference,
    AccuracySpread,
    compare_accuracies,
    measure_spread,
    resample_means,
)

__all__ = ["AccuracyDifference", "AccuracySpread", "compare_accuracies", "measure_spread", "resample_means"]
