"""Discrepancies keep their digits far from the origin, beside outliers and for any bandwidth, or are refused."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.discrepancy import contrast_of, reliable_mmd
from dsim.stats.frames import LostDigitsError
from dsim.stats.kernels import Kernel, linear, negative_distance, polynomial, with_bandwidth
from dsim.stats.mmd import squared_mmd

RNG = np.random.default_rng(0)
#: On a grid, so that shifts by powers of two round nothing.
X, Y = (
    np.round((RNG.normal(size=(n, 4)) * spread + shift) * 256) / 256
    for n, spread, shift in ((30, 1, 0), (24, 1.3, 0.5))
)
KERNELS = {
    "polynomial": polynomial,
    "linear": linear,
    "energy": negative_distance,
    "gaussian": with_bandwidth("gaussian", 2.0),
    "cauchy": with_bandwidth("cauchy", 2.0),
}


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_the_contrast_of_a_kernel_has_its_discrepancy(kernel: Kernel, unbiased: bool) -> None:
    middle = np.array([0.3, -0.2, 0.5, 1.0])
    found = squared_mmd(contrast_of(kernel, middle), X - middle, Y - middle, unbiased=unbiased)
    assert found == pytest.approx(squared_mmd(kernel, X, Y, unbiased=unbiased), rel=1e-12)


def test_a_kernel_of_ones_own_is_its_own_contrast() -> None:
    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.tanh(a @ b.T)

    middle = np.full(4, 0.3)
    found = squared_mmd(contrast_of(kernel, middle), X - middle, Y - middle)
    assert found == pytest.approx(squared_mmd(kernel, X, Y), rel=1e-12)


@pytest.mark.parametrize("shift", [2.0**20, 2.0**40])
@pytest.mark.parametrize("name", ["linear", "energy", "gaussian", "cauchy"])
def test_a_shift_changes_nothing(name: str, shift: float) -> None:
    assert reliable_mmd(KERNELS[name], X + shift, Y + shift).value == pytest.approx(
        reliable_mmd(KERNELS[name], X, Y).value, rel=1e-9
    )


@pytest.mark.parametrize("shift", [2.0**8, 2.0**20, 2.0**30])
def test_the_cubic_kernel_far_from_the_origin_equals_whole_numbers(shift: float) -> None:
    def exact(a: np.ndarray, b: np.ndarray) -> int:
        """Of integers, 256 times the features: 4 x 256^2 times x.y / d + 1, cubed and summed without rounding."""
        rows = (
            [[int(v * 256) for v in row] for row in (a + shift)],
            [[int(v * 256) for v in row] for row in (b + shift)],
        )
        return sum((sum(p * q for p, q in zip(x, y, strict=True)) + 4 * 256**2) ** 3 for x in rows[0] for y in rows[1])

    from fractions import Fraction

    n, m = 6, 5
    x, y = X[:n], Y[:m]
    value = Fraction(exact(x, x), n * n) + Fraction(exact(y, y), m * m) - 2 * Fraction(exact(x, y), n * m)
    found = reliable_mmd(polynomial, x + shift, y + shift, unbiased=False).value
    assert found == pytest.approx(float(value / (4 * 256**2) ** 3), rel=1e-9)


@pytest.mark.parametrize("name", ["gaussian", "cauchy"])
def test_a_bandwidth_far_beyond_all_distances_leaves_that_of_the_linear_kernel(name: str) -> None:
    bandwidth = 1e9
    factor = {"gaussian": 1.0, "cauchy": 2.0}[name]
    found = reliable_mmd(with_bandwidth(name, bandwidth), X, Y).value * bandwidth**2 / factor
    assert found == pytest.approx(squared_mmd(linear, X, Y), rel=1e-9)


def test_what_drowns_in_an_outlier_is_refused() -> None:
    far = X.copy()
    far[0] = 1e30
    with pytest.raises(LostDigitsError):
        reliable_mmd(negative_distance, far, Y)
    # A bounded kernel forgets how far: the value is what it is at any distance.
    nearer = X.copy()
    nearer[0] = 1e5
    kernel = KERNELS["gaussian"]
    assert reliable_mmd(kernel, far, Y).value == pytest.approx(reliable_mmd(kernel, nearer, Y).value, rel=1e-9)


def test_equal_clouds_are_at_zero_also_far_away() -> None:
    for name in KERNELS.keys() - {"polynomial"}:
        assert abs(reliable_mmd(KERNELS[name], X + 2.0**20, X[::-1] + 2.0**20, unbiased=False).value) < 1e-12


def test_a_bandwidth_below_all_distances_and_products_that_overflow_or_vanish_are_refused() -> None:
    with pytest.raises(LostDigitsError, match="1e-09"):
        reliable_mmd(with_bandwidth("gaussian", 1e-9), X, Y)
    for factor in (1e60, 1e-170):
        with pytest.raises(LostDigitsError):
            reliable_mmd(polynomial, X * factor, Y * factor)


def test_float32_is_enough_where_nothing_cancels_and_is_left_where_it_does() -> None:
    single = X.astype(np.float32), Y.astype(np.float32)
    assert reliable_mmd(polynomial, *single).first.dtype == np.float32
    shifted = reliable_mmd(polynomial, single[0] + np.float32(2**10), single[1] + np.float32(2**10))
    assert shifted.first.dtype == np.float64
    assert shifted.value == pytest.approx(reliable_mmd(polynomial, X + 2.0**10, Y + 2.0**10).value, rel=1e-9)
