"""Colours and sharpness of views beside torchvision's functions on one image."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as tv

from dsim.learning.appearance import Appearance
from dsim.learning.augment import Jitter, draw_jitter

N = 24
NO, YES = torch.zeros(N, dtype=torch.bool), torch.ones(N, dtype=torch.bool)
SHARP = torch.zeros(N)
#: One jitter for each order of its four operations, which 24 images have among them.
ORDERS = torch.tensor([list(order) for order in permutations(range(4))])
HALF = torch.arange(N) % 2 == 0


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(side: int = 16, channels: int = 3) -> Tensor:
    return torch.rand(N, channels, side, side, generator=seeded())


def jitter() -> Jitter:
    return draw_jitter(N, seeded(1), 0.6, 0.6, 0.6, 0.3)._replace(order=ORDERS)


def changed(
    batch: Tensor,
    jittered: Tensor = NO,
    gray: Tensor = NO,
    deviation: Tensor = SHARP,
    solarised: Tensor = NO,
    radius: int = 3,
) -> Tensor:
    appearance = Appearance(
        jitter(), jittered, gray, deviation, solarised, radius=radius, device=batch.device, channels=batch.shape[1]
    )
    result = batch.clone()
    for first in (0, 1, 8):
        appearance.apply(result[first : {0: 1, 1: 8, 8: N}[first]], first)
    return result


def jittered_by_torchvision(image: Tensor, number: int) -> Tensor:
    operations = tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue
    drawn = jitter()
    for operation in ORDERS[number].tolist():
        if operation < 2 or image.shape[0] == 3:
            image = operations[operation](image, float(drawn[operation][number]))
    return image


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_change_as_in_torchvision_in_every_order_where_flags_are_set(channels: int) -> None:
    batch = images(channels=channels)
    ours = changed(batch, jittered=HALF)
    for i, image in enumerate(batch):
        expected = jittered_by_torchvision(image, i) if HALF[i] else image
        torch.testing.assert_close(ours[i], expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    "special", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1), (0, 0, 0), (1, 1, 1)]
)
def test_pure_colours_black_and_white_are_turned_as_in_torchvision(special: tuple[int, int, int]) -> None:
    """Where channels are equal, the hue has its corners."""
    batch = torch.tensor(special).float()[None, :, None, None].expand(N, 3, 8, 8) * 0.8
    for i, ours in enumerate(changed(batch, jittered=YES)):
        torch.testing.assert_close(ours, jittered_by_torchvision(batch[i], i), rtol=0, atol=2e-5)


@pytest.mark.parametrize("flags", [NO, HALF, YES], ids=["none", "half", "all"])
def test_gray_and_solarised_as_in_torchvision(flags: Tensor) -> None:
    batch = images()
    gray, solarised = changed(batch, gray=flags), changed(batch, solarised=flags)
    for i, image in enumerate(batch):
        expected = tv.rgb_to_grayscale(image, 3) if flags[i] else image
        torch.testing.assert_close(gray[i], expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(solarised[i], tv.solarize(image, 0.5) if flags[i] else image, rtol=0, atol=1e-6)


def test_on_bytes_solarising_is_that_of_the_original_which_begins_at_128() -> None:
    levels = (torch.arange(256) / 255).view(1, 1, 16, 16).expand(N, 1, 16, 16)
    expected = torch.where(torch.arange(256) < 128, torch.arange(256), 255 - torch.arange(256))
    assert torch.equal((changed(levels, solarised=YES)[0] * 255).round().flatten().long(), expected)


@pytest.mark.parametrize("side", [8, 20, 140])
@pytest.mark.parametrize("radius", [1, 5])
def test_views_are_blurred_as_in_torchvision_by_deviations_of_their_own(side: int, radius: int) -> None:
    batch, deviation = images(side), torch.linspace(0.0, 5.0, N)
    ours = changed(batch, deviation=deviation, radius=radius)
    assert torch.equal(ours[0], batch[0])
    for i in range(1, N):
        expected = tv.gaussian_blur(batch[i], [2 * radius + 1] * 2, [float(deviation[i])] * 2)
        torch.testing.assert_close(ours[i], expected, rtol=0, atol=1e-5)


def test_all_changes_come_in_their_order() -> None:
    batch, deviation = images(), torch.full((N,), 1.5)
    ours = changed(batch, YES, HALF, deviation, YES)
    for i, image in enumerate(batch):
        expected = jittered_by_torchvision(image, i)
        expected = tv.rgb_to_grayscale(expected, 3) if HALF[i] else expected
        expected = tv.solarize(tv.gaussian_blur(expected, [7, 7], [1.5, 1.5]).clamp(0, 1), 0.5)
        torch.testing.assert_close(ours[i], expected, rtol=0, atol=2e-5)
