"""Layouts: what lies together stays together, equal rows and few points are no trouble, a missing extra is named."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from dsim.embeddings import lay_out, neighbour_overlap
from dsim.errors import TooFewSamplesError, UnknownNameError, UsageError

LAYOUTS = ("tsne", "umap", "pca")


def clusters(per_cluster: int, width: int = 8) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Three clouds that are far from each other, and the cloud of each point."""
    rng = np.random.default_rng(0)
    of = np.repeat(np.arange(3), per_cluster)
    return rng.normal(size=(3, width))[of] * 20 + rng.normal(size=(len(of), width)), of


@pytest.mark.parametrize("layout", LAYOUTS)
def test_points_of_one_cloud_are_neighbours_in_the_plane(layout: str) -> None:
    points, of = clusters(40)
    plane = lay_out(points, layout, 0)
    nearest = np.linalg.norm(plane[:, None] - plane[None], axis=2).argsort(axis=1)[:, 1:6]
    assert (plane.shape, plane.dtype) == ((120, 2), np.float64)
    assert (of[nearest] == of[:, None]).mean() > 0.99


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_call_gives_the_same_layout(layout: str) -> None:
    points, _ = clusters(10)
    assert np.array_equal(lay_out(points, layout, 3), lay_out(points, layout, 3))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_equal_rows_and_few_points_are_laid_out(layout: str) -> None:
    twice = np.repeat(np.random.default_rng(1).normal(size=(9, 4)), 2, axis=0)
    for points in (twice, twice[::2][:5]):
        assert np.isfinite(lay_out(points, layout, 0)).all()


def test_principal_axes_are_those_of_scikit_learn_whatever_the_seed() -> None:
    points, _ = clusters(10)
    reference = PCA(2).fit_transform(points)
    assert np.allclose(np.abs(lay_out(points, "pca", 0)), np.abs(reference))
    assert np.array_equal(lay_out(points, "pca", 0), lay_out(points, "pca", 7))


def test_one_dimension_is_laid_on_a_line() -> None:
    plane = lay_out(np.arange(6.0)[:, None], "pca")
    assert np.ptp(plane[:, 0]) == pytest.approx(5)
    assert not plane[:, 1].any()


def test_wide_features_are_reduced_first_and_keep_their_neighbours() -> None:
    points, _ = clusters(20)
    wide = np.pad(points, ((0, 0), (0, 5000)))
    near = neighbour_overlap(lay_out(points, "pca"), lay_out(wide, "pca"), 5)
    assert near.mean() > 0.99


@pytest.mark.parametrize("points", [np.zeros((4, 3)), np.ones((20, 3))])
def test_too_few_or_equal_points_are_refused(points: NDArray[np.float64]) -> None:
    with pytest.raises(TooFewSamplesError):
        lay_out(points, "tsne")


def test_an_unknown_layout_names_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match="tsne"):
        lay_out(np.eye(6), "t-sne")  # type: ignore[arg-type]


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(UsageError) as caught:
        lay_out(np.eye(6), "tsne")
    assert "dsim[tsne]" in str(caught.value)
