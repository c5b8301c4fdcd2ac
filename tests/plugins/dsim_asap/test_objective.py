"""Training: it learns, resumes to the same weights, keeps the best, and leaves the global random state alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dsim.errors import MeasureError, TooFewSamplesError, UsageError
from dsim.learning import ImagePool
from dsim.runtime import Runtime
from dsim_asap.objective import AsapObjective, Trained, train_asap
from dsim_asap.specs import REFERENCE, AsapRecipe

CPU = Runtime(device="cpu")
Recipes = Callable[..., AsapRecipe]
Pools = Callable[..., ImagePool]


def weights(trained: Trained) -> dict[str, torch.Tensor]:
    return trained.autoencoder.state_dict()


def test_training_pulls_datasets_apart(pool: ImagePool, recipe: Recipes) -> None:
    trained = train_asap(pool, recipe(epochs=15, draws=4, augment="none"), 0, CPU)
    first, last = trained.curves[0], trained.curves[-1]
    assert last["triplet"] < 0.5 * first["triplet"]
    assert last["val_eqc"] < 0.6


@pytest.mark.parametrize(
    "schedule",
    ["plateau", pytest.param("cosine", marks=pytest.mark.slow), pytest.param("step", marks=pytest.mark.slow)],
)
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
    pool: ImagePool, recipe: Recipes, tmp_path: Path, schedule: str, interrupted: list[int]
) -> None:
    chosen, file = recipe(schedule=schedule), tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_asap(pool, chosen, 0, CPU, file)
    resumed = train_asap(pool, chosen, 0, CPU, file)
    assert interrupted == [0, 1, 1, 2]
    whole = train_asap(pool, chosen, 0, CPU)
    assert len(resumed.curves) == chosen.epochs
    assert resumed.best_epoch == whole.best_epoch
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(weights(resumed)[name], tensor, rtol=0, atol=0)


def validated_as(values: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs have these validation losses."""
    losses = iter(values)
    validate = lambda self: {"val_total": next(losses), "val_eqc": 1.0}  # noqa: E731
    monkeypatch.setattr(AsapObjective, "validate", validate)


def test_the_best_weights_are_those_of_the_best_epoch(
    pool: ImagePool, recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated_as([1.0], monkeypatch)
    first = train_asap(pool, recipe(epochs=1, schedule="step"), 0, CPU)
    validated_as([1.0, 2.0, 3.0], monkeypatch)
    trained = train_asap(pool, recipe(schedule="step"), 0, CPU)
    assert trained.best_epoch == 1
    for name, tensor in weights(trained).items():
        torch.testing.assert_close(tensor, weights(first)[name], rtol=0, atol=0)


def test_it_stops_when_validation_no_longer_improves(
    pool: ImagePool, recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated_as([float(value) for value in range(1, 50)], monkeypatch)
    trained = train_asap(pool, recipe(epochs=50, patience=2), 0, CPU)
    assert (trained.best_epoch, len(trained.curves)) == (1, 3)


def test_training_leaves_the_global_random_states_untouched(pool: ImagePool, recipe: Recipes) -> None:
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    train_asap(pool, recipe(epochs=1), 0, CPU)
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])


def test_a_training_depends_on_its_seed_and_on_nothing_drawn_before(pool: ImagePool, recipe: Recipes) -> None:
    first = train_asap(pool, recipe(epochs=1), 0, CPU)
    torch.rand(7)
    again, other = (train_asap(pool, recipe(epochs=1), seed, CPU) for seed in (0, 1))
    assert all(torch.equal(weights(first)[name], tensor) for name, tensor in weights(again).items())
    assert any(not torch.equal(weights(first)[name], tensor) for name, tensor in weights(other).items())


@pytest.mark.slow
def test_the_preset_reference_trains_without_validation_and_keeps_the_last_weights(
    members: list[Any], recipe: Recipes, pool_of: Pools
) -> None:
    chosen = recipe(**{name: value for name, value in REFERENCE.items() if name != "fit"} | {"epochs": 2})
    pool = pool_of(members, chosen.split)
    trained = train_asap(pool, chosen, 0, CPU)
    assert trained.best_epoch == 2
    assert "val_total" not in trained.curves[0]


def test_a_training_that_diverges_says_so(pool: ImagePool, recipe: Recipes) -> None:
    """Weights of NaN would place every image nowhere, silently."""
    with pytest.raises(MeasureError, match="diverged"):
        train_asap(pool, recipe(lr=1e9, optimizer="sgd"), 0, CPU)


def test_single_validation_images_cannot_validate(members: list[Any], recipe: Recipes, pool_of: Pools) -> None:
    """One image has no positive: its triplet loss would be a mean over nothing."""
    pool = pool_of(members, 0.1)
    assert [len(part) for part in pool.members(pool.validation)] == [1, 1, 1]
    trained = train_asap(pool, recipe(epochs=2), 0, CPU)
    assert "val_total" not in trained.curves[0]
    assert trained.best_epoch in (1, 2)


def test_a_checkpoint_of_another_training_is_passed_over_with_a_note(
    pool: ImagePool, members: list[Any], recipe: Recipes, pool_of: Pools, tmp_path: Path, interrupted: list[int]
) -> None:
    file = tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_asap(pool, recipe(), 0, CPU, file)
    kept = file.read_bytes()
    smaller = pool_of(members[:2], 0.25)
    for given, chosen, seed in ((pool, recipe(margin=2.0), 0), (pool, recipe(), 1), (smaller, recipe(), 0)):
        file.write_bytes(kept)
        interrupted.clear()
        train_asap(given, replace(chosen, epochs=1), seed, CPU, file)
        assert interrupted == [0]


def test_groups_stay_on_one_side_of_the_split(pool_of: Pools) -> None:
    groups = tuple("aabbccddee")
    images = np.zeros((10, 3, 8, 8), np.float32)
    pool = pool_of([("x", images), ("y", images)], 0.2, groups)
    for part in (pool.training, pool.validation):
        for dataset in pool.members(part):
            inside = {groups[index % 10] for index in dataset.tolist()}
            assert len(dataset) == 2 * len(inside)
    assert len(pool.validation) == 4


def test_a_pool_of_one_dataset_or_of_single_images_is_refused(pool_of: Pools) -> None:
    images = np.zeros((1, 3, 8, 8), np.float32)
    with pytest.raises(UsageError, match="two datasets"):
        pool_of([("x", images)], 0.0)
    with pytest.raises(TooFewSamplesError, match="'x'"):
        pool_of([("x", images), ("y", images)], 0.0)


def test_a_size_that_the_backbone_cannot_halve_and_missing_maps_are_refused(pool: ImagePool, recipe: Recipes) -> None:
    with pytest.raises(UsageError, match="multiple of 32"):
        train_asap(pool, recipe(size=40), 0, CPU)
    with pytest.raises(UsageError, match="6 style weights"):
        train_asap(pool, recipe(w=(0.1,) * 6), 0, CPU)
    with pytest.raises(UsageError, match="timm"):
        train_asap(pool, recipe(backbone="resnet1"), 0, CPU)
