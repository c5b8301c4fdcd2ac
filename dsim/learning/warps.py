"""Perspective, rotation and crop of a batch as one resampling, each image by a homography of its own.

Homographies (b, 3, 3) say where each place of the result comes from; sides run from -1 to 1, y downwards. Products of
them are one resampling: ``perspective @ rotation @ crop`` crops a rotated image whose perspective was changed before.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

#: Pyramids end where the shorter side would be smaller, in pixels.
_SMALLEST = 8


def perspective_matrices(corners: Tensor) -> Tensor:
    """Return homographies, float64 (b, 3, 3), that move the corners of an image inwards.

    Parameters
    ----------
    corners : (b, 4, 2), in [0, 0.5): how far the corners top left, top right, bottom right and bottom left move in x
        and y, as shares of width and height. Torchvision's ``perspective``.
    """
    outer = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    x, y = (outer + (1 - 2 * outer) * corners.double()).unbind(2)
    # The unit square to a quadrilateral, in closed form (Heckbert 1989, Fundamentals of texture mapping, 2.2.3).
    dx1, dx2, dx3 = x[:, 1] - x[:, 2], x[:, 3] - x[:, 2], x[:, 0] - x[:, 1] + x[:, 2] - x[:, 3]
    dy1, dy2, dy3 = y[:, 1] - y[:, 2], y[:, 3] - y[:, 2], y[:, 0] - y[:, 1] + y[:, 2] - y[:, 3]
    area = dx1 * dy2 - dx2 * dy1
    g, h = (dx3 * dy2 - dx2 * dy3) / area, (dx1 * dy3 - dx3 * dy1) / area
    rows = [torch.stack([(1 + g) * p[:, 1] - p[:, 0], (1 + h) * p[:, 3] - p[:, 0], p[:, 0]], dim=1) for p in (x, y)]
    forward = torch.stack([*rows, torch.stack([g, h, torch.ones_like(g)], dim=1)], dim=1)
    to_sides = torch.tensor([[2.0, 0.0, -1.0], [0.0, 2.0, -1.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    backward: Tensor = torch.linalg.inv(forward)
    to_unit = torch.tensor([[0.5, 0.0, 0.5], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]], dtype=torch.float64)
    return to_sides @ backward @ to_unit


def rotation_matrices(degrees: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return homographies, float64 (b, 3, 3), that turn images of ``shape`` counter-clockwise by ``degrees`` (b,)."""
    angle, (height, width) = torch.deg2rad(degrees.double()), shape
    cosine, sine, zero = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle)
    entries = [cosine, -sine * height / width, zero, sine * width / height, cosine, zero, zero, zero, zero + 1]
    return torch.stack(entries, dim=1).view(-1, 3, 3)


def crop_matrices(boxes: Tensor, shape: tuple[int, int], mirrored: Tensor, upside_down: Tensor) -> Tensor:
    """Return homographies, float64 (b, 3, 3), that show a box of images of ``shape``, mirrored where flags are set.

    Parameters
    ----------
    boxes : int (b, 4), top, left, height and width in pixels. ``mirrored``, ``upside_down`` : bool (b,).
    """
    top, left, height, width = boxes.double().unbind(1)
    zero, one = torch.zeros_like(top), torch.ones_like(top)
    across, down = torch.where(mirrored, -width, width) / shape[1], torch.where(upside_down, -height, height) / shape[0]
    x, y = (2 * left + width) / shape[1] - 1, (2 * top + height) / shape[0] - 1
    return torch.stack([across, zero, x, zero, down, y, zero, zero, one], dim=1).view(-1, 3, 3)


def warp(images: Tensor, matrices: Tensor, size: int) -> Tensor:
    """Return images (b, c, size, size), bilinear, whose pixels come from where homographies (b, 3, 3) send them.

    Beyond the border is black. Where an image is reduced by more than the square root of 2 (in the middle of the
    result), it is first halved with antialiasing, as often as needed: each image by its own homography.
    """
    levels = _levels(matrices, (images.shape[2], images.shape[3]), size)
    grid = _grid(matrices.to(images.device, images.dtype), size)
    if not levels.any():
        return _sample(images, grid)
    result = images.new_empty(*images.shape[:2], size, size)
    for level in range(int(levels.max()) + 1):
        rows = torch.nonzero(levels == level).flatten().to(images.device)
        if len(rows):
            result[rows] = _sample(_halve(images[rows], level), grid[rows])
    return result


def _sample(images: Tensor, grid: Tensor) -> Tensor:
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _levels(matrices: Tensor, shape: tuple[int, int], size: int) -> Tensor:
    """How often each image is halved, int64 (b,) on the CPU."""
    matrices = matrices.double().cpu()
    shrink = torch.linalg.det(matrices).abs() / matrices[:, 2, 2].abs() ** 3 * (shape[0] * shape[1] / size**2)
    most = max(0, (min(shape) // _SMALLEST).bit_length() - 1)
    levels: Tensor = (shrink.clamp_min(1e-9).log2() / 2).round().clamp(0, most)
    return levels.long()


def _halve(images: Tensor, times: int) -> Tensor:
    for _ in range(times):
        half = [(side + 1) // 2 for side in images.shape[2:]]
        images = interpolate(images, size=half, mode="bilinear", antialias=True)
    return images


def _grid(matrices: Tensor, size: int) -> Tensor:
    """Places (b, size, size, 2) of all pixels of the result."""
    steps = (torch.arange(size, device=matrices.device, dtype=matrices.dtype) * 2 + 1) / size - 1
    along = matrices[:, :, 0, None, None] * steps
    down = matrices[:, :, 1, None, None] * steps[:, None] + matrices[:, :, 2, None, None]
    x, y, depth = (along + down).unbind(1)
    return torch.stack([x / depth, y / depth], dim=3)
