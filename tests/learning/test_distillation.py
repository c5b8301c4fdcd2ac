"""The DINO loss against golden values, which the original class and an independent numpy code agree on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsim.errors import UsageError
from dsim.learning import dino_loss, teacher_entropy, update_centre

STUDENT = torch.sin(1 + torch.arange(105, dtype=torch.float64)).view(7, 3, 5)
TEACHER = torch.cos(1 + torch.arange(30, dtype=torch.float64)).view(2, 3, 5)
ZERO = torch.zeros(5, dtype=torch.float64)
#: Teacher temperatures in turn, and the losses.
STEPS = [(0.04, 9.788036736875864), (0.04, 9.793432465958804), (0.07, 9.783172237191087)]
CENTRE = [0.029197, -0.017419, -0.048020, -0.034472, 0.010770]


def test_three_steps_have_the_losses_and_the_centre_of_the_original() -> None:
    centre = ZERO
    for temperature, expected in STEPS:
        assert abs(float(dino_loss(STUDENT, TEACHER, centre, 0.1, temperature)) - expected) < 1e-12
        centre = update_centre(centre, TEACHER, 0.9)
    np.testing.assert_allclose(centre.numpy(), CENTRE, atol=1e-6)


def test_the_first_gradient_is_that_of_the_original_and_goes_to_the_student_only() -> None:
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    dino_loss(student, teacher, ZERO, 0.1, 0.04).backward()
    assert student.grad is not None
    assert student.grad.norm().item() == pytest.approx(2.28236649157702, abs=1e-11)
    assert teacher.grad is None
    q, p = softmax(TEACHER.numpy() / 0.04), softmax(STUDENT.numpy() / 0.1)
    literal = np.stack([sum(p[v] - q[i] for i in range(2) if i != v) for v in range(7)]) / (0.1 * 12 * 3)
    np.testing.assert_allclose(student.grad.numpy(), literal, rtol=0, atol=1e-12)


def softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def loop(student: Tensor, teacher: Tensor, centre: Tensor, sharp: float, soft: float) -> tuple[float, float]:
    """Cross-entropy and divergence, one pair of views and one image at a time."""
    entropies, divergences = [], []
    for i, q in enumerate(softmax((teacher.numpy() - centre.numpy()) / sharp)):
        for v, p in enumerate(softmax(student.numpy() / soft)):
            if i != v:
                entropies += [-(a * np.log(b)).sum() for a, b in zip(q, p, strict=True)]
                divergences += [(a * np.log(a / b)).sum() for a, b in zip(q, p, strict=True)]
    return float(np.mean(entropies)), float(np.mean(divergences))


@pytest.mark.parametrize(("views", "shared"), [(2, 1), (2, 2), (5, 2), (6, 3)])
def test_loss_and_divergence_are_those_of_a_literal_loop(views: int, shared: int) -> None:
    generator = torch.Generator().manual_seed(views)
    student = torch.randn(views, 4, 9, generator=generator, dtype=torch.float64)
    teacher = torch.randn(shared, 4, 9, generator=generator, dtype=torch.float64)
    centre = torch.randn(9, generator=generator, dtype=torch.float64)
    loss, divergence = loop(student, teacher, centre, 0.3, 0.5)
    found = float(dino_loss(student, teacher, centre, 0.5, 0.3))
    assert found == pytest.approx(loss, abs=1e-12)
    entropy = math.log(9) * float(teacher_entropy(teacher, centre, 0.3))
    assert found - entropy == pytest.approx(divergence, abs=1e-12)


@pytest.mark.parametrize("outputs", [2, 8, 4096])
def test_equal_outputs_have_the_loss_ln_k(outputs: int) -> None:
    loss = dino_loss(torch.ones(3, 2, outputs), torch.ones(2, 2, outputs), torch.zeros(outputs), 0.1, 0.04)
    assert float(loss) == pytest.approx(math.log(outputs), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_autocast_and_outputs_of_bfloat16_change_neither_the_loss_nor_its_precision(dtype: torch.dtype) -> None:
    student, teacher, centre = STUDENT.to(dtype), TEACHER.to(dtype), torch.zeros(5)
    plain = dino_loss(student.float(), teacher.float(), centre, 0.1, 0.04)
    with torch.autocast("cpu", torch.bfloat16):
        loss, moved = dino_loss(student, teacher, centre, 0.1, 0.04), update_centre(centre, teacher)
    assert loss.dtype == moved.dtype == torch.float32
    assert torch.equal(loss, plain)
    torch.testing.assert_close(moved, update_centre(centre, teacher.float()))


def test_large_outputs_stay_finite() -> None:
    loss = dino_loss(1e4 * STUDENT.float(), 1e4 * TEACHER.float(), torch.zeros(5), 0.1, 0.04)
    assert torch.isfinite(loss)


def test_a_constant_centre_momentum_has_its_closed_form() -> None:
    centre = torch.ones(1, dtype=torch.float64)
    for _ in range(10):
        centre = update_centre(centre, torch.full((2, 3, 1), 2.0, dtype=torch.float64), 0.9)
    assert float(centre) == pytest.approx(1.6513215599, abs=1e-10)


@pytest.mark.parametrize(
    ("teacher", "entropy"),
    [(torch.zeros(2, 3, 8), 1.0), (torch.eye(8)[:6].view(2, 3, 8) * 100, 0.0)],
    ids=["uniform", "one output"],
)
def test_both_kinds_of_collapse_show_in_the_entropy(teacher: Tensor, entropy: float) -> None:
    assert float(teacher_entropy(teacher, torch.zeros(8), 0.04)) == pytest.approx(entropy, abs=1e-6)


def test_a_student_that_says_the_same_as_the_teacher_has_no_divergence() -> None:
    outputs = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0)).expand(3, 4, 8)
    loss = dino_loss(outputs, outputs[:2], torch.zeros(8), 0.1, 0.1)
    assert float(loss) == pytest.approx(
        math.log(8) * float(teacher_entropy(outputs[:2], torch.zeros(8), 0.1)), abs=1e-6
    )


@pytest.mark.parametrize(
    ("student", "teacher", "centre"),
    [
        ((7, 3, 5), (2, 4, 5), (5,)),
        ((7, 3, 5), (2, 3, 6), (6,)),
        ((7, 3, 5), (2, 3, 5), (1, 5)),
        ((7, 3, 1), (2, 3, 1), (1,)),
        ((1, 3, 5), (1, 3, 5), (5,)),
        ((2, 3, 5), (3, 3, 5), (5,)),
        ((21, 5), (6, 5), (5,)),
    ],
)
def test_outputs_that_do_not_fit_are_refused(
    student: tuple[int, ...], teacher: tuple[int, ...], centre: tuple[int, ...]
) -> None:
    with pytest.raises(UsageError) as caught:
        dino_loss(torch.zeros(student), torch.zeros(teacher), torch.zeros(centre), 0.1, 0.04)
    assert str(student) in str(caught.value)
    assert caught.value.hint
