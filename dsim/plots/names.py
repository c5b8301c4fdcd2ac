"""Names beside the points that they belong to, joined to them by thin lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.plots.style import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text


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
    """Return the centres (n, 2) of label boxes, in pixels: each at the cheapest of many places around its anchor.

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


@dataclass(frozen=True)
class Names:
    """Names in one panel that wait for their places until the layout of the picture is settled.

    ``marks`` (n, 2) is what they name, ``points`` (m, 2) what is better not covered, both in data coordinates.
    """

    axes: Axes
    texts: Sequence[Text]
    marks: NDArray[np.float64]
    colours: Sequence[str]
    points: NDArray[np.float64]

    def place(self, clearance: float = 9, covers_point: float = COVERS_POINT) -> None:
        """Draw each name near its mark, where it covers little, and join the two; distances in pixels."""
        if not self.texts:
            return
        boxes = [text.get_window_extent() for text in self.texts]
        sizes = np.array([(box.width + 6, box.height + 3) for box in boxes])
        area = self.axes.get_window_extent()
        bounds = np.array([[area.x0, area.y0], [area.x1, area.y1]])
        to_pixels, to_data = self.axes.transData.transform, self.axes.transData.inverted().transform
        marks = to_pixels(self.marks)
        places = place_labels(marks, sizes, to_pixels(self.points), bounds, clearance, covers_point)
        ends = to_data(_edges(marks, places, sizes))
        for text, place, mark, end, colour in zip(
            self.texts, to_data(places), self.marks, ends, self.colours, strict=True
        ):
            text.set_position(place)
            # The line moves no limits, within which names were placed.
            (joint,) = self.axes.plot(*zip(mark, end, strict=True), color=colour, scalex=False, scaley=False)
            joint.set(linewidth=0.7, alpha=0.8, zorder=3)


def names_of(
    axes: Axes,
    names: Sequence[str],
    marks: NDArray[np.float64],
    colours: Sequence[str],
    points: NDArray[np.float64],
    size: float,
    length: int,
) -> Names:
    """Return names that wait for their places, with a white rim that sets them off from what they cover.

    ``marks`` (n, 2) are named by the n ``names``; ``points`` (m, 2) are better not covered.
    """
    from matplotlib.patheffects import withStroke

    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size, "zorder": 6, "parse_math": False}
    halo = [withStroke(linewidth=3, foreground="white")]
    # Outside of the layout: they stand at the origin, perhaps off the panel.
    texts = [axes.text(0, 0, drawable(name, length), path_effects=halo, in_layout=False, **style) for name in names]
    return Names(axes, texts, marks, colours, points)


def settle(figure: Figure) -> None:
    """Lay the figure out once and for all, so that pixels can be measured."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def _edges(marks: NDArray[np.float64], places: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the lines from marks to the middles of names meet the boxes of the names, in pixels."""
    way = marks - places
    with np.errstate(divide="ignore"):
        share = (sizes / 2 / np.abs(way)).min(axis=1, keepdims=True)
    edges: NDArray[np.float64] = places + np.minimum(share, 1) * way
    return edges
