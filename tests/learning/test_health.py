"""Promises of health: columns equal their definitions, both collapses are noticed in time, and nothing else is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dsim.features import seeded
from dsim.learning import (
    Cosine,
    Objective,
    Position,
    TrainingConfig,
    feature_checks,
    feature_health,
    fit,
    frozen_copy,
    marginal_entropy,
    share_left_after,
    teacher_checks,
    update_teacher,
)
from dsim.runtime import Runtime, Silent
from dsim.stats.representation import effective_rank, spread_of_normalised

OUTPUTS, STEPS, MOMENTUM = 64, 50, Cosine(0.9, 1.0, per="step")


class Notes(Silent):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


@dataclass
class Distillation(Objective):
    """DINO on small images of blobs, two views each by noise; ``injected`` changes the teacher's logits."""

    injected: Callable[[Tensor], Tensor] = lambda logits: logits
    temperature: float = 0.04

    def __post_init__(self) -> None:
        with seeded(3):
            self.body = nn.Sequential(nn.Conv2d(1, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
            self.student = nn.Sequential(self.body, nn.Linear(8 * 49, 32), nn.GELU(), Head(32))
        self.teacher = frozen_copy(self.student)
        self.centre = torch.zeros(OUTPUTS)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"student": self.student, "teacher": self.teacher}

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        return [blobs(32, generator) for _ in range(STEPS)]

    def steps_per_epoch(self) -> int:
        return STEPS

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        views = torch.cat([batch + 0.1 * torch.randn(batch.shape, generator=generator) for _ in range(2)])
        with torch.no_grad():
            logits = self.injected(self.teacher(views))
            targets = ((logits - self.centre) / self.temperature).softmax(1)
            entropy = torch.special.entr(targets).sum(1).mean()
            marginal = marginal_entropy(logits, self.centre, self.temperature)
            self.centre = 0.9 * self.centre + 0.1 * logits.mean(0)
        logs = (self.student(views) / 0.1).log_softmax(1)
        loss = -(targets.roll(len(batch), 0) * logs).sum(1).mean()
        columns = {"teacher_entropy": entropy / math.log(OUTPUTS), "kl": loss.detach() - entropy}
        return {"loss": loss, "marginal_entropy": marginal, **columns, **feature_health(self.body(views))}

    def after_step(self, position: Position) -> None:
        update_teacher(self.teacher, self.student, MOMENTUM(position))


class Head(nn.Module):
    """Cosines with as many directions as there are outputs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.directions = nn.Parameter(nn.functional.normalize(torch.randn(OUTPUTS, width), dim=1))

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.linear(*(nn.functional.normalize(x, dim=1) for x in (features, self.directions)))


def blobs(count: int, generator: torch.Generator) -> Tensor:
    """Images with bright squares of three sizes at random places, float32 (n, 1, 16, 16)."""
    images = torch.zeros(count, 1, 16, 16)
    draws = torch.randint(0, 10, (count, 3), generator=generator).tolist()
    for image, (row, column, size) in zip(images, draws, strict=True):
        image[:, row : row + 2 + size % 3 * 2, column : column + 2 + size % 3 * 2] = 1
    return images


class OneOutput:
    """Makes output 3 the largest of every image, each time by more, so that the centre does not take it off."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, logits: Tensor) -> Tensor:
        self.calls += 1
        return self.calls * nn.functional.one_hot(torch.full((len(logits),), 3), OUTPUTS).float()


def train(objective: Objective) -> list[str]:
    notes = Notes()
    runtime = replace(Runtime(device="cpu"), progress=notes)
    checks = [*teacher_checks(MOMENTUM, STEPS), *feature_checks()]
    config = TrainingConfig(1, lr=5e-3, keep="last")
    result = fit(objective, config, seed=0, runtime=runtime, step_checks=checks)
    assert list(result.warnings) == notes.texts
    return notes.texts


def test_a_sound_training_does_not_warn() -> None:
    assert train(Distillation()) == []


def test_one_output_for_all_images_is_noticed_within_50_steps() -> None:
    texts = train(Distillation(OneOutput()))
    assert len(texts) == 1
    assert "centre" in texts[0]
    assert "marginal_entropy" in texts[0]


def test_uniform_outputs_are_noticed_within_50_steps() -> None:
    texts = train(Distillation(temperature=50.0))
    assert len(texts) == 1
    assert "temperature" in texts[0]
    assert "kl" in texts[0]


def test_features_that_are_all_alike_are_noticed_after_some_steps_in_a_row() -> None:
    points = torch.randn(32, 16, generator=torch.Generator().manual_seed(0))
    alike = {name: value.item() for name, value in feature_health(1 + 0.001 * points).items()}
    sound = {name: value.item() for name, value in feature_health(points).items()}
    rows = [{"step": step, **(alike if step > 7 else sound)} for step in range(1, 18)]
    assert [check(rows[:-1]) for check in feature_checks()] == [None, None]
    texts = [check(rows) for check in feature_checks()]
    assert all(text is not None and "step 17" in text for text in texts)


@pytest.mark.parametrize(("momentum", "left"), [(0.9995, 0.80), (0.996, 0.165), (0.99, 0.011)])
def test_a_slow_teacher_is_known_before_the_first_step(momentum: float, left: float) -> None:
    schedule = Cosine(momentum, 1.0, per="step")
    assert share_left_after(schedule, 900, 900) == pytest.approx(left, rel=0.02)
    assert share_left_after(schedule, 900, 900) == pytest.approx(math.exp(-(1 - momentum) * 450), rel=0.03)
    warning = teacher_checks(schedule, 900)[0](())
    assert (warning is not None) == (left > 0.1)
    assert warning is None or f"{share_left_after(schedule, 900, 900):.0%}" in warning


@pytest.mark.parametrize("shape", [(12, 40), (40, 12)])
def test_the_columns_of_features_are_those_of_the_statistics(shape: tuple[int, int]) -> None:
    points = np.random.default_rng(0).normal(size=shape) * np.geomspace(1, 0.05, shape[1]) + 0.3
    health = feature_health(torch.from_numpy(points))
    assert health["effective_rank"].item() == pytest.approx(effective_rank(points), rel=1e-3)
    assert health["spread"].item() == pytest.approx(spread_of_normalised(points), rel=1e-5)


def test_features_of_zero_are_collapsed_and_not_nan() -> None:
    health = feature_health(torch.zeros(8, 4))
    assert [value.item() for value in health.values()] == [0, 0]


def test_sharp_outputs_that_differ_are_not_one_output() -> None:
    sharp = 100 * torch.eye(8)
    assert marginal_entropy(sharp, torch.zeros(8), 1.0).item() == pytest.approx(1)
    assert marginal_entropy(sharp[:1].expand(8, 8), torch.zeros(8), 1.0).item() == pytest.approx(0, abs=1e-6)
