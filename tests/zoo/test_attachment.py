"""The zoo's model of a dataset is found by its images, and of several the one that the rules name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.zoo import Model, with_models


@pytest.fixture
def seen() -> Dataset:
    return from_arrays(np.full((2, 8, 8), 7, np.uint8), name="mine")


def entry(dataset: Dataset) -> dict[str, Any]:
    return {"name": "theirs", "n": len(dataset), "images_fingerprint": dataset.images_fingerprint, "licence": "CC0"}


def model(id: str, *pool: Dataset, kind: str = "segmentation", **training: Any) -> Model:
    manifest = {"output": {"kind": kind}, "training": {"pool": [entry(each) for each in pool], **training}}
    return Model(id, Path(), manifest, Path())


def attach(monkeypatch: pytest.MonkeyPatch, dataset: Dataset, *models: Model, **more: Any) -> str | None:
    monkeypatch.setattr("dsim.zoo.attachment.readable_models", lambda: {each.id: each for each in models})
    return with_models([dataset], **more)[0].model


def test_a_model_is_found_by_the_images_whatever_the_dataset_is_called(
    seen: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = from_arrays(np.zeros((2, 8, 8), np.uint8), name="other")
    features = model("a.seen.r1", seen, kind="features")
    assert attach(monkeypatch, seen, features, model("u.other.r1", other), model("u.seen.r1", seen)) == "zoo:u.seen.r1"
    assert attach(monkeypatch, other, features, model("u.seen.r1", seen)) is None
    assert attach(monkeypatch, seen.with_model("zoo:own.own.r1"), model("u.seen.r1", seen)) == "zoo:own.own.r1"
    assert attach(monkeypatch, from_arrays(features=np.eye(2), name="rows"), model("u.seen.r1", seen)) is None


def test_newest_then_fewest_datasets_then_best_held_out(seen: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    old = model("u.seen.r1", seen, replaced_by="v.seen.r1", dice_held_out=99.0, truth="board")
    worse, better = model("v.seen.r1", seen, dice_held_out=50.0), model("w.seen.r1", seen, dice_held_out=60.0)
    many = model("v.many.r1", seen, from_arrays(np.zeros((2, 8, 8), np.uint8)), dice_held_out=90.0)
    assert attach(monkeypatch, seen, old, many, worse, better) == "zoo:w.seen.r1"
    assert attach(monkeypatch, seen, old, many) == "zoo:v.many.r1"
    assert attach(monkeypatch, seen, old) is None
    assert attach(monkeypatch, seen, old, many, worse, truth="board") == "zoo:u.seen.r1"
