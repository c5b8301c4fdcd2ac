"""Correlation of all pairs: numpy's values, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.correlation import correlations, shifted_correlations, standardise


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (5, 12, 9), dtype=np.uint8), rng.integers(0, 256, (4, 12, 9), dtype=np.uint8)


def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([[np.corrcoef(x.ravel(), y.ravel())[0, 1] for y in b] for x in a])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_equals_corrcoef_of_each_pair(pair: tuple[np.ndarray, np.ndarray], dtype: type) -> None:
    a, b = (images.astype(dtype) for images in pair)
    assert np.abs(correlations(standardise(a), standardise(b)) - reference(a, b)).max() < 1e-6


def test_brightness_and_contrast_do_not_matter_and_inversion_flips_the_sign(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    a, b = (standardise(images) for images in pair)
    changed = standardise(1000 + 0.01 * pair[0])
    assert np.allclose(correlations(changed, b), correlations(a, b), atol=1e-6)
    assert np.allclose(correlations(standardise(255 - pair[0]), b), -correlations(a, b), atol=1e-6)


def test_faint_contrast_on_a_bright_ground_keeps_its_precision() -> None:
    rng = np.random.default_rng(1)
    a, b = 1e4 + rng.standard_normal((2, 3, 20, 20))
    assert np.abs(correlations(standardise(a), standardise(b)) - reference(a, b)).max() < 1e-6


def test_an_image_with_itself_gives_one_and_nothing_exceeds_it(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a = standardise(pair[0])
    assert np.allclose(np.diag(correlations(a, a)), 1)
    assert np.abs(correlations(a, a)).max() <= 1


@pytest.mark.parametrize("value", [0, 0.1, 1e9])
def test_a_constant_image_makes_exactly_its_pairs_undefined(value: float) -> None:
    rng = np.random.default_rng(2)
    a = rng.random((3, 7, 7))
    a[1] = value
    for score in (correlations, shifted_correlations):
        undefined = np.isnan(score(standardise(a), standardise(rng.random((2, 7, 7)))))
        assert undefined.tolist() == [[False, False], [True, True], [False, False]]


def test_shifted_equals_the_largest_of_all_shifts(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    shifts = [(i, j) for i in range(a.shape[1]) for j in range(a.shape[2])]
    expected = np.max([reference(np.roll(a, shift, axis=(1, 2)), b) for shift in shifts], axis=0)
    assert np.abs(shifted_correlations(standardise(a), standardise(b)) - expected).max() < 1e-6
