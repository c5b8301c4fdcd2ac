"""Deliberately broken measures, at least one per check of the conformance kit, each a sound one with one defect.

``SPECIMENS`` maps the name of a check to the classes that exactly this check must catch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sound_measures import SOUND, Cloud, HelpedByLabels, MeanShift

from dsim.errors import WeightsError
from dsim.measures import DatasetView
from dsim.plugin import Direction, Law, MeasureError, Need, Parameter, SimilarityMeasure

M = TypeVar("M", bound=SimilarityMeasure[Any])

SPECIMENS: dict[str, list[type[SimilarityMeasure[Any]]]] = {}


def caught_by(check: str, **declared: Any) -> Callable[[type[M]], type[M]]:
    """Register a broken measure, and give it a spec that differs from the sound one in ``declared``."""

    def register(cls: type[M]) -> type[M]:
        cls.spec = replace(SOUND, **{"factory": f"broken_measures:{cls.__name__}", **declared})
        SPECIMENS.setdefault(check, []).append(cls)
        return cls

    return register


@caught_by("spec", formula=" ")
class WithoutFormula(MeanShift): ...


@caught_by("spec", references=())
class WithoutReferences(MeanShift): ...


@caught_by("spec", references=["a list"])
class ListsReferences(MeanShift): ...


@caught_by("spec", needs=frozenset())
class NeedsNothing(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        return Cloud(np.asarray(data.dataset.features, dtype=np.float64))


@caught_by("parameters", parameters=(Parameter("power", "float", 1.0, ""), SOUND.parameters[1]))
class WithoutHelp(MeanShift): ...


@caught_by("parameters", presets={"wild": {"strength": 2.0}})
class PresetOfNothing(MeanShift): ...


@caught_by("parameters", parameters=(Parameter("power", "float", 1, "an exponent", minimum=2.0), SOUND.parameters[1]))
class DefaultOutOfRange(MeanShift): ...


@caught_by("factory", factory="broken_measures:NoSuchClass")
class FactoryOfNothing(MeanShift): ...


@caught_by("factory", title="Another than MeanShift declares", factory="sound_measures:MeanShift")
class FactoryOfAnother(MeanShift): ...


@caught_by("unknown-parameter")
class Swallows(MeanShift):
    def __init__(self, **params: Any) -> None:
        super().__init__(**{name: value for name, value in params.items() if name in ("power", "scale")})


@caught_by("works")
class Raises(MeanShift):
    def compare(self, source: Cloud, target: Cloud) -> float:
        raise ZeroDivisionError("on an ordinary day")


@caught_by("works")
class OutOfReach(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        raise WeightsError("weights net.safetensors cannot be reached", hint="--weights FILE")


@caught_by("works")
class Infinite(MeanShift):
    def compare(self, source: Cloud, target: Cloud) -> float:
        return float("inf")


@caught_by("missing-need", needs=frozenset({Need.FEATURES, Need.LABELS}))
class DemandsInVain(MeanShift): ...


@caught_by("too-few-samples")
class Crowded(MeanShift):
    """Cannot do with the one sample that it says suffices."""

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        if len(data) < 3:
            raise IndexError("index 2 is out of bounds")
        return super().summarise(data, rng)


@caught_by("nan-input")
class Overlooks(MeanShift):
    def centre(self, summary: Cloud) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = np.nanmean(summary.features, axis=0)
        return mean


@caught_by("degenerate-input")
class DividesBySpread(MeanShift):
    def compare(self, source: Cloud, target: Cloud) -> float:
        spread = source.features.std(axis=0).mean() + target.features.std(axis=0).mean()
        return float(super().compare(source, target) / spread)


@caught_by("degenerate-input")
class CrashesOnConstants(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        cloud = super().summarise(data, rng)
        if len(data) > 1 and not np.ptp(cloud.features, axis=0).any():
            np.linalg.inv(np.cov(cloud.features.T))
        return cloud


@caught_by("bounds", bounds=(0.0, 7.0))
class BoundsTooNarrow(MeanShift): ...


@caught_by("self-comparison")
class BroadIsFar(MeanShift):
    """The mean distance over all pairs of samples: a broad dataset is nearer to a compact one than to itself."""

    def compare(self, source: Cloud, target: Cloud) -> float:
        differences = source.features[:, None] - target.features[None]
        return float(np.linalg.norm(differences, axis=2).mean())


@caught_by("symmetry")
class Lopsided(MeanShift):
    def compare(self, source: Cloud, target: Cloud) -> float:
        return super().compare(source, target) * (1 + 1e-3 * float(np.abs(self.centre(source)).max()))


@caught_by("symmetry", symmetric=False)
class SymmetricAfterAll(MeanShift): ...


@caught_by("direction", direction=Direction.SIMILARITY, self_is_optimal=False)
class WrongWayRound(MeanShift): ...


@caught_by("monotone")
class Scrambled(MeanShift):
    """Near is nearer than far, but what lies between is out of order."""

    def compare(self, source: Cloud, target: Cloud) -> float:
        distance = super().compare(source, target)
        return distance if distance < 2.2 or distance > 6.5 else 6.0 - 0.5 * distance


@caught_by("needs")
class PeeksAtLabels(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        labels = data.dataset.labels
        return Cloud(super().summarise(data, rng).features + (0 if labels is None else len(set(labels))))


@caught_by("needs")
class AsksForLabels(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        if data.dataset.labels is not None:
            assert data.labels
        return super().summarise(data, rng)


@caught_by("needs")
class PeeksBesideWhatIsOptional(HelpedByLabels):
    """Reads more than the labels that it names, but only where there are labels."""

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        more = len(data.dataset.attributes) if data.has(Need.LABELS) else 0
        return Cloud(super().summarise(data, rng).features + more)


@caught_by("needs")
class NeedsMoreThanItsSpec(MeanShift):
    @property
    def needs(self) -> frozenset[Need]:
        return frozenset({Need.FEATURES, Need.LABELS})

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        assert data.labels
        return super().summarise(data, rng)


@caught_by("order")
class FirstTen(MeanShift):
    def centre(self, summary: Cloud) -> NDArray[np.float64]:
        return summary.features[:10].mean(axis=0)


@caught_by("batch-size")
class MeanOfBatchMeans(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        features = super().summarise(data, rng).features
        size = data.runtime.batch
        if len(features) <= size:
            return Cloud(features)
        return Cloud(np.stack([features[i : i + size].mean(axis=0) for i in range(0, len(features), size)]))


@caught_by("duplication", min_samples=2)
class Unbiased(MeanShift):
    def centre(self, summary: Cloud) -> NDArray[np.float64]:
        return summary.features.sum(axis=0) / (len(summary.features) - 1)


@caught_by("vectorised")
class Transposed(MeanShift):
    def compare_many(self, sources: Sequence[Cloud], targets: Sequence[Cloud]) -> NDArray[np.float64]:
        return super().compare_many(targets, sources)


@caught_by("vectorised")
class VectorisedHalf(MeanShift):
    def compare_many(self, sources: Sequence[Cloud], targets: Sequence[Cloud]) -> NDArray[np.float64]:
        return super().compare_many(sources, targets) / 2


@caught_by("spec", laws=frozenset({Law.SCALE_INVARIANT, Law.SCALE_EQUIVARIANT}))
class InvariantAndEquivariant(MeanShift): ...


@caught_by("spec", laws=frozenset({"shift-invariant"}))
class LawInWords(MeanShift): ...


@caught_by("shift", laws=frozenset({Law.SHIFT_INVARIANT}))
class FarFromTheOrigin(MeanShift):
    """Multiplies out what cancels."""

    def compare(self, source: Cloud, target: Cloud) -> float:
        x, y = self.centre(source), self.centre(target)
        return float(np.sqrt(np.maximum(x @ x + y @ y - 2 * x @ y, 0.0)))


@caught_by("scale", laws=frozenset({Law.SCALE_EQUIVARIANT}))
class AbsoluteTolerance(MeanShift):
    """Takes small differences for none."""

    def compare(self, source: Cloud, target: Cloud) -> float:
        distance = super().compare(source, target)
        return 0.0 if distance < 1e-8 else distance


@caught_by("scale", laws=frozenset({Law.SCALE_SQUARED}))
class SquaresInWords(MeanShift): ...


@caught_by("extremes")
class SinglePrecision(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        with np.errstate(over="ignore"):
            return Cloud(np.float32(super().summarise(data, rng).features).astype(np.float64))


@caught_by("outlier")
class MovesAndMovesBack(MeanShift):
    """Its medians are far from all images where one of these is."""

    def centre(self, summary: Cloud) -> NDArray[np.float64]:
        far = np.abs(summary.features).max()
        return np.asarray(np.median(summary.features + far, axis=0) - far)


@caught_by("resampling", two_sample=False)
class ResamplesNothing(MeanShift):
    def resample(self, summary: Cloud, draw: NDArray[np.intp]) -> Cloud:
        return summary


@caught_by("resampling", two_sample=False)
class ResamplesOthers(MeanShift):
    def resample(self, summary: Cloud, draw: NDArray[np.intp]) -> Cloud:
        return Cloud(summary.features[draw // 2])


@caught_by("resampling", two_sample=False)
class ResamplesNot(MeanShift):
    def resample(self, summary: Cloud, draw: NDArray[np.intp]) -> Cloud:
        raise MeasureError("cannot be resampled")


@caught_by("merging")
class MergesNot(MeanShift):
    merge = SimilarityMeasure.merge


@caught_by("merging", resamples=False)
class SplitsNot(MeanShift):
    resample = SimilarityMeasure.resample

    def compare_splits(self, whole: Cloud, splits: Any) -> NDArray[np.float64]:
        pairs = ((Cloud(whole.features[one]), Cloud(whole.features[other])) for one, other in splits)
        return np.array([self.compare(*pair) for pair in pairs])


@caught_by("merging")
class MergesInTurns(MeanShift):
    """Holds all images, but not the first dataset's before the second's."""

    def merge(self, first: Cloud, second: Cloud) -> Cloud:
        merged = super().merge(first, second).features
        return Cloud(np.concatenate([merged[::2], merged[1::2]]))


@dataclass(frozen=True)
class CloudAndCentre(Cloud):
    """Features, and their mean, float64 (d,)."""

    mean: NDArray[np.float64]


@caught_by("merging")
class KeepsTheFirstMean(SimilarityMeasure[CloudAndCentre]):
    """Keeps the mean of the first dataset for both."""

    spec = SOUND
    scale: str
    power: float

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> CloudAndCentre:
        return self._of(MeanShift(scale=self.scale).summarise(data, rng).features)

    def _of(self, features: NDArray[np.float64]) -> CloudAndCentre:
        return CloudAndCentre(features, features.mean(axis=0))

    def compare(self, source: CloudAndCentre, target: CloudAndCentre) -> float:
        return float(np.linalg.norm(source.mean - target.mean) ** self.power)

    def resample(self, summary: CloudAndCentre, draw: NDArray[np.intp]) -> CloudAndCentre:
        return self._of(summary.features[draw])

    def merge(self, first: CloudAndCentre, second: CloudAndCentre) -> CloudAndCentre:
        return CloudAndCentre(np.concatenate([first.features, second.features]), first.mean)

    def embedding(self, summary: CloudAndCentre) -> NDArray[np.float64]:
        return summary.features[:, :2]


@caught_by("splitting")
class SplitsIntoOthers(MeanShift):
    def compare_splits(self, whole: Cloud, splits: Any) -> NDArray[np.float64]:
        return super().compare_splits(whole, [(one, one) for one, _ in splits])


@caught_by("splitting")
class OneValueForAllSplits(MeanShift):
    def compare_splits(self, whole: Cloud, splits: Any) -> NDArray[np.float64]:
        return super().compare_splits(whole, splits[:1])


@caught_by("determinism")
class Unseeded(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        noise = np.random.default_rng().normal(scale=1e-4)
        return Cloud(super().summarise(data, rng).features + noise)


@caught_by("global-random-state")
class Global(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        np.random.shuffle(np.arange(3))  # noqa: NPY002 the defect itself
        return super().summarise(data, rng)


@caught_by("inputs-unmutated")
class WritesIntoSummary(MeanShift):
    def compare(self, source: Cloud, target: Cloud) -> float:
        source.features[:] = source.features
        return super().compare(source, target)


@caught_by("inputs-unmutated", resamples=False)
class ReversesDataset(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        given = data.dataset.features
        assert given is not None
        given.flags.writeable = True
        given[:] = given[::-1].copy()
        return super().summarise(data, rng)


@caught_by("written-form")
class Nameless(MeanShift):
    def __repr__(self) -> str:
        return "MeanShift()"


@caught_by("written-form")
class ForgetsParameters(MeanShift):
    def __repr__(self) -> str:
        return self.spec.name


@dataclass(frozen=True)
class Bag(Cloud):
    """Features, and what no file can hold."""

    labels: frozenset[str] = frozenset({"a"})


@caught_by("kept-summary")
class CannotBeKept(MeanShift):
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        return Bag(super().summarise(data, rng).features)


@caught_by("matrix", needs=frozenset({Need.IMAGES}))
class NamesNoExtractor(MeanShift):
    """Gives values alone, but the engine cannot tell which features they rest on."""

    def extractors(self) -> tuple[str, ...]:
        return ("no-such-kind:thing",)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        return Cloud(np.array([[image.mean(), image.std()] for image in data.images()]))


@caught_by("embedding")
class FlatEmbedding(MeanShift):
    def embedding(self, summary: Cloud) -> NDArray[np.float64]:
        return summary.features[:, 0]
