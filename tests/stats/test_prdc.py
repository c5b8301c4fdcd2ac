"""Precision, recall, density and coverage: a derivation by loops, a case worked by hand, and the papers' claims."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats import prdc as module
from dsim.stats.prdc import Prdc, prdc, squared_radii


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
