"""Precision, recall, density and coverage of the source as a stand-in for the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, finite_features, refuse_other_dimension
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim.stats.euclidean import squared_distances
from dsim.stats.prdc import kth_nearest, prdc, prdc_of_tables, squared_radii
from dsim_distributions.specs import PRDC

#: Images of which the table of all pairs is held, 512 MB, so that splits need not compute it again.
_KEPT = 8000


@dataclass(frozen=True)
class Balls:
    """Features, float32 (n, d), and squared distances to the k-th nearest other image, float64 (n,)."""

    #: The features are cached, and the radii cost no more than a pair of datasets.
    transient: ClassVar[bool] = True

    points: NDArray[np.float32]
    radii: NDArray[np.float64]


class PrecisionRecallDensityCoverage(SimilarityMeasure[Balls]):
    """One of four shares of images that lie among the other dataset's; similarity from 0, to 1 but for density."""

    spec = PRDC
    extractor: str
    statistic: str
    k: int

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Balls:
        return self._balls(finite_features(data, self.extractor))

    def compare(self, source: Balls, target: Balls) -> float:
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        found = prdc(source.points, target.points, self.k, (source.radii, target.radii))
        return float(getattr(found, self.statistic))

    def resample(self, summary: Balls, draw: NDArray[np.intp]) -> Balls:
        return self._balls(summary.points[draw])

    def merge(self, first: Balls, second: Balls) -> Balls:
        refuse_other_dimension(first.points.shape[1], second.points.shape[1])
        return self._balls(np.concatenate([first.points, second.points]))

    def compare_splits(
        self, whole: Balls, splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> NDArray[np.float64]:
        if len(whole.points) > _KEPT:
            return super().compare_splits(whole, splits)
        table = squared_distances(whole.points, whole.points)
        values = []
        for one, other in splits:
            of_one, of_other = (kth_nearest(table[np.ix_(part, part)], self._reach(len(part))) for part in (one, other))
            found = prdc_of_tables(table[np.ix_(one, other)], of_one, of_other, self.k)
            values.append(getattr(found, self.statistic))
        return np.array(values, dtype=np.float64)

    def _balls(self, points: NDArray[np.float32]) -> Balls:
        return Balls(points, squared_radii(points, self._reach(len(points))))

    def _reach(self, n: int) -> int:
        if n <= self.k:
            raise MeasureError(
                f"{n} images have no {self.k} neighbours each", hint=f"give more than {self.k} images, or a smaller k"
            )
        return self.k
