"""Images of any size through a network of one input size: scaled, cut into overlapping tiles, blended, scaled back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


def as_rgb(pixels: NDArray[Any], what: str) -> Tensor:
    """Return pixels (h, w, c), as ``Dataset.pixels`` gives them, as float32 (3, h, w) in [0, 1]; gray is repeated.

    Raises DataError for anything but one or three channels: nothing says which of many a network knows.
    """
    import numpy as np
    import torch

    channels = pixels.shape[2]
    if channels not in (1, 3):
        raise DataError(
            f"{what} has {channels} channels, and the networks take gray or RGB images",
            hint="write the channels to use as gray or RGB images",
        )
    planes = pixels.transpose(2, 0, 1)
    image = np.multiply(planes, np.float32(1 / 255) if pixels.dtype == np.uint8 else 1, dtype=np.float32, order="C")
    return torch.from_numpy(image).expand(3, -1, -1)


def scale_planes(planes: Tensor, side: int) -> Tensor:
    """Return planes (c, h, w) whose longest side is ``side``, bilinear, antialiased; as they are with ``side=0``."""
    height, width = planes.shape[1:]
    longest = max(height, width)
    if not side or longest == side:
        return planes
    return resize_planes(planes, (max(1, round(height * side / longest)), max(1, round(width * side / longest))))


def resize_planes(planes: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return planes (c, h, w) of another height and width, bilinear, antialiased."""
    from torch.nn.functional import interpolate

    if planes.shape[1:] == shape:
        return planes
    return interpolate(planes[None], size=shape, mode="bilinear", antialias=True, align_corners=False)[0]


def channels_last(images: Tensor) -> Tensor:
    """Return images (b, c, h, w) in the order of memory in which convolutions are fastest."""
    import torch

    return images.contiguous(memory_format=torch.channels_last)


#: By how much of their side neighbouring tiles overlap, at least.
OVERLAP = 0.25


def pad_planes(planes: Tensor, side: int) -> Tensor:
    """Return planes (c, h, w) mirrored at the lower and right border until no side is shorter than ``side``."""
    import torch

    for axis in (1, 2):
        if planes.shape[axis] < side:
            length = planes.shape[axis]
            steps = torch.arange(side) % (2 * length)
            planes = planes.index_select(axis, torch.minimum(steps, 2 * length - 1 - steps))
    return planes


def tile_starts(length: int, patch: int) -> list[int]:
    """Return where tiles begin along a side of ``length``: evenly, from border to border, overlapping by OVERLAP.

    >>> tile_starts(128, 128), tile_starts(300, 128)
    ([0], [0, 86, 172])
    """
    free = length - patch
    if free <= 0:
        return [0]
    count = 1 + -(-free // max(1, round(patch * (1 - OVERLAP))))
    return [round(position * free / (count - 1)) for position in range(count)]


@dataclass
class Canvas:
    """One image on its way through the network.

    Parameters
    ----------
    index : of the image in its dataset. ``shape`` : height and width of the original.
    inner : height and width as scaled. ``image`` : float32 (3, h, w), scaled and padded.
    corners : upper left corner of each tile. ``waiting`` : tiles that have not come back yet.
    """

    index: int
    shape: tuple[int, int]
    inner: tuple[int, int]
    image: Tensor
    patch: int
    corners: Sequence[tuple[int, int]]
    waiting: int
    total: Tensor | None = None
    weights: Tensor | None = None

    def tile(self, number: int) -> Tensor:
        """Return the network's input, float32 (3, patch, patch)."""
        top, left = self.corners[number]
        return self.image[:, top : top + self.patch, left : left + self.patch]

    def put(self, number: int, probabilities: Tensor) -> None:
        """Take in the probabilities of a tile, float32 (patch, patch)."""
        import torch

        self.waiting -= 1
        if len(self.corners) == 1:
            self.total = probabilities
            return
        if self.total is None or self.weights is None:
            self.total, self.weights = torch.zeros(self.image.shape[1:]), torch.zeros(self.image.shape[1:])
        top, left = self.corners[number]
        here = slice(top, top + self.patch), slice(left, left + self.patch)
        ramp = _ramp(self.patch)
        self.total[here] += probabilities * ramp
        self.weights[here] += ramp

    def finish(self) -> NDArray[np.float32]:
        """Return probabilities at the original size, float32 (h, w) in [0, 1]."""
        assert self.total is not None
        whole = self.total if self.weights is None else self.total / self.weights
        inner = whole[None, : self.inner[0], : self.inner[1]]
        found: NDArray[np.float32] = resize_planes(inner, self.shape)[0].clamp(0, 1).numpy()
        return found


def prepare_canvas(index: int, image: Tensor, side: int, patch: int) -> Canvas:
    """Return an image (3, h, w) made ready: scaled to ``side``, padded to a patch, with the corners of its tiles."""
    small = scale_planes(image, side)
    large = pad_planes(small, patch)
    height, width = large.shape[1:]
    corners = [(top, left) for top in tile_starts(height, patch) for left in tile_starts(width, patch)]
    shape, inner = (tuple(planes.shape[1:]) for planes in (image, small))
    return Canvas(index, shape, inner, large, patch, corners, len(corners))  # type: ignore[arg-type]


@lru_cache(maxsize=4)
def _ramp(patch: int) -> Tensor:
    """The weights of a tile's pixels, (patch, patch): less towards its border, where it sees the least around them."""
    import torch

    steps = torch.arange(1, patch + 1, dtype=torch.float32)
    ramp = torch.minimum(steps, patch + 1 - steps).clamp(max=max(1.0, OVERLAP * patch))
    return ramp[:, None] * ramp[None, :]
