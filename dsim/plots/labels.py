"""Labels that stand beside what they name and cover as little as they can: marks, other labels, points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: What it costs to cover something, in pixels of distance: a label goes this much farther to avoid it.
_COVERS_LABEL, _COVERS_MARK, COVERS_POINT = 4000.0, 1500.0, 3.0
_ANGLES, _STEPS, _SWEEPS = 32, 14, 3
_MOST_POINTS = 800


def place_labels(
    anchors: NDArray[np.float64],
    sizes: NDArray[np.float64],
    points: NDArray[np.float64],
    bounds: NDArray[np.float64],
    clearance: float,
    covers_point: float = COVERS_POINT,
) -> NDArray[np.float64]:
    """Centres of label boxes, all in pixels: each at the cheapest of many places around its anchor.

    The cost of a place is its distance and what the label would cover there. Labels in crowds choose first; then all
    choose again, knowing where the others stand. Nothing is random.

    Parameters
    ----------
    anchors : (n, 2) the marks that are labelled. ``sizes`` : (n, 2) width and height of the boxes.
    points : (m, 2) of the clouds. ``bounds`` : ((left, bottom), (right, top)) of the area.
    clearance : distance to keep from marks. ``covers_point`` : what it costs to cover a point, in pixels of distance;
        little by default, for clouds of thousands.

    >>> nothing, area = np.empty((0, 2)), np.array([[-99.0, -99.0], [99.0, 99.0]])
    >>> place_labels(np.zeros((1, 2)), np.array([[20.0, 10.0]]), nothing, area, clearance=5).round(6).tolist()
    [[0.0, 10.0]]
    """
    half = sizes / 2
    seen = points[:: max(1, len(points) // _MOST_POINTS)]
    centres = np.full_like(anchors, np.nan)
    for _ in range(_SWEEPS):
        for label in _crowded_first(anchors):
            places = _places(anchors[label], half[label], bounds, clearance)
            others = np.arange(len(anchors)) != label
            cost = np.linalg.norm(places - anchors[label], axis=1)
            cost += _COVERS_LABEL * _covered(places, centres[others], half[label] + half[others])
            cost += _COVERS_MARK * _covered(places, anchors, half[label] + clearance - 1)
            cost += covers_point * _covered(places, seen, half[label])
            centres[label] = places[np.argmin(cost)]
    return centres


def _crowded_first(anchors: NDArray[np.float64]) -> NDArray[np.intp]:
    distance = np.linalg.norm(anchors[:, None] - anchors, axis=2)
    return np.argsort(-np.exp(-distance / 50).sum(axis=1), kind="stable")


def _places(
    anchor: NDArray[np.float64], half: NDArray[np.float64], bounds: NDArray[np.float64], clearance: float
) -> NDArray[np.float64]:
    """Candidate centres on growing rounded rectangles around the anchor, the first one straight above it."""
    angle = np.pi / 2 + 2 * np.pi * np.arange(_ANGLES) / _ANGLES
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    # The direction stretched to the unit square: the box then touches the clearance on its nearest side.
    direction /= np.abs(direction).max(axis=1, keepdims=True)
    reach = half + clearance + np.arange(_STEPS)[:, None] * 1.2 * clearance
    places = (anchor + reach[:, None, :] * direction).reshape(-1, 2)
    low = bounds[0] + half
    inside: NDArray[np.float64] = np.clip(places, low, np.maximum(bounds[1] - half, low))
    return inside


def _covered(
    places: NDArray[np.float64], things: NDArray[np.float64], reach: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How many of the things lie within reach of each place; labels without a place yet are NaN and never do."""
    near = np.abs(places[:, None] - things) < reach
    count: NDArray[np.float64] = (near[..., 0] & near[..., 1]).sum(axis=1, dtype=np.float64)
    return count
