"""Promises of tiling: every pixel is seen, blending leaves a smooth image alone, and sizes come back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dsim.errors import DataError
from dsim.models.tiles import OVERLAP, as_rgb, pad_planes, prepare_canvas, resize_planes, scale_planes, tile_starts


@pytest.mark.parametrize("length", [1, 31, 32, 33, 40, 64, 100, 257])
def test_tiles_cover_a_side_from_border_to_border_and_overlap(length: int) -> None:
    corners = tile_starts(length, 32)
    assert corners[0] == 0
    assert corners[-1] == max(0, length - 32)
    steps = np.diff(corners)
    assert (steps <= 32 * (1 - OVERLAP)).all()
    assert (steps > 0).all()


@pytest.mark.parametrize("shape", [(7, 5), (32, 32), (33, 64), (100, 45), (1, 200)])
@pytest.mark.parametrize("side", [0, 48])
def test_what_goes_in_comes_out_at_its_size(shape: tuple[int, int], side: int) -> None:
    """A network that gives its input back: blending and scaling must not change a smooth image."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    smooth = (0.5 + 0.2 * np.sin(rows / 40) + 0.2 * np.cos(columns / 40)).astype(np.float32)
    made = prepare_canvas(0, as_rgb(smooth[:, :, None], "smooth"), side, 32)
    for number in range(len(made.corners)):
        tile = made.tile(number)
        assert tile.shape == (3, 32, 32)
        made.put(number, tile[0])
    found = made.finish()
    assert found.shape == shape
    assert made.waiting == 0
    assert np.abs(found - smooth).max() < (1e-5 if not side else 0.02)


def test_padding_mirrors_what_is_there() -> None:
    planes = torch.arange(3.0).view(1, 1, 3)
    assert pad_planes(planes, 8)[0, 0].tolist() == [0, 1, 2, 2, 1, 0, 0, 1]
    assert pad_planes(planes, 8).shape == (1, 8, 8)


def test_scaling_sets_the_longest_side_and_keeps_the_shape() -> None:
    assert scale_planes(torch.zeros(3, 50, 100), 20).shape == (3, 10, 20)
    assert scale_planes(torch.zeros(3, 1, 1000), 20).shape == (3, 1, 20)
    assert scale_planes(torch.zeros(3, 50, 100), 0).shape == (3, 50, 100)
    assert resize_planes(torch.ones(1, 4, 4), (9, 3)).unique().tolist() == [1.0]


def test_gray_is_repeated_and_eight_bits_become_shares() -> None:
    gray = as_rgb(np.full((2, 3, 1), 255, np.uint8), "x")
    assert gray.shape == (3, 2, 3)
    assert gray.unique().tolist() == [1.0]
    assert as_rgb(np.full((2, 3, 3), 0.5, np.float32), "x").unique().tolist() == [0.5]


@pytest.mark.parametrize("channels", [2, 4, 7])
def test_other_numbers_of_channels_are_refused_by_name(channels: int) -> None:
    with pytest.raises(DataError, match=f"image 'a' has {channels} channels"):
        as_rgb(np.zeros((4, 4, channels), np.uint8), "image 'a'")
