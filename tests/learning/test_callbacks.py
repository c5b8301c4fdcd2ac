"""Promises of teachers and checks: a teacher is the closed form of its moving average, a check sees every epoch."""

from __future__ import annotations

from math import inf, nan

import pytest
import torch
from torch import nn

from dsim.errors import MeasureError
from dsim.learning import DivergenceCheck, RangeCheck, frozen_copy, share_left, update_teacher


def test_a_constant_momentum_has_a_closed_form() -> None:
    student, teacher = nn.Linear(3, 2).double(), nn.Linear(3, 2).double()
    start = [value.clone() for value in teacher.parameters()]
    for _ in range(7):
        update_teacher(teacher, student, 0.8)
    for value, first, target in zip(teacher.parameters(), start, student.parameters(), strict=True):
        assert torch.allclose(value, target + (first - target) * 0.8**7)


def test_a_teacher_begins_as_its_student_and_keeps_its_own_statistics() -> None:
    student = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    teacher = frozen_copy(student)
    assert all(torch.equal(a, b) for a, b in zip(teacher.parameters(), student.parameters(), strict=True))
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    student(torch.randn(8, 3, generator=torch.Generator().manual_seed(0)))
    update_teacher(teacher, student, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(teacher.parameters(), student.parameters(), strict=True))
    assert int(teacher.state_dict()["1.num_batches_tracked"]) == 0


def test_the_share_of_the_first_teacher_that_is_left() -> None:
    assert share_left([0.996] * 900) == pytest.approx(0.996**900)
    assert share_left([]) == 1


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_loss_that_is_not_finite_ends_the_training(value: float) -> None:
    check = DivergenceCheck("loss", 0.1)
    check([{"loss": 1.0}])
    with pytest.raises(MeasureError, match="epoch 2") as caught:
        check([{"loss": 1.0}, {"loss": value}])
    assert "lr=0.1" in str(caught.value.hint)


def test_a_column_outside_its_range_warns_with_epoch_and_value() -> None:
    check = RangeCheck("entropy", "lower the temperature", low=0.1, high=0.9, after=1)
    assert check([{"entropy": 0.0}]) is None
    assert check([{"entropy": 0.0}, {"entropy": 0.5}, {"entropy": nan}, {"loss": 1.0}]) is None
    warning = check([{"entropy": 0.0}, {"entropy": 0.5}, {"entropy": 0.95}])
    assert warning is not None
    assert "0.95" in warning
    assert "epoch 3" in warning
