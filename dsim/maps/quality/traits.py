"""Properties of each image that its pixels give, read once: digests, contrast, and a small gray picture."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime

#: Side of the gray pictures, pixels: 2 KB an image.
SIDE = 32
#: The symmetries of the square, in words, in the order in which ``turn`` counts them.
TURNS = (
    "",
    "turned left by 90 degrees",
    "turned by 180 degrees",
    "turned right by 90 degrees",
    "mirrored left to right",
    "mirrored left to right and turned left by 90 degrees",
    "mirrored top to bottom",
    "mirrored left to right and turned right by 90 degrees",
)


@dataclass(frozen=True)
class Traits:
    """Of n images: ``digests`` of the decoded pixels, whatever the file format; ``shapes``, equal for turned copies.

    ``constant`` : bool (n,), all pixels are one colour. ``contrast`` : float64 (n,), standard deviation of the gray
    picture, of intensities in [0, 1]. ``level`` : float64 (n,), its mean. ``gray`` : float16 (n, SIDE, SIDE).
    """

    digests: tuple[str, ...]
    shapes: tuple[str, ...]
    constant: NDArray[np.bool_]
    contrast: NDArray[np.float64]
    level: NDArray[np.float64]
    gray: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.digests)


def turn(pixels: NDArray[Any], symmetry: int) -> NDArray[Any]:
    """Return pixels (..., h, w) after one of the 8 symmetries of the square, as ``TURNS`` counts them.

    >>> turn(np.array([[1, 2], [3, 4]]), 4).tolist()
    [[2, 1], [4, 3]]
    """
    mirrored = pixels[..., ::-1] if symmetry >= 4 else pixels
    turned: NDArray[Any] = np.rot90(mirrored, symmetry % 4, axes=(-2, -1))
    return turned


def inverse(symmetry: int) -> int:
    """Return the symmetry that undoes one.

    >>> pixels = np.arange(6).reshape(2, 3)
    >>> all((turn(turn(pixels, symmetry), inverse(symmetry)) == pixels).all() for symmetry in range(8))
    True
    """
    return (4 - symmetry) % 4 if symmetry < 4 else symmetry


def read_traits(datasets: Sequence[Dataset], runtime: Runtime) -> Traits:
    """Return the traits of all images of the datasets, one dataset after the other; every image is decoded once.

    Raises NeedError for a dataset without images, UnreadableImageError for an image that cannot be read.
    """
    rows = []
    for dataset in datasets:
        _ = dataset.treatment  # decided once, before the threads
        with (
            ThreadPoolExecutor(max(1, runtime.workers)) as threads,
            runtime.progress.task(f"reading {dataset.name}", len(dataset), "images") as task,
        ):
            for row in threads.map(lambda index, dataset=dataset: _read(dataset, index), range(len(dataset))):
                rows.append(row)
                task.advance()
    digests, shapes, constant, grays = zip(*rows, strict=True)
    gray = np.stack(grays)
    contrast, level = gray.std(axis=(1, 2), dtype=np.float64), gray.mean(axis=(1, 2), dtype=np.float64)
    return Traits(digests, shapes, np.array(constant), contrast, level, gray.astype(np.float16))


def _read(dataset: Dataset, index: int) -> tuple[str, str, bool, NDArray[np.float32]]:
    native = dataset.native(index)
    planes = np.moveaxis(_without_copied_channels(native), -1, 0)
    turned = [pixel_digest(turn(planes, symmetry)) for symmetry in range(len(TURNS))]
    constant = bool((planes == planes[:, :1, :1]).all())
    return turned[0], min(turned), constant, shrink(dataset.treatment.apply(native), SIDE)


def _without_copied_channels(pixels: NDArray[Any]) -> NDArray[Any]:
    """One channel of a gray picture (h, w, c) that was stored as colours."""
    return pixels[..., :1] if (pixels == pixels[..., :1]).all() else pixels


def pixel_digest(planes: NDArray[Any]) -> str:
    """Return the identity of pixels (c, h, w): their shape and values, whatever the integer type that holds them.

    >>> pixel_digest(np.ones((1, 2, 2), np.uint8)) == pixel_digest(np.ones((1, 2, 2), np.uint16))
    True
    """
    if planes.dtype.kind in "iub":
        small = planes.size == 0 or (planes.min() >= 0 and planes.max() <= 255)
        planes = planes.astype(np.uint8 if small else "<i8")
    state = hashlib.sha256(f"{planes.shape}{planes.dtype.str}".encode())
    state.update(np.ascontiguousarray(planes).tobytes())
    return state.hexdigest()


def shrink(pixels: NDArray[Any], side: int) -> NDArray[np.float32]:
    """Return the gray picture of pixels (h, w, c) as a square, float32 (side, side): intensities in [0, 1]."""
    from PIL import Image

    gray = pixels.astype(np.float32).mean(axis=-1)
    if pixels.dtype == np.uint8:
        gray /= 255
    picture = Image.fromarray(gray, "F").resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.float32)
