"""Maximum mean discrepancy, kernel inception distance and energy distance: means of a kernel over pairs of images."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, degree_of, digits_kept, finite_features, frame_of, refuse_other_dimension
from dsim.plugin import Law, MeasureError, SimilarityMeasure
from dsim.stats.discrepancy import Discrepancy, block_mmd, reliable_kernel, reliable_mmd
from dsim.stats.frames import Frame, Points
from dsim.stats.kernels import Kernel, linear, median_distance, negative_distance, polynomial, with_bandwidth
from dsim.stats.mmd import Blocks, Draws, counts, deal, mean_within, split_mmd, weighted_mmd
from dsim_distributions.specs import ENERGY, KID, MMD


@dataclass(frozen=True)
class PairCloud:
    """Features (n, d), and what is known of them besides."""

    #: The features are cached, and the rest costs less than a pair of datasets.
    transient: ClassVar[bool] = True

    points: Points
    #: Mean of the kernel over pairs of these images; None until somebody needs it.
    within: float | None = None
    #: Random keys, float64 (n,), that deal images to blocks; None without blocks.
    keys: NDArray[np.float64] | None = None


class KernelMeasure(SimilarityMeasure[PairCloud]):
    """E k(x, x') + E k(y, y') - 2 E k(x, y); implement ``kernel``.

    Where ``settled``, the kernel is one for all pairs of datasets, and a dataset's own part is computed once, when it
    is summarised; else the kernel depends on both datasets of a pair. Features are (n, d). Raises MeasureError
    where one image makes no pair of different images.
    """

    extractor: str
    estimator: str = "unbiased"

    @abstractmethod
    def kernel(self, pooled: Points) -> Kernel:
        """The kernel for two datasets whose images together have the features ``pooled``, (n + m, d)."""

    @property
    def settled(self) -> bool:
        """Whether ``kernel`` makes no use of the features (n, d)."""
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
        kernel, working = self.kernel(points[:0]), self.working(points, points)[0]
        with np.errstate(over="ignore", invalid="ignore"):
            own = self._own(kernel, working)
        return PairCloud(points, own if math.isfinite(own) else None)

    def compare(self, source: PairCloud, target: PairCloud) -> float:
        frame, found = self._found(source, target)
        with digits_kept():
            return frame.restore(found.value, degree_of(self.laws))

    def _found(self, source: PairCloud, target: PairCloud) -> tuple[Frame, Discrepancy]:
        """The frame of a pair, and in it the value, with what it was computed from."""
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        frame = frame_of(self.laws, source.points, target.points)
        x, y = self.working(frame.place(source.points), frame.place(target.points))
        kernel = self.kernel(x[:0] if self.settled else np.concatenate([x, y]))
        within = None
        if self.unbiased:
            _refuse_lone(x, y)
        if source.within is not None and target.within is not None and frame.ordinary:
            within = source.within, target.within
        with digits_kept():
            return frame, reliable_mmd(kernel, x, y, unbiased=self.unbiased, within=within)

    def resample(self, summary: PairCloud, draw: NDArray[np.intp]) -> PairCloud:
        keys = None if summary.keys is None else summary.keys[draw]
        return PairCloud(summary.points[draw], keys=keys)

    def merge(self, first: PairCloud, second: PairCloud) -> PairCloud:
        keys = None if first.keys is None or second.keys is None else np.concatenate([first.keys, second.keys])
        return PairCloud(_together(first, second), keys=keys)

    def compare_resampled(
        self, source: PairCloud, target: PairCloud, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        """Return replicates, float64 (r,), over pairs of *different* images: copies of one image are not such a pair.

        Raises MeasureError where the features of the two datasets differ in number, or have no kernel.
        """
        return self.compare_with_replicates(source, target, source_draws, target_draws)[1]

    def compare_with_replicates(
        self, source: PairCloud, target: PairCloud, source_draws: Draws, target_draws: Draws
    ) -> tuple[float, NDArray[np.float64]]:
        frame, found = self._found(source, target)
        drawn = counts(source_draws, len(found.first)), counts(target_draws, len(found.second))
        replicates = weighted_mmd(found.kernel, found.first, found.second, *drawn, unbiased=self.unbiased)
        degree = degree_of(self.laws)
        with digits_kept():
            return frame.restore(found.value, degree), frame.restore_all(replicates, degree)

    def compare_splits(
        self, whole: PairCloud, splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> NDArray[np.float64]:
        frame = frame_of(self.laws, whole.points)
        points = self.working(*[frame.place(whole.points)] * 2)[0]
        parts = (counts([split[part] for split in splits], len(points)) for part in (0, 1))
        with digits_kept():
            kernel, points = reliable_kernel(self.kernel(points), points, *splits[0], unbiased=self.unbiased)
        values = split_mmd(kernel, points, *parts, unbiased=self.unbiased)
        return frame.restore_all(values, degree_of(self.laws))

    def working(self, x: Points, y: Points) -> tuple[Points, Points]:
        """Return both clouds, (n, d) and (m, d), in the type in which the kernel is computed."""
        return x.astype(np.float64), y.astype(np.float64)

    def _own(self, kernel: Kernel, points: Points) -> float:
        """A dataset's own part."""
        if self.unbiased:
            _refuse_lone(points)
        return mean_within(kernel, points, distinct=self.unbiased)


def _refuse_lone(*clouds: Points) -> None:
    if min(map(len, clouds)) < 2:
        raise MeasureError("one image makes no pair of different images", hint="give at least two per dataset")


def _together(first: PairCloud, second: PairCloud) -> Points:
    refuse_other_dimension(first.points.shape[1], second.points.shape[1])
    return np.concatenate([first.points, second.points])


def _mean(found: Sequence[Discrepancy]) -> float:
    return float(np.mean([each.value for each in found]))


#: With more pairs than this, products are computed in float32: their rounding averages out (2e-9 relative at 25 million
#: pairs), and they take half the time.
_MANY_PAIRS = 2**22


class KernelInceptionDistance(KernelMeasure):
    """Cubic-kernel discrepancy over all pairs, or over those of disjoint blocks; a distance.

    Any real number, and 0 on average for one population. Source: Bińkowski et al. 2018, arXiv:1801.01401; blocks:
    Zaremba et al. 2013, arXiv:1307.1954. Raises MeasureError for blocks of one image.

    >>> near = np.array([[0.0], [1.0]], np.float32)
    >>> round(KernelInceptionDistance().compare(PairCloud(near), PairCloud(near + 1)), 4)
    9.5
    """

    spec = KID
    block: int

    @property
    def settled(self) -> bool:
        return not self.block  # a dataset's blocks depend on how many images the other one has

    def kernel(self, pooled: Points) -> Kernel:
        return polynomial

    def working(self, x: Points, y: Points) -> tuple[Points, Points]:
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
        return _mean(self._found_in_blocks(source, target, self._blocks(source, target)))

    def compare_with_replicates(
        self, source: PairCloud, target: PairCloud, source_draws: Draws, target_draws: Draws
    ) -> tuple[float, NDArray[np.float64]]:
        if not self.block:
            return super().compare_with_replicates(source, target, source_draws, target_draws)
        one, other = counts(source_draws, len(source.points)), counts(target_draws, len(target.points))
        blocks = self._blocks(source, target)
        found = self._found_in_blocks(source, target, blocks)
        replicates = [
            weighted_mmd(each.kernel, each.first, each.second, one[:, i], other[:, j])
            for each, (i, j) in zip(found, blocks, strict=True)
        ]
        means: NDArray[np.float64] = np.mean(replicates, axis=0)
        return _mean(found), means

    def _found_in_blocks(self, source: PairCloud, target: PairCloud, blocks: Blocks) -> list[Discrepancy]:
        frame_of(self.laws, source.points, target.points)  # refuses what the features' type does not hold
        with digits_kept():
            return block_mmd(polynomial, source.points, target.points, blocks)

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


class MaximumMeanDiscrepancy(KernelMeasure):
    """Squared maximum mean discrepancy; distance, 0 on average for one population where unbiased.

    In [0, inf) where biased, else sometimes negative. Source: Gretton et al. 2012, Journal of Machine Learning Research
    13, 723-773. Raises MeasureError where half of all pairs have equal features, and no bandwidth is given.

    >>> near = np.array([[0.0], [2.0], [4.0]], np.float32)
    >>> round(MaximumMeanDiscrepancy(kernel="linear").compare(PairCloud(near), PairCloud(near + 3)), 4)
    6.3333
    """

    spec = MMD
    kernel_name: str
    bandwidth: float

    @property
    def settled(self) -> bool:
        return self.kernel_name in ("polynomial", "linear") or self.bandwidth > 0

    @property
    def laws(self) -> frozenset[Law]:
        if self.kernel_name == "polynomial":
            return frozenset()
        if self.kernel_name == "linear":
            return frozenset({Law.SHIFT_INVARIANT, Law.SCALE_SQUARED})
        return self.spec.laws if not self.bandwidth else frozenset({Law.SHIFT_INVARIANT})

    def kernel(self, pooled: Points) -> Kernel:
        if self.kernel_name in ("polynomial", "linear"):
            return {"polynomial": polynomial, "linear": linear}[self.kernel_name]
        bandwidth = self.bandwidth or median_distance(pooled)
        if not bandwidth > 0:
            raise MeasureError(
                "more than half of all pairs of images have equal features, so the median distance is 0",
                hint="give bandwidth=NUMBER, or kernel=polynomial",
            )
        return with_bandwidth(self.kernel_name, bandwidth)


class EnergyDistance(KernelMeasure):
    """2 E|x - y| - E|x - x'| - E|y - y'|; distance, 0 on average for one population where unbiased.

    In [0, inf) where biased, else sometimes negative. Source: Székely and Rizzo 2013, doi:10.1016/j.jspi.2013.03.018.
    Raises MeasureError where one image makes no pair of different images.

    >>> near = np.array([[0.0], [2.0], [4.0]], np.float32)
    >>> round(EnergyDistance().compare(PairCloud(near), PairCloud(near + 3)), 4)
    1.1111
    """

    spec = ENERGY

    def kernel(self, pooled: Points) -> Kernel:
        return negative_distance
