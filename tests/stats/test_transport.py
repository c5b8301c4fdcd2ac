"""Transport: equal to plain log-domain iterations and to POT, converged where those stall, honest elsewhere."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.special import logsumexp

from dsim.stats import entropic
from dsim.stats.entropic import TableCost
from dsim.stats.transport import coupling, exact_transport, sinkhorn, sinkhorn_self

Case = tuple[np.ndarray, np.ndarray, np.ndarray]


def clouds(n: int, m: int, d: int = 5, seed: int = 0, scale: float = 1.0) -> Case:
    """Squared distances of two clouds, and uneven weights."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)) * scale, (rng.normal(size=(m, d)) + 1) * scale
    a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
    return ((x[:, None] - y[None]) ** 2).sum(-1) / 2, a / a.sum(), b / b.sum()


def plain_iterations(table: np.ndarray, a: np.ndarray, b: np.ndarray, eps: float, steps: int = 20_000) -> float:
    """Sinkhorn's iterations in the log domain, float64, to 1e-12: the independent reference."""
    f, g = np.zeros(len(a)), np.zeros(len(b))
    for _ in range(steps):
        f = -eps * logsumexp((g - table) / eps, b=b, axis=1)
        new = -eps * logsumexp((f[:, None] - table) / eps, b=a[:, None], axis=0)
        moved, g = np.abs(new - g).max(), new
        if moved < 1e-12:
            break
    return float(a @ f + b @ g)


@pytest.mark.parametrize(("n", "m", "eps"), [(30, 30, 0.1), (40, 25, 0.5), (20, 33, 5.0), (1, 4, 0.1), (6, 1, 0.1)])
def test_equals_plain_iterations_of_the_log_domain(n: int, m: int, eps: float) -> None:
    table, a, b = clouds(n, m)
    found = sinkhorn(table, eps, a, b)
    assert found.converged
    assert found.value == pytest.approx(plain_iterations(table, a, b, eps), rel=1e-9)


def test_equals_pot() -> None:
    import ot

    table, a, b = clouds(50, 40)
    plan = ot.bregman.sinkhorn_log(a, b, table, 0.3, stopThr=1e-12, numItermax=20_000)
    found = sinkhorn(table, 0.3, a, b)
    assert np.abs(coupling(table, found, 0.3, a, b) - plan).max() < 1e-9
    assert found.cost == pytest.approx(float((plan * table).sum()), rel=1e-8)


def test_equals_geomloss() -> None:
    geomloss = pytest.importorskip("geomloss")
    import torch

    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(40, 4)), rng.normal(size=(30, 4)) + 1
    tables = [((p[:, None] - q[None]) ** 2).sum(-1) / 2 for p, q in ((x, y), (x, x), (y, y))]
    between, first, second = sinkhorn(tables[0], 0.1), sinkhorn_self(tables[1], 0.1), sinkhorn_self(tables[2], 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = geomloss.SamplesLoss("sinkhorn", p=2, blur=0.1**0.5, scaling=0.998, backend="tensorized")
        expected = float(peer(torch.from_numpy(x), torch.from_numpy(y)))
    assert between.value - (first.value + second.value) / 2 == pytest.approx(expected, rel=1e-4)


def test_converges_where_plain_iterations_stall() -> None:
    """Costs thousands of times eps, as of unscaled features: the value is bracketed by exact transport."""
    table, a, b = clouds(60, 60, seed=1, scale=10.0)
    a = b = np.full(60, 1 / 60)
    found = sinkhorn(table, 0.01, a, b)
    exact = exact_transport(table, a, b)[0].value
    assert found.converged
    assert found.error < 1e-6
    assert exact <= found.value + 1e-9 <= exact + 0.01 * np.log(60) + 1e-9
    assert abs(plain_iterations(table, a, b, 0.01, 300) - found.value) > 1e-4


def test_is_a_lower_bound_even_where_it_was_stopped_early() -> None:
    table, a, b = clouds(60, 60, seed=1, scale=10.0)
    stopped, found = sinkhorn(table, 0.01, a, b, products=60), sinkhorn(table, 0.01, a, b)
    assert not stopped.converged
    assert stopped.value < found.value


def test_a_dataset_that_is_another_in_another_order_is_found_out() -> None:
    """Almost no mass is exchanged between the points: the potentials are hardly determined, the value is."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(80, 6)) * 5
    table = ((x[:, None] - x[None]) ** 2).sum(-1) / 2
    order = rng.permutation(80)
    within, between = sinkhorn_self(table, 0.1), sinkhorn(table[:, order], 0.1)
    assert within.converged
    assert between.converged
    assert between.value == pytest.approx(within.value, abs=1e-8)


def test_coupling_has_the_marginals_and_sums_to_one() -> None:
    table, a, b = clouds(30, 45)
    plan = coupling(table, sinkhorn(table, 0.1, a, b), 0.1, a, b)
    assert plan.sum() == pytest.approx(1, abs=1e-12)
    assert np.abs(plan.sum(axis=1) - a).max() < 1e-12
    assert np.abs(plan.sum(axis=0) - b).max() < 1e-9


def test_both_directions_and_shifted_costs_agree() -> None:
    table, a, b = clouds(30, 45)
    value = sinkhorn(table, 0.1, a, b).value
    assert sinkhorn(table.T, 0.1, b, a).value == pytest.approx(value, rel=1e-10)
    assert sinkhorn(table + 7, 0.1, a, b).value == pytest.approx(value + 7, rel=1e-10)
    assert sinkhorn(10 * table, 1.0, a, b).value == pytest.approx(10 * value, rel=1e-10)


def test_copies_of_points_are_weights() -> None:
    table, _, _ = clouds(12, 9)
    copied = np.repeat(table, 2, axis=0)
    assert sinkhorn(copied, 0.2).value == pytest.approx(sinkhorn(table, 0.2).value, rel=1e-10)


def test_blocks_and_float32_kernels_change_nothing_that_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    table, a, b = clouds(50, 40, scale=2.0)
    square = ((np.arange(50.0)[:, None] - np.arange(50.0)) / 9) ** 2
    whole = sinkhorn(table, 0.1, a, b), sinkhorn_self(square, 0.1, a)
    monkeypatch.setattr(entropic, "_BLOCK", 130)
    blocked = sinkhorn(TableCost(table), 0.1, a, b), sinkhorn_self(square, 0.1, a)
    monkeypatch.setattr(entropic, "LARGE", 0)
    coarse = sinkhorn(table, 0.1, a, b), sinkhorn_self(square, 0.1, a)
    for one, two, three in zip(whole, blocked, coarse, strict=True):
        assert two.value == pytest.approx(one.value, rel=1e-12)
        assert three.converged
        assert three.value == pytest.approx(one.value, rel=1e-8)


def test_self_transport_of_a_kernel_that_is_not_positive_is_solved_nevertheless() -> None:
    table = np.array([[9.0, 0.0], [0.0, 9.0]])  # swapping is cheap, staying is not
    found = sinkhorn_self(table, 0.1)
    assert found.converged
    assert found.value == pytest.approx(plain_iterations(table, np.full(2, 0.5), np.full(2, 0.5), 0.1), abs=1e-9)


def test_exact_transport_sorts_the_line() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=40), rng.normal(size=40)
    found, plan = exact_transport((x[:, None] - y) ** 2)
    assert found.value == pytest.approx(((np.sort(x) - np.sort(y)) ** 2).mean(), rel=1e-10)
    assert plan.sum() == pytest.approx(1)


def test_exact_transport_says_so_where_it_was_stopped() -> None:
    table, a, b = clouds(60, 60)
    found, _ = exact_transport(table, a, b, iterations=3)
    assert not found.converged
    assert found.status


def assigned(table: np.ndarray) -> float:
    """The least mean cost of pairing rows and columns: an independent solver, whose answer needs no tolerance."""
    from scipy.optimize import linear_sum_assignment

    return float(table[linear_sum_assignment(table)].mean())


@pytest.mark.parametrize("scale", [1e-300, 1e-16, 1e-8, 1.0, 1e8, 1e300])
def test_exact_transport_is_exact_at_any_scale_of_the_costs(scale: float) -> None:
    table = clouds(40, 40, seed=4)[0] * scale
    found, _ = exact_transport(table)
    assert found.converged
    assert found.value == pytest.approx(assigned(table), rel=1e-12)


@pytest.mark.parametrize("far", [1e3, 1e6, 1e8, 1e12])
def test_exact_transport_within_clusters_is_exact_however_far_apart_these_are(far: float) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 3)) + 0.5
    table = ((x[:, None] - y[None]) ** 2).sum(-1) + far**2 * (np.arange(40)[:, None] % 2 != np.arange(40) % 2)
    found, _ = exact_transport(table)
    assert found.converged
    assert found.value == pytest.approx(assigned(table), rel=1e-12)


def test_an_outlier_does_not_hide_the_transport_of_the_others() -> None:
    table = clouds(30, 30, seed=6)[0]
    table[3] += 1e30
    found, plan = exact_transport(table)
    assert found.converged
    others = np.delete(plan, 3, axis=0)
    table = np.delete(table, 3, axis=0)
    # The outlier goes where it spares the others most: all of the remaining cost is the least there is.
    assert np.vdot(others, table) == pytest.approx(assigned(np.vstack([table, np.zeros(30)])), rel=1e-9)


@pytest.mark.parametrize("far", [1e5, 1e8])
def test_rounded_weights_send_nothing_from_one_cluster_to_another(far: float) -> None:
    rng = np.random.default_rng(7)
    near = [((rng.normal(size=(17, 1, 3)) - rng.normal(size=(1, 23, 3))) ** 2).sum(-1) for _ in range(2)]
    beyond = np.full((17, 23), far**2)
    found, plan = exact_transport(np.block([[near[0], beyond], [beyond, near[1]]]))
    assert found.converged
    assert not plan[:17, 23:].any()
    # Seventeenths and twenty-thirds of a half do not add up to the same number.
    assert found.value == pytest.approx(np.mean([exact_transport(table)[0].value for table in near]), rel=1e-9)
