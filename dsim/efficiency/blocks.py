"""Draws of one count, computed together: one reduction of a draw for all classifiers, one training for all layers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.efficiency.classifiers import PREDICTORS
from dsim.efficiency.curve import Predictions
from dsim.efficiency.draws import Draws
from dsim.efficiency.linear_layer import predict_linear
from dsim.efficiency.reduction import fit_reduction

#: Draws that are computed, and kept, together.
BLOCK = 10


@dataclass(frozen=True)
class Block:
    """Draws ``first`` to ``last`` (not included) of one count, and the classifiers that lack."""

    count: int
    first: int
    last: int
    classifiers: tuple[str, ...]


@dataclass(frozen=True)
class Numbers:
    """Features float32 (n, d) and (t, d) of both sides, classes (n,) of the training side, and how they are seen."""

    training: NDArray[np.float32]
    classes: NDArray[np.intp]
    test: NDArray[np.float32]
    order: str
    seed: int


def block_ranges(repeats: int) -> list[tuple[int, int]]:
    """Return the first and the last draw (not included) of each block.

    >>> block_ranges(25)
    [(0, 10), (10, 20), (20, 25)]
    """
    return [(first, min(first + BLOCK, repeats)) for first in range(0, repeats, BLOCK)]


def draws_are_one(draws: Draws, count: int, classifier: str) -> bool:
    """Return whether all repeats give one answer: every image is drawn. Layers differ by their validation images."""
    return draws.whole(count) and classifier != "linear"


def predict_block(
    block: Block, draws: Sequence[NDArray[np.intp]], numbers: Numbers
) -> tuple[Block, dict[str, tuple[Predictions, float]]]:
    """Return the predictions, (draws, t), of each classifier, and the processor's seconds that it took.

    Where the block is the first of a count that takes every image, classifiers but the layer get its first draw only.
    On one thread, whatever the number of processes: sums of several threads may differ in the last bit.
    """
    from threadpoolctl import threadpool_limits

    found: dict[str, tuple[Any, float]] = {}
    with threadpool_limits(1):
        plain = [name for name in block.classifiers if name != "linear"]
        if plain:
            found.update(_predict_plain(plain, _distinct(draws), numbers))
        if "linear" in block.classifiers:
            began = time.process_time()
            keys = [f"{numbers.seed} {repeat}" for repeat in range(block.first, block.last)]
            predicted = predict_linear(numbers.training, numbers.classes, draws, numbers.test, keys)
            found["linear"] = predicted, time.process_time() - began
    kind = np.uint8 if numbers.classes.max() < 256 else np.uint16
    return block, {name: (predicted.astype(kind), seconds) for name, (predicted, seconds) in found.items()}


def _distinct(draws: Sequence[NDArray[np.intp]]) -> Sequence[NDArray[np.intp]]:
    """The draws; one of them where all are the same images."""
    return draws[:1] if all(np.array_equal(draws[0], draw) for draw in draws) else draws


def _predict_plain(names: Sequence[str], draws: Sequence[NDArray[np.intp]], numbers: Numbers) -> dict[str, Any]:
    """Predictions of the classifiers that share one reduction per draw, whose time counts for each."""
    test = numbers.test.astype(np.float64)
    predicted: dict[str, list[Any]] = {name: [] for name in names}
    seconds = dict.fromkeys(names, 0.0)
    for draw in draws:
        began = time.process_time()
        training = numbers.training[draw].astype(np.float64)
        reduction = fit_reduction(training, numbers.order)
        seen, judged = reduction.apply(training), reduction.apply(test)
        shared = time.process_time() - began
        for name in names:
            began = time.process_time()
            predicted[name].append(PREDICTORS[name](seen, numbers.classes[draw], judged, numbers.order))
            seconds[name] += shared + time.process_time() - began
    return {name: (np.stack(predicted[name]), seconds[name]) for name in names}
