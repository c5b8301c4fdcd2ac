"""A map of a pool: PCA, then UMAP; and where an image that is new to it lies.

umap-learn's ``transform`` lays out all images it is given together, so that an image's place depends on which others
come with it. Here each image is placed as ``transform`` places it alone, by the same functions of umap-learn: its place
is a function of the map and of its own features, and of nothing else.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.plugin import MeasureError

#: Epochs in which umap-learn lays out new points, and its learning rate for them.
_EPOCHS, _RATE = 100, 0.25
#: From so many images on, the neighbours of the pool are found by matrix products.
_MANY = 4096
#: Kernels of numba that run in parallel may not be entered by two threads at once on every platform.
_TURN = threading.Lock()


@dataclass(frozen=True)
class Map:
    """A fitted map.

    ``mean`` (d,) and ``axes`` (k, d), float64: the PCA. ``anchors`` (N, k) and ``places`` (N, 2), float32: the pool's
    images before and after UMAP. ``curve`` holds the a and b of UMAP's kernel in the plane.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    anchors: NDArray[np.float32]
    places: NDArray[np.float32]
    curve: NDArray[np.float64]
    neighbours: int
    seed: int

    def place(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Points of images with these features (n, d), float64 (n, 2); each is placed on its own."""
        reduced = ((features.astype(np.float64) - self.mean) @ self.axes.T).astype(np.float32)
        with _TURN:
            return _laid_out(self, reduced)


def fit_map(features: NDArray[np.float32], *, variance: float, neighbours: int, min_dist: float, seed: int) -> Map:
    """The map of a pool of images with these features (N, d); the order of the rows and copies of rows do not matter.

    Raises MeasureError where fewer distinct images than ``neighbours`` + 2 are given.
    """
    # Copies would be each other's only neighbours; sorted rows make the layout independent of the order.
    distinct = np.unique(features, axis=0).astype(np.float64)
    if len(distinct) < neighbours + 2:
        raise MeasureError(
            f"UMAP with {neighbours} neighbours needs {neighbours + 2} distinct images in the pool of sources, "
            f"and there are {len(distinct)}",
            hint="give more sources, or fewer neighbours: sl-pca-umap:neighbours=5",
        )
    mean, axes = _principal_axes(distinct, variance)
    anchors = np.ascontiguousarray((distinct - mean) @ axes.T, dtype=np.float32)
    with _TURN:
        places, curve = _umap(anchors, neighbours, min_dist, seed)
    return Map(mean, axes, anchors, places, curve, neighbours, seed)


def _principal_axes(points: NDArray[np.float64], variance: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (d,), and as many principal axes (k, d) as explain this share of the variance."""
    from sklearn.decomposition import PCA

    pca = PCA(n_components=variance if variance < 1 else None, svd_solver="full").fit(points)
    return pca.mean_, pca.components_


def import_umap() -> None:
    """Import umap-learn, which takes seconds and tells everyone that TensorFlow is not installed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        import umap  # noqa: F401


def _umap(
    anchors: NDArray[np.float32], neighbours: int, min_dist: float, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The layout (N, 2) and the curve (a, b)."""
    import_umap()
    from umap.umap_ import UMAP

    # Exact, and without the seconds that umap-learn takes to compile its own search.
    near = _nearest if len(anchors) < _MANY else _nearest_of_many
    reducer = UMAP(
        n_neighbors=neighbours,
        min_dist=min_dist,
        random_state=seed,
        n_jobs=1,
        precomputed_knn=(*near(anchors, anchors, neighbours), None),
    )
    with warnings.catch_warnings():
        # Its own transform is not used; and where its spectral start fails, it starts at random, by the same seed.
        warnings.filterwarnings("ignore", r"precomputed_knn\[2\]", UserWarning)
        warnings.filterwarnings("ignore", r"Spectral initialisation failed", UserWarning)
        reducer.fit(anchors)
    # Fitted attributes of umap-learn that its documentation leaves out.
    curve = np.array([reducer._a, reducer._b], dtype=np.float64)
    return np.ascontiguousarray(reducer.embedding_, dtype=np.float32), curve


def _laid_out(known: Map, points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Points (n, k) in the plane, float64 (n, 2), each as umap-learn's ``transform`` places it alone."""
    import_umap()
    from umap.layouts import optimize_layout_euclidean
    from umap.umap_ import init_graph_transform

    rows, columns, strengths = _edges(known, points)
    graph = _sparse(rows, columns, strengths, (len(points), len(known.anchors)))
    start = init_graph_transform(graph, known.places)
    kept, every = _schedule(strengths.reshape(len(points), -1))
    # The draws of umap-learn start from this state and from the first coordinate of a point's start.
    state = np.random.RandomState(known.seed).randint(-(2**31) + 1, 2**31 - 2, 3).astype(np.int64)
    placed: NDArray[np.float32] = optimize_layout_euclidean(
        start,
        known.places.copy(),
        rows[kept],
        columns[kept],
        _EPOCHS,
        len(known.anchors),
        every,
        float(known.curve[0]),
        float(known.curve[1]),
        state,
        1.0,
        _RATE,
        5.0,
        False,
    )
    return placed.astype(np.float64)


def _edges(known: Map, points: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Edges from points to their nearest anchors: rows, columns and strengths, ``neighbours`` per point."""
    from umap.umap_ import compute_membership_strengths, smooth_knn_dist

    indices, distances = _nearest(known.anchors, points, known.neighbours)
    # One by one: the kernel compares widths with the mean over all the points that it is given.
    widths = np.empty(len(points), dtype=np.float32)
    for row in range(len(points)):
        widths[row : row + 1], _ = smooth_knn_dist(
            distances[row : row + 1], float(known.neighbours), local_connectivity=0.0
        )
    rows, columns, strengths, _ = compute_membership_strengths(
        indices, distances, widths, np.zeros(len(points), dtype=np.float32), bipartite=True
    )
    return rows, columns, strengths


def _nearest(
    anchors: NDArray[np.float32], points: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Nearest anchors of each point, nearest first: indices int32 and distances float32, (n, count).

    The distances are umap-learn's to the bit.
    """
    indices = np.empty((len(points), count), dtype=np.int32)
    distances = np.empty((len(points), count), dtype=np.float32)
    for row, point in enumerate(points):
        # Point by point: the last bit of a matrix product would depend on how many points there are.
        squares = np.square(anchors - point).sum(axis=1, dtype=np.float64)
        some = np.argpartition(squares, count - 1)[:count]
        indices[row] = some[np.argsort(squares[some], kind="stable")]
        distances[row] = np.sqrt(squares[indices[row]])
    return indices, distances


def _nearest_of_many(
    anchors: NDArray[np.float32], points: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Like ``_nearest``, by matrix products; the last bits of distances are others."""
    from sklearn.neighbors import NearestNeighbors

    finder = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(anchors)
    distances, indices = finder.kneighbors(points)
    return indices.astype(np.int32), distances.astype(np.float32)


def _sparse(rows: NDArray[np.int32], columns: NDArray[np.int32], values: Any, shape: tuple[int, int]) -> Any:
    from scipy.sparse import coo_matrix

    graph = coo_matrix((values, (rows, columns)), shape=shape).tocsr()
    graph.eliminate_zeros()
    return graph


def _schedule(strengths: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Which edges are drawn in the layout, and every how many epochs; from strengths (n, neighbours)."""
    strongest = strengths.max(axis=1, keepdims=True)
    kept = np.flatnonzero((strengths >= strongest / _EPOCHS) & (strengths > 0))
    draws = (_EPOCHS * (strengths / strongest)).ravel()[kept]
    return kept, _EPOCHS / draws.astype(np.float64)
