"""A target of discs of which some are annotated, and a pool of three tiny candidates for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dsim.adapt import Annotation, Pool, Standing, read_annotation
from dsim.data import Dataset
from dsim.models import SegmentationRecipe, Segmenter
from dsim.runtime import Runtime


@dataclass(frozen=True)
class TinyModel:
    """A candidate as adaptation sees it."""

    reference: str
    name: str
    marks: str = "discs"


@pytest.fixture
def cpu(tmp_path: Path) -> Runtime:
    return Runtime(device="cpu", cache=tmp_path / "cache")


@pytest.fixture
def partly(discs: Callable[..., Dataset]) -> Callable[..., Dataset]:
    """``partly(k)``: twelve images, the first k of them with masks."""

    def make(k: int, **more: object) -> Dataset:
        whole = discs(n=12, **more)
        return replace(whole, masked=tuple(index < k for index in range(12)))

    return make


@pytest.fixture
def write_candidates(tmp_path: Path, tiny: SegmentationRecipe) -> Callable[[int], list[TinyModel]]:
    """Writes networks with random weights as files of candidate models."""

    def write(count: int) -> list[TinyModel]:
        models = []
        for seed in range(count):
            segmenter = Segmenter(tiny.build(seed).eval(), tiny, name=f"tiny{seed}")
            file = segmenter.save(tmp_path / f"tiny{seed}.safetensors")
            models.append(TinyModel(str(file), f"tiny{seed}"))
        return models

    return write


@pytest.fixture
def pool_of(write_candidates: Callable[[int], list[TinyModel]]) -> Callable[..., Pool]:
    """``pool_of(target, scores)``: candidates of these Dice (c, k), of which the mean on what is seen decides."""

    def make(target: Dataset, scores: Sequence[Sequence[float]]) -> Pool:
        table = np.array(scores, dtype=np.float64)

        def standing(columns: Sequence[int]) -> Standing:
            mean = table[:, list(columns)].mean(axis=1)
            best = np.exp(20 * (mean - mean.max()))
            return Standing(mean, mean - 0.1, mean + 0.1, best / best.sum())

        return Pool(tuple(write_candidates(len(table))), tuple(target.annotated), table, standing)  # type: ignore[arg-type]

    return make


@pytest.fixture
def annotation(partly: Callable[..., Dataset]) -> Annotation:
    return read_annotation(partly(3))
