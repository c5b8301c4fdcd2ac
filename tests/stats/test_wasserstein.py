"""Wasserstein distances: POT's frozen values, closed forms, and what regularisation may and may not do."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.stats import wasserstein as module
from dsim.stats.transport import exact_transport, sinkhorn
from dsim.stats.wasserstein import (
    Points,
    directions,
    ground_cost,
    ground_costs,
    line_transport,
    marginal_wasserstein,
    sinkhorn_divergence,
    sliced_wasserstein,
    wasserstein_distance,
)

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "distributions.json").read_text("utf-8"))


def exact_distance(a: Points, b: Points, order: int = 2) -> float:
    return wasserstein_distance(ground_costs(a, b, order), order)[0]


def sliced_distance(a: Points, b: Points, onto: Points, order: int = 2) -> float:
    return sliced_wasserstein(np.sort(onto @ a.T, axis=1), np.sort(onto @ b.T, axis=1), order)


def marginal_distance(a: Points, b: Points, order: int = 1) -> float:
    return marginal_wasserstein(np.sort(a.T, axis=1), np.sort(b.T, axis=1), order)


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
        assert exact_distance(x, y, case["order"]) ** case["order"] == pytest.approx(case["cost"], rel=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_a_shift_costs_its_length(order: int) -> None:
    points = np.random.default_rng(0).normal(size=(30, 3))
    assert exact_distance(points, points + np.array([3.0, 4.0, 0.0]), order) == pytest.approx(5, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_unequal_numbers_are_weighed(order: int) -> None:
    """On a line the distance is known for any two sizes; copies of every point change nothing."""
    from scipy.stats import wasserstein_distance as of_scipy

    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(11, 1)), rng.normal(1, 2, size=(7, 1))
    if order == 1:
        assert exact_distance(a, b, 1) == pytest.approx(of_scipy(a[:, 0], b[:, 0]), rel=1e-9)
    doubled = np.concatenate([a, a])
    assert exact_distance(doubled, b, order) == pytest.approx(exact_distance(a, b, order), rel=1e-9)


def test_the_distance_to_itself_is_exactly_zero() -> None:
    points = np.random.default_rng(2).normal(size=(25, 60)).astype(np.float32)
    assert exact_distance(points, points, 1) == 0
    assert exact_distance(points, points[::-1], 2) == 0


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
    assert divergence(a, b, 1e-3) == pytest.approx(exact_distance(a, b) ** 2, rel=1e-2)
    means = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    assert divergence(a, b, 1e4) == pytest.approx(means, rel=1e-2)
    assert divergence(a, a, 0.5) == 0


def test_the_cost_of_an_entropic_plan_is_never_less_than_the_exact_cost(
    clouds: tuple[np.ndarray, np.ndarray],
) -> None:
    a, b = clouds
    cost = ground_cost(a, b, 2)
    values = [sinkhorn(cost, epsilon).cost for epsilon in (0.01, 0.1, 1.0)]
    assert [exact_distance(a, b) ** 2, *values] == sorted([exact_distance(a, b) ** 2, *values])


@pytest.mark.parametrize(("n", "m"), [(12, 12), (12, 7), (5, 20), (1, 6)])
def test_each_line_equals_scipy_and_pot(n: int, m: int) -> None:
    import ot
    from scipy.stats import wasserstein_distance

    rng = np.random.default_rng(0)
    a, b = np.sort(rng.normal(size=(4, n)), axis=1), np.sort(rng.normal(1, 2, size=(4, m)), axis=1)
    assert line_transport(a, b, 1) == pytest.approx(
        [wasserstein_distance(x, y) for x, y in zip(a, b, strict=True)], rel=1e-10
    )
    assert line_transport(a, b, 2) == pytest.approx([ot.wasserstein_1d(x, y, p=2) for x, y in zip(a, b, strict=True)])


def test_copies_of_every_value_change_nothing() -> None:
    rng = np.random.default_rng(1)
    a, b = np.sort(rng.normal(size=(3, 6)), axis=1), np.sort(rng.normal(size=(3, 4)), axis=1)
    for order in (1, 2):
        assert line_transport(a.repeat(3, axis=1), b, order) == pytest.approx(line_transport(a, b, order), rel=1e-12)


def test_many_lines_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    a, b = np.sort(rng.normal(size=(9, 5)), axis=1), np.sort(rng.normal(size=(9, 8)), axis=1)
    expected = line_transport(a, b, 2)
    monkeypatch.setattr(module, "_HELD", 20)
    assert line_transport(a, b, 2) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("order", [1, 2])
def test_equals_pot_on_the_same_directions(order: int) -> None:
    import ot

    rng = np.random.default_rng(3)
    a, b, onto = rng.normal(size=(20, 6)), rng.normal(0.5, 1, size=(13, 6)), directions(6, 30, rng)
    expected = ot.sliced_wasserstein_distance(a, b, projections=onto.T, p=order)
    assert sliced_distance(a, b, onto, order) == pytest.approx(expected, rel=1e-9)


def test_a_shift_is_seen_as_its_mean_square_over_directions() -> None:
    """E (v.u)^2 = |v|^2 / d over all directions u."""
    points, onto = np.random.default_rng(4).normal(size=(10, 8)), directions(8, 20_000, np.random.default_rng(5))
    found = sliced_distance(points, points + np.array([3.0, 4, 0, 0, 0, 0, 0, 0]), onto)
    assert found == pytest.approx(5 / np.sqrt(8), rel=0.02)
    assert sliced_distance(points, points[::-1], onto) == 0


def test_marginals_equal_a_loop_of_scipy() -> None:
    from scipy.stats import wasserstein_distance

    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(20, 6)), rng.normal(0.5, 1, size=(13, 6))
    expected = np.mean([wasserstein_distance(a[:, i], b[:, i]) for i in range(6)])
    assert marginal_distance(a, b) == pytest.approx(expected, rel=1e-10)
    assert marginal_distance(a, a + 2.0, order=2) == pytest.approx(2, rel=1e-10)


def test_marginals_do_not_see_how_features_go_together() -> None:
    """Why the page says so: the same neurons, paired otherwise."""
    rng = np.random.default_rng(7)
    a = rng.normal(size=(50, 2))
    correlated = np.stack([np.sort(a[:, 0]), np.sort(a[:, 1])], axis=1)
    assert marginal_distance(a, correlated) == 0
    assert sliced_distance(a, correlated, directions(2, 50, rng)) > 0.1


def test_weights_are_copies() -> None:
    rng = np.random.default_rng(11)
    a, b = rng.normal(size=(6, 2)), rng.normal(1, 1, size=(5, 2))
    twice = np.concatenate([a, a[:2]])
    weights = np.array([2, 2, 1, 1, 1, 1]) / 8, np.full(5, 1 / 5)
    for method in ("exact", "sinkhorn", "divergence"):
        weighted, plain = (ground_costs(x, b, 2, within=True) for x in (a, twice))
        value = wasserstein_distance(weighted, method=method, weights=weights)[0]
        assert value == pytest.approx(wasserstein_distance(plain, method=method)[0], rel=1e-6)


def test_an_unconverged_transport_has_no_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "exact_transport", partial(exact_transport, iterations=1))
    rng = np.random.default_rng(12)
    costs = ground_costs(rng.normal(size=(30, 2)), rng.normal(size=(30, 2)), 2)
    value, (transport,) = wasserstein_distance(costs)
    assert np.isnan(value)
    assert not transport.converged
