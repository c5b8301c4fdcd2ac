"""Clouds of any number of dimensions in the plane."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def to_plane(clouds: Mapping[str, NDArray[np.floating]]) -> tuple[dict[str, NDArray[np.float64]], str]:
    """Finite points of each cloud in two dimensions, and how they came there, in words.

    Two dimensions stay as they are; one is laid on a line; more are projected onto the first two principal axes of all
    points together (signs fixed: the largest loading is positive).

    >>> points, how = to_plane({"a": np.array([[0.0, 0.0, 5.0], [3.0, 4.0, 5.0]])})
    >>> points["a"].round(6).tolist(), how
    ([[-2.5, 0.0], [2.5, 0.0]], 'first two principal components of 3 dimensions, 100 % of the variance')
    """
    finite = {name: _finite(cloud) for name, cloud in clouds.items()}
    dimensions = next(iter(finite.values())).shape[1]
    if dimensions == 2:
        return finite, ""
    if dimensions == 1:
        return {name: np.pad(points, ((0, 0), (0, 1))) for name, points in finite.items()}, "one dimension"
    pool = np.concatenate(list(finite.values()))
    mean, axes, share = _principal_axes(pool)
    plane = {name: (points - mean) @ axes.T for name, points in finite.items()}
    how = f"first two principal components of {dimensions} dimensions, {100 * share:.0f} % of the variance"
    return plane, how


def _finite(cloud: NDArray[np.floating]) -> NDArray[np.float64]:
    points = np.asarray(cloud, dtype=np.float64)
    return points[np.isfinite(points).all(axis=1)]


def _principal_axes(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Mean (k,), the two axes of largest variance (2, k), and the share of the variance along them."""
    mean = points.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(points - mean, rowvar=False, bias=True))
    axes = vectors[:, ::-1][:, :2].T
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1, keepdims=True), axis=1)
    total = variances.sum()
    return mean, axes * np.sign(largest), float(variances[-2:].sum() / total) if total > 0 else 1.0
