"""Wasserstein distances: POT's frozen values, closed forms, and what regularisation may and may not do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.stats.transport import sinkhorn
from dsim.stats.wasserstein import ground_cost, sinkhorn_divergence, wasserstein_distance

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "distributions.json").read_text("utf-8"))


@pytest.mark.parametrize("case", REFERENCE["wasserstein"], ids=lambda case: f"{case['how']}{case['order']}-{case['n']}")
def test_equals_pot(case: dict[str, Any]) -> None:
    recipe: dict[str, Any] = {"np": np}
    exec("\n".join(REFERENCE["recipe"]), recipe)
    x, y = recipe["cloud_pair"](case["n"])
    if case["how"] == "sinkhorn":
        found = sinkhorn(ground_cost(x, y, 2), 0.1)
        assert found.converged
        assert found.cost == pytest.approx(case["cost"], rel=1e-6)
    else:
        assert wasserstein_distance(x, y, case["order"]) ** case["order"] == pytest.approx(case["cost"], rel=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_a_shift_costs_its_length(order: int) -> None:
    points = np.random.default_rng(0).normal(size=(30, 3))
    assert wasserstein_distance(points, points + np.array([3.0, 4.0, 0.0]), order) == pytest.approx(5, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_unequal_numbers_are_weighed(order: int) -> None:
    """On a line the distance is known for any two sizes; copies of every point change nothing."""
    from scipy.stats import wasserstein_distance as of_scipy

    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(11, 1)), rng.normal(1, 2, size=(7, 1))
    if order == 1:
        assert wasserstein_distance(a, b, 1) == pytest.approx(of_scipy(a[:, 0], b[:, 0]), rel=1e-9)
    doubled = np.concatenate([a, a])
    assert wasserstein_distance(doubled, b, order) == pytest.approx(wasserstein_distance(a, b, order), rel=1e-9)


def test_the_distance_to_itself_is_exactly_zero() -> None:
    points = np.random.default_rng(2).normal(size=(25, 60)).astype(np.float32)
    assert wasserstein_distance(points, points, 1) == 0
    assert wasserstein_distance(points, points[::-1], 2) == 0


@pytest.fixture
def clouds() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(20, 2)), rng.normal(1, 0.5, size=(15, 2))


def divergence(a: np.ndarray, b: np.ndarray, epsilon: float) -> float:
    value, solved = sinkhorn_divergence(ground_cost(a, b, 2), (ground_cost(a, a, 2), ground_cost(b, b, 2)), epsilon)
    assert all(one.converged for one in solved)
    return value


def test_the_divergence_is_that_of_a_plain_sinkhorn(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    """Entropic values from the scaling iteration as printed, in float64, far past convergence."""

    def value(x: np.ndarray, y: np.ndarray, epsilon: float) -> float:
        kernel, a, b = np.exp(-ground_cost(x, y, 2) / epsilon), 1 / len(x), 1 / len(y)
        u, v = np.ones(len(x)), np.ones(len(y))
        for _ in range(5000):
            u = 1 / (kernel @ v * b)
            v = 1 / (kernel.T @ u * a)
        return float(epsilon * (np.log(u).mean() + np.log(v).mean()))

    a, b = clouds
    expected = value(a, b, 0.5) - (value(a, a, 0.5) + value(b, b, 0.5)) / 2
    assert divergence(a, b, 0.5) == pytest.approx(expected, rel=1e-6)


def test_the_divergence_lies_between_transport_and_the_distance_of_means(
    clouds: tuple[np.ndarray, np.ndarray],
) -> None:
    a, b = clouds
    assert divergence(a, b, 1e-3) == pytest.approx(wasserstein_distance(a, b) ** 2, rel=1e-2)
    means = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    assert divergence(a, b, 1e4) == pytest.approx(means, rel=1e-2)
    assert divergence(a, a, 0.5) == 0


def test_the_cost_of_an_entropic_plan_is_never_less_than_the_exact_cost(
    clouds: tuple[np.ndarray, np.ndarray],
) -> None:
    a, b = clouds
    cost = ground_cost(a, b, 2)
    values = [sinkhorn(cost, epsilon).cost for epsilon in (0.01, 0.1, 1.0)]
    assert [wasserstein_distance(a, b) ** 2, *values] == sorted([wasserstein_distance(a, b) ** 2, *values])
