"""Small matrices and truths, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dsim.measures import SimilarityMatrix
from dsim.registry import Direction
from dsim.truth import TransferMatrix


def names(letter: str, count: int) -> tuple[str, ...]:
    return tuple(f"{letter}{i}" for i in range(count))


@pytest.fixture
def make_matrix() -> Callable[..., SimilarityMatrix]:
    """``make_matrix(values)``: a matrix of distances (sources, targets), named s0, s1, ... and t0, t1, ...

    Cells that are NaN failed, and say so.
    """

    def make(values: Any, **changes: Any) -> SimilarityMatrix:
        values = np.array(values, dtype=float)
        fields: dict[str, Any] = {
            "measure": "mine@1",
            "direction": Direction.DISTANCE,
            "unit": "",
            "sources": names("s", len(values)),
            "targets": names("t", values.shape[1]),
            "values": values,
            "notes": tuple(tuple("it broke" if np.isnan(value) else "" for value in row) for row in values),
            "same": np.zeros(values.shape, dtype=bool),
            "verdicts": {},
            "provenance": {},
        }
        return SimilarityMatrix(**{**fields, **changes})

    return make


@pytest.fixture
def make_truth() -> Callable[..., TransferMatrix]:
    """``make_truth(values)``: measured transfer (sources, targets[, repetitions]) in percent, names as above."""

    def make(values: Any, **changes: Any) -> TransferMatrix:
        values = np.array(values, dtype=float)
        values = values[..., None] if values.ndim == 2 else values
        sources, targets = names("s", len(values)), names("t", values.shape[1])
        missing = np.argwhere(np.isnan(values).all(axis=2))
        fields: dict[str, Any] = {
            "name": "by-hand",
            "score": "DSC",
            "unit": "%",
            "sources": sources,
            "targets": targets,
            "values": values,
            "bounds": (0, 100),
            "repetition": "seed" if values.shape[2] > 1 else "",
        }
        fields |= changes
        fields.setdefault("reasons", {(fields["sources"][i], fields["targets"][j]): "not trained" for i, j in missing})
        return TransferMatrix(**fields)

    return make


@pytest.fixture
def random_pair(
    make_matrix: Callable[..., SimilarityMatrix], make_truth: Callable[..., TransferMatrix]
) -> tuple[SimilarityMatrix, TransferMatrix]:
    """Ten targets and six sources, scores loosely after the distances, three repetitions and a baseline."""
    rng = np.random.default_rng(0)
    distances = rng.random((6, 10))
    scores = 60 - 20 * distances + 5 * rng.normal(size=(6, 10))
    repeated = scores[..., None] + rng.normal(size=(6, 10, 3))
    return make_matrix(distances), make_truth(repeated, baseline=rng.uniform(40, 50, size=(10, 3)))
