"""Sound measures: one that passes every check of the conformance kit, and variants that each use one more freedom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.plugin import Direction, Law, MeasureSpec, Need, Parameter, SimilarityMeasure

SOUND = MeasureSpec(
    name="mean-shift",
    version=1,
    title="Distance of the mean features",
    factory="sound_measures:MeanShift",
    needs=frozenset({Need.FEATURES}),
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=True,
    formula="|mean x - mean y|",
    cost="n d",
    references=("this test",),
    min_samples=1,
    bounds=(0.0, float("inf")),
    resamples=True,
    two_sample=True,
    embeds=True,
    parameters=(
        Parameter("power", "float", 1.0, "exponent of the distance", minimum=0.0),
        Parameter("scale", "str", "none", "what features are divided by", choices=("none", "ten")),
    ),
    presets={"squared": {"power": 2.0}},
)


@dataclass(frozen=True)
class Cloud:
    """Features, float64 (n, d)."""

    features: NDArray[np.float64]


class MeanShift(SimilarityMeasure[Cloud]):
    """Sound: passes every check that applies to it."""

    spec = SOUND
    power: float
    scale: str

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        features = data.features("unused").astype(np.float64)
        return Cloud(features / 10 if self.scale == "ten" else features)

    def centre(self, summary: Cloud) -> NDArray[np.float64]:
        return summary.features.mean(axis=0)

    def compare(self, source: Cloud, target: Cloud) -> float:
        return float(np.linalg.norm(self.centre(source) - self.centre(target)) ** self.power)

    def resample(self, summary: Cloud, draw: NDArray[np.intp]) -> Cloud:
        return Cloud(summary.features[draw])

    def merge(self, first: Cloud, second: Cloud) -> Cloud:
        return Cloud(np.concatenate([first.features, second.features]))

    def embedding(self, summary: Cloud) -> NDArray[np.float64]:
        return summary.features[:, :2]


class Lawful(MeanShift):
    """Sound, and says how its values follow shifts and scales."""

    spec = replace(SOUND, factory="sound_measures:Lawful", laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_EQUIVARIANT}))


class Subsampled(MeanShift):
    """Sound and stochastic: looks at half of the samples."""

    spec = replace(
        SOUND, factory="sound_measures:Subsampled", min_samples=2, resamples=False, two_sample=False, embeds=False
    )

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        features = super().summarise(data, rng).features
        return Cloud(rng.permutation(features)[: max(1, len(features) // 2)])


class PoolScaled(MeanShift):
    """Sound, and fitted: features in units of the pool's standard deviation."""

    spec = replace(SOUND, factory="sound_measures:PoolScaled", fits_pool=True)

    def fit(self, pool: Sequence[DatasetView], rng: np.random.Generator) -> None:
        self.deviation = float(np.concatenate([view.features("unused") for view in pool]).std())

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        return Cloud(super().summarise(data, rng).features / self.deviation)


class HelpedByLabels(MeanShift):
    """Sound: reads labels where there are any, and says so."""

    spec = replace(SOUND, factory="sound_measures:HelpedByLabels")

    @property
    def optional(self) -> frozenset[Need]:
        return frozenset({Need.LABELS})

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        cloud = super().summarise(data, rng)
        return Cloud(cloud.features * len(set(data.labels))) if data.has(Need.LABELS) else cloud


class LabelsWhereWeighted(MeanShift):
    """Sound: its spec names labels, which only one of its parameters reads."""

    spec = replace(SOUND, factory="sound_measures:LabelsWhereWeighted", needs=frozenset({Need.FEATURES, Need.LABELS}))

    @property
    def needs(self) -> frozenset[Need]:
        return self.spec.needs if self.scale == "ten" else frozenset({Need.FEATURES})

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cloud:
        features = super().summarise(data, rng).features
        return Cloud(features * len(set(data.labels))) if self.scale == "ten" else Cloud(features)
