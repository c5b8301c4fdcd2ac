"""One affine resampling of a whole batch, and the draws that augmentation is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def between(n: int, most: float, generator: torch.Generator) -> Tensor:
    """Uniform draws in [-most, most], float32 (n,)."""
    import torch

    return (2 * torch.rand(n, generator=generator) - 1) * most


def sometimes(n: int, generator: torch.Generator) -> Tensor:
    """1 for about half of the images, else 0; float32 (n,)."""
    import torch

    return (torch.rand(n, generator=generator) < 0.5).float()


def resampled(images: Tensor, angle: Tensor, scale: Tensor, mirrored: Tensor, shift: Tensor, side: int) -> Tensor:
    """Images (n, C, H, W) turned, scaled, mirrored and shifted at once, bilinear; beyond the border they are mirrored.

    Parameters
    ----------
    angle : (n,), radians. ``scale`` : (n,), of what is seen: above 1 shows more. ``mirrored`` : (n,), 1 or -1.
    shift : (n, 2), x and y; sides run from -1 to 1. ``side`` : in pixels, of the result (n, C, side, side).
    """
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    linear = torch.stack([cosine * mirrored, -sine, sine * mirrored, cosine], dim=1).view(-1, 2, 2)
    matrices = torch.cat([linear, shift[:, :, None]], dim=2).to(images.device)
    grid = affine_grid(matrices, [*images.shape[:2], side, side], align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
