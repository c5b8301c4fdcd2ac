"""Measures that are means of a kernel over pairs of images: resamples and splits never compute a pair twice."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, finite_features, refuse_other_dimension
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim.stats.kernels import Kernel
from dsim.stats.mmd import Draws, counts, mean_between, mean_within, split_mmd, weighted_mmd

Points = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class PairCloud:
    """Features, float32 (n, d), and what is known of them besides."""

    #: The features are cached, and the rest costs less than a pair of datasets.
    transient: ClassVar[bool] = True

    points: NDArray[np.float32]
    #: Mean of the kernel over pairs of these images; None until somebody needs it.
    within: float | None = None
    #: Random keys, float64 (n,), that deal images to blocks; None where there are no blocks.
    keys: NDArray[np.float64] | None = None


class KernelMeasure(SimilarityMeasure[PairCloud]):
    """E k(x, x') + E k(y, y') - 2 E k(x, y); implement ``kernel``.

    Where ``settled``, the kernel is one for all pairs of datasets, and a dataset's own part is computed once, when it
    is summarised; else the kernel depends on both datasets of a pair.
    """

    extractor: str
    estimator: str = "unbiased"

    @abstractmethod
    def kernel(self, pooled: Points) -> Kernel:
        """The kernel for two datasets whose images together have the features ``pooled``, (n + m, d)."""

    @property
    def settled(self) -> bool:
        """Whether ``kernel`` makes no use of the features."""
        return True

    @property
    def unbiased(self) -> bool:
        """Whether pairs of an image with itself are left out."""
        return self.estimator == "unbiased"

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> PairCloud:
        points = finite_features(data, self.extractor)
        if not self.settled:
            return PairCloud(points)
        return PairCloud(points, self._own(self.kernel(points[:0]), self.working(points, points)[0]))

    def compare(self, source: PairCloud, target: PairCloud) -> float:
        kernel = self._kernel_of(source, target)
        x, y = self.working(source.points, target.points)
        within = (
            self._own(kernel, points) if cloud.within is None else cloud.within
            for cloud, points in ((source, x), (target, y))
        )
        return sum(within) - 2 * mean_between(kernel, x, y)

    def resample(self, summary: PairCloud, draw: NDArray[np.intp]) -> PairCloud:
        keys = None if summary.keys is None else summary.keys[draw]
        return PairCloud(summary.points[draw], keys=keys)

    def merge(self, first: PairCloud, second: PairCloud) -> PairCloud:
        keys = None if first.keys is None or second.keys is None else np.concatenate([first.keys, second.keys])
        return PairCloud(_together(first, second), keys=keys)

    def compare_resampled(
        self, source: PairCloud, target: PairCloud, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        """Replicates over pairs of *different* images: copies of an image that was drawn twice are no such pair."""
        kernel = self._kernel_of(source, target)
        x, y = self.working(source.points, target.points)
        drawn = counts(source_draws, len(x)), counts(target_draws, len(y))
        return weighted_mmd(kernel, x, y, *drawn, unbiased=self.unbiased)

    def compare_splits(
        self, whole: PairCloud, splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> NDArray[np.float64]:
        kernel = self.kernel(whole.points)
        n = len(whole.points)
        parts = counts([one for one, _ in splits], n), counts([other for _, other in splits], n)
        return split_mmd(kernel, self.working(whole.points, whole.points)[0], *parts, unbiased=self.unbiased)

    def working(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[Points, Points]:
        """Both clouds in the type that the kernel is computed in."""
        return x.astype(np.float64), y.astype(np.float64)

    def _own(self, kernel: Kernel, points: Points) -> float:
        """A dataset's own part."""
        if self.unbiased and len(points) < 2:
            raise MeasureError("one image makes no pair of different images", hint="give at least two per dataset")
        return mean_within(kernel, points, distinct=self.unbiased)

    def _kernel_of(self, source: PairCloud, target: PairCloud) -> Kernel:
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        return self.kernel(source.points[:0] if self.settled else _together(source, target))


def _together(first: PairCloud, second: PairCloud) -> NDArray[np.float32]:
    refuse_other_dimension(first.points.shape[1], second.points.shape[1])
    return np.concatenate([first.points, second.points])
