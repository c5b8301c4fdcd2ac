"""Places for typical images around a map, and which dataset gets which, so that no two leader lines cross.

Of all ways to join points to places by straight lines, the one of the smallest total length has no crossing: of two
lines that cross, the ends could be exchanged and both made shorter. The places stand around the map's frame, so that
no line meets another image either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

#: Inches: depth of the ring, least width and height of a place along it, least width of the map itself.
RING, LEAST_WIDTH, LEAST_HEIGHT, MAP_WIDTH = 1.25, 1.2, 1.22, 8.5
#: Rows beside the map for each column above it, so that the page lies.
_ROWS = 0.75


@dataclass(frozen=True)
class Frame:
    """The map's rectangle, ``width`` by ``height`` inches, with ``columns`` places above and below, ``rows`` aside."""

    columns: int
    rows: int
    width: float
    height: float

    @classmethod
    def of(cls, count: int) -> Frame:
        """The smallest frame with that many places.

        >>> Frame.of(16).columns, Frame.of(16).rows
        (5, 4)
        """
        columns = next(c for c in range(2, 10_000) if 2 * (c + math.ceil(_ROWS * c)) >= count)
        rows = math.ceil(_ROWS * columns)
        return cls(columns, rows, max(MAP_WIDTH, LEAST_WIDTH * columns), max(5.0, LEAST_HEIGHT * rows))

    def ports(self) -> tuple[Points, list[str]]:
        """Where leader lines reach the places, inches from the lower left corner of the map, and their sides.

        Clockwise from the upper left corner: ``top``, ``right``, ``bottom``, ``left``.
        """
        across = (np.arange(self.columns) + 0.5) * self.width / self.columns
        up = (np.arange(self.rows) + 0.5) * self.height / self.rows
        sides = {
            "top": np.stack([across, np.full(self.columns, self.height)], axis=1),
            "right": np.stack([np.full(self.rows, self.width), up[::-1]], axis=1),
            "bottom": np.stack([across[::-1], np.zeros(self.columns)], axis=1),
            "left": np.stack([np.zeros(self.rows), up], axis=1),
        }
        return np.concatenate(list(sides.values())), [side for side, ports in sides.items() for _ in ports]


def assign(sites: Points, ports: Points) -> NDArray[np.intp]:
    """The port of each site, (n,): the sum of the distances is the smallest, so that no two lines cross.

    >>> assign(np.array([[0.0, 1.0], [0.0, 9.0]]), np.array([[5.0, 8.0], [5.0, 2.0]])).tolist()
    [1, 0]
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    _, chosen = linear_sum_assignment(cdist(sites, ports))
    found: NDArray[np.intp] = chosen
    return found
