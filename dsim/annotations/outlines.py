"""Objects of a mask and their outlines along the edges of pixels: filled again, they give the mask exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ring = NDArray[np.int64]
    #: The outer ring of one part, then its holes.
    Polygon = tuple[Ring, ...]

_RIGHT, _LEFT = 1, 3


@dataclass(frozen=True)
class Outlined:
    """One object: pixels that touch each other, at corners too.

    Parameters
    ----------
    polygons : parts whose pixels share sides. Rings are corners (k, 2) of pixels, x and y, integers, not closed; outer
        rings run clockwise on the screen, holes the other way. Every ring is simple, every polygon valid (OGC).
    rows, columns : of its pixels, row by row. ``box`` : left, top, width, height in pixels.
    """

    polygons: tuple[Polygon, ...]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    box: tuple[int, int, int, int]

    @property
    def area(self) -> int:
        """The number of its pixels."""
        return len(self.rows)

    @property
    def holed(self) -> bool:
        """Whether any part has a hole."""
        return any(len(polygon) > 1 for polygon in self.polygons)


def outlined(mask: NDArray[np.bool_]) -> list[Outlined]:
    """Return the objects of a mask, bool (H, W), in the order of their first pixels.

    >>> import numpy as np
    >>> [found] = outlined(np.array([[1, 1, 0], [0, 0, 1]]) == 1)
    >>> [[ring.tolist() for ring in polygon] for polygon in found.polygons]
    [[[[2, 0], [2, 1], [0, 1], [0, 0]]], [[[3, 1], [3, 2], [2, 2], [2, 1]]]]
    >>> found.area, found.box
    (3, (0, 0, 3, 2))
    """
    import numpy as np
    from scipy import ndimage

    objects, count = ndimage.label(mask, np.ones((3, 3), bool))
    if not count:
        return []
    parts, number = ndimage.label(mask)
    owners = np.zeros(number + 1, np.int64)
    owners[parts] = objects
    polygons: list[list[Polygon]] = [[] for _ in range(count)]
    for part, polygon in _polygons(parts):
        polygons[owners[part] - 1].append(polygon)
    rows, columns = np.nonzero(objects)
    of_pixel = objects[rows, columns]
    held = np.split(np.argsort(of_pixel, kind="stable"), np.cumsum(np.bincount(of_pixel)[1:-1]))
    return [
        Outlined(tuple(mine), rows[pixels], columns[pixels], _box(place))
        for mine, pixels, place in zip(polygons, held, ndimage.find_objects(objects), strict=True)
    ]


def _box(place: tuple[slice, ...]) -> tuple[int, int, int, int]:
    down, across = place
    return int(across.start), int(down.start), int(across.stop - across.start), int(down.stop - down.start)


def _polygons(parts: NDArray[np.signedinteger]) -> list[tuple[int, Polygon]]:
    """Each labelled part with its rings, the outer one first."""
    outer: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {}
    for part, ring in _rings(parts):
        if _turns_clockwise(ring):
            outer[part] = ring
        else:
            holes.setdefault(part, []).append(ring)
    return [(part, (ring, *holes.get(part, []))) for part, ring in sorted(outer.items())]


def _rings(parts: NDArray[np.signedinteger]) -> list[tuple[int, Ring]]:
    """(part, corners) of every closed line between a part and what is not of it, with the part on its right hand."""
    import numpy as np

    rows, columns, came, goes, part = _corners(parts)
    following = np.empty(len(rows), np.int64)
    for heading in range(4):
        # Lines of one heading within a row (or column) of corners do not overlap: the nth that leaves is the nth that
        # arrives.
        line, along = (rows, columns) if heading in (0, 2) else (columns, rows)
        along = along if heading < 2 else -along
        leaving, arriving = np.flatnonzero(goes == heading), np.flatnonzero(came == heading)
        leaving = leaving[np.lexsort((along[leaving], line[leaving]))]
        following[leaving] = arriving[np.lexsort((along[arriving], line[arriving]))]
    corners = np.stack([columns, rows], axis=1)
    return [(int(part[cycle[0]]), corners[cycle]) for cycle in _cycles(following.tolist())]


def _corners(parts: NDArray[np.signedinteger]) -> tuple[NDArray[np.int64], ...]:
    """Where outlines turn: row, column, heading before and after (0 right, 1 down, 2 left, 3 up), and whose they are.

    Around a corner of pixels there are four pixels; clockwise from the upper left, ``around[h]`` lies behind on the
    left hand of who comes heading ``h``, and the next ones ahead on the left, ahead on the right, behind on the right.
    """
    import numpy as np

    padded = np.pad(parts, 1)
    around = [padded[:-1, :-1], padded[:-1, 1:], padded[1:, 1:], padded[1:, :-1]]
    found = []
    for came in range(4):
        behind_left, left, right, own = (around[(came + step) % 4] for step in range(4))
        turns = (own != 0) & (behind_left == 0) & ((right == 0) | (left != 0))
        rows, columns = np.nonzero(turns)
        part = own[rows, columns]
        # Where two pixels of one part meet at a corner only, the line goes from one to the other, so that no ring
        # passes a corner twice; pixels of different parts have rings of their own.
        goes = (came + np.where(left[rows, columns] == part, _LEFT, _RIGHT)) % 4
        found.append((rows, columns, np.full_like(rows, came), goes, part))
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))


def _cycles(following: list[int]) -> list[list[int]]:
    """The closed ways through all places, each with its successor."""
    seen = bytearray(len(following))
    cycles = []
    for start in range(len(following)):
        cycle, at = [], start
        while not seen[at]:
            seen[at] = 1
            cycle.append(at)
            at = following[at]
        if cycle:
            cycles.append(cycle)
    return cycles


def _turns_clockwise(ring: Ring) -> bool:
    """On the screen, where y points down: the sign of its area."""
    import numpy as np

    x, y = ring.T
    return bool((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0)
