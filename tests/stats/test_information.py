"""Normalised mutual information of all pairs: scikit-image's bins and values, and the cases it leaves undefined."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import normalized_mutual_information

from dsim.stats.information import bin_indices, normalised_mutual_information


def nmi(a: np.ndarray, b: np.ndarray, bins: int = 100) -> np.ndarray:
    return normalised_mutual_information(bin_indices(a, bins), bin_indices(b, bins), bins)


def reference(a: np.ndarray, b: np.ndarray, bins: int) -> np.ndarray:
    return np.array([[normalized_mutual_information(x, y, bins=bins) for y in b] for x in a])


def samples() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "uint8": rng.integers(0, 256, (4, 16, 16), dtype=np.uint8),
        "few levels": rng.integers(3, 9, (4, 16, 16), dtype=np.uint8),
        "uint16": rng.integers(0, 65536, (4, 16, 16), dtype=np.uint16),
        "float": rng.standard_normal((4, 16, 16)),
        "on the edges": rng.integers(0, 101, (4, 16, 16)) / 100,
        "far from zero": 1e6 + rng.integers(0, 101, (4, 16, 16)) * 1e-3,
    }


@pytest.mark.parametrize("bins", [2, 32, 100, 256])
@pytest.mark.parametrize("kind", samples())
def test_equals_scikit_image_for_each_pair(kind: str, bins: int) -> None:
    """To rounding: scikit-image divides counts by bin widths, which are not quite equal far from zero."""
    images = samples()[kind]
    assert np.abs(nmi(images[:2], images[1:], bins) - reference(images[:2], images[1:], bins)).max() < 1e-8


@pytest.mark.parametrize("kind", samples())
def test_bins_are_those_of_histogramdd(kind: str) -> None:
    for image in samples()[kind]:
        counts = np.histogramdd([image.ravel()], bins=100)[0]
        assert np.array_equal(np.bincount(bin_indices(image[None])[0], minlength=100), counts)


def test_an_image_determines_itself_and_its_inverse() -> None:
    levels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    assert nmi(levels, levels).item() == pytest.approx(2)
    assert nmi(levels, 255 - levels).item() == pytest.approx(2)


def test_independent_images_share_nothing() -> None:
    rows, columns = np.mgrid[:8, :8]
    assert nmi(rows[None], columns[None]).item() == pytest.approx(1)


def test_moving_the_pixels_of_both_images_alike_changes_nothing() -> None:
    a, b = np.random.default_rng(1).random((2, 3, 10, 10))
    order = np.random.default_rng(2).permutation(100)
    moved = (images.reshape(3, 100)[:, order] for images in (a, b))
    assert np.allclose(nmi(*moved), nmi(a, b))


def test_a_constant_image_is_independent_of_any_other_but_undefined_with_another() -> None:
    varied, black, white = np.random.default_rng(3).random((1, 6, 6)), np.zeros((1, 6, 6)), np.ones((1, 6, 6))
    assert nmi(varied, black).item() == pytest.approx(1)
    assert np.isnan(nmi(black, white)).all()


@pytest.mark.parametrize("bins", [1, 257])
def test_a_number_of_bins_that_does_not_fit_is_refused(bins: int) -> None:
    with pytest.raises(ValueError, match=r"\[2, 256\]"):
        bin_indices(np.zeros((1, 2, 2)), bins)
