"""Scores of a target's features and labels, seen through the source's head: GBC, H-score, LEEP, LogME, NLEEP, PARC."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from dsim.measures import digits_kept, finite_features, frame_of, refuse_other_dimension
from dsim.plugin import Law, MeasureError, SimilarityMeasure
from dsim.stats.frames import Points, typical_square
from dsim.stats.transferability import Head, gbc, h_score, leep, logme, nleep, parc, regularised_h_score, train_head
from dsim_transferability.specs import GBC, H_SCORE, LEEP, LOGME, NLEEP, PARC

if TYPE_CHECKING:
    from dsim.measures import DatasetView


#: Why most scores are undefined for a source that says nothing of a target.
SAME_OUTPUT = "the source's head gives every image of the target the same output"


@dataclass(frozen=True)
class Taught:
    """A labelled dataset in both roles.

    Parameters
    ----------
    points, classes : features (n, d) and classes as integers (n,): it as a target.
    weights, bias : float64 (d, C) and (C,) of the head its labels taught, C = 0 where none is used: it as a source.
    seed : of what a comparison draws for this target.
    """

    #: The features are cached, and the head is as cheap to train as features are to read.
    transient: ClassVar[bool] = True

    points: Points
    classes: NDArray[np.intp]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    seed: int

    @property
    def head(self) -> Head:
        return Head(self.weights, self.bias)


#: Squared distances below this share of squared norms are rounding to LogME, which knows an origin.
_FAR = 1e-11


class TransferScore(SimilarityMeasure[Taught]):
    """A score of the target's features and labels, seen through the source's head; implement ``score``.

    Raises MeasureError for fewer than two classes or images of a class, for equal features, and where a score is NaN.
    """

    extractor: str
    penalty: float
    #: Measures that have no such parameter always use the head.
    representation: str = "probe"

    @abstractmethod
    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        """Return the value for the target's images as ``seen``, (n, k); NaN without one, see ``why_undefined``."""

    def seen(self, source: Taught, target: Taught) -> NDArray[np.float64]:
        """Return the target's features, float64, through the source's head, (n, k)."""
        return source.head.coordinates(target.points)

    def why_undefined(self, points: NDArray[np.float64], target: Taught) -> str:
        """Return the reason, in words, why the score is NaN for these points (n, k)."""
        return "the score is not defined for this target"

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Taught:
        _refuse_few(data.labels, repr(data.dataset.name))
        points = finite_features(data, self.extractor)
        if (points == points[0]).all():
            raise MeasureError(
                f"all {len(points)} images of {data.dataset.name!r} have the same features",
                hint="look at the images, or choose another extractor",
            )
        classes = np.unique(np.array(data.labels), return_inverse=True)[1].reshape(-1)
        return self._taught(points, classes, int(rng.integers(2**31)))

    def _taught(self, points: Points, classes: NDArray[np.intp], seed: int) -> Taught:
        if self.representation == "extractor":
            return Taught(points, classes, np.zeros((points.shape[1], 0)), np.zeros(0), seed)
        head = trained(points, classes, self.penalty)
        return Taught(points, classes, head.weights, head.bias, seed)

    def compare(self, source: Taught, target: Taught) -> float:
        refuse_other_dimension(source.points.shape[1], target.points.shape[1])
        through = self.representation == "probe"
        points = self.seen(source, target) if through else self._unseen(target)
        value = self.score(points, target)
        if not math.isfinite(value):
            alike = np.ptp(points, axis=0).max() <= 1e-9 * np.abs(points).max()
            message = SAME_OUTPUT if alike else self.why_undefined(points, target)
            raise MeasureError(message, hint="judge this target by another measure: dsim measures")
        return value

    def _unseen(self, target: Taught) -> NDArray[np.float64]:
        """The target's features as no source sees them, (n, d): around a near origin, where that changes nothing."""
        return np.asarray(frame_of(self.laws, target.points).place(target.points), dtype=np.float64)

    def compare_many(self, sources: Sequence[Taught], targets: Sequence[Taught]) -> NDArray[np.float64]:
        if self.representation == "probe" or not sources:
            return super().compare_many(sources, targets)
        for source in sources:
            refuse_other_dimension(source.points.shape[1], targets[0].points.shape[1])
        # The source does not matter: once per target.
        row = [self.compare(sources[0], target) for target in targets]
        return np.tile(np.array(row, dtype=np.float64), (len(sources), 1))

    def resample(self, summary: Taught, draw: NDArray[np.intp]) -> Taught:
        classes = summary.classes[draw]
        _refuse_few(tuple(map(str, classes.tolist())), "the resample")
        return self._taught(summary.points[draw], classes, summary.seed)

    def compare_resampled(
        self,
        source: Taught,
        target: Taught,
        source_draws: Sequence[NDArray[np.intp]],
        target_draws: Sequence[NDArray[np.intp]],
    ) -> NDArray[np.float64]:
        values = [self._replicate(source, target, i, j) for i, j in zip(source_draws, target_draws, strict=True)]
        return np.array(values, dtype=np.float64)

    def _replicate(self, source: Taught, target: Taught, i: NDArray[np.intp], j: NDArray[np.intp]) -> float:
        """One replicate; NaN where the draw left too few images of a class, which says nothing of the dataset."""
        try:
            # The target's own head is not asked: only its rows are drawn.
            _refuse_few(tuple(map(str, target.classes[j].tolist())), "the resample")
            drawn = replace(target, points=target.points[j], classes=target.classes[j])
            return self.compare(self.resample(source, i), drawn)
        except MeasureError:
            return math.nan


def trained(points: Points, classes: NDArray[np.intp], penalty: float) -> Head:
    """Return the head of features (n, d) and their classes (n,); MeasureError where it does not converge."""
    try:
        with digits_kept():
            return train_head(points, classes, penalty)
    except FloatingPointError as error:
        raise MeasureError(str(error), hint="raise penalty") from error


def _refuse_few(labels: Sequence[str], name: str) -> None:
    """Raise MeasureError for fewer than two classes, or a class of one image: it would be explained by itself."""
    counts = Counter(labels)
    if len(counts) < 2:
        raise MeasureError(
            f"all images of {name} have one label; a transferability score needs at least two classes",
            hint="give labels that differ, or choose a label-free measure: dsim measures --needs images",
        )
    lone = sorted(label for label, count in counts.items() if count < 2)
    if lone:
        raise MeasureError(
            f"{len(lone)} classes of {name} have a single image, the first {lone[0]!r}; at least 2 of each are needed",
            hint="leave these images out, or merge classes",
        )


class Gbc(TransferScore):
    """Minus the overlap of the target's classes; similarity in (-inf, 0].

    Source: Pandy et al. 2022, arXiv:2111.12780. Raises MeasureError for a class without variance.

    >>> points = np.array([[0.0], [2.0], [4.0], [6.0]])
    >>> target = Taught(points.astype(np.float32), np.array([0, 0, 1, 1]), np.zeros((1, 0)), np.zeros(0), seed=0)
    >>> round(Gbc().score(points, target), 4)
    -0.2707
    """

    spec = GBC
    gaussian: str

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return gbc(points, target.classes, self.gaussian)

    def why_undefined(self, points: NDArray[np.float64], target: Taught) -> str:
        return "a class of the target does not vary at all as the source's head sees it, so it is not a Gaussian"


class HScore(TransferScore):
    """Variance between classes in units of the covariance; similarity in [0, inf).

    Source: Bao et al. 2019, doi:10.1109/ICIP.2019.8803726; shrunk: Ibrahim et al. 2021, arXiv:2110.06893.
    Raises MeasureError where undefined.

    >>> points = np.array([[0.0], [2.0], [4.0], [6.0]])
    >>> target = Taught(points.astype(np.float32), np.array([0, 0, 1, 1]), np.zeros((1, 0)), np.zeros(0), seed=0)
    >>> round(HScore(plain=True).score(points, target), 4)
    0.8
    """

    spec = H_SCORE
    plain: bool

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return (h_score if self.plain else regularised_h_score)(points, target.classes)

    def why_undefined(self, points: NDArray[np.float64], target: Taught) -> str:
        return (
            f"the target's {len(points)} images span as many dimensions as they can in {points.shape[1]} features, so "
            "any labels would score alike: use plain=false"
        )


class Leep(TransferScore):
    """Log expected empirical prediction; similarity in (-inf, 0].

    Source: Nguyen et al. 2020, arXiv:2002.12462.

    >>> points = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9]])
    >>> target = Taught(points.astype(np.float32), np.array([0, 0, 1, 1]), np.zeros((2, 0)), np.zeros(0), seed=0)
    >>> round(Leep().score(points, target), 4)
    -0.2955
    """

    spec = LEEP
    centre: str

    def seen(self, source: Taught, target: Taught) -> NDArray[np.float64]:
        if self.centre == "source":
            return source.head.posteriors(target.points)
        # Elsewhere in the space of features the head gives all images one class: only its directions carry over.
        moved = target.points - target.points.mean(axis=0, dtype=np.float64)
        return source.head.posteriors(moved + source.points.mean(axis=0, dtype=np.float64))

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return leep(points, target.classes)


class LogMe(TransferScore):
    """Mean log maximum evidence per image; similarity, any real number.

    Source: You et al. 2021, arXiv:2102.11005.

    >>> points = np.array([[-3.0, 1.0], [-1.0, 1.0], [1.0, 1.0], [3.0, 1.0]])
    >>> target = Taught(points.astype(np.float32), np.array([0, 0, 1, 1]), np.zeros((2, 0)), np.zeros(0), seed=0)
    >>> round(LogMe().score(points, target), 3)
    -0.895
    """

    spec = LOGME

    @property
    def laws(self) -> frozenset[Law]:
        # Features themselves form an intercept, or do not, by where they lie.
        return self.spec.laws if self.representation == "probe" else frozenset({Law.SCALE_INVARIANT})

    def _unseen(self, target: Taught) -> NDArray[np.float64]:
        points = super()._unseen(target)
        if 0 < typical_square(points) < _FAR * np.mean(np.einsum("ij,ij->i", points, points)):
            raise MeasureError(
                "the features lie so far from 0 that LogME, which fits no intercept, sees nothing else",
                hint="subtract their mean, or see them through the source: representation=probe",
            )
        return points

    def seen(self, source: Taught, target: Taught) -> NDArray[np.float64]:
        # LogME fits no intercept. A network's features can form one themselves; a head's logits cannot, and carry an
        # offset that says where the source lies.
        seen = super().seen(source, target)
        return np.column_stack([seen - seen.mean(axis=0), np.ones(len(seen))])

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return logme(points, target.classes)


class Nleep(TransferScore):
    """LEEP with a Gaussian mixture in place of the head; similarity in (-inf, 0].

    Source: Li et al. 2021, arXiv:2011.11200.
    Raises MeasureError where the target has fewer images than the mixture Gaussians, or it does not converge.

    >>> points = np.array([[0.0], [2.0], [3.0], [5.0]])
    >>> target = Taught(points.astype(np.float32), np.array([0, 0, 1, 1]), np.zeros((1, 0)), np.zeros(0), seed=0)
    >>> round(Nleep(components=1).score(points, target), 2)
    -0.48
    """

    spec = NLEEP
    components: int

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        return nleep(points, target.classes, self.components, target.seed)

    def why_undefined(self, points: NDArray[np.float64], target: Taught) -> str:
        needed = self.components * len(np.unique(target.classes))
        if needed > len(points):
            return f"the target has {len(points)} images, fewer than the {needed} Gaussians: lower components"
        return "the Gaussian mixture does not converge on this target"


class Parc(TransferScore):
    """Rank correlation of feature and label distances; similarity in [-1, 1]. Raises MeasureError where undefined.

    Source: Bolya et al. 2021, arXiv:2111.06977.

    >>> points = np.array([[0.0, 1.0, 5.0], [0.0, 2.0, 5.0], [5.0, 1.0, 0.0], [5.0, 0.0, 3.0]])
    >>> target = Taught(points.astype(np.float32), np.array([0, 0, 1, 1]), np.zeros((3, 0)), np.zeros(0), seed=0)
    >>> round(Parc().score(points, target), 4)
    0.8281
    """

    spec = PARC
    images: int

    def seen(self, source: Taught, target: Taught) -> NDArray[np.float64]:
        # An image's correlation runs over its features: two logits have one, their single coordinate has none.
        return source.head.logits(target.points)

    def score(self, points: NDArray[np.float64], target: Taught) -> float:
        if len(points) <= self.images:
            return parc(points, target.classes)
        rng = np.random.default_rng(target.seed)
        chosen = np.sort(rng.choice(len(points), self.images, replace=False))
        return parc(points[chosen], target.classes[chosen])

    def why_undefined(self, points: NDArray[np.float64], target: Taught) -> str:
        return "an image of the target has the same value in all features, and so no correlation with others"
