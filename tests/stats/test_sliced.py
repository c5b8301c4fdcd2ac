"""One-dimensional transport: scipy's and POT's values for any two sizes, and projections that are fair."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats import sliced
from dsim.stats.sliced import directions, line_transport, marginal_wasserstein, sliced_wasserstein


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
    monkeypatch.setattr(sliced, "_HELD", 20)
    assert line_transport(a, b, 2) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("order", [1, 2])
def test_equals_pot_on_the_same_directions(order: int) -> None:
    import ot

    rng = np.random.default_rng(3)
    a, b, onto = rng.normal(size=(20, 6)), rng.normal(0.5, 1, size=(13, 6)), directions(6, 30, rng)
    expected = ot.sliced_wasserstein_distance(a, b, projections=onto.T, p=order)
    assert sliced_wasserstein(a, b, onto, order) == pytest.approx(expected, rel=1e-9)


def test_a_shift_is_seen_as_its_mean_square_over_directions() -> None:
    """E (v.u)^2 = |v|^2 / d over all directions u."""
    points, onto = np.random.default_rng(4).normal(size=(10, 8)), directions(8, 20_000, np.random.default_rng(5))
    found = sliced_wasserstein(points, points + np.array([3.0, 4, 0, 0, 0, 0, 0, 0]), onto)
    assert found == pytest.approx(5 / np.sqrt(8), rel=0.02)
    assert sliced_wasserstein(points, points[::-1], onto) == 0


def test_marginals_equal_a_loop_of_scipy() -> None:
    from scipy.stats import wasserstein_distance

    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(20, 6)), rng.normal(0.5, 1, size=(13, 6))
    expected = np.mean([wasserstein_distance(a[:, i], b[:, i]) for i in range(6)])
    assert marginal_wasserstein(a, b) == pytest.approx(expected, rel=1e-10)
    assert marginal_wasserstein(a, a + 2.0, order=2) == pytest.approx(2, rel=1e-10)


def test_marginals_do_not_see_how_features_go_together() -> None:
    """Why the page says so: the same neurons, paired otherwise."""
    rng = np.random.default_rng(7)
    a = rng.normal(size=(50, 2))
    correlated = np.stack([np.sort(a[:, 0]), np.sort(a[:, 1])], axis=1)
    assert marginal_wasserstein(a, correlated) == 0
    assert sliced_wasserstein(a, correlated, directions(2, 50, rng)) > 0.1
