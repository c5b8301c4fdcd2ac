"""The map of a pool: umap-learn's layout, and a place for every image that depends on nothing but the image.

Compiling umap-learn takes seconds, so that one fit serves all tests.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.embeddings.layouts import UmapMap, fit_umap, import_umap
from dsim.errors import TooFewSamplesError

SETTINGS = {"variance": 0.9, "neighbours": 8, "min_dist": 0.1, "seed": 3}


def pool() -> NDArray[np.float32]:
    """Three groups of 25 images with 12 features, of which few matter."""
    rng = np.random.default_rng(0)
    scales = np.geomspace(1, 0.05, 12)
    groups = [rng.normal(size=(25, 12)) * scales + 4 * np.eye(12)[group] for group in range(3)]
    return np.concatenate(groups).astype(np.float32)


def strangers() -> NDArray[np.float32]:
    return (pool()[::4] + 0.2 * np.random.default_rng(1).normal(size=(19, 12))).astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> UmapMap:
    return fit_umap(pool(), **SETTINGS)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def theirs(fitted: UmapMap) -> object:
    """umap-learn itself, fitted on the same reduced features."""
    import_umap()
    from umap.umap_ import UMAP

    return UMAP(n_neighbors=8, min_dist=0.1, random_state=3, transform_seed=3, n_jobs=1).fit(fitted.anchors)


def reduced(fitted: UmapMap, features: NDArray[np.float32]) -> NDArray[np.float32]:
    return ((features.astype(np.float64) - fitted.mean) @ fitted.axes.T).astype(np.float32)


def test_pca_keeps_the_least_number_of_axes_that_explain_the_variance(fitted: UmapMap) -> None:
    centred = pool().astype(np.float64) - pool().mean(axis=0, dtype=np.float64)
    shares = np.linalg.svd(centred, compute_uv=False) ** 2
    explained = np.cumsum(shares) / shares.sum()
    assert len(fitted.axes) == np.searchsorted(explained, 0.9, side="right") + 1
    np.testing.assert_allclose(fitted.axes @ fitted.axes.T, np.eye(len(fitted.axes)), atol=1e-12)


def test_the_layout_is_umap_learns(fitted: UmapMap, theirs: object) -> None:
    np.testing.assert_array_equal(fitted.places, theirs.embedding_)  # type: ignore[attr-defined]


def test_an_image_is_placed_as_umap_learn_places_it_alone(fitted: UmapMap, theirs: object) -> None:
    points = reduced(fitted, strangers())[:8]
    alone = [theirs.transform(points[row : row + 1]) for row in range(len(points))]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(fitted.place(strangers())[:8], np.concatenate(alone))


def test_umap_learns_own_transform_depends_on_the_company(fitted: UmapMap, theirs: object) -> None:
    """Why images are placed one by one: where this fails, ``place`` may become a call of ``transform``."""
    points = reduced(fitted, strangers())
    together, half = theirs.transform(points), theirs.transform(points[:9])  # type: ignore[attr-defined]
    assert np.abs(together[:9] - half).max() > 1e-3


def test_company_order_and_copies_move_no_image(fitted: UmapMap) -> None:
    features = strangers()
    placed = fitted.place(features)
    order = np.random.default_rng(2).permutation(len(features))
    np.testing.assert_array_equal(fitted.place(features[order]), placed[order])
    np.testing.assert_array_equal(fitted.place(features[3:8]), placed[3:8])
    np.testing.assert_array_equal(fitted.place(np.concatenate([features, features]))[len(features) :], placed)


def test_an_image_of_the_pool_lies_among_its_own_group(fitted: UmapMap) -> None:
    """Groups are 4 apart in features of deviation 1; in the plane each image is nearest to its own group's centre."""
    placed = fitted.place(pool()).reshape(3, 25, 2)
    centres = placed.mean(axis=1)
    nearest = np.linalg.norm(placed[:, :, None] - centres, axis=3).argmin(axis=2)
    assert (nearest == np.arange(3)[:, None]).all()


def test_neither_the_order_of_the_pool_nor_copies_in_it_change_the_map(fitted: UmapMap) -> None:
    features = pool()
    shuffled = np.concatenate([features[::-1], features[:10]])
    again = fit_umap(shuffled, **SETTINGS)  # type: ignore[arg-type]
    np.testing.assert_array_equal(again.places, fitted.places)


def test_another_seed_is_another_map(fitted: UmapMap) -> None:
    other = fit_umap(pool(), **{**SETTINGS, "seed": 4})  # type: ignore[arg-type]
    assert np.abs(other.places - fitted.places).max() > 0.1


def test_exact_neighbours_of_a_large_pool_are_those_of_a_small_one(
    fitted: UmapMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of large pools, tried on a small one: the last bits of distances differ, the groups do not."""
    monkeypatch.setattr("dsim.embeddings.layouts._MANY", 10)
    large = fit_umap(pool(), **SETTINGS)  # type: ignore[arg-type]
    placed = large.place(pool()).reshape(3, 25, 2)
    spread = np.linalg.norm(placed - placed.mean(axis=1, keepdims=True), axis=2).mean()
    centres = placed.mean(axis=1)
    assert min(np.linalg.norm(centres[i] - centres[k]) for i, k in ((0, 1), (0, 2), (1, 2))) > 2 * spread


def test_the_global_random_state_is_left_alone(fitted: UmapMap) -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002 the legacy global generator is what is watched
    fit_umap(pool(), **SETTINGS)  # type: ignore[arg-type]
    fitted.place(strangers())
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_a_pool_of_too_few_distinct_images_is_refused() -> None:
    few = np.repeat(pool()[:9], 5, axis=0)
    with pytest.raises(TooFewSamplesError, match="needs 10 distinct images, and there are 9"):
        fit_umap(few, **SETTINGS)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [4, 5, 7])
def test_the_smallest_pools_have_a_map_without_warnings(count: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit_umap(pool()[::11][:count], variance=0.95, neighbours=2, min_dist=0.1, seed=0)
    assert np.isfinite(found.place(strangers())).all()
