"""Promises of the loop: an interrupted training ends in the same weights, the best weights are a copy, it stops."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dsim.errors import MeasureError, UsageError
from dsim.features.network import seeded
from dsim.runtime import Runtime
from dsim.transfer.loop import CHOICES, Course, Trained, best_epoch, finished, learning_rate, train

CPU = Runtime(device="cpu")


@dataclass
class Line:
    """A lesson: y = 2 x, with noise drawn anew in each step; validation losses may be dictated."""

    losses: list[float | None] = field(default_factory=list)
    epochs: int = 0
    stop_after: int = 99

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        if self.epochs == self.stop_after:
            raise KeyboardInterrupt
        return torch.randperm(12, generator=generator).split(4)  # type: ignore[no-untyped-call, no-any-return]

    def loss(self, network: nn.Module, batch: Tensor, generator: torch.Generator) -> Tensor:
        x = batch.float()[:, None] / 12 + 0.01 * torch.randn(len(batch), 1, generator=generator)
        return (network(x[:, :, None, None])[:, :, 0, 0] - 2 * x).square().mean()

    def validate(self, network: nn.Module) -> float | None:
        self.epochs += 1
        if self.losses:
            return self.losses[self.epochs - 1]
        x = torch.linspace(0, 1, 5)[:, None, None, None]
        return float((network(x) - 2 * x).square().mean())


def network(seed: int = 0) -> nn.Module:
    with seeded(seed):
        made = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))
    return made.to(memory_format=torch.channels_last)


def weights(trained: Trained) -> list[Tensor]:
    return [value.clone() for value in trained.network.state_dict().values()]


@pytest.mark.parametrize(
    "course",
    [
        Course(6, lr=0.01),
        Course(6, lr=0.01, optimizer="sgd", rate="plateau", patience=4),
        Course(6, lr=0.01, optimizer="adam", keep="last", rate="constant"),
    ],
    ids=lambda course: course.optimizer,
)
def test_an_interrupted_training_ends_in_the_same_weights(course: Course, tmp_path: Path) -> None:
    whole = train(network(), Line(), course, seed=1, runtime=CPU)
    file = tmp_path / "half.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(network(), Line(stop_after=3), course, seed=1, runtime=CPU, checkpoint=file)
    lesson = Line()
    resumed = train(network(seed=7), lesson, course, seed=1, runtime=CPU, checkpoint=file)
    assert lesson.epochs == 3
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))
    assert [row["loss"] for row in whole.curves] == [row["loss"] for row in resumed.curves]


def test_a_checkpoint_of_another_training_is_not_taken_up(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    train(network(), Line(), Course(2), seed=1, runtime=CPU, checkpoint=file, identity={"source": "a"})
    lesson = Line()
    train(network(), lesson, Course(2), seed=1, runtime=CPU, checkpoint=file, identity={"source": "b"})
    assert lesson.epochs == 2


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "damaged.safetensors"
    file.write_bytes(b"not a checkpoint")
    lesson = Line()
    train(network(), lesson, Course(2), seed=1, runtime=CPU, checkpoint=file)
    assert lesson.epochs == 2


def test_the_best_weights_are_kept_and_not_those_that_follow() -> None:
    losses: list[float | None] = [3.0, 1.0, 2.0, 2.0]
    best = train(network(), Line(losses), Course(4, lr=0.05, rate="constant"), seed=0, runtime=CPU)
    assert best.best_epoch == 2
    only_two = train(network(), Line(losses), Course(2, lr=0.05, rate="constant"), seed=0, runtime=CPU)
    assert all(torch.equal(a, b) for a, b in zip(weights(best), weights(only_two), strict=True))


def test_it_stops_after_so_many_epochs_without_improvement() -> None:
    losses: list[float | None] = [3.0, 1.0, *[2.0] * 20]
    assert len(train(network(), Line(losses), Course(20, patience=3), seed=0, runtime=CPU).curves) == 5
    assert len(train(network(), Line(losses), Course(9), seed=0, runtime=CPU).curves) == 9


def test_without_validation_the_last_weights_are_kept_and_nothing_stops_it() -> None:
    done = train(network(), Line([None] * 5), Course(5, patience=1), seed=0, runtime=CPU)
    assert (done.best_epoch, len(done.curves)) == (5, 5)
    assert not finished(Course(6, patience=1), done.curves)
    assert best_epoch([]) == 0


def test_a_loss_that_is_not_finite_is_an_error_with_a_fix() -> None:
    with pytest.raises(MeasureError, match="diverged in epoch 1") as caught:
        train(network(), Line(), Course(3, lr=1e30, optimizer="sgd", momentum=0.0), seed=0, runtime=CPU)
    assert "smaller learning rate" in str(caught.value.hint)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_state_alone() -> None:
    before = torch.random.get_rng_state()
    first, second = (train(network(), Line(), Course(2), seed=5, runtime=CPU) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))
    assert torch.equal(before, torch.random.get_rng_state())


def test_bfloat16_is_used_only_where_it_is_asked_for() -> None:
    seen = []

    class Spy(Line):
        def loss(self, network: nn.Module, batch: Tensor, generator: torch.Generator) -> Tensor:
            seen.append(network(torch.ones(1, 1, 4, 4)).dtype)
            return super().loss(network, batch, generator)

    for precision in CHOICES["precision"]:
        train(network(), Spy(), Course(1, precision=precision), seed=0, runtime=CPU)
    assert seen[::3] == [torch.float32, torch.float32, torch.bfloat16]


def test_cosine_ends_near_zero_and_plateau_halves_once_per_wait() -> None:
    rates = [learning_rate(Course(50, lr=1.0), [1.0] * done) for done in range(50)]
    assert np.allclose(rates, [(1 + np.cos(np.pi * e / 50)) / 2 for e in range(50)])
    plateau = Course(50, patience=8, lr=1.0, rate="plateau")
    assert [learning_rate(plateau, [1.0] * done) for done in range(8)] == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]


@pytest.mark.parametrize("wrong", [{"rate": "cosinus"}, {"epochs": 0}, {"lr": 0.0}, {"precision": "half"}])
def test_a_course_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Course(**{"epochs": 3, **wrong})  # type: ignore[arg-type]
