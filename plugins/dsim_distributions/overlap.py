"""Overlap of two datasets: a classifier two-sample test, and precision, recall, density and coverage."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, digits_kept, finite_features, frame_of, refuse_other_dimension
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim.stats.c2st import Classifier, HeldOut, auc, held_out_scores, logistic, neighbours, weighted_auc
from dsim.stats.euclidean import squared_distances
from dsim.stats.frames import Points
from dsim.stats.mmd import Draws, counts
from dsim.stats.neighbours import kth_nearest, prdc, prdc_of_tables, squared_radii
from dsim_distributions.specs import C2ST, PRDC


@dataclass(frozen=True)
class GroupedCloud:
    """Features (n, d), and the group (patient, video, slide) of each image, int64 (n,), by its digest."""

    #: The features are cached.
    transient: ClassVar[bool] = True

    points: Points
    groups: NDArray[np.int64]


class ClassifierTwoSample(SimilarityMeasure[GroupedCloud]):
    """Area under the ROC curve of held-out scores; distance in [0, 1], 1/2 where nothing distinguishes the datasets.

    Source: Lopez-Paz and Oquab 2017, arXiv:1610.06545; the area: DeLong et al. 1988, doi:10.2307/2531595.
    Raises MeasureError where there are too few images, or groups, for the folds.

    >>> import dsim
    >>> near = np.arange(20, dtype=np.float32)[:, None]
    >>> pair = dsim.from_arrays(features=near, name="near"), dsim.from_arrays(features=near + 100, name="far")
    >>> round(float(dsim.compare(pair[:1], pair[1:], measure="c2st", floor=False).values[0, 0]), 4)
    1.0
    """

    spec = C2ST
    extractor: str
    classifier: str
    penalty: float
    k: int
    folds: int
    seed: int

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> GroupedCloud:
        points = finite_features(data, self.extractor)
        if data.groups is None or len(set(data.groups)) < 2:
            # An image without a group is known by what it looks like: copies of it must not be learned from either.
            return GroupedCloud(points, _digests([row.tobytes() for row in points]))
        # Groups of different datasets may have one name by accident.
        return GroupedCloud(points, _digests([f"{data.fingerprint} {group}".encode() for group in data.groups]))

    def compare(self, source: GroupedCloud, target: GroupedCloud) -> float:
        return _value(self._held_out(source, target))

    def compare_resampled(
        self, source: GroupedCloud, target: GroupedCloud, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        """Return replicates, float64 (r,), of the held-out scores.

        No classifier learns again, and so none from a copy of what it scores.

        Raises MeasureError where there are too few images, or groups, for the folds.
        """
        return self.compare_with_replicates(source, target, source_draws, target_draws)[1]

    def compare_with_replicates(
        self, source: GroupedCloud, target: GroupedCloud, source_draws: Draws, target_draws: Draws
    ) -> tuple[float, NDArray[np.float64]]:
        held = self._held_out(source, target)
        drawn = counts(source_draws, len(held.first)), counts(target_draws, len(held.second))
        return _value(held), weighted_auc(held, *drawn)

    def resample(self, summary: GroupedCloud, draw: NDArray[np.intp]) -> GroupedCloud:
        return GroupedCloud(summary.points[draw], summary.groups[draw])

    def merge(self, first: GroupedCloud, second: GroupedCloud) -> GroupedCloud:
        refuse_other_dimension(first.points.shape[1], second.points.shape[1])
        return GroupedCloud(
            np.concatenate([first.points, second.points]), np.concatenate([first.groups, second.groups])
        )

    def _held_out(self, source: GroupedCloud, target: GroupedCloud) -> HeldOut:
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        groups = source.groups, target.groups
        frame = frame_of(self.laws, source.points, target.points)
        placed = frame.place(source.points), frame.place(target.points)
        try:
            with digits_kept():
                return held_out_scores(*placed, groups, self._learner(), self.folds, self.seed)
        except ValueError as error:
            raise MeasureError(str(error), hint="give more images, or images of more groups") from None

    def _learner(self) -> Classifier:
        return logistic(self.penalty) if self.classifier == "logistic" else neighbours(self.k)


def _value(held: HeldOut) -> float:
    value = auc(held)
    if np.isnan(value):
        raise MeasureError("no fold holds images of both datasets", hint="give more images, or fewer folds")
    return value


def _digests(texts: list[bytes]) -> NDArray[np.int64]:
    digests = b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, dtype=np.int64)


#: Images of which the table of all pairs is held, 512 MB, so that splits need not compute it again.
_KEPT = 8000


@dataclass(frozen=True)
class Balls:
    """Features (n, d), and squared distances to the k-th nearest other image, float64 (n,)."""

    #: The features are cached, and the radii cost no more than a pair of datasets.
    transient: ClassVar[bool] = True

    points: Points
    radii: NDArray[np.float64]


class PrecisionRecallDensityCoverage(SimilarityMeasure[Balls]):
    """One of four shares of images that lie among the other dataset's; similarity from 0, to 1 but for density.

    Source: Naeem et al. 2020, arXiv:2002.09797; Kynkäänniemi et al. 2019, arXiv:1904.06991 (precision, recall).
    Raises MeasureError for a dataset of at most k images.

    >>> import dsim
    >>> near = np.arange(4, dtype=np.float32)[:, None]
    >>> pair = dsim.from_arrays(features=near, name="near"), dsim.from_arrays(features=near + 2.25, name="far")
    >>> round(float(dsim.compare(pair[:1], pair[1:], measure="prdc:k=1", floor=False).values[0, 0]), 4)
    0.5
    """

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
        frame = frame_of(self.laws, source.points, target.points)
        placed = frame.place(source.points), frame.place(target.points)
        found = prdc(*placed, self.k, (source.radii, target.radii) if frame.ordinary else None)
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
        points = frame_of(self.laws, whole.points).place(whole.points)
        table = squared_distances(points, points)
        values = []
        for one, other in splits:
            of_one, of_other = (kth_nearest(table[np.ix_(part, part)], self._reach(len(part))) for part in (one, other))
            found = prdc_of_tables(table[np.ix_(one, other)], of_one, of_other, self.k)
            values.append(getattr(found, self.statistic))
        return np.array(values, dtype=np.float64)

    def _balls(self, points: Points) -> Balls:
        with np.errstate(over="ignore", invalid="ignore"):
            # Where squares overflow, pairs have a frame of their own, and radii in it.
            return Balls(points, squared_radii(points, self._reach(len(points))))

    def _reach(self, n: int) -> int:
        if n <= self.k:
            raise MeasureError(
                f"{n} images have no {self.k} neighbours each", hint=f"give more than {self.k} images, or a smaller k"
            )
        return self.k
