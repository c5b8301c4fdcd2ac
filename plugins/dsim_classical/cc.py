"""Cross-correlation: Pearson's correlation of gray images, averaged over all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.plugin import PairwiseMeasure
from dsim.stats.correlation import correlations, shifted_correlations, standardise
from dsim_classical.pixels import prepare, refuse_constant
from dsim_classical.specs import CC


@dataclass(frozen=True)
class StandardImages:
    """Standardised images, float32 (n, size, size), and their mean, float64 (size, size)."""

    images: NDArray[np.float32]
    mean: NDArray[np.float64]


class CrossCorrelation(PairwiseMeasure[StandardImages]):
    """Mean Pearson correlation of all image pairs; similarity in [-1, 1]."""

    spec = CC
    size: int
    shift: bool

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> StandardImages:
        images = prepare(data, self.size, standardise)
        refuse_constant(images, data)
        return _with_mean(images)

    def pairwise(self, source: StandardImages, target: StandardImages) -> NDArray[np.float64]:
        score = shifted_correlations if self.shift else correlations
        return score(source.images, target.images)

    def compare(self, source: StandardImages, target: StandardImages) -> float:
        if self.shift:
            return super().compare(source, target)
        # An inner product is linear: the mean over all pairs is the inner product of the means.
        return float(np.vdot(source.mean, target.mean))

    def resample(self, summary: StandardImages, draw: NDArray[np.intp]) -> StandardImages:
        return _with_mean(summary.images[draw])

    def merge(self, first: StandardImages, second: StandardImages) -> StandardImages:
        return _with_mean(np.concatenate([first.images, second.images]))


def _with_mean(images: NDArray[np.float32]) -> StandardImages:
    return StandardImages(images, images.mean(axis=0, dtype=np.float64))
