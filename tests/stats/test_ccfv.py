"""CC-FV: Wasserstein distances of Gaussians, harmonic distances of pixels, and their ratio."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.stats.transferability import cc_fv, class_consistency, feature_variety


def clouds(count: int = 5, d: int = 4, seed: int = 0) -> list[NDArray[Any]]:
    """Clouds of various sizes, means and covariances."""
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal(d) + rng.standard_normal((6 + 3 * i, d)) @ rng.standard_normal((d, d)) for i in range(count)
    ]


def test_class_consistency_by_matrix_square_roots() -> None:
    from scipy.linalg import sqrtm

    found = clouds()
    distances = []
    for i in range(5):
        for j in range(i):
            s, t = np.cov(found[i].T), np.cov(found[j].T)
            cross = np.trace(sqrtm(sqrtm(s) @ t @ sqrtm(s)).real)
            gap = np.sum((found[i].mean(axis=0) - found[j].mean(axis=0)) ** 2)
            distances.append(np.sqrt(gap + np.trace(s) + np.trace(t) - 2 * cross))
    assert class_consistency(found) == pytest.approx(np.mean(distances), rel=1e-9)


def test_class_consistency_on_the_line_is_the_distance_of_means_and_deviations() -> None:
    a, b = np.array([[0.0], [2.0], [4.0]]), np.array([[10.0], [11.0], [12.0]])
    assert class_consistency([a, b]) == pytest.approx(np.hypot(9.0, 1.0))


def test_images_that_look_alike_are_consistent() -> None:
    assert class_consistency([clouds()[0]] * 3) == pytest.approx(0.0, abs=1e-6)


def test_fewer_pixels_than_channels_are_enough() -> None:
    rng = np.random.default_rng(0)
    wide = [rng.standard_normal((3, 20)) + i for i in range(3)]
    assert np.isfinite(class_consistency(wide))


@pytest.mark.parametrize("count", [0, 1])
def test_consistency_needs_two_images(count: int) -> None:
    assert np.isnan(class_consistency(clouds(count)))


def test_feature_variety_by_loops() -> None:
    found = clouds(3)
    harmonic = []
    for cloud in found:
        squares = np.array([np.sum((p - q) ** 2) for i, p in enumerate(cloud) for q in cloud[:i]])
        harmonic.append(1 / np.mean((squares + 1e-3 * squares.mean()) ** -0.5))
    assert feature_variety(found) == pytest.approx(np.mean(harmonic), rel=1e-12)


def test_pixels_that_coincide_leave_a_variety() -> None:
    # Black borders give many equal features; without softening they would make the energy infinite.
    cloud = np.concatenate([np.zeros((50, 2)), np.random.default_rng(0).standard_normal((50, 2))])
    assert 0 < feature_variety([cloud]) < feature_variety([cloud[50:]])


def test_variety_of_equal_pixels_is_zero_and_of_no_images_undefined() -> None:
    assert feature_variety([np.ones((4, 2))]) == 0.0
    assert np.isnan(feature_variety([]))


def test_the_unit_of_the_features_cancels() -> None:
    found = clouds()

    def score(unit: float) -> float:
        scaled = [unit * cloud for cloud in found]
        return cc_fv([class_consistency(scaled)], feature_variety(scaled))

    assert score(1e5) == pytest.approx(score(1.0), rel=1e-9)


def test_rotations_and_shifts_do_not_matter() -> None:
    found = clouds()
    rotation, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))
    moved = [cloud @ rotation + 5.0 for cloud in found]
    assert class_consistency(moved) == pytest.approx(class_consistency(found), rel=1e-8)
    assert feature_variety(moved) == pytest.approx(feature_variety(found), rel=1e-8)


def test_the_score_sums_over_classes() -> None:
    assert cc_fv([0.5, 1.5], 4.0) == pytest.approx(np.log(2.0))


@pytest.mark.parametrize(("consistency", "variety"), [(0.0, 1.0), (1.0, 0.0), (float("nan"), 1.0)])
def test_no_score_without_variation(consistency: float, variety: float) -> None:
    assert np.isnan(cc_fv([consistency], variety))
