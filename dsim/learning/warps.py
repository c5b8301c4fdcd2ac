"""Perspective, rotation and crop of a batch as one resampling, each image by a homography of its own.

Homographies (b, 3, 3) say where each place of the result comes from; sides run from -1 to 1, y downwards. Products of
them are one resampling: ``perspective @ rotation @ crop`` crops a rotated image whose perspective was changed before.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from dsim.learning.augment import RESIZING_KERNELS

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


def crop_each(
    images: Tensor, boxes: Tensor, size: int, mirrored: Tensor, upside_down: Tensor, interpolation: str
) -> Tensor:
    """Return crops (b, c, size, size), antialiased, mirrored where flags are set: values can leave [0, 1] a little.

    ``dsim.learning.augment.crop_and_resize`` for large images: nothing beyond a box, int (b, 4), is touched.
    """
    result = images.new_empty(*images.shape[:2], size, size)
    places = zip(boxes.tolist(), mirrored.tolist(), upside_down.tolist(), strict=True)
    for i, ((top, left, height, width), across, over) in enumerate(places):
        down = _resizing_weights(height, size, interpolation, over).to(images.device)
        along = _resizing_weights(width, size, interpolation, across).to(images.device)
        torch.matmul(down, images[i, :, top : top + height, left : left + width] @ along.T, out=result[i])
    return result


@lru_cache(maxsize=256)
def _resizing_weights(length: int, size: int, interpolation: str, reverse: bool) -> Tensor:
    """Weights (size, length) of the pixels of a line in each of ``size`` pixels; they add up to 1."""
    step = length / size
    centres = step * (torch.arange(size) + 0.5)
    # The kernel widens where a line is reduced.
    weights = RESIZING_KERNELS[interpolation]((torch.arange(length) + 0.5 - centres[:, None]) / max(1.0, step))
    weights /= weights.sum(dim=1, keepdim=True)
    return weights.flip(0) if reverse else weights


class Pyramid:
    """Images (b, c, h, w), and the same halved with antialiasing again and again, each level when it is needed.

    Parameters
    ----------
    beyond : the colour beyond the border that ``warp`` gives: (c,), or (b, c) with one for each image; None for black.
        Levels then hold the images minus that colour.
    """

    def __init__(self, images: Tensor, beyond: Tensor | None = None) -> None:
        self.beyond = None if beyond is None else beyond.to(images)[..., None, None]
        self._levels = [images if self.beyond is None else images - self.beyond]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the images in pixels."""
        height, width = self._levels[0].shape[2:]
        return height, width

    def level(self, number: int) -> Tensor:
        """Return the images, halved ``number`` times."""
        while len(self._levels) <= number:
            images = self._levels[-1]
            half = [(side + 1) // 2 for side in images.shape[2:]]
            self._levels.append(interpolate(images, size=half, mode="bilinear", antialias=True))
        return self._levels[number]


def warp(images: Tensor | Pyramid, matrices: Tensor, levels: list[int], size: int, first: int = 0) -> Tensor:
    """Return images (b, c, size, size), bilinear, whose pixels come from where homographies (b, 3, 3) send them.

    Beyond the border is black, or the colour of the pyramid; across the border both are mixed as two pixels are.

    Parameters
    ----------
    images : (n, c, h, w), or a pyramid of them that several calls share. ``first`` : the image of the first matrix.
    levels : how often each image is halved before, with antialiasing; see ``reductions``.
    """
    pyramid = images if isinstance(images, Pyramid) else Pyramid(images)
    whole = pyramid.level(0)
    grid = _grid(matrices.to(whole.device, whole.dtype), size)
    result = []
    for start, end, level in _runs(levels):
        source = pyramid.level(level)[first + start : first + end]
        result.append(grid_sample(source, grid[start:end], mode="bilinear", padding_mode="zeros", align_corners=False))
    views = result[0] if len(result) == 1 else torch.cat(result)
    if pyramid.beyond is None:
        return views
    return views.add_(pyramid.beyond[first : first + len(views)] if pyramid.beyond.ndim == 4 else pyramid.beyond)


def reductions(matrices: Tensor, shape: tuple[int, int], size: int) -> list[int]:
    """Return how often images of ``shape`` are halved for views of ``size``.

    Once where a homography reduces an image, in the middle of the view, by more than the square root of 2, twice above
    the square root of 8, and so on: then bilinear resampling leaves out no pixels.
    """
    shrink = torch.linalg.det(matrices).abs() / matrices[:, 2, 2].abs() ** 3 * (shape[0] * shape[1] / size**2)
    most = max(0, (min(shape) // _SMALLEST).bit_length() - 1)
    levels: list[int] = (shrink.clamp_min(1e-9).log2() / 2).round().clamp(0, most).long().tolist()
    return levels


def _runs(levels: list[int]) -> Iterator[tuple[int, int, int]]:
    """Start, end and value of each run of equal values."""
    start = 0
    for value, run in groupby(levels):
        end = start + len(list(run))
        yield start, end, value
        start = end


def _grid(matrices: Tensor, size: int) -> Tensor:
    """Places (b, size, size, 2) of all pixels of the result."""
    steps = (torch.arange(size, device=matrices.device, dtype=matrices.dtype) * 2 + 1) / size - 1
    along = matrices[:, :, 0, None, None] * steps
    down = matrices[:, :, 1, None, None] * steps[:, None] + matrices[:, :, 2, None, None]
    x, y, depth = (along + down).unbind(1)
    depth = depth.reciprocal()
    # As complex numbers x and y are interleaved, which is what ``grid_sample`` takes, in one fast pass.
    return torch.view_as_real(torch.complex(x * depth, y * depth))
