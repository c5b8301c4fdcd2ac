"""Pictures inside a page, as data URIs: single ones, and sprites that hold many small ones of one dataset."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import DataError
from dsim.pages.markup import escape

if TYPE_CHECKING:
    from PIL import Image

    from dsim.runtime import Runtime

#: Side of a picture in a sprite, pixels: a multiple of 16, the block of both formats, so that neighbours do not bleed.
CELL = 96
#: Pictures in a page, and bytes of all of them as the page holds them, that any browser opens at once.
MOST_IMAGES, MOST_BYTES = 4000, 16_000_000
_PAPER = (238, 238, 236)


@dataclass(frozen=True)
class Picture:
    """A picture in a page: ``uri`` is a data URI; ``width`` and ``height`` in pixels; ``alt`` describes it in words."""

    uri: str
    width: int
    height: int
    alt: str


def render_picture(picture: Picture) -> str:
    """Return the element of a picture, with its size, so that nothing jumps when it is decoded."""
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="{picture.uri}" {size} alt="{escape(picture.alt)}">'


def encode_image(image: Image.Image, quality: int = 80) -> str:
    """Return an RGB image as a data URI: WebP, or JPEG where this Pillow was built without WebP."""
    from PIL import features

    kind = "webp" if features.check("webp") else "jpeg"
    memory = io.BytesIO()
    image.save(memory, kind, quality=quality)
    return f"data:image/{kind};base64,{base64.b64encode(memory.getvalue()).decode()}"


def embed_image(image: Image.Image, alt: str) -> Picture:
    """Return an RGB image as a picture of the page, of its size."""
    return Picture(encode_image(image), image.width, image.height, alt)


def embed_file(path: Path, alt: str, widest: int) -> Picture:
    """Return a picture file as a picture of the page, at most ``widest`` pixels wide.

    Raises DataError where the file cannot be read as a picture.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(
            f"cannot read the picture {path}: {error}", hint="draw the picture again, or remove the file"
        ) from None
    if image.width > widest:
        image = image.resize((widest, round(image.height * widest / image.width)), Image.Resampling.LANCZOS)
    return embed_image(image, alt)


@dataclass(frozen=True)
class PictureSource:
    """The pictures of one dataset's images.

    Parameters
    ----------
    order : numbers of all images, the most typical first. ``draw`` : returns the RGB picture of image i, at most
        ``CELL`` pixels wide and high; it is called in threads.
    """

    name: str
    order: Sequence[int]
    draw: Callable[[int], Image.Image]


@dataclass(frozen=True)
class Sprite:
    """Pictures of one dataset in one image.

    ``cells[i]`` is the place of image i in a grid of ``columns``, -1 without a picture; ``typical`` is the data URI of
    the most typical image.
    """

    uri: str
    columns: int
    cells: tuple[int, ...]
    typical: str

    @property
    def shown(self) -> int:
        """Number of images that have a picture."""
        return sum(cell >= 0 for cell in self.cells)

    @property
    def size(self) -> int:
        """Bytes that it takes in the page."""
        return len(self.uri) + len(self.typical)


def make_sprites(sources: Sequence[PictureSource], most: int, runtime: Runtime) -> list[Sprite]:
    """Return a sprite for each dataset, with pictures of at most ``most`` of its images, evenly over their order.

    More datasets have fewer images each, so that a page holds at most ``MOST_IMAGES`` and ``MOST_BYTES``. Raises
    whatever a source's ``draw`` raises.
    """
    each = max(1, min(most, MOST_IMAGES // len(sources)))
    chosen = [spread(source.order, each) for source in sources]
    pictures = [_draw_all(source, indices, runtime) for source, indices in zip(sources, chosen, strict=True)]
    while True:
        sprites = [
            _make_sprite(len(source.order), indices, drawn)
            for source, indices, drawn in zip(sources, chosen, pictures, strict=True)
        ]
        if sum(sprite.size for sprite in sprites) <= MOST_BYTES or each == 1:
            return sprites
        each //= 2
        chosen = [spread(indices, each) for indices in chosen]


def spread(items: Sequence[int], most: int) -> list[int]:
    """Return up to ``most`` items, evenly spread, the first and the last among them.

    >>> spread([7, 3, 5, 1, 9], 3), spread([7, 3], 9)
    ([7, 5, 9], [7, 3])
    """
    import numpy as np

    places = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[place] for place in places]


def _draw_all(source: PictureSource, indices: Sequence[int], runtime: Runtime) -> dict[int, Image.Image]:
    with (
        runtime.progress.task(f"pictures of {source.name}", len(indices), "images") as task,
        ThreadPoolExecutor(max(1, runtime.workers)) as threads,
    ):
        pictures = {}
        for index, picture in zip(indices, threads.map(source.draw, indices), strict=True):
            pictures[index] = picture
            task.advance()
    return pictures


def _make_sprite(images: int, indices: Sequence[int], pictures: dict[int, Image.Image]) -> Sprite:
    from PIL import Image

    columns = math.ceil(math.sqrt(len(indices)))
    grid = Image.new("RGB", (columns * CELL, math.ceil(len(indices) / columns) * CELL), _PAPER)
    cells = [-1] * images
    for cell, index in enumerate(indices):
        picture, (row, column) = pictures[index], divmod(cell, columns)
        left = column * CELL + (CELL - picture.width) // 2
        grid.paste(picture, (left, row * CELL + (CELL - picture.height) // 2))
        cells[index] = cell
    return Sprite(encode_image(grid, 72), columns, tuple(cells), encode_image(pictures[indices[0]], 72))
