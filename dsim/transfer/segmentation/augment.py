"""Augmentation of images and masks together: one affine resampling of whole batches, then intensity of the images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dsim.transfer.resampling import between, resampled, sometimes

if TYPE_CHECKING:
    import torch
    from torch import Tensor

#: Degrees of rotation beyond the eight symmetries of the square; logarithm of the zoom; shift, as a share of the side.
ROTATE, ZOOM, SHIFT = 30.0, math.log(1.4), 0.1
#: Largest shift of brightness; relative change of contrast; logarithm of gamma; relative change of one colour channel.
BRIGHTNESS, CONTRAST, GAMMA, COLOUR = 0.15, 0.3, 0.3, 0.1
#: Largest standard deviation of noise, intensities in [0, 1].
NOISE = 0.03


def augment(both: Tensor, patch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Randomly changed images (b, 3, patch, patch) in [0, 1] and masks (b, patch, patch) of 0 and 1.

    ``both`` is (b, 4, W, W): three channels of image in [0, 1], and the mask. Image and mask go through the same
    resampling; each image draws its own changes, from ``generator`` only.
    """
    moved = _affine(both, patch, generator)
    return _intensity(moved[:, :3], generator), (moved[:, 3] > 0.5).float()


def _affine(both: Tensor, patch: int, generator: torch.Generator) -> Tensor:
    """The eight symmetries, rotation, zoom and shift in one resampling; beyond the image it is mirrored."""
    import torch

    n, side = len(both), both.shape[-1]
    turned = sometimes(n, generator) * between(n, ROTATE, generator) * math.pi / 180
    angle = turned + torch.randint(4, (n,), generator=generator) * (math.pi / 2)
    scale = torch.exp(sometimes(n, generator) * between(n, ZOOM, generator)) * patch / side
    # As far as the zoomed patch can go inside the window, and a little further.
    room = (1 - scale).clamp(min=0) + 2 * SHIFT * patch / side
    centre = torch.stack([between(n, 1, generator) * room, between(n, 1, generator) * room], dim=1)
    mirrored = 1 - 2 * sometimes(n, generator)
    return resampled(both, angle, scale, mirrored, centre, patch)


def _intensity(images: Tensor, generator: torch.Generator) -> Tensor:
    """Gamma, contrast about the mean, brightness, colour and noise; each for about half of the images."""
    import torch

    n, device = len(images), images.device

    def drawn(most: float, channels: int = 1) -> Tensor:
        values = torch.rand(n, channels, generator=generator) * 2 * most - most
        return (values * sometimes(n, generator)[:, None])[:, :, None, None].to(device)

    images = images.clamp(1e-6, 1) ** torch.exp(drawn(GAMMA))
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (images - mean) * (1 + drawn(CONTRAST)) * (1 + drawn(COLOUR, 3)) + mean + drawn(BRIGHTNESS)
    noise = torch.randn(images.shape, generator=generator).to(device)
    return images.add_(noise * drawn(NOISE)).clamp_(0, 1)
