"""The map of sl-pca-umap, and nearest-neighbour accuracy, beside scikit-learn and umap-learn used plainly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rows import Row, race, show

from dsim.stats.neighbours import nearest_accuracy

SETTINGS: dict[str, Any] = {"variance": 0.95, "neighbours": 15, "min_dist": 0.1, "seed": 0}


def features(n: int, seed: int, d: int = 512) -> NDArray[np.float32]:
    """Sixteen groups of images in 40 directions of 512."""
    rng = np.random.default_rng(seed)
    groups = rng.normal(size=(n, 40))
    groups[:, :16] += 6 * np.eye(16)[np.arange(n) % 16]
    return np.asarray(groups @ np.random.default_rng(0).normal(size=(40, d)) / 6, dtype=np.float32)


def fitting(n: int) -> Row:
    """PCA and UMAP of a pool; the value is the layout's mean distance from its centre."""
    from dsim.embeddings.layouts import fit_umap, import_umap

    import_umap()
    from sklearn.decomposition import PCA
    from umap.umap_ import UMAP

    pool = features(n, seed=1)

    def theirs() -> float:
        reduced = PCA(n_components=0.95, svd_solver="full").fit_transform(np.unique(pool, axis=0).astype(np.float64))
        return spread(UMAP(random_state=0, n_jobs=1).fit_transform(reduced.astype(np.float32)))

    return race(
        "sl-pca-umap",
        f"fit on {n} x 512",
        "scikit-learn, umap-learn",
        lambda: spread(fit_umap(pool, **SETTINGS).places),
        theirs,
    )


def placing(n: int, images: int) -> Row:
    """New images, each on its own."""
    from dsim.embeddings.layouts import fit_umap, import_umap

    import_umap()
    from umap.umap_ import UMAP

    fitted, new = fit_umap(features(n, seed=1), **SETTINGS), features(images, seed=2)
    reducer = UMAP(random_state=0, transform_seed=0, n_jobs=1).fit(fitted.anchors)
    reduced = ((new.astype(np.float64) - fitted.mean) @ fitted.axes.T).astype(np.float32)

    def theirs() -> float:
        return spread(np.concatenate([reducer.transform(reduced[i : i + 1]) for i in range(images)]))

    work = f"{images} images, one by one, into a map of {n}"
    return race("sl-pca-umap", work, "umap-learn", lambda: spread(fitted.place(new)), theirs)


def nearest(n: int, d: int = 384) -> Row:
    """Leave-one-out accuracy of the nearest neighbour."""
    from sklearn.neighbors import NearestNeighbors

    a, b = features(n, 1, d), features(n, 2, d) + np.float32(0.05)

    def theirs() -> float:
        both = np.concatenate([a, b])
        owner = np.arange(2 * n) < n
        found = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(both).kneighbors(both, return_distance=False)
        right = owner[found[:, 1]] == owner
        return float((right[owner].mean() + right[~owner].mean()) / 2)

    return race("dino:statistic=nearest", f"{n} x {d}", "scikit-learn", lambda: nearest_accuracy(a, b), theirs)


def spread(points: NDArray[Any]) -> float:
    """Mean distance of points from their centre."""
    return float(np.linalg.norm(points - points.mean(axis=0), axis=1).mean())


def rows() -> list[Row]:
    """All races of this module."""
    return [fitting(1000), placing(1000, 50), nearest(1000)]


def main() -> None:
    show(rows())


if __name__ == "__main__":
    main()
