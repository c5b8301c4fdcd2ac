"""The data of a map's page: small JSON with typed arrays in base64, in the order of the images as they were given."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from dsim.pages.map_columns import MapColumn, category_order
from dsim.pages.map_sheets import PictureSheets
from dsim.pages.pictures import CELL, Sprite

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from dsim.pages.map_points import PointMap

#: The page's places are whole numbers of units from 0 to this, on both axes; a unit is as long on both.
UNITS = 65_535


@dataclass(frozen=True)
class Units:
    """The plane in whole numbers: ``plane = low + step * units``; ``low`` is float (2,)."""

    low: NDArray[np.float64]
    step: float

    @classmethod
    def of(cls, points: NDArray[np.float64]) -> Units:
        """Return units in which the points lie between 0 and ``UNITS``."""
        import numpy as np

        extent = float(np.ptp(points, axis=0).max()) if len(points) else 0.0
        return cls(points.min(axis=0), (extent or 1.0) / UNITS)

    def convert(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return places in the plane, (k, 2), in units; not rounded."""
        return (points - self.low) / self.step


def encode_map(contents: PointMap) -> dict[str, Any]:
    """Return what the script of the page reads: a JSON value.

    Raises ValueError where a corner of a region is not finite.
    """
    import numpy as np

    units = Units.of(contents.points)
    outlines = [units.convert(np.asarray(region.outline, float)) for region in contents.regions]
    everything = np.concatenate([units.convert(contents.points), *outlines])
    if not np.isfinite(everything).all():
        raise ValueError("a corner of a region is not finite: JSON has no such number")
    texts, separator = _join([str(name) for name in contents.ids])
    known = contents.distances
    return {
        "count": len(contents.ids),
        "low": units.low.tolist(),
        "step": units.step,
        "bounds": [*everything.min(axis=0).round(1).tolist(), *everything.max(axis=0).round(1).tolist()],
        "points": pack(units.convert(contents.points).round().astype(np.uint16)),
        "ids": texts,
        "separator": separator,
        "datasets": [
            {"name": each.name, "kind": each.kind, "colour": each.colour, "shape": each.shape}
            for each in contents.datasets
        ],
        "owners": pack(_narrow(contents.owners)),
        "distances": None if known is None else pack(np.asarray(known, np.float32)),
        "columns": [_encode_column(column) for column in contents.columns],
        "neighbours": _encode_neighbours(contents.neighbours),
        "regions": [
            {"name": region.name, "outline": outline.round(1).tolist()}
            for region, outline in zip(contents.regions, outlines, strict=True)
        ],
        "pictures": _encode_pictures(contents),
        "colour": contents.colour or (contents.columns[0].name if contents.columns else "dataset"),
    }


def pack(values: ArrayLike) -> list[str]:
    """Return an array as the page reads it: its kind and its bytes, little-endian, in base64.

    >>> import numpy as np
    >>> pack(np.array([1, 258], np.uint16))
    ['u2', 'AQACAQ==']
    """
    import numpy as np

    array = np.ascontiguousarray(values)
    kind = array.dtype.newbyteorder("<")
    return [kind.str[1:], base64.b64encode(array.astype(kind, copy=False).tobytes()).decode()]


def _narrow(numbers: ArrayLike) -> NDArray[Any]:
    """Return whole numbers from 0 in the narrowest type that holds them."""
    import numpy as np

    array = np.asarray(numbers)
    top = int(array.max()) if array.size else 0
    return array.astype(np.uint8 if top < 1 << 8 else np.uint16 if top < 1 << 16 else np.uint32)


def _join(texts: Sequence[str]) -> tuple[str, str]:
    """Return texts in one, and what stands between them: a line feed, unless a text has one."""
    separator = "\0" if any("\n" in text for text in texts) else "\n"
    return separator.join(text.replace("\0", "\ufffd") for text in texts), separator


def _encode_column(column: MapColumn) -> dict[str, Any]:
    import numpy as np

    shared = {"name": column.name, "kind": column.kind, "help": column.help}
    if column.kind == "number":
        return {**shared, "numbers": pack(np.asarray(column.values, np.float32))}
    names = sorted(set(column.values), key=category_order)
    place = {name: number for number, name in enumerate(names)}
    codes = _narrow(np.fromiter((place[value] for value in column.values), np.intp, len(column.values)))
    return {**shared, "names": names, "codes": pack(codes)}


def _encode_neighbours(neighbours: NDArray[np.intp] | None) -> dict[str, Any] | None:
    """None is the number after the last image."""
    import numpy as np

    if neighbours is None or not np.asarray(neighbours).shape[1]:
        return None
    near = np.asarray(neighbours)
    return {"each": near.shape[1], "numbers": pack(_narrow(np.where(near < 0, len(near), near)))}


def _encode_pictures(contents: PointMap) -> dict[str, Any] | None:
    import numpy as np

    if not contents.pictures and not contents.sprites:
        return None
    held = contents.pictures or PictureSheets(())
    placed = [
        (image, number, cell) for number, sheet in enumerate(held.sheets) for cell, image in enumerate(sheet.images)
    ]
    sheets = [{"source": sheet.source, "columns": sheet.columns} for sheet in held.sheets]
    if not contents.pictures:
        sheets = [{"source": sprite.uri, "columns": sprite.columns} for sprite in contents.sprites]
        placed = list(_placed_in_sprites(contents.sprites, contents.members))
    images, numbers, cells = np.array(placed, np.intp).reshape(-1, 3).T
    return {
        "cell": held.cell if contents.pictures else CELL,
        "sheets": sheets,
        "images": pack(_narrow(images)),
        "of": pack(_narrow(numbers)),
        "cells": pack(_narrow(cells)),
    }


def _placed_in_sprites(
    sprites: Sequence[Sprite], members: Sequence[NDArray[np.intp]]
) -> Iterator[tuple[int, int, int]]:
    """Yield image, sprite and cell of every picture: the most typical one of each dataset, then the second ones."""
    each = []
    for number, (sprite, owned) in enumerate(zip(sprites, members, strict=True)):
        shown = [(int(owned[place]), number, cell) for place, cell in enumerate(sprite.cells) if cell >= 0]
        each.append(sorted(shown, key=lambda picture: picture[2]))
    for row in zip_longest(*each):
        yield from (picture for picture in row if picture is not None)
