"""Features that are given to both sides of a race, without images and without caches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dsim.data import from_arrays
from dsim.measures import DatasetView, SimilarityMeasure
from dsim.random import stream
from dsim.runtime import Runtime

DIMENSION = 512

Features = NDArray[np.float32]


def relu_features(n: int, seed: int) -> Features:
    """The features of the reference values: rectified Gaussians of different scales, float32 (n, DIMENSION)."""
    rng = np.random.default_rng(seed)
    scales = np.exp(0.5 * rng.standard_normal(DIMENSION))
    return np.maximum(rng.standard_normal((n, DIMENSION)) * scales, 0).astype("f4")


def summary(measure: SimilarityMeasure[Any], features: Features, labels: list[str] | None = None) -> Any:
    """The summary of a dataset given as features, and labels."""
    data = from_arrays(features=features, labels=labels)
    return measure.summarise(DatasetView(data, measure.needs, "benchmark", Runtime()), stream(0))


class Given(torch.nn.Module):
    """A network for torchmetrics that returns the features it is given."""

    num_features = DIMENSION

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features
