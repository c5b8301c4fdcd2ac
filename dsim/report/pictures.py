"""Pictures inside a page: small, as data URIs, so that the page needs no other file."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.sheet import evenly, thumbnail
from dsim.errors import DataError
from dsim.report.contents import Picture

if TYPE_CHECKING:
    from PIL import Image

    from dsim.data.dataset import Dataset

#: Longest side of a thumbnail, pixels; most of one dataset, and of all together unless there are more datasets.
SIDE, MOST, MOST_IN_ALL = 128, 4, 120
#: Widest that a map is kept, pixels: letters of its legend stay readable.
MAP_WIDTH = 1400


def each_of(datasets: int) -> int:
    """How many thumbnails each dataset has in a report.

    >>> each_of(5), each_of(60), each_of(500)
    (4, 2, 1)
    """
    return max(1, min(MOST, MOST_IN_ALL // max(1, datasets)))


def thumbnails(dataset: Dataset, count: int) -> tuple[Picture, ...]:
    """Some images of a dataset, evenly spread over it, with outlines of their masks.

    Raises UnreadableImageError where one cannot be read.
    """
    marked = ", outlined by its mask" if dataset.masked else ""
    return tuple(
        embed(thumbnail(dataset, index, SIDE), f"image {dataset.ids[index]} of {dataset.name}{marked}")
        for index in evenly(len(dataset), count)
    )


def picture_of(path: Path, alt: str) -> Picture:
    """A picture file in the page, at most ``MAP_WIDTH`` wide; DataError where it is none that can be read."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            found = opened.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot read the picture {path}: {error}", hint="compare again, which draws it anew") from None
    if found.width > MAP_WIDTH:
        found = found.resize(
            (MAP_WIDTH, round(found.height * MAP_WIDTH / found.width)),
            Image.Resampling.LANCZOS,
        )
    return embed(found, alt)


def embed(image: Image.Image, alt: str) -> Picture:
    """An RGB image as a data URI: WebP, or JPEG where this Pillow was built without."""
    from PIL import features

    kind = "webp" if features.check("webp") else "jpeg"
    memory = io.BytesIO()
    image.save(memory, kind, quality=80)
    uri = f"data:image/{kind};base64,{base64.b64encode(memory.getvalue()).decode()}"
    return Picture(uri, image.width, image.height, alt)
