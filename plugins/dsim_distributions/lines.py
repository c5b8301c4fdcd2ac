"""Transport along lines: each line orders all images once, and every pair of datasets is then compared in one pass."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, finite_blocks, refuse_other_dimension
from dsim.plugin import SimilarityMeasure
from dsim.random import stream
from dsim.stats.mmd import Draws
from dsim.stats.sliced import directions, line_transport
from dsim_distributions.replicates import centred
from dsim_distributions.specs import MARGINAL_WASSERSTEIN, SLICED_WASSERSTEIN


@dataclass(frozen=True)
class Lines:
    """Where the images of a dataset lie on L lines, float32 (L, n), from features of ``dimension`` numbers."""

    #: The features are cached, and one pass over them makes it again.
    transient: ClassVar[bool] = True

    values: NDArray[np.float32]
    dimension: int

    @cached_property
    def sorted(self) -> NDArray[np.float32]:
        """Each line's values in order: its quantile function."""
        return np.sort(self.values, axis=1)


class LineMeasure(SimilarityMeasure[Lines]):
    """A mean over lines of one-dimensional transport; implement where images lie, and how lines are averaged."""

    extractor: str
    order: int

    @abstractmethod
    def lines(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where images of features (b, d) lie, (L, b)."""

    @abstractmethod
    def mean(self, costs: NDArray[np.float64]) -> float:
        """The value for costs W_p^p of the lines, (L,)."""

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Lines:
        blocks = finite_blocks(data, self.extractor)
        first = next(blocks)
        lines = self.lines(first)
        values = np.empty((len(lines), len(data)), dtype=np.float32)
        values[:, : len(first)] = lines
        start = len(first)
        for block in blocks:
            values[:, start : start + len(block)] = self.lines(block)
            start += len(block)
        return Lines(values, first.shape[1])

    def compare(self, source: Lines, target: Lines) -> float:
        refuse_other_dimension(source.dimension, target.dimension)
        return self.mean(line_transport(source.sorted, target.sorted, self.order))

    def compare_resampled(
        self, source: Lines, target: Lines, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        drawn = super().compare_resampled(source, target, source_draws, target_draws)
        return centred(drawn, self.compare(source, target))

    def resample(self, summary: Lines, draw: NDArray[np.intp]) -> Lines:
        return Lines(summary.values[:, draw], summary.dimension)

    def merge(self, first: Lines, second: Lines) -> Lines:
        refuse_other_dimension(first.dimension, second.dimension)
        return Lines(np.concatenate([first.values, second.values], axis=1), first.dimension)


class SlicedWasserstein(LineMeasure):
    """W_p along random directions, the same for all datasets; distance in [0, inf), in units of the features."""

    spec = SLICED_WASSERSTEIN
    projections: int
    seed: int

    def lines(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._directions(features.shape[1]) @ features.T, dtype=np.float32)

    def mean(self, costs: NDArray[np.float64]) -> float:
        return float(costs.mean() ** (1 / self.order))

    def _directions(self, dimension: int) -> NDArray[np.float32]:
        # Of the parameter, not of the run's stream for a dataset: all datasets must be seen from the same sides.
        drawn = directions(dimension, self.projections, stream(self.seed, "sliced-wasserstein", str(dimension)))
        return drawn.astype(np.float32)


class MarginalWasserstein(LineMeasure):
    """Mean over features of the one-dimensional W_p; distance in [0, inf), in units of the features."""

    spec = MARGINAL_WASSERSTEIN

    def lines(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return features.T

    def mean(self, costs: NDArray[np.float64]) -> float:
        return float((costs ** (1 / self.order)).mean())
