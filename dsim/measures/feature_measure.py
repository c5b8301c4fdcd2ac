"""The base of measures of two clouds of feature vectors: each adds one distance and nothing else."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dsim.errors import MeasureError
from dsim.measures.interface import SimilarityMeasure
from dsim.registry import Law, Parameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.measures.view import DatasetView, Features
    from dsim.stats.frames import Frame

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
    """Features of a dataset's images (n, d), float32 or float64."""

    #: The features are cached; a second copy per measure would only fill the disk.
    transient: ClassVar[bool] = True

    points: Features


class FeatureMeasure(SimilarityMeasure[FeatureCloud]):
    """A measure of two clouds of feature vectors (n, d) and (m, d), float32 or float64; implement ``distance``.

    The spec declares ``Need.FEATURES`` and the parameter ``EXTRACTOR``. Intervals, noise floor and permutation test
    follow: the spec may say ``resamples=True, two_sample=True``. Where the spec's laws say how the value follows shifts
    and scales, features whose squares would overflow, or drown in a far origin, come in a frame in which they do not.
    """

    extractor: str

    @abstractmethod
    def distance(self, source: Features, target: Features) -> float:
        """Return the value for features (n, d) and (m, d), float32 or float64, in the declared direction.

        Raises MeasureError where there is none.
        """

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> FeatureCloud:
        return FeatureCloud(finite_features(data, self.extractor))

    def compare(self, source: FeatureCloud, target: FeatureCloud) -> float:
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        frame = frame_of(self.laws, source.points, target.points)
        value = self.distance(frame.place(source.points), frame.place(target.points))
        with digits_kept():
            return frame.restore(value, degree_of(self.laws))

    def resample(self, summary: FeatureCloud, draw: NDArray[np.intp]) -> FeatureCloud:
        return FeatureCloud(summary.points[draw])

    def merge(self, first: FeatureCloud, second: FeatureCloud) -> FeatureCloud:
        import numpy as np

        refuse_other_dimension(first.points.shape[1], second.points.shape[1])
        return FeatureCloud(np.concatenate([first.points, second.points]))


def degree_of(laws: frozenset[Law]) -> int:
    """Return the power of a factor on all features that multiplies a value with these laws.

    >>> degree_of(frozenset({Law.SHIFT_INVARIANT, Law.SCALE_SQUARED}))
    2
    """
    return max((law.degree for law in laws), default=0)


def frame_of(laws: frozenset[Law], *clouds: Features) -> Frame:
    """Return the frame in which to compare features (n_i, d): only what the laws of the value allow is changed.

    Raises MeasureError where the type of the features does not hold what distinguishes them.
    """
    from dsim.stats.frames import Frame, common_frame

    with digits_kept():
        frame = common_frame(*clouds)
    shifts = Law.SHIFT_INVARIANT in laws
    scales = any(law is not Law.SHIFT_INVARIANT for law in laws)
    return Frame(frame.origin if shifts else None, frame.exponent if scales else 0)


@contextmanager
def digits_kept() -> Iterator[None]:
    """Raise MeasureError, with a fix, for the LostDigitsError of a statistic."""
    from dsim.stats.frames import LostDigitsError

    try:
        yield
    except LostDigitsError as error:
        raise MeasureError(
            str(error), hint="give float64 features around 0, of about 1, without images that lie far from all others"
        ) from None


def finite_features(data: DatasetView, extractor: str) -> Features:
    """Return the features of a dataset (n, d), float32 or float64; raises MeasureError where any is NaN or infinite."""
    import numpy as np

    points = data.features(extractor)
    _refuse_samples(data, np.flatnonzero(~np.isfinite(points).all(axis=1)).tolist())
    return points


def finite_blocks(data: DatasetView, extractor: str, rows: int = 4096) -> Iterator[Features]:
    """Return the features of a dataset in blocks (b, d), in memory that does not grow with their number.

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
