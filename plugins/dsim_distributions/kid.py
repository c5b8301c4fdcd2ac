"""Kernel inception distance: unbiased squared maximum mean discrepancy with a cubic polynomial kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, refuse_other_dimension
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim.stats.kernels import Kernel, polynomial
from dsim.stats.mmd import Blocks, Draws, block_mmd, counts, deal, weighted_mmd
from dsim_distributions.pairs import KernelMeasure, PairCloud, Points
from dsim_distributions.specs import KID

#: With more pairs than this, products are computed in float32: their rounding averages out (2e-9 relative at 25 million
#: pairs), and they take half the time.
_MANY_PAIRS = 2**22


class KernelInceptionDistance(KernelMeasure):
    """Cubic-kernel discrepancy over all pairs, or over those of disjoint blocks; 0 on average for one population."""

    spec = KID
    block: int

    @property
    def settled(self) -> bool:
        return not self.block  # a dataset's blocks depend on how many images the other one has

    def kernel(self, pooled: Points) -> Kernel:
        return polynomial

    def working(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[Points, Points]:
        return (x, y) if len(x) * len(y) > _MANY_PAIRS else super().working(x, y)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> PairCloud:
        if self.block == 1:
            raise MeasureError("a block of one image makes no pair", hint="give block=1000, or block=0 for all pairs")
        cloud = super().summarise(data, rng)
        # A block must be a sample of its dataset, and files lie sorted by class: blocks are dealt at random.
        return PairCloud(cloud.points, keys=rng.random(len(data))) if self.block else cloud

    def compare(self, source: PairCloud, target: PairCloud) -> float:
        if not self.block:
            return super().compare(source, target)
        return block_mmd(polynomial, source.points, target.points, self._blocks(source, target))

    def compare_resampled(
        self, source: PairCloud, target: PairCloud, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        if not self.block:
            return super().compare_resampled(source, target, source_draws, target_draws)
        x, y = source.points, target.points
        drawn = counts(source_draws, len(x)), counts(target_draws, len(y))
        blocks = self._blocks(source, target)
        replicates = [weighted_mmd(polynomial, x[i], y[j], drawn[0][:, i], drawn[1][:, j]) for i, j in blocks]
        means: NDArray[np.float64] = np.mean(replicates, axis=0)
        return means

    def compare_splits(
        self, whole: PairCloud, splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> NDArray[np.float64]:
        if not self.block:
            return super().compare_splits(whole, splits)
        return SimilarityMeasure.compare_splits(self, whole, splits)

    def _blocks(self, source: PairCloud, target: PairCloud) -> Blocks:
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        source_order, target_order = (
            np.arange(len(cloud.points)) if cloud.keys is None else np.argsort(cloud.keys, kind="stable")
            for cloud in (source, target)
        )
        return deal(source_order, target_order, self.block)
