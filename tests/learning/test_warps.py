"""Homographies and crops beside torchvision's functions on one image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as tv
from torchvision.transforms.functional import InterpolationMode

from dsim.learning.warps import (
    Pyramid,
    crop_each,
    crop_matrices,
    perspective_matrices,
    reductions,
    rotation_matrices,
    warp,
)

N, SIDE = 4, 40
UNFLIPPED = torch.zeros(N, dtype=torch.bool)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(height: int = SIDE, width: int = SIDE) -> Tensor:
    return torch.rand(N, 3, height, width, generator=seeded())


def assert_equal(ours: Tensor, theirs: Tensor, tolerance: float = 1e-4) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


def test_corners_move_as_in_torchvisions_perspective() -> None:
    batch, corners = images(), torch.rand(N, 4, 2, generator=seeded()) / 4
    ours = warp(batch, perspective_matrices(corners), [0] * N, SIDE)
    outer = [[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]]
    inward = torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    for i, image in enumerate(batch):
        ends = (torch.tensor(outer) + inward * corners[i] * SIDE).tolist()
        assert_equal(ours[i], tv.perspective(image, outer, ends, InterpolationMode.BILINEAR))


@pytest.mark.parametrize("degrees", [-170.0, -45.0, 10.0, 90.0])
def test_positive_angles_turn_counter_clockwise_as_torchvisions(degrees: float) -> None:
    batch = images()
    ours = warp(batch, rotation_matrices(torch.full((N,), degrees), (SIDE, SIDE)), [0] * N, SIDE)
    assert_equal(ours, tv.rotate(batch, degrees, InterpolationMode.BILINEAR))


def test_a_rotation_keeps_the_shape_of_what_is_seen_in_images_that_are_not_square() -> None:
    """A disc stays a disc: the aspect of the image is taken into account."""
    y, x = torch.meshgrid(torch.arange(40.0) - 19.5, torch.arange(80.0) - 39.5, indexing="ij")
    disc = ((x - 8).square() + y.square() < 100).float()[None, None]
    middle = crop_matrices(torch.tensor([[0, 20, 40, 40]]), (40, 80), UNFLIPPED[:1], UNFLIPPED[:1])
    turned = warp(disc, rotation_matrices(torch.tensor([90.0]), (40, 80)) @ middle, [0], 40)
    expected = ((y + 8).square() + x.square() < 100).float()[:, 20:60]
    assert float((turned[0, 0] - expected).abs().mean()) < 0.02


def test_enlarged_crops_are_those_of_torchvision_away_from_their_border() -> None:
    batch, size = images(30, 50), 48
    boxes = torch.tensor([[0, 0, 20, 30], [3, 5, 20, 21], [10, 25, 15, 15], [2, 2, 24, 24]])
    flags = torch.tensor([True, False, True, False]), torch.tensor([False, False, True, True])
    ours = warp(batch, crop_matrices(boxes, (30, 50), *flags), [0] * N, size)
    for i, image in enumerate(batch):
        theirs = tv.resized_crop(image, *boxes[i].tolist(), [size, size], antialias=False)
        theirs = tv.hflip(theirs) if flags[0][i] else theirs
        theirs = tv.vflip(theirs) if flags[1][i] else theirs
        assert_equal(ours[i, :, 4:-4, 4:-4], theirs[:, 4:-4, 4:-4])


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [8, 33])
def test_crops_of_large_images_are_torchvisions(interpolation: str, size: int) -> None:
    batch, mode = images(30, 40), InterpolationMode(interpolation)
    boxes = torch.tensor([[0, 0, 30, 40], [3, 5, 20, 21], [10, 30, 7, 9], [29, 39, 1, 1]])
    flags = torch.tensor([True, False, True, False]), torch.tensor([False, False, True, True])
    ours = crop_each(batch, boxes, size, *flags, interpolation)
    for i, image in enumerate(batch):
        theirs = tv.resized_crop(image, *boxes[i].tolist(), [size, size], mode, antialias=True)
        theirs = tv.hflip(theirs) if flags[0][i] else theirs
        assert_equal(ours[i], tv.vflip(theirs) if flags[1][i] else theirs, 2e-5)


def test_one_resampling_is_perspective_rotation_and_crop_in_turn() -> None:
    smooth = tv.resize(torch.rand(N, 3, 5, 5, generator=seeded()), [80, 80])
    corners, degrees = torch.rand(N, 4, 2, generator=seeded()) / 4, torch.tensor([-100.0, -20.0, 30.0, 160.0])
    box = [10, 16, 60, 50]
    crop = crop_matrices(torch.tensor([box] * N), (80, 80), UNFLIPPED, UNFLIPPED)
    matrices = perspective_matrices(corners) @ rotation_matrices(degrees, (80, 80)) @ crop
    ours = warp(smooth, matrices, [0] * N, 64)
    bent = warp(smooth, perspective_matrices(corners), [0] * N, 80)
    for i in range(N):
        turned = tv.rotate(bent[i], float(degrees[i]), InterpolationMode.BILINEAR)
        theirs = tv.resized_crop(turned, *box, [64, 64])
        assert float((ours[i] - theirs).abs().mean()) < 0.01


def test_the_level_follows_the_reduction_and_ends_before_the_image_does() -> None:
    sides = torch.tensor([12, 16, 20, 30, 40, 64])
    boxes = torch.stack([sides * 0, sides * 0, sides, sides], dim=1)
    flags = torch.zeros(6, dtype=torch.bool)
    assert reductions(crop_matrices(boxes, (64, 64), flags, flags), (64, 64), 16) == [0, 0, 0, 1, 1, 2]
    assert reductions(crop_matrices(boxes, (64, 64), flags, flags), (64, 64), 1) == [3] * 6


def test_reduced_fine_patterns_become_gray_instead_of_other_patterns() -> None:
    board = ((torch.arange(64)[:, None] + torch.arange(64)) % 2).float().expand(1, 1, 64, 64)
    matrices = rotation_matrices(torch.tensor([7.0]), (64, 64))
    (level,) = reductions(matrices, (64, 64), 20)
    inside = warp(board, matrices, [level], 20)[..., 4:-4, 4:-4]
    assert float((inside - 0.5).abs().max()) < 0.1
    assert float((warp(board, matrices, [0], 20)[..., 4:-4, 4:-4] - 0.5).abs().max()) > 0.2


def test_mixed_levels_of_a_shared_pyramid_are_those_of_each_image_alone() -> None:
    batch = images()
    matrices = rotation_matrices(torch.tensor([5.0, 50.0, 95.0, 140.0]), (SIDE, SIDE))
    together = warp(Pyramid(batch), matrices, [1, 0, 0, 2], 16)
    for i, level in enumerate([1, 0, 0, 2]):
        assert_equal(together[i : i + 1], warp(batch[i : i + 1], matrices[i : i + 1], [level], 16), 1e-6)
        assert_equal(warp(Pyramid(batch), matrices[i : i + 1], [level], 16, first=i), together[i : i + 1], 1e-6)
