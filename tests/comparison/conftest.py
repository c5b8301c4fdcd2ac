"""A small feature measure that counts its own work, and datasets whose distances are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.plugin import Direction, MeasureError, MeasureSpec, Need, Parameter, SimilarityMeasure


@dataclass(frozen=True)
class Points:
    values: np.ndarray


GAP = MeasureSpec(
    name="gap",
    version=1,
    title="distance of means",
    factory="unused:unused",
    needs=frozenset({Need.FEATURES}),
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=True,
    resamples=True,
    formula="|mean(x) - mean(y)|",
    cost="n d",
    references=("closed form",),
    bounds=(0, np.inf),
    parameters=(Parameter("scale", "float", 1.0, "factor"),),
)


class Gap(SimilarityMeasure[Points]):
    """Euclidean distance of the mean features; ``log`` records every piece of work."""

    spec = GAP
    scale: float

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.log: list[str] = []

    def summarise(self, data: Any, rng: np.random.Generator) -> Points:
        self.log.append("summarise")
        features = data.features("unused")
        if (features == features[0]).all() and len(features) > 1:
            raise MeasureError("all features are constant")
        return Points(features.astype(np.float64))

    def compare(self, source: Points, target: Points) -> float:
        self.log.append("compare")
        return float(self.scale * np.linalg.norm(source.values.mean(0) - target.values.mean(0)))

    def resample(self, summary: Points, draw: np.ndarray) -> Points:
        return Points(summary.values[draw])


@pytest.fixture
def gap() -> Gap:
    return Gap()


@pytest.fixture
def gap_class() -> type[Gap]:
    return Gap


@pytest.fixture
def gap_of_two() -> type[Gap]:
    """The same as a statistic of two samples."""

    class GapOfTwo(Gap):
        spec = replace(GAP, two_sample=True)

        def merge(self, first: Points, second: Points) -> Points:
            return Points(np.concatenate([first.values, second.values]))

    return GapOfTwo


@pytest.fixture
def line() -> Callable[[Sequence[float]], list[Dataset]]:
    """Datasets on a line: each a tight cloud (spread 0.1) around its position, so the order of distances is known."""

    def build(positions: Sequence[float], n: int = 20, spread: float = 0.1, **more: Any) -> list[Dataset]:
        rng = np.random.default_rng(0)
        return [
            from_arrays(features=np.c_[p + spread * rng.standard_normal(n), np.zeros(n)], name=f"at{p:g}", **more)
            for p in positions
        ]

    return build
