"""Layouts in the plane: principal axes, t-SNE, and UMAP with a place for points that are new to it.

umap-learn's ``transform`` lays out all points it is given together, so that a point's place depends on which others
come with it. Here each point is placed as ``transform`` places it alone, by the same functions of umap-learn: its place
is a function of the map and of its own features, and of nothing else.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dsim.errors import TooFewSamplesError, UnknownNameError, UsageError

#: Epochs in which umap-learn lays out new points, and its learning rate for them.
_EPOCHS, _RATE = 100, 0.25
#: From so many points on, their neighbours are found by matrix products.
_MANY = 4096
#: Kernels of numba that run in parallel may not be entered by two threads at once on every platform.
_TURN = threading.Lock()


def to_plane(clouds: Mapping[str, NDArray[np.floating]]) -> tuple[dict[str, NDArray[np.float64]], str]:
    """Return the finite points of each cloud in two dimensions, and the projection in words.

    Two dimensions stay as they are; one is laid on a line; more are projected onto the first two principal axes of all
    points together (signs fixed: the largest loading is positive).

    Parameters
    ----------
    clouds : at least one, points (n_i, k) with the same k; rows that are not finite are left out.

    Returns
    -------
    float64 (n_i, 2) of each cloud, and the words for below a picture; empty where nothing was projected.

    References
    ----------
    Pearson 1901, doi:10.1080/14786440109462720.

    >>> points, words = to_plane({"a": np.array([[0.0, 0.0, 5.0], [3.0, 4.0, 5.0]])})
    >>> points["a"].round(6).tolist(), words
    ([[-2.5, 0.0], [2.5, 0.0]], 'first two principal components of 3 dimensions, 100 % of the variance')
    """
    finite = {name: _finite(cloud) for name, cloud in clouds.items()}
    dimensions = next(iter(finite.values())).shape[1]
    if dimensions == 2:
        return finite, ""
    if dimensions == 1:
        return {name: np.pad(points, ((0, 0), (0, 1))) for name, points in finite.items()}, "one dimension"
    pool = np.concatenate(list(finite.values()))
    mean, axes, share = _two_axes(pool)
    plane = {name: (points - mean) @ axes.T for name, points in finite.items()}
    words = f"first two principal components of {dimensions} dimensions, {100 * share:.0f} % of the variance"
    return plane, words


def _finite(cloud: NDArray[np.floating]) -> NDArray[np.float64]:
    points = np.asarray(cloud, dtype=np.float64)
    return points[np.isfinite(points).all(axis=1)]


def _two_axes(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Mean (k,), the two axes of largest variance (2, k), and the share of the variance along them."""
    mean = points.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(points - mean, rowvar=False, bias=True))
    axes = vectors[:, ::-1][:, :2].T
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1, keepdims=True), axis=1)
    total = variances.sum()
    return mean, axes * np.sign(largest), float(variances[-2:].sum() / total) if total > 0 else 1.0


@dataclass(frozen=True)
class UmapMap:
    """A fitted map by PCA, then UMAP.

    ``mean`` (d,) and ``axes`` (k, d), float64: the PCA. ``anchors`` (N, k) and ``places`` (N, 2), float32: the fitted
    points before and after UMAP. ``curve`` holds the a and b of UMAP's kernel in the plane.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    anchors: NDArray[np.float32]
    places: NDArray[np.float32]
    curve: NDArray[np.float64]
    neighbours: int
    seed: int

    def place(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the places of points with these features (n, d), float64 (n, 2); each is placed on its own."""
        reduced = ((features.astype(np.float64) - self.mean) @ self.axes.T).astype(np.float32)
        with _TURN:
            return _laid_out(self, reduced)


def fit_umap(features: NDArray[np.float32], *, variance: float, neighbours: int, min_dist: float, seed: int) -> UmapMap:
    """Return the map of points with these features; neither the order of the rows nor copies of rows matter.

    Parameters
    ----------
    features : float32 (N, d), finite.
    variance : share of the variance that PCA keeps, in (0, 1]. ``neighbours``, ``min_dist`` : as umap-learn has them.

    Raises
    ------
    TooFewSamplesError
        Where fewer distinct rows than ``neighbours`` + 2 are given.

    References
    ----------
    McInnes, Healy and Melville 2018, arXiv:1802.03426.
    """
    # Copies would be each other's only neighbours; sorted rows make the layout independent of the order.
    distinct = np.unique(features, axis=0).astype(np.float64)
    if len(distinct) < neighbours + 2:
        raise TooFewSamplesError(
            f"UMAP with {neighbours} neighbours needs {neighbours + 2} distinct images, and there are {len(distinct)}",
            hint="give more images, or fewer neighbours",
        )
    mean, axes = _principal_axes(distinct, variance)
    anchors = np.ascontiguousarray((distinct - mean) @ axes.T, dtype=np.float32)
    with _TURN:
        places, curve = _umap(anchors, neighbours, min_dist, seed)
    return UmapMap(mean, axes, anchors, places, curve, neighbours, seed)


def _principal_axes(points: NDArray[np.float64], variance: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (d,), and as many principal axes (k, d) as explain this share of the variance."""
    from sklearn.decomposition import PCA

    pca = PCA(n_components=variance if variance < 1 else None, svd_solver="full").fit(points)
    return pca.mean_, pca.components_


def import_umap() -> None:
    """Import umap-learn, which takes seconds and warns that TensorFlow is not installed."""
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


def _laid_out(known: UmapMap, points: NDArray[np.float32]) -> NDArray[np.float64]:
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


def _edges(
    known: UmapMap, points: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
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

    The distances are umap-learn's to the bit, not the exact ones of ``find_neighbours``: a layout is chaotic, and the
    last bit of one distance moves all of it.
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
    """The same by matrix products, as umap-learn itself does for many points; the last bits of distances differ."""
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


Layout = Literal["tsne", "umap", "pca"]

#: Wider features are reduced to so many principal components first, as in the paper for its images of 96 pixels.
_WIDE, _REDUCED = 4096, 50
#: openTSNE's default, and the fewest points of which a third of the others is a perplexity above 1.
_PERPLEXITY, _FEWEST = 30.0, 5
#: umap-learn's defaults.
_NEIGHBOURS, _MIN_DIST = 15, 0.1


def lay_out(features: NDArray[np.floating[Any]], layout: Layout, seed: int = 0) -> NDArray[np.float64]:
    """Return a place in the plane for each point, by a layout with the defaults of its library.

    Parameters
    ----------
    features : (n, d), finite, n at least 5. More than 4,096 dimensions are first reduced to 50 principal components.
    layout : ``tsne`` (openTSNE: perplexity 30, or a third of the other points where they are few; start from principal
        axes, scaled, with jitter, so that equal points do not coincide), ``umap`` (umap-learn: 15 neighbours, minimal
        distance 0.1; equal points coincide), ``pca`` (the first two principal axes; the seed does nothing).

    Returns
    -------
    float64 (n, 2), in no unit; the same for the same features, order and seed on one machine.

    Raises
    ------
    UnknownNameError
        For another layout.
    TooFewSamplesError
        For fewer than 5 points, or where all are equal.
    UsageError
        Where openTSNE, an extra, is not installed.

    References
    ----------
    van der Maaten and Hinton 2008, JMLR 9:2579; Poličar, Stražar and Zupan 2024, doi:10.18637/jss.v109.i03 (openTSNE);
    McInnes, Healy and Melville 2018, arXiv:1802.03426; Pearson 1901, doi:10.1080/14786440109462720.

    >>> line = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [9, 0, 0]])
    >>> (lay_out(line, "pca")[:, 0] * np.sign(lay_out(line, "pca")[4, 0])).round(6).tolist()
    [-3.0, -2.0, -1.0, 0.0, 6.0]
    """
    layouts: dict[str, Callable[[NDArray[np.float64], int], NDArray[np.float64]]] = {
        "tsne": _tsne,
        "umap": _umap_places,
        "pca": lambda points, drawn: _components(points, 2, drawn),
    }
    if layout not in layouts:
        raise UnknownNameError("layout", layout, layouts, hint=f"choose from: {', '.join(layouts)}")
    points = np.ascontiguousarray(features, dtype=np.float64)
    if len(points) < _FEWEST or (points == points[0]).all():
        what = f"there are {len(points)}" if len(points) < _FEWEST else f"all {len(points)} are equal"
        raise TooFewSamplesError(f"a layout needs {_FEWEST} points that differ, and {what}", hint="give more images")
    reduced = _components(points, min(_REDUCED, len(points)), seed) if points.shape[1] > _WIDE else points
    return layouts[layout](reduced, seed)


def _components(points: NDArray[np.float64], count: int, seed: int) -> NDArray[np.float64]:
    """Coordinates (n, count) on the principal axes of largest variance; padded with zeros where there are fewer."""
    from sklearn.decomposition import PCA

    axes = min(count, *points.shape)
    places = PCA(axes, random_state=seed).fit_transform(points)
    return np.pad(places, ((0, 0), (0, count - axes)))


def _tsne(points: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    tsne = import_tsne()
    perplexity = min(_PERPLEXITY, (len(points) - 1) / 3)
    start = tsne.initialization.rescale(_components(points, 2, seed))
    tsne.initialization.jitter(start, inplace=True, random_state=seed)
    reducer = tsne.TSNE(perplexity=perplexity, initialization=start, n_jobs=1, random_state=seed)
    return np.array(reducer.fit(points), dtype=np.float64)


def import_tsne() -> Any:
    """Import openTSNE and return it. Raises UsageError, with the fix, where it is not installed."""
    try:
        import openTSNE
        import openTSNE.initialization
    except ImportError:
        raise UsageError(
            "the layout tsne needs openTSNE, which is not installed",
            hint="pip install 'dsim[tsne]', or choose another layout: umap, pca",
        ) from None
    return openTSNE


def _umap_places(points: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    # ``fit_umap`` lays out distinct rows in their sorted order.
    features = points.astype(np.float32)
    distinct, places = np.unique(features, axis=0, return_inverse=True)
    neighbours = min(_NEIGHBOURS, len(distinct) - 2)
    fitted = fit_umap(features, variance=1.0, neighbours=neighbours, min_dist=_MIN_DIST, seed=seed)
    return fitted.places[places.ravel()].astype(np.float64)
