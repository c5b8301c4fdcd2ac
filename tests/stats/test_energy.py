"""Energy distance: scipy's in one dimension, a closed form, and the scale that it follows."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.energy import energy_distance


def test_the_biased_value_is_the_square_of_scipys() -> None:
    """scipy returns the root of 2 E|x - y| - E|x - x'| - E|y - y'| over all pairs, those of a point with itself too."""
    from scipy.stats import energy_distance as of_scipy

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40, 1)), rng.normal(0.5, 2, size=(31, 1))
    assert energy_distance(a, b, unbiased=False) == pytest.approx(of_scipy(a[:, 0], b[:, 0]) ** 2, rel=1e-10)


def test_the_unbiased_value_divides_by_n_minus_1() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(12, 3)), rng.normal(1, 1, size=(9, 3))
    between, *within = (np.sqrt(((x[:, None] - y) ** 2).sum(axis=2)).sum() for x, y in ((a, b), (a, a), (b, b)))
    expected = 2 * between / 108 - within[0] / (12 * 11) - within[1] / (9 * 8)
    assert energy_distance(a, b) == pytest.approx(expected, rel=1e-12)


def test_two_distant_points_masses_are_at_twice_their_distance() -> None:
    a, b = np.zeros((4, 2)), np.full((3, 2), [3.0, 4.0])
    assert energy_distance(a, b) == pytest.approx(10, rel=1e-12)
    assert energy_distance(a, a[:2]) == 0


def test_follows_scale_and_ignores_a_common_shift() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(20, 4)), rng.normal(1, 1, size=(15, 4))
    value = energy_distance(a, b)
    assert energy_distance(3 * a, 3 * b) == pytest.approx(3 * value, rel=1e-10)
    assert energy_distance(a + 1e5, b + 1e5) == pytest.approx(value, rel=1e-7)
