"""Augmentation of images that are classified: one affine resampling of the batch, then intensity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.transfer.resampling import between, resampled, sometimes

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Extent:
    """How far images are changed, at most.

    Parameters
    ----------
    turn : degrees. ``zoom`` : logarithm. ``shift`` : share of the side. Half of the images are mirrored left to right.
    brightness : shift of intensities in [0, 1]. ``contrast`` : relative change.
    """

    turn: float
    shift: float
    zoom: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0


#: ``small`` is that of van den Brandt et al. 2021. Upside down is left out of both: organs have an upper side.
EXTENTS = {
    "small": Extent(turn=10, shift=0.1),
    "usual": Extent(turn=15, shift=0.1, zoom=math.log(1.15), brightness=0.1, contrast=0.2),
}


def augment(images: Tensor, how: str, generator: torch.Generator) -> Tensor:
    """Images (b, 3, s, s) in [0, 1], each changed by draws of its own from ``generator``; ``none`` leaves them."""
    if how == "none":
        return images
    extent = EXTENTS[how]
    moved = _moved(images, extent, generator)
    if not extent.brightness and not extent.contrast:
        return moved
    contrast, brightness = (
        between(len(images), most, generator).view(-1, 1, 1, 1).to(images.device)
        for most in (extent.contrast, extent.brightness)
    )
    mean = moved.mean((1, 2, 3), keepdim=True)
    return ((moved - mean) * (1 + contrast) + mean + brightness).clamp_(0, 1)


def _moved(images: Tensor, extent: Extent, generator: torch.Generator) -> Tensor:
    """Mirrored, turned, zoomed and shifted; beyond the border the image is mirrored."""
    import torch

    n = len(images)
    angle = between(n, math.radians(extent.turn), generator)
    scale = torch.exp(between(n, extent.zoom, generator))
    # Sides run from -1 to 1.
    shift = torch.stack([between(n, 2 * extent.shift, generator) for _ in range(2)], dim=1)
    mirrored = 1 - 2 * sometimes(n, generator)
    return resampled(images, angle, scale, mirrored, shift, images.shape[-1])
