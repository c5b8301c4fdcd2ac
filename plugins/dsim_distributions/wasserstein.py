"""Wasserstein distance: the least cost of moving one dataset's images onto the other's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.measures import refuse_other_dimension
from dsim.plugin import FeatureCloud, FeatureMeasure, MeasureError
from dsim.stats.mmd import Draws
from dsim.stats.transport import Transport, exact_transport, sinkhorn
from dsim.stats.wasserstein import ground_cost, sinkhorn_divergence
from dsim_distributions.replicates import centred
from dsim_distributions.specs import WASSERSTEIN

#: Pairs of images of which a table is held; the solver needs several times as much, up to 5 GB.
LARGEST = 100_000_000

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Tables:
    """Ground costs between two datasets, (n, m), and within either, (n, n) and (m, m)."""

    between: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    def drawn(self, one: Indices, other: Indices) -> Tables:
        """The costs of these images."""
        return Tables(
            self.between[np.ix_(one, other)],
            self.first[np.ix_(one, one)] if self.first.size else self.first,
            self.second[np.ix_(other, other)] if self.second.size else self.second,
        )


class WassersteinDistance(FeatureMeasure):
    """W_p of all features: exact, of the entropic plan, or debiased; distance in [0, inf), in units of the features."""

    spec = WASSERSTEIN
    order: int
    method: str
    epsilon: float

    def distance(self, source: NDArray[np.float32], target: NDArray[np.float32]) -> float:
        return self._solved(self._tables(source, target), None, None)

    def compare_resampled(
        self, source: FeatureCloud, target: FeatureCloud, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        tables = self._tables(source.points, target.points)
        pairs = zip(source_draws, target_draws, strict=True)
        drawn = np.array([self._of_images(tables, one, other) for one, other in pairs])
        return centred(drawn, self._solved(tables, None, None))

    def compare_splits(
        self, whole: FeatureCloud, splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> NDArray[np.float64]:
        if len(whole.points) ** 2 > LARGEST:
            return super().compare_splits(whole, splits)
        table = ground_cost(whole.points, whole.points, self.order)
        tables = Tables(table, table, table)
        return np.array([self._of_images(tables, one, other) for one, other in splits])

    def _of_images(self, tables: Tables, one: Indices, other: Indices) -> float:
        """The value for these images. One that was drawn twice weighs twice: copies need no rows of their own."""
        (one, a), (other, b) = (np.unique(drawn, return_counts=True) for drawn in (one, other))
        return self._solved(tables.drawn(one, other), a / a.sum(), b / b.sum())

    def _tables(self, source: NDArray[np.float32], target: NDArray[np.float32]) -> Tables:
        largest = max(len(source), len(target)) ** 2 if self.method == "divergence" else len(source) * len(target)
        if largest > LARGEST:
            raise MeasureError(
                f"the transport of {len(source)} onto {len(target)} images needs too much memory",
                hint="compare fewer images, or by sliced-wasserstein",
            )
        nothing = np.empty((0, 0))
        within = [ground_cost(x, x, self.order) for x in (source, target)] if self.method == "divergence" else ()
        return Tables(ground_cost(source, target, self.order), *(within or (nothing, nothing)))

    def _solved(self, tables: Tables, a: NDArray[np.float64] | None, b: NDArray[np.float64] | None) -> float:
        if not tables.between.any():
            return 0.0  # all images coincide, and there is no cost to which epsilon could be relative
        value, solutions = self._cost(tables, a, b)
        for solution in solutions:
            if not solution.converged:
                n, m = tables.between.shape
                reason = solution.status or f"the plan misses the images' weights by {solution.error:.1e}"
                raise MeasureError(
                    f"the transport of {n} onto {m} images was not solved: {reason}",
                    hint="give a larger epsilon, or method=exact" if self.method != "exact" else None,
                )
        return float(max(value, 0.0) ** (1 / self.order))

    def _cost(
        self, tables: Tables, a: NDArray[np.float64] | None, b: NDArray[np.float64] | None
    ) -> tuple[float, tuple[Transport, ...]]:
        if self.method == "exact":
            exact, _ = exact_transport(tables.between, a, b)
            return exact.value, (exact,)
        # The mean over pairs of images, of which one that was drawn twice is two.
        mean = tables.between.mean() if a is None or b is None else a @ tables.between @ b
        epsilon = self.epsilon * float(mean)
        if self.method == "sinkhorn":
            entropic = sinkhorn(tables.between, epsilon, a, b)
            return entropic.cost, (entropic,)
        return sinkhorn_divergence(tables.between, (tables.first, tables.second), epsilon, a, b)
