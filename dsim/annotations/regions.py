"""Regions of images: rectangles and points with a class and a score."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

#: Decimals of coordinates and scores in files: a millionth of a pixel is more than any tool shows.
DECIMALS = 6


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


def around(image: str, corners: Iterable[tuple[float, float]], label: str = "", score: float = math.nan) -> Region:
    """Return the smallest region that holds all corners (x, y), at least one; a point for a single corner.

    >>> around("a", [(4, 1), (2, 3), (3, 7.5)])
    Region(image='a', x=2, y=1, width=2, height=6.5, label='', score=nan)
    """
    x, y = zip(*corners, strict=True)
    # Without rounding, 12.4 + 7.2 - 12.4 would be 7.199999999999999.
    width, height = (round(max(values) - min(values), DECIMALS) for values in (x, y))
    return Region(image, min(x), min(y), width, height, label, score)


def tidy(value: float) -> float:
    """Return a number as files have it: with 6 decimals at most, and as an integer where it is one.

    >>> tidy(3.0), tidy(0.8999999761581421)
    (3, 0.9)
    """
    rounded = round(float(value), DECIMALS)
    return int(rounded) if rounded.is_integer() else rounded
