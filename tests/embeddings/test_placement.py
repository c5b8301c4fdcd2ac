"""Placement of points among sets: conformal p-values are those of chance, distances are the plain means."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from dsim.embeddings import conformal_p, conformal_p_within, distance_sums, mean_to_others, novelty, place
from dsim.embeddings import placement as module


def test_p_is_uniform_for_points_of_the_sets_own_kind() -> None:
    rng = np.random.default_rng(0)
    p_values = [conformal_p(rng.standard_normal((1, 2)), rng.standard_normal((19, 2)))[0] for _ in range(2000)]
    for level in (0.05, 0.25, 0.5):
        assert np.mean(np.array(p_values) <= level + 1e-9) == pytest.approx(level, abs=0.03)


def test_p_of_an_own_point_is_that_of_the_point_left_out() -> None:
    points = np.random.default_rng(1).standard_normal((12, 2))
    left_out = [conformal_p(points[[i]], np.delete(points, i, axis=0))[0] for i in range(12)]
    assert conformal_p_within(points) == pytest.approx(left_out)
    means = [place(points[[i]], [np.delete(points, i, axis=0)]).mean[0, 0] for i in range(12)]
    assert mean_to_others(points) == pytest.approx(means)


def test_points_are_placed_by_mean_distance_and_by_centre() -> None:
    """Near the centre of a wide ring, far from all of its points."""
    ring = np.array([[10.0, 0.0], [-10.0, 0.0], [0.0, 10.0], [0.0, -10.0]])
    compact = np.array([[4.0, 4.0], [4.0, 5.0]])
    placement = place(np.zeros((1, 2)), [ring, compact])
    assert placement.mean[0, 0] == pytest.approx(10)
    assert placement.centre[0, 0] == pytest.approx(0)
    assert (placement.nearest.tolist(), placement.nearest_centre.tolist()) == ([1], [0])


def test_sums_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).standard_normal((30, 3))
    whole = distance_sums(points)
    monkeypatch.setattr(module, "_ROWS", 7)
    np.testing.assert_allclose(distance_sums(points), whole, rtol=1e-14)


def test_a_single_point_has_no_mean_distance_to_others() -> None:
    assert np.isnan(mean_to_others(np.zeros((1, 2)))).all()


def test_novelty_is_the_ratio_of_mean_distances_as_scikit_learn_finds_them() -> None:
    rng = np.random.default_rng(5)
    points, references = rng.normal(size=(40, 6)), rng.normal(size=(90, 6)).astype(np.float32)
    search = NearestNeighbors(n_neighbors=10).fit(references.astype(np.float64))
    own = search.kneighbors()[0].mean(axis=1)
    distances, indices = search.kneighbors(points)
    np.testing.assert_allclose(novelty(points, references), distances.mean(axis=1) / own[indices].mean(axis=1))


def test_novelty_does_not_depend_on_scale_or_on_the_other_points() -> None:
    rng = np.random.default_rng(6)
    points, references = rng.normal(size=(20, 4)), rng.normal(size=(50, 4))
    whole = novelty(points, references)
    np.testing.assert_allclose(novelty(9 * points + 1, 9 * references + 1), whole, rtol=1e-9)
    np.testing.assert_allclose([novelty(points[[i]], references)[0] for i in range(20)], whole, rtol=1e-12)


def test_a_kind_that_varies_more_is_not_more_novel() -> None:
    """Half of the references vary ten times as much; new points of both kinds are equally usual."""
    rng = np.random.default_rng(7)
    references = np.concatenate([rng.normal(size=(200, 8)), 10 * rng.normal(size=(200, 8)) + 200])
    usual = [novelty(rng.normal(size=(200, 8)), references), novelty(10 * rng.normal(size=(200, 8)) + 200, references)]
    assert np.median(usual[0]) == pytest.approx(np.median(usual[1]), rel=0.1)
    assert novelty(np.full((1, 8), 100.0), references)[0] > 5


def test_a_reference_does_not_count_itself_though_it_was_rounded() -> None:
    rng = np.random.default_rng(8)
    references = rng.normal(size=(60, 6)) + 5
    exact = novelty(references, references, leave_self=True)
    search = NearestNeighbors(n_neighbors=10).fit(references)
    distances, indices = search.kneighbors()
    np.testing.assert_allclose(exact, distances.mean(axis=1) / distances.mean(axis=1)[indices].mean(axis=1))
    again = (references * (1 + 1e-7)).astype(np.float32)
    np.testing.assert_allclose(novelty(again, references, leave_self=True), exact, rtol=1e-5)
    stranger = references[:1] + 2
    np.testing.assert_array_equal(novelty(stranger, references, leave_self=True), novelty(stranger, references))


def test_novelty_among_copies_is_a_number() -> None:
    copies = np.ones((12, 3))
    one_more, other = novelty(np.array([[1.0, 1, 1], [1, 1, 2]]), copies)
    assert one_more == 1
    assert np.isfinite(other)
    assert other > 1e6
