"""Promises of the candidates: those of the given sources, scored on every annotated image, never one that saw them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dsim.adapt import read_annotation
from dsim.adapt.selecting import gather_pool
from dsim.data import Dataset, from_arrays
from dsim.models import SegmentationRecipe, Segmenter
from dsim.runtime import Runtime


@pytest.fixture
def source(discs: Callable[..., Dataset], tiny: SegmentationRecipe, tmp_path: Path) -> Callable[..., Dataset]:
    """``source(name, seen=())``: a dataset with a model of random weights that saw the images of ``seen``."""

    def make(name: str, seed: int, seen: Dataset | None = None) -> Dataset:
        entries = () if seen is None else ({"name": seen.name, "n": 1, "image_digests": [seen.image_digests[0]]},)
        file = Segmenter(tiny.build(seed).eval(), tiny, entries, name).save(tmp_path / f"{name}.safetensors")
        return discs(name, n=4, seed=seed).with_model(str(file))

    return make


def test_candidates_are_scored_on_every_annotated_image_and_judged_by_some(
    partly: Callable[..., Dataset], source: Callable[..., Dataset], cpu: Runtime
) -> None:
    annotation = read_annotation(partly(3))
    pool, _ = gather_pool(annotation, [source("one", 1), source("two", 2)], cpu)
    assert [model.name for model in pool.models] == ["one", "two"]
    assert pool.scores.shape == (2, 3)
    few, all_of_them = pool.after(annotation.images[:1]), pool.after(annotation.images)
    assert few.best.sum() == pytest.approx(1)
    assert ((all_of_them.high - all_of_them.low) < (few.high - few.low)).all()


def test_a_model_that_saw_the_target_is_no_candidate_and_without_any_the_pool_is_empty(
    partly: Callable[..., Dataset], source: Callable[..., Dataset], cpu: Runtime
) -> None:
    target = partly(3)
    pool, notes = gather_pool(read_annotation(target), [source("own", 1, seen=target)], cpu)
    assert pool.models == ()
    assert "own" in notes[0]


def test_another_choice_of_images_gives_another_standing(
    partly: Callable[..., Dataset], source: Callable[..., Dataset], cpu: Runtime
) -> None:
    annotation = read_annotation(replace(partly(3), name="target"))
    pool, _ = gather_pool(annotation, [source("one", 1), source("two", 2)], cpu)
    assert pool.after([0]).mean.tolist() != pool.after([2]).mean.tolist()


def test_empty_masks_alone_judge_nobody(
    partly: Callable[..., Dataset], source: Callable[..., Dataset], cpu: Runtime
) -> None:
    """In a fold of empty masks a model that marks nothing would be the best; such a fold says as much as none."""
    whole = partly(3)
    masks = [whole.mask(index) * (index > 0) if index < 3 else None for index in range(len(whole))]
    target = from_arrays([whole.native(index) for index in range(len(whole))], masks=masks, name="target")
    pool, _ = gather_pool(read_annotation(target), [source("one", 1), source("two", 2)], cpu)
    assert pool.after([0]).mean.tolist() == pool.after([]).mean.tolist()
    assert pool.after([0, 1]).mean.tolist() != pool.after([1]).mean.tolist()
