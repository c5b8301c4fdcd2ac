"""Accuracy of the nearest neighbour: scikit-learn's, its expectation, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.stats import neighbours as module
from dsim.stats.neighbours import Prdc, nearest_accuracy, prdc, split_accuracy, squared_radii

Cloud = NDArray[np.float64]


def clouds(shift: float, n: int = 40, m: int = 25) -> tuple[Cloud, Cloud]:
    rng = np.random.default_rng(5)
    return rng.normal(size=(n, 3)), rng.normal(size=(m, 3)) + shift


def of_sklearn(a: Cloud, b: Cloud) -> float:
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import LeaveOneOut, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    points, owners = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    told = cross_val_predict(KNeighborsClassifier(1), points, owners, cv=LeaveOneOut())
    return float(balanced_accuracy_score(owners, told))


@pytest.mark.parametrize("shift", [0.0, 0.7, 2.0])
def test_it_is_the_leave_one_out_accuracy_of_a_nearest_neighbour_classifier(shift: float) -> None:
    a, b = clouds(shift)
    assert nearest_accuracy(a, b) == pytest.approx(of_sklearn(a, b), abs=1e-12)


def test_it_is_one_for_separate_clouds_and_zero_for_the_same_points() -> None:
    a, b = clouds(50.0)
    assert nearest_accuracy(a, b) == 1.0
    assert nearest_accuracy(a, a) == 0.0


def test_one_population_gives_its_expectation_whatever_the_sizes() -> None:
    """Mean over draws within four standard errors of (n + m - 2) / (2 (n + m - 1))."""
    rng = np.random.default_rng(0)
    found = np.array([nearest_accuracy(rng.normal(size=(30, 4)), rng.normal(size=(10, 4))) for _ in range(300)])
    assert abs(found.mean() - 38 / 78) < 4 * found.std() / np.sqrt(len(found))


def test_neither_order_nor_shift_nor_scale_nor_side_matters() -> None:
    a, b = clouds(0.7)
    value = nearest_accuracy(a, b)
    assert nearest_accuracy(a[::-1], b) == value
    assert nearest_accuracy(b, a) == value
    assert nearest_accuracy(3 * a + 100, 3 * b + 100) == value


def test_copies_are_not_each_others_neighbours() -> None:
    a, b = clouds(0.7)
    assert nearest_accuracy(np.concatenate([a, a]), b) == pytest.approx(nearest_accuracy(a, b), abs=1e-12)


def test_a_tie_counts_half() -> None:
    # 0 lies between 1, of its own, and -1; 1 is right, and both of the others are wrong.
    assert nearest_accuracy(np.array([[0.0], [1.0]]), np.array([[-1.0], [9.0]])) == pytest.approx((0.75 + 0) / 2)


def test_points_without_a_different_one_beside_them_have_no_accuracy() -> None:
    assert np.isnan(nearest_accuracy(np.zeros((3, 2)), np.random.default_rng(0).normal(size=(4, 2))))


def test_splits_are_what_their_parts_give_alone() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(24, 3))
    order = rng.permutation(24)
    ones, others = np.zeros((2, 24)), np.zeros((2, 24))
    ones[0, order[:10]] = others[0, order[10:]] = 1
    ones[1, order[:4]] = others[1, order[4:20]] = 1
    ones[1, order[0]] = 3  # drawn three times
    alone = [
        nearest_accuracy(points[order[:10]], points[order[10:]]),
        nearest_accuracy(points[order[[0, 0, 0, 1, 2, 3]]], points[order[4:20]]),
    ]
    np.testing.assert_allclose(split_accuracy(points, ones, others), alone, atol=1e-12)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = clouds(0.7)
    value = nearest_accuracy(a, b)
    monkeypatch.setattr("dsim.stats.neighbours._BLOCK", 7 * (len(a) + len(b)))
    assert nearest_accuracy(a, b) == value


def by_loops(source: np.ndarray, target: np.ndarray, k: int) -> Prdc:
    """The definitions, image by image, through scikit-learn's neighbours."""
    from sklearn.neighbors import NearestNeighbors

    def radii(points: np.ndarray) -> np.ndarray:
        found: np.ndarray = NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)[0][:, k]
        return found

    of_source, of_target = radii(source), radii(target)
    within = [[np.linalg.norm(x - y) <= of_target[j] for j, y in enumerate(target)] for x in source]
    among = [[np.linalg.norm(x - y) <= of_source[i] for y in target] for i, x in enumerate(source)]
    return Prdc(
        precision=float(np.mean([any(row) for row in within])),
        recall=float(np.mean([any(among[i][j] for i in range(len(source))) for j in range(len(target))])),
        density=sum(sum(row) for row in within) / (k * len(source)),
        coverage=float(np.mean([any(within[i][j] for i in range(len(source))) for j in range(len(target))])),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_equals_the_definitions(k: int) -> None:
    rng = np.random.default_rng(k)
    source, target = rng.normal(size=(25, 3)), rng.normal(0.7, 1.3, size=(18, 3))
    assert prdc(source, target, k) == pytest.approx(by_loops(source, target, k), rel=1e-12)


def test_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(25, 3)), rng.normal(size=(18, 3))
    expected = prdc(source, target, 3)
    monkeypatch.setattr(module, "_HELD", 40)
    assert prdc(source, target, 3) == pytest.approx(expected, rel=1e-12)


def test_a_cloud_holds_itself() -> None:
    points = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)
    found = prdc(points, points, 5)
    assert found.precision == found.recall == found.coverage == 1


def test_clouds_apart_share_nothing() -> None:
    points = np.random.default_rng(2).normal(size=(30, 4))
    assert prdc(points, points + 100, 5) == Prdc(0, 0, 0, 0)


def test_one_outlier_of_the_target_lifts_precision_but_not_density() -> None:
    """Naeem et al. 2020, section 3: an outlier's ball overestimates the target's manifold, which density discounts."""
    rng = np.random.default_rng(3)
    target = np.concatenate([rng.normal(size=(99, 2)), [[20.0, 0.0]]])
    source = rng.normal(size=(100, 2)) + np.array([10.0, 0.0])
    found = prdc(source, target, 5)
    assert found.precision > 0.9
    assert found.density < 0.25


def test_halves_of_one_population_cover_each_other() -> None:
    """Naeem et al. 2020, section 3.2: for equal distributions the expected coverage is nearly 1 - 2^-k."""
    rng = np.random.default_rng(4)
    values = [prdc(rng.normal(size=(200, 16)), rng.normal(size=(200, 16)), 5) for _ in range(20)]
    expected = 1 - np.prod([(200 - i) / (400 - 1 - i) for i in range(5)])
    assert np.mean([value.coverage for value in values]) == pytest.approx(expected, abs=0.01)
    assert np.mean([value.density for value in values]) == pytest.approx(1, abs=0.05)


def test_radii_leave_out_the_point_itself_but_not_its_copies() -> None:
    assert squared_radii(np.array([[0.0], [0.0], [2.0]]), 1) == pytest.approx([0, 0, 4])
