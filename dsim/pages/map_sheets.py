"""Pictures of a map's images, many in each file: chosen over the whole map, within a budget, more beside the page."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from dsim.files import replacing
from dsim.pages.pictures import CELL, MOST_BYTES, encode_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from dsim.runtime import Runtime

#: Pictures of a sheet at most: one is decoded in a few milliseconds when the page first needs one of its pictures.
_EACH = 256
#: Halvings of the plane: its cells are then finer than the page stores places.
_LEVELS = 13
_PAPER = (238, 238, 236)


@dataclass(frozen=True)
class Sheet:
    """Many pictures in one image: ``source`` is a data URI, or the path of a file relative to the page.

    ``images`` are the positions of the pictured images in the map, in the order of the cells, ``columns`` in a row;
    ``size`` is the number of bytes in the page, 0 for a file.
    """

    source: str
    columns: int
    images: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class PictureSheets:
    """Pictures of a map's images, the most telling first; ``cell`` is the side of each in pixels."""

    sheets: tuple[Sheet, ...]
    cell: int = CELL

    @property
    def shown(self) -> int:
        """Number of images that have a picture."""
        return sum(len(sheet.images) for sheet in self.sheets)

    @property
    def size(self) -> int:
        """Bytes that the pictures take in the page."""
        return sum(sheet.size for sheet in self.sheets)

    @property
    def beside(self) -> int:
        """Number of pictures in files beside the page."""
        return sum(len(sheet.images) for sheet in self.sheets if not sheet.size)


def choose_pictures(points: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """Return the images that a map should picture, at most ``most`` of points (n, 2), the most telling first.

    The plane is halved again and again; of every square that holds images but none that was chosen before, the one
    nearest to its middle is chosen. So the first few are spread over the whole map, and however many follow, no part
    of it is left out before others are pictured more finely. Deterministic.

    >>> import numpy as np
    >>> choose_pictures(np.array([[0.0, 0.0], [0.1, 0.0], [9.0, 9.0], [9.1, 9.0]]), 2).tolist()
    [2, 1]
    """
    import numpy as np

    count = len(points)
    order = np.random.default_rng(0).permutation(count)
    if count <= 2 or most >= count > 200_000:
        return order[:most]
    low = points.min(axis=0)
    places = (points - low) / (float(np.ptp(points, axis=0).max()) or 1.0)
    chosen = np.zeros(count, bool)
    result: list[NDArray[np.intp]] = []
    for level in range(_LEVELS):
        if sum(map(len, result)) >= min(most, count):
            break
        nearest = _nearest_to_middles(places, 1 << level, chosen)
        nearest = order[np.isin(order, nearest)]
        chosen[nearest] = True
        result.append(nearest)
    result.append(order[~chosen[order]])
    return np.concatenate(result)[:most]


def _nearest_to_middles(places: NDArray[np.float64], side: int, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return of each of ``side`` squared cells without a chosen image the image that is nearest to its middle."""
    import numpy as np

    cells = np.minimum((places * side).astype(np.int64), side - 1)
    keys = cells[:, 1] * side + cells[:, 0]
    away = ((places * side - cells - 0.5) ** 2).sum(axis=1)
    ranked = np.lexsort((away, keys))
    first = np.flatnonzero(np.diff(keys[ranked], prepend=-1))
    taken = np.unique(keys[chosen])
    return ranked[first][~np.isin(keys[ranked[first]], taken)]


def make_sheets(
    draw: Callable[[int], Image.Image],
    chosen: Sequence[int] | NDArray[np.intp],
    runtime: Runtime,
    *,
    folder: Path | None = None,
    cell: int = CELL,
    budget: int = MOST_BYTES,
) -> PictureSheets:
    """Return pictures of the chosen images in sheets: the first ones in the page, as many as fit into the budget.

    Parameters
    ----------
    draw : returns the RGB picture of image i, at most ``cell`` pixels wide and high; it is called in threads.
    chosen : images, the most telling first, such as of ``choose_pictures``.
    folder : where the pictures that do not fit into the page go, beside the page; by default they are left out.
    cell : side of a picture, pixels. ``budget`` : bytes that the pictures take in the page.

    Raises whatever ``draw`` raises, and OSError where the folder cannot be written.
    """
    left, inside, sheets = [int(image) for image in chosen], 0, list[Sheet]()
    with (
        runtime.progress.task("pictures of the map", len(left), "images") as task,
        ThreadPoolExecutor(max(1, runtime.workers)) as threads,
    ):
        drawn: dict[int, Image.Image] = {}
        while left:
            batch = left[:_EACH]
            fresh = [image for image in batch if image not in drawn]
            drawn |= dict(zip(fresh, threads.map(draw, fresh), strict=True))
            sheet = _fit(batch, drawn, cell, budget - inside)
            if sheet is None:
                if folder is None:
                    break
                sheet = _write(batch, drawn, cell, folder, sum(not each.size for each in sheets))
            sheets.append(sheet)
            inside += sheet.size
            left = left[len(sheet.images) :]
            drawn = {image: drawn[image] for image in batch[len(sheet.images) :]}
            task.advance(len(sheet.images))
    return PictureSheets(tuple(sheets), cell)


def _fit(batch: Sequence[int], drawn: dict[int, Image.Image], cell: int, room: int) -> Sheet | None:
    """Return as many of the first images as fit into so many bytes, by halves; None where not one does."""
    while batch and room > 0:
        grid, columns = _paste(batch, drawn, cell)
        source = encode_image(grid, 72)
        if len(source) <= room:
            return Sheet(source, columns, tuple(batch), len(source))
        batch = batch[: len(batch) // 2]
    return None


def _write(batch: Sequence[int], drawn: dict[int, Image.Image], cell: int, folder: Path, number: int) -> Sheet:
    grid, columns = _paste(batch, drawn, cell)
    kind, _, encoded = encode_image(grid, 72).removeprefix("data:image/").partition(";base64,")
    path = folder / f"pictures-{number:04d}.{kind}"
    with replacing(path) as temporary:
        temporary.write_bytes(base64.b64decode(encoded))
    return Sheet(f"{quote(folder.name)}/{path.name}", columns, tuple(batch), 0)


def _paste(batch: Sequence[int], drawn: dict[int, Image.Image], cell: int) -> tuple[Image.Image, int]:
    from PIL import Image

    columns = math.ceil(math.sqrt(len(batch)))
    grid = Image.new("RGB", (columns * cell, math.ceil(len(batch) / columns) * cell), _PAPER)
    for place, image in enumerate(batch):
        picture, (row, column) = drawn[image], divmod(place, columns)
        if max(picture.size) > cell:
            picture = picture.copy()
            picture.thumbnail((cell, cell))
        grid.paste(picture, (column * cell + (cell - picture.width) // 2, row * cell + (cell - picture.height) // 2))
    return grid, columns
