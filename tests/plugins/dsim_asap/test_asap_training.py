"""Training: it learns, resumes to the same weights, keeps copies, and leaves the global random state alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dsim.errors import MeasureError, StoreError, TooFewSamplesError, UsageError
from dsim.runtime import Runtime
from dsim.store import checkpoint
from dsim_asap import training
from dsim_asap.pool import Member, Pool, gather
from dsim_asap.specs import AsapRecipe
from dsim_asap.training import Trained, Trainer


def weights(trained: Trained) -> dict[str, torch.Tensor]:
    return trained.autoencoder.state_dict()


def test_training_pulls_datasets_apart(members: list[Member], recipe: Callable[..., AsapRecipe]) -> None:
    pool = gather(members, 0.25, torch.Generator().manual_seed(0))
    trained = Trainer(pool, recipe(epochs=15, draws=4, augment="none"), 0, Runtime(device="cpu")).run()
    first, last = trained.curves[0], trained.curves[-1]
    assert last["triplet"] < 0.5 * first["triplet"]
    assert last["val_eqc"] < 0.6


@pytest.mark.parametrize("schedule", ["plateau", "cosine", "step"])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
    pool: Pool, recipe: Callable[..., AsapRecipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)
    chosen, runtime, file = recipe(schedule=schedule), Runtime(device="cpu"), tmp_path / "checkpoint.safetensors"
    whole = Trainer(pool, chosen, 0, runtime).run()

    interrupted = Trainer(pool, chosen, 0, runtime)
    validate = interrupted.validate

    def interrupt_in_the_second_epoch() -> dict[str, float]:
        if len(interrupted.curves) == 1:
            raise KeyboardInterrupt
        return validate()

    monkeypatch.setattr(interrupted, "validate", interrupt_in_the_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        interrupted.run(file)
    resumed = Trainer(pool, chosen, 0, runtime).run(file)

    assert len(resumed.curves) == chosen.epochs
    assert resumed.best_epoch == whole.best_epoch
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(weights(resumed)[name], tensor, rtol=0, atol=0)


def test_the_best_weights_are_copies_that_later_epochs_do_not_change(
    pool: Pool, recipe: Callable[..., AsapRecipe]
) -> None:
    trainer = Trainer(pool, recipe(), 0, Runtime(device="cpu"))
    with trainer.runtime.progress.task("") as task:
        trainer.epoch(task)
        kept = {name: tensor.clone() for name, tensor in trainer.best.items()}
        trainer.curves[0]["val_total"] = -1.0  # no later epoch can be better
        trainer.epoch(task)
    assert trainer.best_epoch == 1
    for name, tensor in weights(trainer.result()).items():
        torch.testing.assert_close(tensor, kept[name], rtol=0, atol=0)


def test_it_stops_when_validation_no_longer_improves(
    pool: Pool, recipe: Callable[..., AsapRecipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(pool, recipe(epochs=50, patience=2), 0, Runtime(device="cpu"))
    losses = iter(range(1, 50))
    monkeypatch.setattr(trainer, "validate", lambda: {"total": float(next(losses)), "eqc": 1.0})
    trained = trainer.run()
    assert (trained.best_epoch, len(trained.curves)) == (1, 3)


def test_training_leaves_the_global_random_states_untouched(pool: Pool, recipe: Callable[..., AsapRecipe]) -> None:
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    Trainer(pool, recipe(epochs=1), 0, Runtime(device="cpu")).run()
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])


def test_a_training_depends_on_its_seed_and_on_nothing_drawn_before(
    pool: Pool, recipe: Callable[..., AsapRecipe]
) -> None:
    first = Trainer(pool, recipe(epochs=1), 0, Runtime(device="cpu")).run()
    torch.rand(7)
    again, other = (Trainer(pool, recipe(epochs=1), seed, Runtime(device="cpu")).run() for seed in (0, 1))
    assert all(torch.equal(weights(first)[name], tensor) for name, tensor in weights(again).items())
    assert any(not torch.equal(weights(first)[name], tensor) for name, tensor in weights(other).items())


def test_the_preset_reference_trains_without_validation_and_keeps_the_last_weights(
    members: list[Member], recipe: Callable[..., AsapRecipe]
) -> None:
    from dsim_asap.specs import REFERENCE

    chosen = recipe(**{name: value for name, value in REFERENCE.items() if name != "fit"} | {"epochs": 2})
    pool = gather(members, chosen.split, torch.Generator().manual_seed(0))
    trained = Trainer(pool, chosen, 0, Runtime(device="cpu")).run()
    assert trained.best_epoch == 2
    assert "val_total" not in trained.curves[0]


def test_a_training_that_diverges_says_so(pool: Pool, recipe: Callable[..., AsapRecipe]) -> None:
    """Weights of NaN would place every image nowhere, silently."""
    with pytest.raises(MeasureError, match="diverged"):
        Trainer(pool, recipe(lr=1e9, optimizer="sgd"), 0, Runtime(device="cpu")).run()


def test_single_validation_images_cannot_validate(members: list[Member], recipe: Callable[..., AsapRecipe]) -> None:
    """One image has no positive: its triplet loss would be a mean over nothing."""
    pool = gather(members, 0.1, torch.Generator().manual_seed(0))
    assert [len(part) for part in pool.members(pool.validation)] == [1, 1, 1]
    trained = Trainer(pool, recipe(epochs=2), 0, Runtime(device="cpu")).run()
    assert "val_total" not in trained.curves[0]
    assert trained.best_epoch in (1, 2)


def test_a_checkpoint_of_another_training_is_refused(
    pool: Pool, members: list[Member], recipe: Callable[..., AsapRecipe], tmp_path: Path
) -> None:
    runtime, file = Runtime(device="cpu"), tmp_path / "checkpoint.safetensors"
    checkpoint.write(file, Trainer(pool, recipe(), 0, runtime).state())
    smaller = gather(members[:2], 0.25, torch.Generator().manual_seed(0))
    for other in (Trainer(pool, recipe(margin=2.0), 0, runtime), Trainer(pool, recipe(), 1, runtime)):
        with pytest.raises(UsageError, match="other images or settings"):
            other.run(file)
    with pytest.raises(UsageError, match="other images"):
        Trainer(smaller, recipe(), 0, runtime).run(file)


def test_a_broken_checkpoint_says_how_to_start_again(tmp_path: Path) -> None:
    (tmp_path / "c.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(StoreError, match="not a checkpoint"):
        checkpoint.read(tmp_path / "c.safetensors")


def test_checkpoints_give_back_nested_tensors_and_numbers(tmp_path: Path) -> None:
    state = {"a": {"0": torch.arange(3)}, "curves": [{"mse": 0.5}], "best_epoch": 3, "empty": {}}
    checkpoint.write(tmp_path / "c.safetensors", state)
    found = checkpoint.read(tmp_path / "c.safetensors")
    assert torch.equal(found["a"]["0"], torch.arange(3))
    assert (found["curves"], found["best_epoch"], found["empty"]) == ([{"mse": 0.5}], 3, {})
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def test_groups_stay_on_one_side_of_the_split() -> None:
    groups = tuple("aabbccddee")
    images = np.zeros((10, 3, 8, 8), np.float32)
    pool = gather([Member("x", images, groups), Member("y", images, groups)], 0.2, torch.Generator().manual_seed(0))
    for part in (pool.training, pool.validation):
        for dataset in pool.members(part):
            inside = {groups[index % 10] for index in dataset.tolist()}
            assert len(dataset) == 2 * len(inside)
    assert len(pool.validation) == 4


def test_a_pool_of_one_dataset_or_of_single_images_is_refused() -> None:
    images = np.zeros((1, 3, 8, 8), np.float32)
    with pytest.raises(UsageError, match="two datasets"):
        gather([Member("x", images)], 0.0, torch.Generator())
    with pytest.raises(TooFewSamplesError, match="'x'"):
        gather([Member("x", images), Member("y", images)], 0.0, torch.Generator())


def test_a_size_that_the_backbone_cannot_halve_and_missing_maps_are_refused(
    pool: Pool, recipe: Callable[..., AsapRecipe]
) -> None:
    with pytest.raises(UsageError, match="multiple of 32"):
        Trainer(pool, recipe(size=40), 0, Runtime(device="cpu"))
    with pytest.raises(UsageError, match="6 style weights"):
        Trainer(pool, recipe(w=(0.1,) * 6), 0, Runtime(device="cpu"))
    with pytest.raises(UsageError, match="timm"):
        Trainer(pool, recipe(backbone="resnet1"), 0, Runtime(device="cpu"))
