"""Small pictures of many images in one file per dataset, so that a page can hold thousands and stay small."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

    from dsim.runtime import Runtime
    from dsim_asap.latent.clouds import Cloud

#: Side of a picture, pixels: a multiple of 16, the block of both formats, so that neighbours do not bleed.
CELL = 96
#: Pictures in a page, and bytes of all of them as the page holds them: what any browser opens at once.
MOST_IMAGES, MOST_BYTES = 4000, 16_000_000
_PAPER = (238, 238, 236)


@dataclass(frozen=True)
class Sprite:
    """Pictures of one dataset: ``cells[i]`` is the place of image i in a grid of ``columns``, -1 without a picture."""

    uri: str
    columns: int
    cells: tuple[int, ...]
    typical: str

    @property
    def shown(self) -> int:
        """Images that have a picture."""
        return sum(cell >= 0 for cell in self.cells)

    @property
    def size(self) -> int:
        """Bytes that it takes in the page."""
        return len(self.uri) + len(self.typical)


def make_sprites(clouds: Sequence[Cloud], most: int, runtime: Runtime) -> list[Sprite]:
    """A sprite for each dataset, of at most ``most`` of its images.

    More datasets have fewer images each, so that a page holds ``MOST_IMAGES`` and ``MOST_BYTES`` at most.
    """
    each = max(1, min(most, MOST_IMAGES // len(clouds)))
    chosen = [evenly(ranked(cloud), each) for cloud in clouds]
    pictures = [_pictures(cloud, indices, runtime) for cloud, indices in zip(clouds, chosen, strict=True)]
    while True:
        sprites = [
            _sprite(cloud, indices, drawn) for cloud, indices, drawn in zip(clouds, chosen, pictures, strict=True)
        ]
        if sum(sprite.size for sprite in sprites) <= MOST_BYTES or each == 1:
            return sprites
        each //= 2
        chosen = [evenly(indices, each) for indices in chosen]


def ranked(cloud: Cloud) -> list[int]:
    """All images by their distance to the centre, the nearest first."""
    return [int(index) for index in np.argsort(cloud.distances, kind="stable")]


def evenly(indices: Sequence[int], most: int) -> list[int]:
    """Up to ``most`` of them, evenly spread, the first and the last among them.

    >>> evenly([7, 3, 5, 1, 9], 3), evenly([7, 3], 9)
    ([7, 5, 9], [7, 3])
    """
    places = np.linspace(0, len(indices) - 1, min(most, len(indices))).round().astype(int)
    return [indices[place] for place in places]


def _pictures(cloud: Cloud, indices: Sequence[int], runtime: Runtime) -> dict[int, Image.Image]:
    from dsim.data.inspection import thumbnail

    bare = replace(cloud.dataset, masked=False)
    with (
        runtime.progress.task(f"pictures of {cloud.name}", len(indices), "images") as task,
        ThreadPoolExecutor(max(1, runtime.workers)) as threads,
    ):
        found = {}
        for index, picture in zip(indices, threads.map(lambda i: thumbnail(bare, i, CELL), indices), strict=True):
            found[index] = picture
            task.advance()
    return found


def _sprite(cloud: Cloud, indices: Sequence[int], pictures: dict[int, Image.Image]) -> Sprite:
    from PIL import Image

    columns = math.ceil(math.sqrt(len(indices)))
    grid = Image.new("RGB", (columns * CELL, math.ceil(len(indices) / columns) * CELL), _PAPER)
    cells = [-1] * len(cloud)
    for cell, index in enumerate(indices):
        picture, (row, column) = pictures[index], divmod(cell, columns)
        left = column * CELL + (CELL - picture.width) // 2
        grid.paste(picture, (left, row * CELL + (CELL - picture.height) // 2))
        cells[index] = cell
    return Sprite(data_uri(grid), columns, tuple(cells), data_uri(pictures[indices[0]]))


def data_uri(picture: Image.Image) -> str:
    """A picture as a data URI: WebP, or JPEG where this Pillow was built without."""
    from PIL import features

    kind = "webp" if features.check("webp") else "jpeg"
    memory = io.BytesIO()
    picture.save(memory, kind, quality=72)
    return f"data:image/{kind};base64,{base64.b64encode(memory.getvalue()).decode()}"
