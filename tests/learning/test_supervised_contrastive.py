"""The supervised contrastive loss against a literal loop, the code of its paper, InfoNCE and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dsim.errors import UsageError
from dsim.learning import info_nce, supervised_contrastive

ROWS = torch.from_numpy(np.random.default_rng(0).normal(size=(16, 2)))
#: Two views of 8 images of three classes: the labels of 16 points.
LABELS = torch.tensor([0, 0, 1, 2, 1, 2, 2, 0]).repeat(2)


def literal(
    points: Tensor, labels: Tensor, temperature: float, negatives: Tensor | None = None, of: Tensor | None = None
) -> float:
    """Equations 2 to 4 of SimSearch, one anchor and one positive at a time, divided by the number of anchors."""

    def closeness(x: Tensor, y: Tensor) -> float:
        x, y = x.double(), y.double()
        return math.exp(float(x @ y / x.norm() / y.norm()) / temperature)

    n, total = len(points), 0.0
    for i in range(n):
        denominator = sum(closeness(points[i], points[a]) for a in range(n) if a != i)
        if negatives is not None and of is not None:
            denominator += sum(closeness(points[i], x) for x, c in zip(negatives, of, strict=True) if c == labels[i])
        positives = [p for p in range(n) if p != i and labels[p] == labels[i]]
        for p in positives:
            total -= math.log(closeness(points[i], points[p]) / denominator) / len(positives)
    return total / n


@pytest.mark.parametrize(
    ("temperature", "value", "gradient"),
    [(0.07, 14.738178826864852, 6.2656839299086045), (0.5, 3.593441882986554, 0.5730624876794482)],
)
def test_it_is_the_loss_of_khosla_et_al(temperature: float, value: float, gradient: float) -> None:
    """Golden: SupConLoss of HobbitLong/SupContrast at 66a8fe5 with base_temperature = temperature, in float64."""
    points = ROWS.clone().requires_grad_()
    loss = supervised_contrastive(points, LABELS, temperature)
    loss.backward()
    assert loss.item() == pytest.approx(value, rel=1e-12)
    assert points.grad is not None
    assert float(points.grad.norm()) == pytest.approx(gradient, rel=1e-12)


@pytest.mark.parametrize("temperature", [0.07, 1.0])
@pytest.mark.parametrize("count", [0, 1, 9])
def test_it_is_a_literal_loop_with_and_without_negatives(temperature: float, count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    points = torch.randn(11, 5, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 0, 1, 1, 1, 2, 3, 0, 1, 0, 0])  # 2 and 3 are alone
    negatives = torch.randn(count, 5, generator=generator, dtype=torch.float64)
    of = torch.arange(count) % 4
    expected = literal(points, labels, temperature, negatives, of)
    loss = supervised_contrastive(points, labels, temperature, negatives, of)
    assert float(loss) == pytest.approx(expected, rel=1e-12)
    plain = supervised_contrastive(points, labels, temperature)
    assert float(plain) == pytest.approx(literal(points, labels, temperature), rel=1e-12)


def test_where_each_image_is_a_class_it_is_info_nce() -> None:
    views = ROWS.view(2, 8, 2)
    loss = supervised_contrastive(views.flatten(0, 1), torch.arange(8).repeat(2), 0.5)
    torch.testing.assert_close(loss, info_nce(views, 0.5), rtol=0, atol=1e-12)


def test_closed_forms() -> None:
    """Coincident points of one class, then with as many negatives at the same place, then opposite to them."""
    points, labels = torch.ones(4, 3, dtype=torch.float64), torch.zeros(4, dtype=torch.int64)
    assert float(supervised_contrastive(points, labels)) == pytest.approx(math.log(3))
    assert float(supervised_contrastive(points, labels, 0.5, points, labels)) == pytest.approx(math.log(7))
    expected = math.log(3 + 4 * math.exp(-4))
    assert float(supervised_contrastive(points, labels, 0.5, -points, labels)) == pytest.approx(expected)


def test_negatives_count_for_anchors_of_their_class_only_and_the_more_the_closer_they_are() -> None:
    axes = torch.eye(3, dtype=torch.float64)
    points, labels = axes[:2].repeat(2, 1), torch.tensor([0, 1, 0, 1])

    def loss(negative: Tensor, of: int) -> float:
        return float(supervised_contrastive(points, labels, 0.5, negative[None], torch.tensor([of])))

    near, far, opposite = axes[0], axes[2], -axes[0]
    assert loss(near, 0) > loss(far, 0) > loss(opposite, 0) > float(supervised_contrastive(points, labels, 0.5))
    assert loss(near, 1) == loss(far, 1)
    assert loss(near, 7) == float(supervised_contrastive(points, labels, 0.5))


def test_order_and_lengths_of_points_and_names_of_classes_do_not_count() -> None:
    negatives, of = ROWS[:3] + 1, torch.tensor([0, 1, 1])
    loss = supervised_contrastive(ROWS, LABELS, 0.5, negatives, of)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    for other in (
        supervised_contrastive(ROWS[order], LABELS[order], 0.5, negatives.flip(0), of.flip(0)),
        supervised_contrastive(7 * ROWS, LABELS - 5, 0.5, 0.1 * negatives, of - 5),
    ):
        torch.testing.assert_close(other, loss, rtol=0, atol=1e-12)


def test_points_without_others_of_their_label_add_nothing_and_collapsed_points_no_nan() -> None:
    assert float(supervised_contrastive(ROWS, torch.arange(16))) == 0
    points = torch.zeros(5, 4, requires_grad=True)
    loss = supervised_contrastive(points, torch.zeros(5))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4), rel=1e-6)
    assert points.grad is not None
    assert bool(torch.isfinite(points.grad).all())


def test_it_is_computed_in_float32_under_autocast() -> None:
    points = torch.randn(6, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
    labels = torch.tensor([0, 0, 1, 1, 0, 1])
    plain = supervised_contrastive(points.float(), labels, 0.07, points.float() + 1, labels)
    with torch.autocast("cpu", torch.bfloat16):
        loss = supervised_contrastive(points, labels, 0.07, points.float() + 1, labels)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, plain)


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": torch.zeros(1, 2), "labels": torch.zeros(1)},
        {"points": torch.zeros(2, 2, 2), "labels": torch.zeros(2)},
        {"labels": torch.zeros(3)},
        {"temperature": 0.0},
        {"negatives": torch.zeros(3, 2)},
        {"negatives": torch.zeros(3, 5), "negative_of": torch.zeros(3)},
        {"negatives": torch.zeros(3, 2), "negative_of": torch.zeros(2)},
    ],
)
def test_what_does_not_fit_is_refused_with_a_fix(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"points": torch.zeros(4, 2), "labels": torch.zeros(4), **wrong}
    with pytest.raises(UsageError) as refused:
        supervised_contrastive(**given)
    assert refused.value.hint
