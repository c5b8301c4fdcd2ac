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

import torch
from features import DIMENSION, Features, Given, relu_features, summary
from rows import Row, race, show
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torchmetrics.image.fid import FrechetInceptionDistance

from dsim_distributions.frechet import FrechetDistance

MANY, FEW, PAIRS = 5000, 300, 20
REPEATS = 5


class Ours:
    """dsim's measure on features at hand, without caches."""

    def __init__(self) -> None:
        self.measure = FrechetDistance()

    def summary(self, features: Features) -> Any:
        return summary(self.measure, features)

    def distance(self, source: Any, target: Any) -> float:
        return self.measure.compare(source, target)


class TorchFidelity:
    """The same two steps."""

    def summary(self, features: Features) -> Any:
        return fid_features_to_statistics(torch.from_numpy(features))

    def distance(self, source: Any, target: Any) -> float:
        return float(fid_statistics_to_metric(source, target, verbose=False)["frechet_inception_distance"])


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
