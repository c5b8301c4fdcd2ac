"""The base of measures of two clouds of feature vectors: each adds one distance and nothing else."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dsim.errors import MeasureError
from dsim.measures.interface import SimilarityMeasure
from dsim.registry import Parameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.measures.view import DatasetView

#: The extractor that every feature measure uses by default: it is shipped, so nothing is downloaded unasked, and
#: values of different measures stand on the same features (docs/adr/0004). Papers' own networks are presets.
EXTRACTOR = Parameter(
    "extractor",
    "extractor",
    "zoo:asap-resnet18.biomed16.r1[layer=backbone.layer4]",
    "network that turns images into features; features given with a dataset are used as they are",
)


@dataclass(frozen=True)
class FeatureCloud:
    """Features of a dataset's images, float32 (n, d)."""

    #: The features are cached; a second copy per measure would only fill the disk.
    transient: ClassVar[bool] = True

    points: NDArray[np.float32]


class FeatureMeasure(SimilarityMeasure[FeatureCloud]):
    """A measure of two clouds of feature vectors, float32 (n, d) and (m, d); implement ``distance``.

    The spec declares ``Need.FEATURES`` and the parameter ``EXTRACTOR``. Intervals, noise floor and permutation test
    follow: the spec may say ``resamples=True, two_sample=True``.
    """

    extractor: str

    @abstractmethod
    def distance(self, source: NDArray[np.float32], target: NDArray[np.float32]) -> float:
        """Return the value for features float32 (n, d) and (m, d), in the declared direction.

        Raises MeasureError where there is none.
        """

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> FeatureCloud:
        return FeatureCloud(finite_features(data, self.extractor))

    def compare(self, source: FeatureCloud, target: FeatureCloud) -> float:
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        return self.distance(source.points, target.points)

    def resample(self, summary: FeatureCloud, draw: NDArray[np.intp]) -> FeatureCloud:
        return FeatureCloud(summary.points[draw])

    def merge(self, first: FeatureCloud, second: FeatureCloud) -> FeatureCloud:
        import numpy as np

        refuse_other_dimension(first.points.shape[1], second.points.shape[1])
        return FeatureCloud(np.concatenate([first.points, second.points]))


def finite_features(data: DatasetView, extractor: str) -> NDArray[np.float32]:
    """Return the features of a dataset, float32 (n, d); raises MeasureError where any is NaN or infinite."""
    import numpy as np

    points = data.features(extractor)
    _refuse_samples(data, np.flatnonzero(~np.isfinite(points).all(axis=1)).tolist())
    return points


def finite_blocks(data: DatasetView, extractor: str, rows: int = 4096) -> Iterator[NDArray[np.float32]]:
    """Return the features of a dataset in blocks float32 (b, d), in memory that does not grow with their number.

    MeasureError where any is NaN or infinite: at the end of the pass, and not-finite blocks are not handed out.
    """
    import numpy as np

    done, bad = 0, []
    for block in data.feature_blocks(extractor, rows):
        bad += (done + np.flatnonzero(~np.isfinite(block).all(axis=1))).tolist()
        done += len(block)
        if not bad:
            yield block
    _refuse_samples(data, bad)


def _refuse_samples(data: DatasetView, bad: list[int]) -> None:
    if bad:
        raise MeasureError(
            f"features of {data.dataset.name!r} are not finite for {len(bad)} of {len(data)} samples, "
            f"the first {data.dataset.ids[bad[0]]!r}",
            hint="remove these samples, or mend their features",
        )


def refuse_other_dimension(source: int, target: int) -> None:
    """Raise MeasureError where two datasets have features of different dimensions."""
    if source != target:
        raise MeasureError(
            f"the source has {source} features per image and the target {target}: they are of different extractors",
            hint="give features of one extractor, or images",
        )
