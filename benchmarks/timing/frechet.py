"""Fréchet distance beside torch-fidelity and torchmetrics, in one run, with both values.

    python benchmarks/timing/frechet.py

A dataset's own part (moments, and their factorisation) is shared by all its pairs. "in 20 pairs" is the time of a pair
and a twentieth of that of either dataset, for both sides: torch-fidelity keeps statistics too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rows import Row, race, show
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torchmetrics.image.fid import FrechetInceptionDistance

from dsim.data.memory import from_arrays
from dsim.rng import stream
from dsim.runtime import Runtime
from dsim.view import DatasetView
from dsim_distributions.frechet import FrechetDistance

DIMENSION, MANY, FEW, PAIRS = 512, 5000, 300, 20
REPEATS = 5

Features = NDArray[np.float32]


def relu_features(n: int, seed: int) -> Features:
    """The features of the reference values: rectified Gaussians of different scales, float32 (n, DIMENSION)."""
    rng = np.random.default_rng(seed)
    scales = np.exp(0.5 * rng.standard_normal(DIMENSION))
    return np.maximum(rng.standard_normal((n, DIMENSION)) * scales, 0).astype("f4")


class Ours:
    """dsim's measure on features at hand, without caches."""

    def __init__(self) -> None:
        self.measure = FrechetDistance()

    def summary(self, features: Features) -> Any:
        data = from_arrays(features=features)
        return self.measure.summarise(DatasetView(data, self.measure.needs, "benchmark", Runtime()), stream(0))

    def distance(self, source: Any, target: Any) -> float:
        return self.measure.compare(source, target)


class TorchFidelity:
    """The same two steps."""

    def summary(self, features: Features) -> Any:
        return fid_features_to_statistics(torch.from_numpy(features))

    def distance(self, source: Any, target: Any) -> float:
        return float(fid_statistics_to_metric(source, target, verbose=False)["frechet_inception_distance"])


class Given(torch.nn.Module):
    """A network for torchmetrics that returns the features it is given."""

    num_features = DIMENSION

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


def torchmetrics_distance(source: Features, target: Features) -> float:
    metric = FrechetInceptionDistance(feature=Given(), input_img_size=(DIMENSION,)).set_dtype(torch.float64)
    for features, real in ((source, True), (target, False)):
        metric.update(torch.from_numpy(features), real=real)
    return float(metric.compute())


def alone(side: Ours | TorchFidelity, source: Features, target: Features) -> Callable[[], float]:
    return lambda: side.distance(side.summary(source), side.summary(target))


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def shared(source: Features, target: Features) -> Row:
    """The time of one pair where each dataset takes part in PAIRS."""
    sides: tuple[Ours | TorchFidelity, ...] = (Ours(), TorchFidelity())
    summaries = [(side.summary(source), side.summary(target)) for side in sides]
    values = [side.distance(*both) for side, both in zip(sides, summaries, strict=True)]
    times: list[list[float]] = [[], []]
    for _ in range(REPEATS):
        for side, both, taken in zip(sides, summaries, times, strict=True):
            own = seconds(lambda side=side: (side.summary(source), side.summary(target)))
            taken.append(own / PAIRS + seconds(lambda side=side, both=both: side.distance(*both)))
    ours, theirs = map(median, times)
    work = f"one of {PAIRS} pairs of each dataset, {MANY} x {DIMENSION}"
    difference = abs(values[0] - values[1]) / values[1]
    return Row("frechet", work, "torch-fidelity, statistics kept", theirs, ours, difference, aim=3.0)


def rows() -> list[Row]:
    """All races."""
    source, target = relu_features(MANY, 0), relu_features(MANY, 1)
    few = source[:FEW], target[:FEW]
    ours, theirs = Ours(), TorchFidelity()
    many_pair, few_pair = f"one pair alone, {MANY} x {DIMENSION}", f"one pair alone, {FEW} x {DIMENSION}"
    return [
        shared(source, target),
        race("frechet", many_pair, "torch-fidelity", alone(ours, source, target), alone(theirs, source, target)),
        race(
            "frechet",
            many_pair,
            "torchmetrics",
            alone(ours, source, target),
            lambda: torchmetrics_distance(source, target),
        ),
        race("frechet", few_pair, "torch-fidelity", alone(ours, *few), alone(theirs, *few)),
    ]


def main() -> None:
    show(rows())


if __name__ == "__main__":
    main()
