"""Promises of schedules: golden values, equal to torch's where they are torch's, and no memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch

from dsim.errors import UnknownNameError, UsageError
from dsim.learning import (
    ChainedCosine,
    Constant,
    Cosine,
    Linear,
    Plateau,
    Position,
    Schedule,
    Steps,
    WarmUp,
    named_schedule,
)


def torch_rates(kind: type, losses: Sequence[float] | None, epochs: int, **settings: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = kind(optimizer, **settings)
    rates = []
    for epoch in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([] if losses is None else [losses[epoch]]))
    return rates


def test_the_rate_of_the_original_self_distillation() -> None:
    rate = WarmUp(20, Cosine(5e-4, 1e-6, per="step"), per="step")
    expected = [0, 2.63157895e-5, 5e-4, 5e-4, 2.505e-4, 1.19235546e-6]
    assert [rate.at(step, 100) for step in (0, 1, 19, 20, 60, 99)] == pytest.approx(expected, rel=1e-8)


def test_the_momentum_of_a_teacher_ends_at_one() -> None:
    momentum = Cosine(0.996, 1.0, per="step")
    assert [momentum.at(step, 100) for step in (0, 50, 99)] == pytest.approx([0.996, 0.998, 0.99999901], abs=5e-9)


def test_the_chained_cosine_is_torchs_to_the_last_bit() -> None:
    for epochs in (3, 50, 157):
        expected = torch_rates(torch.optim.lr_scheduler.CosineAnnealingLR, None, epochs, T_max=epochs)
        assert [ChainedCosine(0.3).at(done, epochs) for done in range(epochs)] == expected
        assert [Cosine(0.3).at(done, epochs) for done in range(epochs)] == pytest.approx(expected, rel=1e-9)


def test_steps_are_torchs() -> None:
    expected = torch_rates(torch.optim.lr_scheduler.StepLR, None, 35, step_size=10, gamma=0.5)
    assert [Steps(0.3, every=10).at(done, 35) for done in range(35)] == expected


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_a_plateau_is_torchs(patience: int) -> None:
    generator = torch.Generator().manual_seed(patience)
    losses = (1 / torch.arange(1, 61) + 0.05 * torch.rand(60, generator=generator)).tolist()
    losses[20] = losses[19] * (1 - 5e-5)  # below the threshold of torch
    expected = torch_rates(torch.optim.lr_scheduler.ReduceLROnPlateau, losses, 60, factor=0.5, patience=patience)
    schedule = Plateau(0.3, patience, threshold=1e-4, least=1e-8)
    assert [schedule.at(done, 60, losses[:done]) for done in range(60)] == expected
    assert expected[-1] < 0.3


def test_a_plateau_halves_once_per_wait() -> None:
    rates = [Plateau(1.0, 2).at(done, 50, [1.0] * done) for done in range(8)]
    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    assert named_schedule("plateau", 1.0, patience=8) == Plateau(1.0, 2)


def test_cosine_ends_near_its_end_and_stays_there_beyond_its_length() -> None:
    values = [Cosine(1.0).at(done, 50) for done in range(50)]
    assert values == pytest.approx([(1 + math.cos(math.pi * done / 50)) / 2 for done in range(50)])
    assert Cosine(1.0, 0.2, length=5).at(30, 50) == pytest.approx(0.2)


def test_a_warm_up_goes_before_any_schedule() -> None:
    assert [WarmUp(3, Constant(0.6)).at(done, 5) for done in range(5)] == pytest.approx([0, 0.3, 0.6, 0.6, 0.6])
    assert [WarmUp(1, Constant(0.6)).at(done, 5) for done in range(2)] == [0.6, 0.6]
    assert WarmUp(2, Steps(1.0, every=1)).at(3, 9) == 0.5
    assert WarmUp(2, Plateau(1.0, 1)).at(6, 9, [1.0, 0.9, 0.8, 0.8, 0.8, 0.8]) == 0.5


@pytest.mark.parametrize("schedule", [Cosine(1.0), Linear(1.0, 0.0, length=4), Constant(1.0), Steps(1.0), Plateau(1.0)])
def test_a_schedule_is_a_value(schedule: Schedule) -> None:
    import copy

    assert copy.deepcopy(schedule) == schedule
    assert hash(schedule) == hash(copy.deepcopy(schedule))
    assert repr(copy.deepcopy(schedule)) == repr(schedule)
    position = Position(epoch=3, epochs=10, losses=(1.0, 2.0, 3.0))
    assert schedule(position) == schedule.at(3, 10, (1.0, 2.0, 3.0))


def test_steps_and_epochs_are_counted_apart() -> None:
    position = Position(epoch=1, epochs=2, step=15, steps=20)
    assert Linear(0.0, 1.0)(position) == 0.5
    assert Linear(0.0, 1.0, per="step")(position) == 0.75


def test_wrong_units_and_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="steps"):
        Cosine(1.0, per="steps")
    with pytest.raises(UsageError, match="two units"):
        WarmUp(2, Cosine(1.0, per="step"))
    with pytest.raises(UnknownNameError, match="cosinus"):
        named_schedule("cosinus", 1.0)
