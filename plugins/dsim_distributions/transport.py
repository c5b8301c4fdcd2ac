"""Wasserstein distances: exact or entropic between all images, or along lines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, digits_kept, finite_blocks, frame_of, refuse_other_dimension
from dsim.plugin import FeatureCloud, FeatureMeasure, MeasureError, SimilarityMeasure
from dsim.random import stream
from dsim.stats.frames import Frame, Points, common_frame
from dsim.stats.mmd import Draws
from dsim.stats.wasserstein import (
    GroundCosts,
    directions,
    ground_cost,
    ground_costs,
    marginal_wasserstein,
    sliced_wasserstein,
    wasserstein_distance,
)
from dsim_distributions.specs import MARGINAL_WASSERSTEIN, SLICED_WASSERSTEIN, WASSERSTEIN


def _centred(replicates: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    """Return the replicates (r,), moved by one number so that their mean is the value, but never below 0.

    A resample holds fewer different images than its dataset, so a distance with a noise floor rises: resampled values
    would lie above the value, by up to 14 of their standard deviations, and their interval would miss it.
    """
    moved: NDArray[np.float64] = np.maximum(0.0, replicates - replicates.mean() + value)
    return moved


#: Pairs of images of which a table is held; the solver needs several times as much, up to 5 GB.
LARGEST = 100_000_000

Indices = NDArray[np.intp]


class WassersteinDistance(FeatureMeasure):
    """W_p of all features: exact, of the entropic plan, or debiased; distance in [0, inf), in units of the features.

    Source: Bonneel et al. 2011, doi:10.1145/2070781.2024192; entropic: Cuturi 2013, arXiv:1306.0895; debiased: Feydy
    et al. 2019, arXiv:1810.08278.

    Features are (n, d) and (m, d). Raises MeasureError where the table (n, m) is too large, or the plan is not solved.

    >>> near = np.array([[0.0], [2.0], [4.0]], np.float32)
    >>> round(WassersteinDistance().distance(near, near + 3), 4)
    3.0
    """

    spec = WASSERSTEIN
    order: int
    method: str
    epsilon: float

    def distance(self, source: Points, target: Points) -> float:
        return self._solved(self._tables(source, target), None)

    def compare_resampled(
        self, source: FeatureCloud, target: FeatureCloud, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        frame = frame_of(self.laws, source.points, target.points)
        tables = self._tables(frame.place(source.points), frame.place(target.points))
        pairs = zip(source_draws, target_draws, strict=True)
        drawn = np.array([self._of_images(tables, one, other) for one, other in pairs])
        return frame.restore_all(_centred(drawn, self._solved(tables, None)))

    def compare_splits(
        self, whole: FeatureCloud, splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> NDArray[np.float64]:
        if len(whole.points) ** 2 > LARGEST:
            return super().compare_splits(whole, splits)
        frame = frame_of(self.laws, whole.points)
        points = frame.place(whole.points)
        table = ground_cost(points, points, self.order)
        tables = GroundCosts(table, table, table)
        return frame.restore_all(np.array([self._of_images(tables, one, other) for one, other in splits]))

    def _of_images(self, tables: GroundCosts, one: Indices, other: Indices) -> float:
        """The value for these images. One that was drawn twice weighs twice: copies need no rows of their own."""
        (one, a), (other, b) = (np.unique(drawn, return_counts=True) for drawn in (one, other))
        return self._solved(tables.drawn(one, other), (a / a.sum(), b / b.sum()))

    def _tables(self, source: Points, target: Points) -> GroundCosts:
        within = self.method == "divergence"
        largest = max(len(source), len(target)) ** 2 if within else len(source) * len(target)
        if largest > LARGEST:
            raise MeasureError(
                f"the transport of {len(source)} onto {len(target)} images needs too much memory",
                hint="compare fewer images, or by sliced-wasserstein",
            )
        return ground_costs(source, target, self.order, within=within)

    def _solved(self, costs: GroundCosts, weights: tuple[NDArray[np.float64], NDArray[np.float64]] | None) -> float:
        value, solutions = wasserstein_distance(
            costs, self.order, method=self.method, epsilon=self.epsilon, weights=weights
        )
        for solution in solutions:
            if not solution.converged:
                n, m = costs.between.shape
                reason = solution.status or f"the plan misses the images' weights by {solution.error:.1e}"
                raise MeasureError(
                    f"the transport of {n} onto {m} images was not solved: {reason}",
                    hint="give a larger epsilon, or method=exact" if self.method != "exact" else None,
                )
        return value


@dataclass(frozen=True)
class Lines:
    """Where the images of a dataset lie on L lines, (L, n), from features of ``dimension`` numbers.

    float64, or float32 where the lines are the features themselves, and these are.
    """

    #: The features are cached, and one pass over them makes it again.
    transient: ClassVar[bool] = True

    values: Points
    dimension: int

    @cached_property
    def sorted(self) -> Points:
        """Each line's values in order, (L, n): its quantile function."""
        return np.sort(self.values, axis=1)


class LineMeasure(SimilarityMeasure[Lines]):
    """A mean over lines of one-dimensional transport; implement where images lie, and how lines are averaged.

    Comparing raises MeasureError where the features of the two datasets differ in number.
    """

    extractor: str
    order: int

    @abstractmethod
    def lines(self, features: Points) -> Points:
        """Return the positions, (L, b), of features (b, d) on L lines."""

    @abstractmethod
    def distance(self, source: Points, target: Points) -> float:
        """Return the value for sorted positions on the lines, (L, n) and (L, m)."""

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Lines:
        blocks = finite_blocks(data, self.extractor)
        first = next(blocks)
        lines = self.lines(first)
        values = np.empty((len(lines), len(data)), dtype=lines.dtype)
        values[:, : len(first)] = lines
        start = len(first)
        for block in blocks:
            values[:, start : start + len(block)] = self.lines(block)
            start += len(block)
        return Lines(values, first.shape[1])

    def compare(self, source: Lines, target: Lines) -> float:
        refuse_other_dimension(source.dimension, target.dimension)
        with digits_kept():
            # Differences of places need no origin, and squares no unit but for extremes; the ends of a line show both.
            ends = (lines.sorted[:, [0, -1]].T for lines in (source, target))
            frame = Frame(exponent=common_frame(*ends).exponent)
            return frame.restore(self.distance(frame.place(source.sorted), frame.place(target.sorted)))

    def compare_resampled(
        self, source: Lines, target: Lines, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        drawn = super().compare_resampled(source, target, source_draws, target_draws)
        return _centred(drawn, self.compare(source, target))

    def resample(self, summary: Lines, draw: NDArray[np.intp]) -> Lines:
        return Lines(summary.values[:, draw], summary.dimension)

    def merge(self, first: Lines, second: Lines) -> Lines:
        refuse_other_dimension(first.dimension, second.dimension)
        return Lines(np.concatenate([first.values, second.values], axis=1), first.dimension)


class SlicedWasserstein(LineMeasure):
    """W_p along random directions, the same for all datasets; distance in [0, inf), in units of the features.

    Source: Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3.

    >>> lines = np.array([[0.0, 2.0], [1.0, 5.0]], np.float32)  # two images on two lines, sorted
    >>> round(SlicedWasserstein().distance(lines, lines + 3), 4)
    3.0
    """

    spec = SLICED_WASSERSTEIN
    projections: int
    seed: int

    def lines(self, features: Points) -> Points:
        return self._directions(features.shape[1]) @ features.T.astype(np.float64)

    def distance(self, source: Points, target: Points) -> float:
        return sliced_wasserstein(source, target, self.order)

    def _directions(self, dimension: int) -> NDArray[np.float64]:
        # Of the parameter, not of the run's stream for a dataset: all datasets must be seen from the same sides.
        return directions(dimension, self.projections, stream(self.seed, "sliced-wasserstein", str(dimension)))


class MarginalWasserstein(LineMeasure):
    """Mean over features of the one-dimensional W_p; distance in [0, inf), in units of the features.

    Source: Ramdas, García Trillos and Cuturi 2017, doi:10.3390/e19020047.

    >>> values = np.array([[0.0, 2.0], [1.0, 5.0]], np.float32)  # two features of two images, sorted
    >>> round(MarginalWasserstein().distance(values, values + np.array([[0.0], [3.0]], np.float32)), 4)
    1.5
    """

    spec = MARGINAL_WASSERSTEIN

    def lines(self, features: Points) -> Points:
        return features.T

    def distance(self, source: Points, target: Points) -> float:
        return marginal_wasserstein(source, target, self.order)
