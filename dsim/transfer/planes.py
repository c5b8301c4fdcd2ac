"""Images as networks take them: planes (C, H, W) in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsim.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def as_rgb(pixels: NDArray[Any], what: str) -> Tensor:
    """Pixels (H, W, C) as ``Dataset.pixels`` gives them, to float32 (3, H, W) in [0, 1]; gray is repeated.

    Raises DataError for anything but one or three channels: which of many show what a network knows, it cannot tell.
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


def scaled(planes: Tensor, side: int) -> Tensor:
    """Planes (C, H, W) whose longest side is ``side``, bilinear, antialiased; as they are with ``side=0``."""
    height, width = planes.shape[1:]
    longest = max(height, width)
    if not side or longest == side:
        return planes
    return resized(planes, (max(1, round(height * side / longest)), max(1, round(width * side / longest))))


def resized(planes: Tensor, shape: tuple[int, int]) -> Tensor:
    """Planes (C, H, W) of another height and width, bilinear, antialiased."""
    from torch.nn.functional import interpolate

    if planes.shape[1:] == shape:
        return planes
    return interpolate(planes[None], size=shape, mode="bilinear", antialias=True, align_corners=False)[0]


def channels_last(images: Tensor) -> Tensor:
    """Images (b, C, H, W) in the order of memory that convolutions are fastest in."""
    import torch

    return images.contiguous(memory_format=torch.channels_last)
