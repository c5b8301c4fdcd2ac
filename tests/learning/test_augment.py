"""Operations on batches beside torchvision's on one image, and the draws of their parameters."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as tv
from torchvision.transforms.functional import InterpolationMode

from dsim.errors import UsageError
from dsim.learning import augment

N = 6


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(channels: int = 3, height: int = 30, width: int = 30) -> Tensor:
    return torch.rand(N, channels, height, width, generator=seeded())


def one_by_one(operation: Callable[[int, Tensor], Tensor], batch: Tensor) -> Tensor:
    return torch.cat([operation(i, batch[i : i + 1]) for i in range(len(batch))])


def assert_equal(ours: Tensor, theirs: Tensor, tolerance: float = 2e-5) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


BOXES = torch.tensor([[0, 0, 30, 40], [3, 5, 20, 21], [10, 30, 7, 9], [0, 2, 29, 3], [29, 39, 1, 1], [4, 4, 16, 16]])


@pytest.mark.parametrize("size", [8, 16, 33])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_crops_are_resized_like_torchvisions(size: int, interpolation: str) -> None:
    batch, mode = images(height=30, width=40), InterpolationMode(interpolation)
    theirs = one_by_one(
        lambda i, image: tv.resized_crop(image, *BOXES[i].tolist(), [size, size], mode, antialias=True), batch
    )
    assert_equal(augment.crop_and_resize(batch, BOXES, size, interpolation), theirs)


def test_another_interpolation_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match="nearest") as caught:
        augment.crop_and_resize(images(), torch.tensor([[0, 0, 30, 30]] * N), 8, "nearest")
    assert "bicubic" in (caught.value.hint or "")


def test_whole_images_are_resized_like_torchvisions() -> None:
    assert_equal(augment.resize(images(), 13), tv.resize(images(), [13, 13], antialias=True))


def test_flips() -> None:
    flags = torch.tensor([True, False, True, False, True, False])
    others = flags.flip(0)
    theirs = one_by_one(lambda i, image: tv.hflip(image) if flags[i] else image, images())
    assert torch.equal(augment.flip(images(), flags), theirs)
    theirs = one_by_one(lambda i, image: tv.vflip(image) if others[i] else image, theirs)
    assert torch.equal(augment.flip(images(), flags, others), theirs)


def test_right_angles_are_turned_without_resampling() -> None:
    turns = torch.tensor([0, 1, 2, 3, 4, 5])
    theirs = one_by_one(lambda i, image: tv.rotate(image, 90.0 * int(turns[i])), images())
    assert_equal(augment.rotate_quarters(images(), turns), theirs)
    with pytest.raises(UsageError, match="30 x 40"):
        augment.rotate_quarters(images(width=40), turns)


@pytest.mark.parametrize("fill", [0.0, 0.7])
@pytest.mark.parametrize("width", [30, 47])
def test_free_rotation_fills_the_corners(fill: float, width: int) -> None:
    degrees = torch.tensor([0.0, 10.0, -35.0, 90.0, 133.0, 359.0])
    theirs = one_by_one(
        lambda i, image: tv.rotate(image, float(degrees[i]), InterpolationMode.BILINEAR, fill=[fill] * 3),
        images(width=width),
    )
    assert_equal(augment.rotate(images(width=width), degrees, fill), theirs, 1e-4)


def test_a_fill_colour_can_be_that_of_each_image() -> None:
    colours = torch.rand(N, 3, generator=seeded(1))
    degrees = torch.full((N,), 45.0)
    theirs = one_by_one(
        lambda i, image: tv.rotate(image, 45.0, InterpolationMode.BILINEAR, fill=colours[i].tolist()), images()
    )
    assert_equal(augment.rotate(images(), degrees, colours), theirs, 1e-4)


def test_affine_is_torchvisions() -> None:
    degrees = torch.tensor([0.0, 10.0, -35.0, 90.0, 133.0, -5.0])
    shift = torch.tensor([[0, 0], [3, -2], [-5, 1], [0, 7], [2, 2], [-1, -1]])
    scale = torch.tensor([1.0, 1.3, 0.7, 1.1, 0.9, 2.0])
    shear = torch.tensor([[0.0, 0.0], [10, 0], [0, -8], [5, 5], [-12, 3], [1, 2]])
    theirs = one_by_one(
        lambda i, image: tv.affine(
            image,
            float(degrees[i]),
            shift[i].tolist(),
            float(scale[i]),
            shear[i].tolist(),
            InterpolationMode.BILINEAR,
            fill=[0.2, 0.4, 0.6],
        ),
        images(width=44),
    )
    ours = augment.affine(images(width=44), degrees, shift, scale, shear, torch.tensor([0.2, 0.4, 0.6]))
    assert_equal(ours, theirs, 1e-4)


FACTORS = torch.tensor([0.0, 0.3, 0.8, 1.0, 1.4, 2.0])
HUES = torch.tensor([-0.5, -0.2, 0.0, 0.1, 0.35, 0.5])
COLOURS = {
    "brightness": (augment.adjust_brightness, tv.adjust_brightness, FACTORS),
    "contrast": (augment.adjust_contrast, tv.adjust_contrast, FACTORS),
    "saturation": (augment.adjust_saturation, tv.adjust_saturation, FACTORS),
    "hue": (augment.adjust_hue, tv.adjust_hue, HUES),
    "gamma": (augment.adjust_gamma, tv.adjust_gamma, FACTORS),
    "solarise": (augment.solarise, tv.solarize, torch.tensor([0.0, 0.2, 0.5, 0.8, 1.0, 1.0])),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", COLOURS)
def test_changes_of_colour_are_torchvisions(name: str, channels: int) -> None:
    ours, theirs, amounts = COLOURS[name]
    batch = images(channels)
    assert_equal(ours(batch, amounts), one_by_one(lambda i, image: theirs(image, float(amounts[i])), batch))


def test_the_hue_of_gray_pixels_stays() -> None:
    gray = images(1).expand(-1, 3, -1, -1)
    assert_equal(augment.adjust_hue(gray, HUES), gray)


def test_jitter_changes_each_image_in_its_own_order() -> None:
    jitter = augment.draw_jitter(N, seeded(2), 0.4, 0.4, 0.2, 0.1)
    assert len({tuple(order.tolist()) for order in jitter.order}) > 1
    operations = (tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue)

    def in_turn(i: int, image: Tensor) -> Tensor:
        for number in jitter.order[i].tolist():
            image = operations[number](image, float(jitter[number][i]))
        return image

    before = images()
    assert_equal(augment.jitter_colours(before, jitter), one_by_one(in_turn, images()))
    assert torch.equal(before, images())


def test_gray_is_torchvisions_where_flagged() -> None:
    flags = torch.tensor([True, False] * 3)
    theirs = one_by_one(lambda i, image: tv.rgb_to_grayscale(image, 3) if flags[i] else image, images())
    assert_equal(augment.to_gray(images(), flags), theirs)


@pytest.mark.parametrize("channels", [1, 3])
def test_blur_is_torchvisions(channels: int) -> None:
    deviations = torch.tensor([0.1, 0.5, 0.9, 1.3, 2.0, 3.0])
    theirs = one_by_one(lambda i, image: tv.gaussian_blur(image, [9, 9], [float(deviations[i])]), images(channels))
    assert_equal(augment.blur(images(channels), deviations, radius=4), theirs)


def test_a_blur_of_nothing_changes_nothing() -> None:
    assert_equal(augment.blur(images(), torch.zeros(N)), images(), 0)


def test_noise_has_the_deviation_of_each_image() -> None:
    deviations = torch.tensor([0.0, 0.01, 0.02, 0.05, 0.1, 0.2])
    noise = torch.randn(N, 3, 200, 200, generator=seeded())
    changed = augment.add_noise(torch.zeros(N, 3, 200, 200), deviations, noise)
    torch.testing.assert_close(changed.std(dim=(1, 2, 3)), deviations, rtol=0.02, atol=0)


def test_boxes_are_cut_out_as_torchvision_erases_them() -> None:
    boxes = torch.tensor([[0, 0, 30, 30], [1, 2, 3, 4], [10, 11, 5, 5], [0, 0, 0, 0], [29, 29, 1, 1], [3, 20, 9, 10]])
    theirs = one_by_one(lambda i, image: tv.erase(image, *boxes[i].tolist(), torch.tensor(0.3)), images())
    assert torch.equal(augment.cut_out(images(), boxes, 0.3), theirs)


def test_scaling_about_the_mean_keeps_the_mean() -> None:
    gain = torch.linspace(0.5, 1.5, N).view(-1, 1, 1, 1)
    changed = augment.scale_about_mean(images(), gain, shift=torch.zeros(N, 1, 1, 1))
    torch.testing.assert_close(changed.mean(dim=(1, 2, 3)), images().mean(dim=(1, 2, 3)))
    torch.testing.assert_close(changed.std(dim=(1, 2, 3)), images().std(dim=(1, 2, 3)) * gain.flatten())


def test_drawn_crops_lie_inside_and_have_the_area_and_ratio_asked_for() -> None:
    boxes = augment.draw_crops(2000, (60, 90), seeded(), area=(0.2, 0.8), ratio=(0.5, 2.0))
    top, left, height, width = boxes.unbind(1)
    assert bool((top >= 0).all())
    assert bool((left >= 0).all())
    assert bool((top + height <= 60).all())
    assert bool((left + width <= 90).all())
    share, ratio = height * width / (60 * 90), width / height
    assert 0.19 < float(share.min()) < 0.22
    assert 0.6 < float(share.max()) < 0.82
    assert 0.48 < float(ratio.min()) < 0.55
    assert 1.8 < float(ratio.max()) < 2.1


def test_a_crop_that_cannot_be_drawn_is_the_largest_in_the_middle() -> None:
    boxes = augment.draw_crops(3, (10, 100), seeded(), area=(0.9, 1.0), ratio=(1.0, 1.0 + 1e-9))
    assert boxes.tolist() == [[0, 45, 10, 10]] * 3


def test_draws_come_from_the_generator_alone_and_repeat() -> None:
    before = torch.random.get_rng_state()
    for draw in (
        lambda g: augment.draw_uniform(5, 1, 2, g),
        lambda g: augment.draw_symmetric(5, 2, g),
        lambda g: augment.draw_flags(5, g, 0.3),
        lambda g: augment.draw_crops(5, (40, 40), g),
        lambda g: torch.stack(augment.draw_jitter(5, g, 0.4, 0.4, 0.2, 0.1)[:4]),
    ):
        assert torch.equal(draw(seeded(1)), draw(seeded(1)))
        assert not torch.equal(draw(seeded(1)), draw(seeded(2)))
    assert torch.equal(before, torch.random.get_rng_state())


def test_draws_have_the_range_asked_for() -> None:
    uniform, symmetric = augment.draw_uniform(999, 1, 3, seeded()), augment.draw_symmetric(999, 2, seeded())
    assert 1 <= float(uniform.min()) < 1.1
    assert 2.9 < float(uniform.max()) < 3
    assert -2 <= float(symmetric.min()) < -1.9
    assert 1.9 < float(symmetric.max()) < 2
    assert math.isclose(float(augment.draw_flags(999, seeded(), 0.2).float().mean()), 0.2, abs_tol=0.05)
