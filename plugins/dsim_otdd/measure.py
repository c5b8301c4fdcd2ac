"""Optimal transport dataset distance: what is prepared once per dataset, and what a pair costs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, degree_of, digits_kept, finite_features, frame_of, refuse_other_dimension
from dsim.plugin import Law, MeasureError, Need, SimilarityMeasure, UsageError
from dsim.stats.frames import Frame, Points, typical_square, unit_of
from dsim.stats.otdd import Ground, NoTransportError, Sample, Transported, otdd, stratified, transport_within
from dsim_otdd.specs import OTDD

#: Inner distances that are made of class covariances.
_WITH_COVARIANCES = ("gaussian", "diagonal")

#: Costs below this share of the regularisation are its rounding.
_RESOLVED = 1e-9

Draws = Sequence[NDArray[np.intp]]


@dataclass(frozen=True)
class LabelledCloud:
    """A dataset's features and classes, and its transport to itself.

    Parameters
    ----------
    points : (n, d). codes : (n,), positions in ``classes``. chosen : (k,), the images that are compared.
    within_value, within_cost : of the chosen images' transport to themselves; NaN where it was not needed yet.
    seed : of the choice, so that resamples are chosen from in the same way.
    """

    points: Points
    codes: NDArray[np.int64]
    classes: tuple[str, ...]
    chosen: NDArray[np.int64]
    within_value: float
    within_cost: float
    seed: int


@dataclass(frozen=True)
class _Prepared:
    """A dataset ready to be compared: its sample, and what debiasing takes off."""

    sample: Sample
    within: Transported


class DatasetDistance(SimilarityMeasure[LabelledCloud]):
    """Optimal transport dataset distance; a distance, at least 0.

    Source: Alvarez-Melis and Fusi 2020, arXiv:2002.02923; debiasing: Feydy et al. 2019, arXiv:1810.08278.

    Raises UsageError for parameters that contradict each other; its methods raise MeasureError where a transport is not
    solved, or dimensions differ.

    >>> import dsim
    >>> near = np.arange(4, dtype=np.float32)[:, None]
    >>> pair = dsim.from_arrays(features=near, name="near"), dsim.from_arrays(features=near + 3, name="far")
    >>> matrix = dsim.compare(pair[:1], pair[1:], measure="otdd:labels=false,outer=exact", floor=False)
    >>> round(float(matrix.values[0, 0]), 4)
    4.5
    """

    spec = OTDD
    extractor: str
    labels: bool
    inner: str
    outer: str
    entreg: float
    p: int
    lambda_x: float
    lambda_y: float
    convention: str
    shrinkage: str
    shrinkage_weight: float
    size: int

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._refuse_contradictions()

    @property
    def needs(self) -> frozenset[Need]:
        return self.spec.needs if self.labels else self.spec.needs - {Need.LABELS}

    @property
    def laws(self) -> frozenset[Law]:
        if not self._exact:
            return self.spec.laws
        return self.spec.laws | {Law.SCALE_SQUARED if self.p == 2 else Law.SCALE_EQUIVARIANT}

    @property
    def _exact(self) -> bool:
        """Whether no transport is regularised."""
        return self.outer == "exact" and not (self.labels and self.inner == "sinkhorn")

    @property
    def ground(self) -> Ground:
        """The ground distance that the parameters describe."""
        shrinkage: float | str = {"none": 0.0, "fixed": self.shrinkage_weight}.get(self.shrinkage, self.shrinkage)
        return Ground(self.labels, self.inner, self.p, self.lambda_x, self.lambda_y, shrinkage, self.entreg)

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> LabelledCloud:
        points = finite_features(data, self.extractor)
        if self.size > len(points):
            raise MeasureError(
                f"{data.dataset.name!r} has {len(points)} images, fewer than size={self.size}",
                hint=f"choose a size that every dataset has: size={len(points)}",
            )
        labels = np.array(data.labels if self.labels else [""] * len(points))
        summary = self._cloud(points, labels, int(rng.integers(2**31)) if self.size else 0)
        prepared = self._prepare(summary)
        return replace(summary, within_value=prepared.within.value, within_cost=prepared.within.cost)

    def compare(self, source: LabelledCloud, target: LabelledCloud) -> float:
        return self._value(self._prepare(source), self._prepare(target))

    def compare_many(self, sources: Sequence[LabelledCloud], targets: Sequence[LabelledCloud]) -> NDArray[np.float64]:
        values = np.empty((len(sources), len(targets)))
        prepared = [self._prepare(target) for target in targets]
        for i, source in enumerate(sources):
            # One source at a time: all of them prepared would need twice the memory of the features.
            ready = self._prepare(source)
            values[i] = [self._value(ready, target) for target in prepared]
        return values

    def resample(self, summary: LabelledCloud, draw: NDArray[np.intp]) -> LabelledCloud:
        return self._cloud(summary.points[draw], np.array(summary.classes)[summary.codes[draw]], summary.seed)

    def merge(self, first: LabelledCloud, second: LabelledCloud) -> LabelledCloud:
        refuse_other_dimension(first.points.shape[1], second.points.shape[1])
        both = (first, second)
        labels = np.concatenate([np.array(summary.classes)[summary.codes] for summary in both])
        return self._cloud(np.concatenate([summary.points for summary in both]), labels, first.seed)

    def compare_resampled(
        self, source: LabelledCloud, target: LabelledCloud, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        pairs = zip(source_draws, target_draws, strict=True)
        return self._values((self.resample(source, i), self.resample(target, j)) for i, j in pairs)

    def compare_splits(
        self, whole: LabelledCloud, splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> NDArray[np.float64]:
        return self._values((self.resample(whole, one), self.resample(whole, other)) for one, other in splits)

    def remark(self, summary: LabelledCloud) -> str:
        remarks = []
        if self.size:
            remarks.append(f"{len(summary.chosen)} of {len(summary.points)} images are compared (size={self.size})")
        if self.labels and len(summary.classes) == 1:
            remarks.append(f"all images are of one class, {summary.classes[0]!r}")
        counts = np.bincount(summary.codes[summary.chosen], minlength=len(summary.classes))
        single = [name for name, count in zip(summary.classes, counts, strict=True) if count == 1]
        if self.labels and self.inner in _WITH_COVARIANCES and single:
            remarks.append(f"classes of one image are points without extent: {', '.join(single)}")
        return "; ".join(remarks)

    def _cloud(self, points: Points, labels: NDArray[np.str_], seed: int) -> LabelledCloud:
        """A summary without its transport to itself."""
        classes, codes = np.unique(labels, return_inverse=True)
        codes = codes.astype(np.int64)
        # Resamples, halves among them, may hold fewer images than a dataset must.
        size = min(self.size, len(points))
        chosen = stratified(codes, size, np.random.default_rng(seed)) if size else np.arange(len(points))
        names = tuple(str(name) for name in classes)
        return LabelledCloud(points, codes, names, chosen.astype(np.int64), math.nan, math.nan, seed)

    def _prepare(self, summary: LabelledCloud) -> _Prepared:
        codes = summary.codes[summary.chosen]
        # The choice may have left classes out.
        codes = np.unique(codes, return_inverse=True)[1] if self.size else codes
        sample = Sample(summary.points[summary.chosen] if self.size else summary.points, codes, self.ground)
        if self.outer != "debiased":
            return _Prepared(sample, Transported(0.0, 0.0))
        if math.isfinite(summary.within_value):
            return _Prepared(sample, Transported(summary.within_value, summary.within_cost))
        if not unit_of(sample.points).ordinary:
            raise MeasureError(
                f"features reach {float(np.abs(sample.points).max()):.1g}, too far from entreg={self.entreg:g}",
                hint="give features of about 1, or outer=exact",
            )
        try:
            found = transport_within(sample)
        except NoTransportError as error:
            raise _unsolved(error) from None
        return _Prepared(sample, Transported(found.value, found.cost))

    def _value(self, source: _Prepared, target: _Prepared) -> float:
        refuse_other_dimension(source.sample.points.shape[1], target.sample.points.shape[1])
        frame = frame_of(self.laws, source.sample.points, target.sample.points)
        samples = [_placed(each.sample, frame) for each in (source, target)]
        if not self._exact:
            self._refuse_below_entreg(samples[0].points, samples[1].points)
        try:
            found = otdd(samples[0], samples[1], outer=self.outer, within=(source.within, target.within))
        except NoTransportError as error:
            raise _unsolved(error) from None
        with digits_kept():
            return frame.restore(found.plain if self.convention == "plain" else found.value, degree_of(self.laws))

    def _refuse_below_entreg(self, source: Points, target: Points) -> None:
        """Raise MeasureError where the regularisation is so far above the costs that its rounding hides them."""
        typical = typical_square(source, target) ** (self.p / 2)
        weight = max(self.lambda_x, self.lambda_y) if self.labels else self.lambda_x
        if 0 < typical * weight < _RESOLVED * self.entreg:
            raise MeasureError(
                f"costs are about {typical * weight:.1g}, so far below entreg={self.entreg:g} that rounding hides them",
                hint="give features of about 1, a smaller entreg, or outer=exact, which needs none",
            )

    def _values(self, pairs: Iterable[tuple[LabelledCloud, LabelledCloud]]) -> NDArray[np.float64]:
        """Values of resampled pairs; NaN where one has none, which must not take the others along."""
        values = []
        for source, target in pairs:
            try:
                values.append(self.compare(source, target))
            except MeasureError:
                values.append(math.nan)
        return np.array(values, dtype=np.float64)

    def _refuse_contradictions(self) -> None:
        changed = self._changed()
        for idle, names, why, hint in self._idle():
            vain = [name for name in names if name in changed]
            if idle and vain:
                raise UsageError(f"otdd: {vain[0]} changes nothing {why}", hint=hint)
        if self.labels and self.p == 1 and self.inner in _WITH_COVARIANCES:
            raise UsageError(
                f"otdd: the distance of Gaussians (inner={self.inner}) is known for p = 2 only",
                hint="with p=1 choose inner=means, inner=exact or inner=sinkhorn, or labels=false",
            )
        if not self.lambda_x and not (self.labels and self.lambda_y):
            raise UsageError("otdd: both weights are 0, so everything would be equal", hint="leave one above 0")

    def _idle(self) -> Iterable[tuple[bool, tuple[str, ...], str, str]]:
        """Parameters that nothing reads: when, which, why, and what to do."""
        of_labels = ("inner", "lambda_y", "shrinkage", "shrinkage_weight")
        yield not self.labels, of_labels, "with labels=false", "leave it out, or labels=true"
        other = self.inner not in _WITH_COVARIANCES
        yield other, ("shrinkage",), f"with inner={self.inner}, which has no covariances", "inner=gaussian or diagonal"
        yield self.shrinkage != "fixed", ("shrinkage_weight",), f"with shrinkage={self.shrinkage}", "shrinkage=fixed"
        exact = self.outer == "exact" and self.inner != "sinkhorn"
        yield exact, ("entreg",), "with outer=exact", "leave it out, or outer=debiased"


def _placed(sample: Sample, frame: Frame) -> Sample:
    return sample if frame.ordinary else Sample(frame.place(sample.points), sample.codes, sample.ground)


def _unsolved(error: NoTransportError) -> MeasureError:
    return MeasureError(str(error), hint="a larger entreg converges sooner; outer=exact needs none")
