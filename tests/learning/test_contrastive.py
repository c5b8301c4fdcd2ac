"""InfoNCE against a literal numpy loop, golden values and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsim.errors import UsageError
from dsim.learning import info_nce

ROWS = np.random.default_rng(0).normal(size=(16, 2))
POINTS = torch.from_numpy(ROWS).view(2, 8, 2)


def literal(points: Tensor, temperature: float, similarity: str) -> float:
    """One row at a time, similarities before logarithms."""
    flat = points.double().flatten(0, 1).numpy()

    def closeness(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
        if similarity == "cauchy":
            return float(1 / (1 + 2 * temperature * ((x - y) ** 2).sum()))
        return float(np.exp(x @ y / np.linalg.norm(x) / np.linalg.norm(y) / temperature))

    n, losses = len(flat), []
    for i in range(n):
        others = sum(closeness(flat[i], flat[j]) for j in range(n) if j != i)
        losses.append(-np.log(closeness(flat[i], flat[(i + n // 2) % n]) / others))
    return float(np.mean(losses))


def test_golden_values() -> None:
    points = POINTS.clone().requires_grad_()
    loss = info_nce(points, similarity="cauchy")
    loss.backward()
    assert loss.item() == pytest.approx(2.744253109253535, abs=1e-12)
    assert points.grad is not None
    assert float(points.grad.norm()) == pytest.approx(0.38701159834785603, abs=1e-12)
    assert float(info_nce(POINTS, 0.5)) == pytest.approx(2.9537592595342392, abs=1e-12)
    # The released class of t-SimCNE with its temperature of 1, in float32, is not Cauchy.
    assert float(info_nce(POINTS, 1.0, "cauchy")) == pytest.approx(2.8151795864105225, abs=1e-6)


@pytest.mark.parametrize("similarity", ["cosine", "cauchy"])
@pytest.mark.parametrize(("count", "dimensions", "temperature"), [(2, 1, 0.5), (5, 3, 0.1), (9, 16, 1.0)])
def test_it_is_a_literal_loop(similarity: str, count: int, dimensions: int, temperature: float) -> None:
    generator = torch.Generator().manual_seed(count)
    points = torch.randn(2, count, dimensions, generator=generator, dtype=torch.float64)
    expected = literal(points, temperature, similarity)
    assert float(info_nce(points, temperature, similarity)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dimensions", [2, 16])
def test_closed_forms_of_cauchy(dimensions: int) -> None:
    same = torch.ones(2, 2, dimensions, dtype=torch.float64)
    assert float(info_nce(same, similarity="cauchy")) == pytest.approx(math.log(3), abs=1e-12)
    pairs = same.clone()
    pairs[:, 1, 0] += 3
    assert float(info_nce(pairs, similarity="cauchy")) == pytest.approx(0.1823215567939546, abs=1e-12)


@pytest.mark.parametrize("dimensions", [2, 16])
def test_close_points_far_from_the_origin_are_told_apart_in_float32(dimensions: int) -> None:
    """By a product of matrices the distance of coincident points is far from 0 there."""
    pairs = torch.full((2, 2, dimensions), 1000.0)
    pairs[:, 1, 0] += 3
    assert float(info_nce(pairs, similarity="cauchy")) == pytest.approx(0.1823215567939546, abs=1e-6)


@pytest.mark.parametrize("similarity", ["cosine", "cauchy"])
def test_swapped_views_permuted_pairs_and_turned_points_change_nothing(similarity: str) -> None:
    loss = info_nce(POINTS, 0.5, similarity)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)
    for other in (POINTS.flip(0), POINTS[:, order], POINTS @ turn):
        torch.testing.assert_close(info_nce(other, 0.5, similarity), loss, rtol=0, atol=1e-12)


def test_lengths_count_for_cauchy_only_and_its_gradient_adds_up_to_nothing() -> None:
    torch.testing.assert_close(info_nce(7 * POINTS), info_nce(POINTS), rtol=0, atol=1e-12)
    assert abs(float(info_nce(7 * POINTS, similarity="cauchy") - info_nce(POINTS, similarity="cauchy"))) > 0.1
    points = POINTS.clone().requires_grad_()
    info_nce(points, similarity="cauchy").backward()
    assert points.grad is not None
    assert float(points.grad.sum(dim=(0, 1)).abs().max()) < 1e-12


@pytest.mark.parametrize("similarity", ["cosine", "cauchy"])
@pytest.mark.parametrize("dimensions", [2, 16])
def test_collapsed_points_give_no_nan(similarity: str, dimensions: int) -> None:
    points = torch.zeros(2, 4, dimensions, requires_grad=True)
    loss = info_nce(points, 0.5, similarity)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(7), rel=1e-6)
    assert points.grad is not None
    assert bool(torch.isfinite(points.grad).all())


@pytest.mark.parametrize("similarity", ["cosine", "cauchy"])
def test_it_is_computed_in_float32_under_autocast(similarity: str) -> None:
    points = torch.randn(2, 8, 32, generator=torch.Generator().manual_seed(0)).bfloat16()
    plain = info_nce(points.float(), 0.5, similarity)
    with torch.autocast("cpu", torch.bfloat16):
        loss = info_nce(points, 0.5, similarity)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, plain)


@pytest.mark.parametrize("shape", [(2, 1, 4), (3, 4, 2), (8, 2)])
def test_points_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        info_nce(torch.zeros(shape))
    assert str(shape) in str(caught.value)


def test_unknown_similarities_and_temperatures_are_refused_with_what_is_possible() -> None:
    with pytest.raises(UsageError, match="gauss") as caught:
        info_nce(POINTS, similarity="gauss")
    assert "cauchy" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="-1"):
        info_nce(POINTS, -1.0)


def test_negatives_within_a_group_are_those_of_a_loss_of_that_group_alone() -> None:
    points = torch.randn(2, 7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    groups = torch.tensor([3, 5, 3, 3, 5, 5, 3])
    parts = [points[:, groups == group] for group in (3, 5)]
    expected = sum(info_nce(part, 0.5, "cauchy") * part.shape[1] for part in parts) / 7
    assert info_nce(points, 0.5, "cauchy", groups).item() == pytest.approx(float(expected), rel=1e-12)


def test_one_group_is_no_group_and_an_image_alone_in_its_group_adds_nothing() -> None:
    points = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert info_nce(points, groups=torch.zeros(5)).item() == info_nce(points).item()
    assert info_nce(points, groups=torch.arange(5)).item() == 0


def test_negatives_across_groups_are_counted_pair_by_pair() -> None:
    points = np.random.default_rng(2).normal(size=(2, 4, 2))
    groups, flat, total = [0, 0, 1, 1], points.reshape(8, 2), 0.0
    for i in range(8):
        similar = {j: 1 / (1 + ((flat[i] - flat[j]) ** 2).sum()) for j in range(8)}
        positive = (i + 4) % 8
        others = [similar[j] for j in range(8) if groups[j % 4] != groups[i % 4]]
        total -= np.log(similar[positive] / (similar[positive] + sum(others)))
    loss = info_nce(torch.from_numpy(points), 0.5, "cauchy", torch.tensor(groups), "across")
    assert loss.item() == pytest.approx(total / 8, rel=1e-12)


@pytest.mark.parametrize("wrong", [{"groups": torch.zeros(3)}, {"groups": torch.zeros(2), "negatives": "nobody"}])
def test_groups_that_are_not_the_images_and_unknown_negatives_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        info_nce(torch.zeros(2, 2, 2), **wrong)
    assert refused.value.hint
