"""Promises of the loop: an interrupted training ends in the same weights, the best weights are a copy, it stops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from dsim.errors import MeasureError, UsageError
from dsim.features import seeded
from dsim.learning import (
    CHOICES,
    Constant,
    Cosine,
    Linear,
    Objective,
    ParameterGroup,
    Plateau,
    Position,
    RangeCheck,
    TrainingConfig,
    TrainingResult,
    WarmUp,
    fit,
    frozen_copy,
    update_teacher,
)
from dsim.runtime import Runtime, Silent

CPU = Runtime(device="cpu")


def small_network(seed: int = 0) -> nn.Module:
    with seeded(seed):
        layers = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))
    return layers.to(memory_format=torch.channels_last)


@dataclass
class Line(Objective):
    """y = 2 x, with noise drawn anew in each step; validation losses may be dictated."""

    dictated: list[float] = field(default_factory=list)
    network: nn.Module = field(default_factory=small_network)
    epochs: int = 0
    stop_after: int = 99

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"network": self.network}

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        if self.epochs == self.stop_after:
            raise KeyboardInterrupt
        return torch.randperm(12, generator=generator).split(4)  # type: ignore[no-untyped-call, no-any-return]

    def steps_per_epoch(self) -> int:
        return 3

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        x = batch.float()[:, None] / 12 + 0.01 * torch.randn(len(batch), 1, generator=generator)
        return {"loss": (self.network(x[:, :, None, None])[:, :, 0, 0] - 2 * x).square().mean()}

    def validate(self) -> Mapping[str, float]:
        self.epochs += 1
        if self.dictated:
            return {"validation": self.dictated[self.epochs - 1]}
        x = torch.linspace(0, 1, 5)[:, None, None, None]
        return {"validation": float((self.network(x) - 2 * x).square().mean())}


@dataclass
class Distillation(Objective):
    """A toy of self-distillation: a student, a teacher that follows it, a centre, two groups and four schedules."""

    student: nn.Module = field(default_factory=lambda: toy_head(3))
    stop_after: int = 99
    collapsed: bool = False
    minimised: ClassVar[str] = "cross_entropy"
    judged_by: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        self.teacher = frozen_copy(self.student)
        self.centre = torch.zeros(5)
        self.own = torch.Generator().manual_seed(8)
        self.momentum = Cosine(0.9, 1.0, per="step")
        self.temperature = Linear(0.04, 0.07, length=3)
        self.epochs = 0
        self.seen: list[tuple[int, float]] = []

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"student": self.student, "teacher": self.teacher}

    def parameter_groups(self) -> list[ParameterGroup]:
        weights = [p for p in self.student.parameters() if p.ndim > 1]
        biases = [p for p in self.student.parameters() if p.ndim == 1]
        last = Linear(0.0, 0.01, length=2)
        return [ParameterGroup(weights), ParameterGroup(biases, {"weight_decay": 0.0, "lr": last})]

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        self.epochs += 1
        if self.epochs > self.stop_after:
            raise KeyboardInterrupt
        return [torch.randn(6, 4, generator=generator) for _ in range(4)]

    def steps_per_epoch(self) -> int:
        return 4

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        views = [batch + 0.1 * torch.randn(batch.shape, generator=self.own) for _ in range(2)]
        with torch.no_grad():
            raw = self.teacher(views[0])
            target = ((raw - self.centre) / self.temperature(position)).softmax(dim=1)
        self.centre = 0.9 * self.centre + 0.1 * raw.mean(dim=0)
        loss = -(target * (self.student(views[1]) / 0.1).log_softmax(dim=1)).sum(dim=1).mean()
        return {"cross_entropy": loss, "spread": raw.std(dim=0).mean()}

    def after_step(self, position: Position) -> None:
        self.seen.append((position.step, self.momentum(position)))
        update_teacher(self.teacher, self.student, self.momentum(position))

    def statistics(self) -> Mapping[str, float]:
        return {"entropy": 0.0 if self.collapsed else 0.6}

    def state(self) -> dict[str, Any]:
        return {"centre": self.centre, "own": self.own.get_state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.centre = state["centre"]
        self.own.set_state(state["own"])


def toy_head(seed: int) -> nn.Module:
    with seeded(seed):
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 5))


def weights(result: TrainingResult) -> list[Tensor]:
    return [value.clone() for network in result.networks.values() for value in network.state_dict().values()]


def are_equal(first: TrainingResult, second: TrainingResult) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


class Notes(Silent):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


@pytest.mark.parametrize(
    "config",
    [
        TrainingConfig(6, lr=Cosine(0.01)),
        TrainingConfig(6, lr=Plateau(0.01, patience=1), optimizer="sgd", patience=4),
        TrainingConfig(6, lr=WarmUp(5, Constant(0.01, per="step"), per="step"), optimizer="adam", keep="last"),
    ],
    ids=lambda config: config.optimizer,
)
@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_an_interrupted_training_ends_in_the_same_weights(
    config: TrainingConfig, stop_after: int, tmp_path: Path
) -> None:
    whole = fit(Line(), config, seed=1, runtime=CPU)
    file = tmp_path / "half.safetensors"
    with pytest.raises(KeyboardInterrupt):
        fit(Line(stop_after=stop_after), config, seed=1, runtime=CPU, checkpoint=file)
    objective = Line(network=small_network(seed=7))
    resumed = fit(objective, config, seed=1, runtime=CPU, checkpoint=file)
    assert objective.epochs == 6 - stop_after
    assert are_equal(whole, resumed)
    assert [row["loss"] for row in whole.curves] == [row["loss"] for row in resumed.curves]


@pytest.mark.parametrize("stop_after", [1, 2, 3, 4])
def test_a_student_and_its_teacher_go_on_exactly(stop_after: int, tmp_path: Path) -> None:
    config = TrainingConfig(
        5, lr=WarmUp(4, Cosine(0.05, per="step"), per="step"), clip=0.5, weight_decay=Cosine(0.04, 0.4)
    )
    whole, file = Distillation(), tmp_path / "half.safetensors"
    expected = fit(whole, config, seed=1, runtime=CPU)
    with pytest.raises(KeyboardInterrupt):
        fit(Distillation(stop_after=stop_after), config, seed=1, runtime=CPU, checkpoint=file)
    objective = Distillation(toy_head(seed=9))
    resumed = fit(objective, config, seed=1, runtime=CPU, checkpoint=file)
    assert are_equal(expected, resumed)
    assert objective.seen == whole.seen[4 * stop_after :]
    assert torch.equal(whole.centre, objective.centre)


def test_a_student_and_its_teacher_train_with_two_groups_and_schedules() -> None:
    objective = Distillation()
    start = [value.clone() for value in objective.teacher.state_dict().values()]
    config = TrainingConfig(5, lr=0.05, clip=0.5)
    result = fit(objective, config, seed=1, runtime=CPU)
    assert [step for step, _ in objective.seen] == [*range(20)]
    assert objective.seen[0][1] == pytest.approx(0.9)
    assert objective.seen[10][1] == pytest.approx(0.95)
    assert set(result.networks) == {"student", "teacher"}
    assert {"cross_entropy", "spread", "gradient_norm", "entropy", "lr", "images", "seconds"} == set(result.curves[0])
    assert result.best_epoch == 5
    changed = zip(start, objective.teacher.state_dict().values(), strict=True)
    assert all(not torch.equal(before, after) for before, after in changed)
    assert not any(parameter.requires_grad for parameter in objective.teacher.parameters())


def test_a_group_whose_rate_is_zero_does_not_move() -> None:
    objective = Distillation()
    biases = [p.detach().clone() for p in objective.student.parameters() if p.ndim == 1]
    fit(objective, TrainingConfig(1, lr=0.05), seed=1, runtime=CPU)
    after = [p for p in objective.student.parameters() if p.ndim == 1]
    assert all(torch.equal(a, b) for a, b in zip(biases, after, strict=True))


def test_gradients_are_clipped_by_their_common_norm() -> None:
    norms = []

    class Watched(Distillation):
        def after_step(self, position: Position) -> None:
            gradients = [p.grad for p in self.student.parameters() if p.grad is not None]
            norms.append(float(torch.stack([g.norm() for g in gradients]).norm()))

    result = fit(Watched(), TrainingConfig(2, lr=0.05, clip=0.01), seed=1, runtime=CPU)
    assert max(norms) == pytest.approx(0.01, rel=1e-3)
    assert result.curves[0]["gradient_norm"] > 0.01


def test_a_collapse_is_noted_once_in_words() -> None:
    check = RangeCheck("entropy", "the teacher gives one answer to every image: lower the temperature", low=0.05)
    notes = Notes()
    fit(Distillation(collapsed=True), TrainingConfig(3), seed=1, runtime=replace(CPU, progress=notes), checks=[check])
    assert len(notes.texts) == 1
    assert "lower the temperature" in notes.texts[0]
    assert "epoch 1" in notes.texts[0]
    notes.texts.clear()
    fit(Distillation(), TrainingConfig(3), seed=1, runtime=replace(CPU, progress=notes), checks=[check])
    assert notes.texts == []


def test_a_schedule_per_step_needs_the_number_of_steps() -> None:
    class Endless(Line):
        def steps_per_epoch(self) -> int:
            return 0

    with pytest.raises(UsageError, match="steps") as caught:
        fit(Endless(), TrainingConfig(2, lr=Cosine(0.1, per="step")), seed=0, runtime=CPU)
    assert "steps_per_epoch" in str(caught.value.hint)


def test_checkpoints_are_written_no_more_often_than_asked(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    fit(Line(), TrainingConfig(3), seed=0, runtime=CPU, checkpoint=file, checkpoint_seconds=1000)
    assert not file.exists()


def test_the_first_of_equal_epochs_is_the_best() -> None:
    assert fit(Line([2.0, 1.0, 1.0, 3.0]), TrainingConfig(4), seed=0, runtime=CPU).best_epoch == 2


def test_an_epoch_can_be_judged_by_its_own_loss() -> None:
    class Judged(Line):
        judged_by: ClassVar[tuple[str, ...]] = ("validation", "loss")

    result = fit(Judged([nan] * 4), TrainingConfig(4, patience=1, lr=Constant(0.01)), seed=0, runtime=CPU)
    losses = [row["loss"] for row in result.curves]
    assert len(losses) == 4
    assert result.best_epoch == losses.index(min(losses)) + 1


def test_a_checkpoint_of_another_training_is_not_taken_up(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    config, notes = TrainingConfig(2), Notes()
    fit(Line(), config, seed=1, runtime=CPU, checkpoint=file, identity={"source": "a"})
    objective = Line()
    runtime = replace(CPU, progress=notes)
    fit(objective, config, seed=1, runtime=runtime, checkpoint=file, identity={"source": "b"})
    assert objective.epochs == 2
    assert len(notes.texts) == 1
    assert str(file) in notes.texts[0]
    fit(Line(), replace(config, clip=1.0), seed=1, runtime=runtime, checkpoint=file, identity={"source": "b"})
    assert len(notes.texts) == 2


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "damaged.safetensors"
    file.write_bytes(b"not a checkpoint")
    objective = Line()
    fit(objective, TrainingConfig(2), seed=1, runtime=CPU, checkpoint=file)
    assert objective.epochs == 2


def test_the_best_weights_are_kept_and_not_those_that_follow() -> None:
    losses = [3.0, 1.0, 2.0, 2.0]
    best = fit(Line(losses), TrainingConfig(4, lr=0.05), seed=0, runtime=CPU)
    assert best.best_epoch == 2
    only_two = fit(Line(losses), TrainingConfig(2, lr=0.05), seed=0, runtime=CPU)
    assert all(torch.equal(a, b) for a, b in zip(weights(best), weights(only_two), strict=True))


def test_it_stops_after_so_many_epochs_without_improvement() -> None:
    losses = [3.0, 1.0, *[2.0] * 20]
    assert len(fit(Line(losses), TrainingConfig(20, patience=3), seed=0, runtime=CPU).curves) == 5
    assert len(fit(Line(losses), TrainingConfig(9), seed=0, runtime=CPU).curves) == 9


def test_without_validation_the_last_weights_are_kept_and_nothing_stops_it() -> None:
    done = fit(Line([nan] * 5), TrainingConfig(5, patience=1), seed=0, runtime=CPU)
    assert (done.best_epoch, len(done.curves)) == (5, 5)


def test_a_loss_that_is_not_finite_is_an_error_with_a_fix() -> None:
    with pytest.raises(MeasureError, match="diverged in epoch 1") as caught:
        fit(Line(), TrainingConfig(3, lr=1e30, optimizer="sgd", momentum=0.0), seed=0, runtime=CPU)
    assert "smaller learning rate" in str(caught.value.hint)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_state_alone() -> None:
    before = torch.random.get_rng_state()
    first, second = (fit(Line(), TrainingConfig(2), seed=5, runtime=CPU) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))
    assert torch.equal(before, torch.random.get_rng_state())


def test_bfloat16_is_used_only_where_it_is_asked_for() -> None:
    seen = []

    class Spy(Line):
        def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
            seen.append(self.network(torch.ones(1, 1, 4, 4)).dtype)
            return super().losses(batch, generator, position)

    for precision in CHOICES["precision"][:3]:
        fit(Spy(), TrainingConfig(1, precision=precision), seed=0, runtime=CPU)
    assert seen[::3] == [torch.float32, torch.float32, torch.bfloat16]


@pytest.mark.parametrize(
    "wrong", [{"optimizer": "adamax"}, {"epochs": 0}, {"lr": 0.0}, {"clip": -1.0}, {"precision": "half"}]
)
def test_a_config_that_cannot_train_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        TrainingConfig(**{"epochs": 3, **wrong})  # type: ignore[arg-type]


def test_checks_of_steps_see_every_step_in_time_and_none_twice() -> None:
    seen: list[list[float]] = []

    class Watched(Distillation):
        def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
            return [torch.randn(6, 4, generator=generator) for _ in range(23)]

    def watch(rows: Sequence[Mapping[str, float]]) -> None:
        seen.append([row["step"] for row in rows])
        assert all({"cross_entropy", "spread"} < set(row) for row in rows)

    result = fit(Watched(), TrainingConfig(2, lr=0.05), seed=1, runtime=CPU, step_checks=[watch])
    ends = (0, 10, 20, 23, 30, 40, 46)
    assert seen == [[*range(1, end + 1)] for end in ends]
    assert result.warnings == ()


def test_a_check_of_steps_warns_once_and_its_words_are_kept_over_an_interruption(tmp_path: Path) -> None:
    notes, file = Notes(), tmp_path / "half.safetensors"

    def warn(rows: Sequence[Mapping[str, float]]) -> str | None:
        return "mind this" if rows else None

    arguments: dict[str, Any] = {"seed": 1, "runtime": replace(CPU, progress=notes), "checkpoint": file}
    config = TrainingConfig(3, lr=0.05)
    with pytest.raises(KeyboardInterrupt):
        fit(Distillation(stop_after=2), config, step_checks=[warn], **arguments)
    assert notes.texts == ["mind this"]
    assert fit(Distillation(), config, **arguments).warnings == ("mind this",)


def test_a_check_of_steps_may_end_the_training() -> None:
    def refuse(rows: Sequence[Mapping[str, float]]) -> str | None:
        raise MeasureError("collapsed", hint="change something")

    objective = Distillation()
    with pytest.raises(MeasureError):
        fit(objective, TrainingConfig(3, lr=0.05), seed=1, runtime=CPU, step_checks=[refuse])
    assert objective.seen == []
