"""Augmentation (IV-A) of whole batches at once: one affine resampling, then intensity, noise and blur."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, conv2d, grid_sample, pad

#: Sides of a random crop, as a share of the image's side.
CROP = (0.7, 1.0)
#: Rotation (degrees), shift (share of the side) and scale of the affine part.
ROTATE, SHIFT, SCALE = 45.0, 0.0625, 0.1
BRIGHTNESS, CONTRAST = 0.2, 0.2
#: Largest standard deviations of noise (intensity in [0, 1]) and of blur (pixels).
NOISE, BLUR = 0.05, 1.0
_BLUR_RADIUS = 3


def augment(images: Tensor, size: int, policy: str, generator: torch.Generator) -> Tensor:
    """Randomly changed images, float32 (b, C, size, size) in [0, 1], of images (b, C, s, s) in [0, 1].

    ``policy`` is ``full`` (the paper), ``reference`` (its code: no rotation, shift, noise or blur) or ``none``.
    Each image draws its own changes, from ``generator`` only.
    """
    if policy == "none":
        return resize(images, size)
    full = policy == "full"
    changed = _affine(images, size, full, generator)
    changed = _intensity(changed, generator)
    if full:
        changed = _blur(_noise(changed, generator), generator)
    return changed.clamp(0, 1)


def resize(images: Tensor, size: int) -> Tensor:
    """Images of another size, antialiased."""
    if images.shape[-1] == size:
        return images
    return torch.nn.functional.interpolate(images, size=(size, size), mode="bilinear", antialias=True)


def _affine(images: Tensor, size: int, full: bool, generator: torch.Generator) -> Tensor:
    """Flips and random crops, with rotation, shift and scale where ``full``, in one resampling."""
    n = len(images)
    side = _uniform(n, *CROP, generator)
    centre = (2 * _random(n, 2, generator) - 1) * (1 - side)[:, None]
    angle = torch.zeros(n)
    if full:
        moved = _sometimes(n, generator)
        angle = moved * _uniform(n, -ROTATE, ROTATE, generator) * math.pi / 180
        side = side * (1 + moved * _uniform(n, -SCALE, SCALE, generator))
        centre = centre + moved[:, None] * (2 * _random(n, 2, generator) - 1) * 2 * SHIFT
    flips = 1 - 2 * (_random(n, 2, generator) < 0.5).float()
    cosine, sine = torch.cos(angle) * side, torch.sin(angle) * side
    linear = torch.stack([cosine, -sine, sine, cosine], dim=1).view(n, 2, 2) * flips[:, None, :]
    matrices = torch.cat([linear, centre[:, :, None]], dim=2).to(images.device)
    grid = affine_grid(matrices, [n, images.shape[1], size, size], align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _intensity(images: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness added, and contrast changed about the image's mean."""
    n = len(images)
    changed = _sometimes(n, generator)
    brightness = _per_image(changed * _uniform(n, -BRIGHTNESS, BRIGHTNESS, generator), images)
    contrast = _per_image(1 + changed * _uniform(n, -CONTRAST, CONTRAST, generator), images)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (images - mean) * contrast + mean + brightness


def _noise(images: Tensor, generator: torch.Generator) -> Tensor:
    n = len(images)
    deviation = _per_image(_sometimes(n, generator) * _uniform(n, 0, NOISE, generator), images)
    return images + deviation * torch.randn(images.shape, generator=generator).to(images.device)


def _blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian blur, with another width for each image: two one-dimensional convolutions, a group per channel."""
    n, channels = images.shape[:2]
    deviation = 0.1 + _sometimes(n, generator) * _uniform(n, 0, BLUR, generator)  # 0.1 pixels leave an image as it is
    offsets = torch.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1)
    kernels = torch.exp(-0.5 * (offsets[None] / deviation[:, None]).square())
    kernels = (kernels / kernels.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0).to(images.device)
    flat = pad(images.reshape(1, n * channels, *images.shape[2:]), [_BLUR_RADIUS] * 4, mode="reflect")
    flat = conv2d(flat, kernels[:, None, None, :], groups=n * channels)
    return conv2d(flat, kernels[:, None, :, None], groups=n * channels).view_as(images)


def _random(n: int, m: int, generator: torch.Generator) -> Tensor:
    return torch.rand(n, m, generator=generator)


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)


def _sometimes(n: int, generator: torch.Generator) -> Tensor:
    """1 for about half of the images, else 0."""
    return (torch.rand(n, generator=generator) < 0.5).float()


def _per_image(values: Tensor, images: Tensor) -> Tensor:
    return values.to(images.device)[:, None, None, None]
