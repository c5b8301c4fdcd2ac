"""A tiny probe with random weights, and small labelled datasets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.measures import DatasetView, SimilarityMeasure, build_measure
from dsim.random import stream
from dsim.runtime import Runtime
from dsim_task2vec.measure import TaskEmbedding

PROBE = "timm:test_resnet[init=random:0,transform=square@1[side=32]]"

Embed = Callable[..., TaskEmbedding]


@pytest.fixture
def probe() -> str:
    """A residual network of a few thousand weights."""
    return PROBE


def labelled(name: str = "cells", count: int = 9, classes: int = 3, seed: int = 0, **changes: Any) -> Dataset:
    """Noise whose contrast is the class: classes differ, and a head can tell them apart only in part."""
    rng = np.random.default_rng([seed, count])
    codes = np.arange(count) % classes
    images = 128 + (20 + 12 * codes[:, None, None, None]) * rng.standard_normal((count, 32, 32, 3))
    labels = [f"class {code}" for code in codes]
    given = {"images": np.clip(images, 0, 255).astype(np.uint8), "labels": labels, **changes}
    return from_arrays(name=name, **given)


@pytest.fixture
def task() -> Callable[..., Dataset]:
    """``task(name, count, classes, seed)`` makes a labelled dataset."""
    return labelled


@pytest.fixture
def embed() -> Embed:
    """``embed(dataset, "task2vec:...")`` gives the embedding by the tiny probe; ``batch`` images pass it at once."""

    def run(dataset: Dataset, call: str = "task2vec", *, batch: int = 64, seed: int = 0) -> TaskEmbedding:
        measure = tiny(call)
        view = DatasetView(dataset, measure.needs, "task2vec", Runtime(device="cpu", batch=batch), measure.optional)
        found = measure.summarise(view, stream(seed, view.fingerprint, "summarise"))
        assert isinstance(found, TaskEmbedding)
        return found

    return run


def tiny(call: str) -> SimilarityMeasure[Any]:
    """The measure with the tiny probe."""
    return build_measure(f"{call}{',' if ':' in call else ':'}probe={PROBE}")


@pytest.fixture
def tiny_measure() -> Callable[[str], SimilarityMeasure[Any]]:
    """``tiny_measure("task2vec:...")`` is that measure with the tiny probe."""
    return tiny
