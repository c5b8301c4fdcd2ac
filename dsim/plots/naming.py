"""Names beside the points that they belong to, joined to them by thin lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.plots.labels import COVERS_POINT, place_labels
from dsim.plots.style import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text


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
        """Put each name near its mark, where it covers little, and join the two; distances in pixels."""
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
    """Names that wait for their places, with a white rim that sets them off from what they cover."""
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
