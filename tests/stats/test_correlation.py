"""Correlation of all pairs: numpy's values, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.correlation import correlations, ring_correlations, ring_spectra, shifted_correlations, standardise


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


def frc(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return ring_correlations(ring_spectra(a), ring_spectra(b))


def reference_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Ring by ring over the full plane, as the formula is written."""
    side = len(x)
    frequency = np.fft.fftfreq(side, 1 / side)
    ring = np.floor(np.hypot(frequency[:, None], frequency)).astype(int)
    f, g = np.fft.fft2(x - x.mean()), np.fft.fft2(y - y.mean())
    values = [0.0]
    for r in range(1, (side + 1) // 2):
        a, b = f[ring == r], g[ring == r]
        values.append(np.vdot(b, a).real / np.sqrt(np.sum(np.abs(a) ** 2) * np.sum(np.abs(b) ** 2)))
    return float(np.mean(values))


@pytest.mark.parametrize("side", [8, 15, 64])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_equals_the_definition_for_each_pair(side: int, dtype: type) -> None:
    a, b = np.random.default_rng(side).integers(0, 256, (2, 3, side, side)).astype(dtype)
    expected = [[reference_correlation(x, y) for y in b] for x in a]
    assert np.abs(frc(a, b) - expected).max() < 1e-6


def test_an_image_with_itself_gives_one_in_every_ring_but_the_empty_first() -> None:
    a = np.random.default_rng(0).random((2, 64, 64))
    assert np.allclose(np.diag(frc(a, a)), 1 - 2 / 64)


def test_brightness_and_contrast_do_not_matter() -> None:
    a, b = np.random.default_rng(1).random((2, 2, 16, 16))
    assert np.allclose(frc(50 - 3 * a, b), -frc(a, b), atol=1e-6)


def test_the_strength_of_a_ring_does_not_matter() -> None:
    """Every ring counts the same: a filter that only scales rings changes nothing."""
    a, b = np.random.default_rng(2).random((2, 1, 32, 32))
    frequency = np.fft.fftfreq(32, 1 / 32)
    filter_ = 1 / (1 + np.floor(np.hypot(frequency[:, None], frequency)))
    blurred = np.fft.ifft2(np.fft.fft2(a) * filter_).real
    assert np.allclose(frc(blurred, b), frc(a, b), atol=1e-5)


def test_a_single_wave_correlates_in_its_ring_only_by_the_cosine_of_its_phase() -> None:
    x = np.arange(32)
    waves = [np.broadcast_to(np.cos(2 * np.pi * 5 * x / 32 + phase), (32, 32)) for phase in (0.0, 1.0)]
    assert frc(waves[0][None], waves[1][None]).item() == pytest.approx(np.cos(1) / 16, abs=1e-6)


def test_waves_of_different_rings_share_nothing() -> None:
    x = np.arange(32)
    waves = [np.broadcast_to(np.cos(2 * np.pi * k * x / 32), (32, 32)) for k in (3, 9)]
    assert frc(waves[0][None], waves[1][None]).item() == pytest.approx(0, abs=1e-7)


def test_a_constant_image_makes_exactly_its_ring_correlations_undefined() -> None:
    rng = np.random.default_rng(3)
    a = rng.random((3, 9, 9))
    a[1] = 0.3
    assert np.isnan(frc(a, rng.random((2, 9, 9)))).tolist() == [[False, False], [True, True], [False, False]]


def test_images_that_are_not_square_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(n, N, N\)"):
        ring_spectra(np.zeros((1, 4, 5)))
