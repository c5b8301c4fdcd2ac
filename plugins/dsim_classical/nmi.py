"""Normalised mutual information of gray images, averaged over all pairs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.plugin import PairwiseMeasure
from dsim.stats.information import bin_indices, normalised_mutual_information
from dsim_classical.pixels import prepare, refuse_undefined
from dsim_classical.specs import NMI


@dataclass(frozen=True)
class BinnedImages:
    """The bin of each pixel, uint8 (n, size * size)."""

    indices: NDArray[np.uint8]


class NormalisedMutualInformation(PairwiseMeasure[BinnedImages]):
    """Mean normalised mutual information of all image pairs; similarity in [1, 2]."""

    spec = NMI
    size: int
    bins: int

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> BinnedImages:
        return BinnedImages(prepare(data, self.size, partial(bin_indices, bins=self.bins)))

    def pairwise(self, source: BinnedImages, target: BinnedImages) -> NDArray[np.float64]:
        return refuse_undefined(normalised_mutual_information(source.indices, target.indices, self.bins))

    def resample(self, summary: BinnedImages, draw: NDArray[np.intp]) -> BinnedImages:
        return BinnedImages(summary.indices[draw])

    def merge(self, first: BinnedImages, second: BinnedImages) -> BinnedImages:
        return BinnedImages(np.concatenate([first.indices, second.indices]))
