"""Regions of images: rectangles and points with a class and a score."""

from __future__ import annotations

import math
from typing import NamedTuple


class Region(NamedTuple):
    """A rectangle or a point in an image, in pixels of the image as it is stored; x points right, y down.

    Pixel (0, 0) covers [0, 1) x [0, 1). A point has width and height 0.

    Parameters
    ----------
    image : id of the image in its dataset, or the name that a file gives it.
    x, y : of the upper left corner. ``width``, ``height`` : in pixels; fractions are allowed.
    label : the class, empty where there is none. ``score`` : higher is surer; NaN where there is none.

    >>> region = Region("slide.png", 10, 20, 8, 6, "red cell", 0.9)
    >>> region.centre, region.is_point
    ((14.0, 23.0), False)
    """

    image: str
    x: float
    y: float
    width: float
    height: float
    label: str = ""
    score: float = math.nan

    @property
    def centre(self) -> tuple[float, float]:
        """Its centre, x and y."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def is_point(self) -> bool:
        """Whether it is a point: neither wide nor high."""
        return self.width == 0 and self.height == 0
