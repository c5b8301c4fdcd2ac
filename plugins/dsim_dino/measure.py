"""The measure: one of four distances between clouds of features of a backbone trained by DINO."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsim.measures import FeatureCloud, FeatureMeasure, degree_of, digits_kept, frame_of, refuse_other_dimension
from dsim.plugin import Law, MeasureError
from dsim.stats.discrepancy import Discrepancy, reliable_kernel, reliable_mmd
from dsim.stats.frames import Points, refuse_drowned, typical_square
from dsim.stats.frechet import covariance_factor, frechet_distance, moments, points_factor
from dsim.stats.kernels import Kernel, median_distance, negative_distance, with_bandwidth
from dsim.stats.mmd import counts, split_mmd, weighted_mmd
from dsim.stats.neighbours import nearest_accuracy, split_accuracy
from dsim_dino.specs import DINO

_LAWS = {
    "energy": frozenset({Law.SHIFT_INVARIANT, Law.SCALE_EQUIVARIANT}),
    "mmd": frozenset({Law.SHIFT_INVARIANT, Law.SCALE_INVARIANT}),
    "frechet": frozenset({Law.SHIFT_INVARIANT, Law.SCALE_SQUARED}),
    "nearest": frozenset({Law.SHIFT_INVARIANT, Law.SCALE_INVARIANT}),
}

Draws = Sequence[NDArray[np.intp]]
Splits = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]


class Dino(FeatureMeasure):
    """Energy distance, squared MMD, squared Fréchet distance or nearest-neighbour accuracy of DINO features.

    A distance: Fréchet in [0, inf), accuracy in [0, 1], energy and MMD 0 on average for one population, so sometimes
    negative. Features are (n, d) and (m, d). Sources: Caron et al. 2021, arXiv:2104.14294; El-Nouby et al. 2021,
    arXiv:2106.09681; Lopez-Paz and Oquab 2017, arXiv:1610.06545 (accuracy).

    Raises MeasureError where equal features leave no bandwidth or nearest image.

    >>> clouds = [FeatureCloud(np.array([[0.0], [2.0], [4.0]], np.float32) + shift) for shift in (0, 3)]
    >>> [round(Dino(statistic=name).compare(*clouds), 4) for name in ("energy", "frechet", "nearest")]
    [1.1111, 9.0, 0.3333]
    """

    spec = DINO
    statistic: str

    @property
    def laws(self) -> frozenset[Law]:
        return _LAWS[self.statistic]

    def distance(self, source: Points, target: Points) -> float:
        if self.statistic == "frechet":
            return _frechet(source, target)
        if self.statistic == "nearest":
            return _defined(nearest_accuracy(source, target))
        return self._discrepancy(source, target).value

    def _discrepancy(self, source: Points, target: Points) -> Discrepancy:
        one, other = source.astype(np.float64), target.astype(np.float64)
        with digits_kept():
            return reliable_mmd(self._kernel(np.concatenate([one, other])), one, other)

    def compare_resampled(
        self, source: FeatureCloud, target: FeatureCloud, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        """Return replicates, float64 (r,), in which copies of one image are not a pair of different images."""
        if self.statistic == "frechet":
            return super().compare_resampled(source, target, source_draws, target_draws)
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        frame = frame_of(self.laws, source.points, target.points)
        first, second = frame.place(source.points), frame.place(target.points)
        n, m = len(first), len(second)
        ones, others = counts(source_draws, n), counts(target_draws, m)
        if self.statistic == "nearest":
            both = np.concatenate([first, second]).astype(np.float64)
            return split_accuracy(both, np.pad(ones, ((0, 0), (0, m))), np.pad(others, ((0, 0), (n, 0))))
        found = self._discrepancy(first, second)
        values = weighted_mmd(found.kernel, found.first, found.second, ones, others)
        return frame.restore_all(values, degree_of(self.laws))

    def compare_splits(self, whole: FeatureCloud, splits: Splits) -> NDArray[np.float64]:
        if self.statistic == "frechet":
            return super().compare_splits(whole, splits)
        frame = frame_of(self.laws, whole.points)
        points = frame.place(whole.points).astype(np.float64)
        ones, others = (counts([split[part] for split in splits], len(points)) for part in (0, 1))
        if self.statistic == "nearest":
            return split_accuracy(points, ones, others)
        with digits_kept():
            kernel, placed = reliable_kernel(self._kernel(points), points, *splits[0], unbiased=True)
        return frame.restore_all(split_mmd(kernel, placed, ones, others), degree_of(self.laws))

    def _kernel(self, pooled: NDArray[np.float64]) -> Kernel:
        """The kernel for images that together have these features."""
        if self.statistic == "energy":
            return negative_distance
        bandwidth = median_distance(pooled)
        if not bandwidth > 0:
            message = "more than half of all pairs of images have equal features: MMD has no bandwidth"
            raise MeasureError(message, hint="give images that differ, or choose statistic=energy")
        return with_bandwidth("gaussian", bandwidth)


def _frechet(source: Points, target: Points) -> float:
    clouds = (source.astype(np.float64), target.astype(np.float64))
    factors = [
        points_factor(cloud) if len(cloud) <= cloud.shape[1] else covariance_factor(moments(cloud).covariance)
        for cloud in clouds
    ]
    value = frechet_distance(clouds[0].mean(axis=0), factors[0], clouds[1].mean(axis=0), factors[1])
    terms = sum(float(np.vdot(factor, factor)) for factor in factors)
    if value < 1e-8 * terms:
        with digits_kept():
            refuse_drowned(value, terms, typical_square(*clouds))
    return value


def _defined(accuracy: float) -> float:
    if np.isnan(accuracy):
        message = "all images of a dataset have the same features: none has a nearest other image"
        raise MeasureError(message, hint="give images that differ")
    return accuracy
