"""Views of t-SimCNE: symmetries, angles, the colour beyond the border, and policies without some of their changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as tv
from torchvision.transforms.functional import InterpolationMode

from dsim.errors import UnknownNameError
from dsim.learning import (
    VIEW_PARTS,
    VIEW_POLICIES,
    Crops,
    UnlabelledImages,
    ViewChange,
    ViewPolicy,
    ViewsObjective,
    border_colour,
    build_bank,
    draw_views,
    without,
)
from dsim.learning.views import ViewParameters, draw_parameters

SIDE, MANY = 24, 4000
#: Of the policies' geometry alone: colours stay as they are.
PLAIN = {
    name: without(VIEW_POLICIES[name], ["jitter", "gray"]) for name in VIEW_POLICIES if name.startswith("t-simcne")
}
QUARTER, ANY = PLAIN["t-simcne-quarter"], PLAIN["t-simcne-any"]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 40) -> Tensor:
    return torch.rand(n, 3, SIDE, SIDE, generator=seeded(9))


def drawn_for(policy: ViewPolicy, n: int, area: tuple[float, float] = (0.2, 1.0)) -> ViewParameters:
    """Parameters of one view of each of n images: those that ``draw_views`` draws from the same seed."""
    return draw_parameters(n, (SIDE, SIDE), Crops(1, SIDE, area), [policy.large[0]], policy, seeded())


# ---- geometry beside torchvision's, in the order of the paper: quarter turn, angle, crop, flips --------------------


@pytest.mark.parametrize("name", ["t-simcne", "t-simcne-quarter"])
def test_a_view_is_turned_then_cut_out_then_mirrored(name: str) -> None:
    batch, policy = images(), PLAIN[name]
    drawn, size = drawn_for(policy, len(batch)), [SIDE, SIDE]
    (ours,) = draw_views(batch, [Crops(1, SIDE, (0.2, 1.0))], policy, seeded())
    for i, image in enumerate(batch):
        top, left, height, width = drawn.boxes[i].tolist()
        if drawn.quarters[i]:  # the box where it lies in the turned image
            image, (top, left, height, width) = image.rot90(1, (-2, -1)), (SIDE - left - width, top, width, height)
        theirs = tv.resized_crop(image, top, left, height, width, size, antialias=True)
        theirs = tv.hflip(theirs) if drawn.mirrored[i] else theirs
        theirs = tv.vflip(theirs) if drawn.turned_over[i] else theirs
        torch.testing.assert_close(ours[i], theirs, rtol=0, atol=2e-5)


def test_rotations_are_torchvisions_and_beyond_them_is_the_colour_of_each_image() -> None:
    """Within a frame of that colour torchvision's own fill, which weights pixels of a border twice, is exact too."""
    batch, policy = images(), without(ANY, ["crops"])
    fill, drawn = torch.rand(len(batch), 3, generator=seeded(1)), drawn_for(policy, len(batch))
    (ours,) = draw_views(batch, [Crops(1, SIDE, (0.2, 1.0))], policy, seeded(), fill=fill)
    for i, image in enumerate(batch):
        framed = fill[i, :, None, None].expand(3, 2 * SIDE, 2 * SIDE).clone()
        framed[:, SIDE // 2 : -SIDE // 2, SIDE // 2 : -SIDE // 2] = image
        degrees = float(drawn.degrees[i] + 90 * drawn.quarters[i])
        theirs = tv.rotate(framed, degrees, InterpolationMode.BILINEAR, fill=fill[i].tolist())
        theirs = tv.center_crop(theirs, [SIDE, SIDE])
        theirs = tv.hflip(theirs) if drawn.mirrored[i] else theirs
        theirs = tv.vflip(theirs) if drawn.turned_over[i] else theirs
        torch.testing.assert_close(ours[i], theirs, rtol=0, atol=2e-4)


def test_turned_crops_show_what_rotation_and_then_crop_show() -> None:
    """One resampling is sharper than two: of smooth images both show the same."""
    batch = tv.resize(torch.rand(20, 3, 4, 4, generator=seeded(9)), [96, 96])
    parameters = draw_parameters(20, (96, 96), Crops(1, 48, (0.2, 1.0)), [ANY.large[0]], ANY, seeded())
    (ours,) = draw_views(batch, [Crops(1, 48, (0.2, 1.0))], ANY, seeded(), fill=torch.tensor([0.2, 0.5, 0.7]))
    for i, image in enumerate(batch):
        degrees = float(parameters.degrees[i] + 90 * parameters.quarters[i])
        theirs = tv.rotate(image, degrees, InterpolationMode.BILINEAR, fill=[0.2, 0.5, 0.7])
        theirs = tv.resized_crop(theirs, *parameters.boxes[i].tolist(), [48, 48], antialias=True)
        theirs = tv.hflip(theirs) if parameters.mirrored[i] else theirs
        theirs = tv.vflip(theirs) if parameters.turned_over[i] else theirs
        assert float((ours[i] - theirs).abs().mean()) < 0.01


# ---- what is uniform -----------------------------------------------------------------------------------------------


def symmetries(policy: ViewPolicy) -> Tensor:
    """How often each of the 8 symmetries of the square comes, by looking at whole views of one image."""
    image = images(1)
    (views,) = draw_views(image.expand(MANY, -1, -1, -1), [Crops(1, SIDE, (0.2, 1.0))], policy, seeded(5))
    turned = [image[0].rot90(turn, (-2, -1)) for turn in range(4)]
    known = torch.stack([*turned, *(each.flip(-1) for each in turned)])
    distances = torch.cdist(views.flatten(1), known.flatten(1))
    assert float(distances.amin(1).max()) < 0.1  # others are 16 away; cdist is not exact
    return torch.bincount(distances.argmin(1), minlength=8)


def test_quarter_turns_and_flips_give_the_eight_symmetries_as_often() -> None:
    from scipy.stats import chisquare

    assert chisquare(symmetries(without(QUARTER, ["crops"])).numpy()).pvalue > 1e-3


def test_without_flips_the_four_turns_remain_as_often() -> None:
    from scipy.stats import chisquare

    counts = symmetries(without(QUARTER, ["crops", "flips"])).numpy()
    assert not counts[4:].any()
    assert chisquare(counts[:4]).pvalue > 1e-3


@pytest.mark.parametrize("left_out", [[], ["flips"]])
def test_every_angle_is_as_likely(left_out: list[str]) -> None:
    """Of what is seen, mirrored or not; without flips too."""
    from scipy.stats import kstest

    drawn = drawn_for(without(ANY, left_out), MANY)
    angles = drawn.degrees + 90 * drawn.quarters + 180 * drawn.turned_over
    assert kstest((angles % 360).numpy() / 360, "uniform").pvalue > 1e-3


# ---- the colour beyond the border ----------------------------------------------------------------------------------


def test_the_border_colour_is_the_mean_of_each_images_border_with_corners_once() -> None:
    batch = torch.randint(0, 256, (5, 3, 7, 9), generator=seeded(), dtype=torch.uint8)
    ring = torch.ones(7, 9, dtype=torch.bool)
    ring[1:-1, 1:-1] = False
    expected = torch.stack([image[:, ring].double().mean(1) for image in batch]).mean(0) / 255
    torch.testing.assert_close(border_colour(batch), expected.float(), rtol=0, atol=1e-6)


class _Views(ViewsObjective):
    """Views of a training that has no loss."""

    def networks(self) -> Mapping[str, torch.nn.Module]:
        return {}

    def losses(self, batch: Any, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        return {}


def test_each_dataset_has_its_own_border_colour_in_a_training() -> None:
    planes = [torch.full((3, 16, 16), value, dtype=torch.uint8) for value in [51] * 6 + [204] * 6]
    members = torch.arange(6), torch.arange(6, 12)
    images = UnlabelledImages(build_bank(planes), members)
    objective = _Views(images, 12, [Crops(2, 16, (0.2, 1.0))], ANY, "cpu")
    (views,) = objective.draw(torch.arange(12), seeded())
    levels = views.reshape(2, 12, -1)
    torch.testing.assert_close(levels[:, :6], torch.full_like(levels[:, :6], 0.2), rtol=0, atol=1e-5)
    torch.testing.assert_close(levels[:, 6:], torch.full_like(levels[:, 6:], 0.8), rtol=0, atol=1e-5)


def test_rows_have_the_colour_of_their_images() -> None:
    batch, crops, fill = images(6), [Crops(2, SIDE, (0.2, 1.0))], torch.rand(6, 3, generator=seeded(1))
    (whole,) = draw_views(batch, crops, ANY, seeded(), fill=fill)
    (some,) = draw_views(batch, crops, ANY, seeded(), slice(2, 5), fill)
    torch.testing.assert_close(some, whole.view(2, 6, 3, SIDE, SIDE)[:, 2:5].flatten(0, 1), rtol=0, atol=1e-6)


def test_without_a_colour_it_is_black() -> None:
    batch, crops = torch.ones(8, 3, SIDE, SIDE), [Crops(1, SIDE, (0.2, 1.0))]
    (black,) = draw_views(batch, crops, ANY, seeded())
    (given,) = draw_views(batch, crops, ANY, seeded(), fill=torch.zeros(3))
    torch.testing.assert_close(black, given, rtol=0, atol=1e-6)
    assert float(black.min()) == 0


# ---- without some of the changes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("part", VIEW_PARTS)
def test_what_is_left_out_does_not_happen_and_what_else_is_drawn_stays(part: str) -> None:
    policy = VIEW_POLICIES["t-simcne-any"]
    full, less = drawn_for(policy, MANY), drawn_for(without(policy, [part]), MANY)
    fields = {"crops": ("boxes",), "flips": ("mirrored", "turned_over", "quarters"), "jitter": ("jittered",)}
    changed = fields.get(part, (part,))
    for field in full._fields:
        if field not in changed and field != "jitter":
            assert torch.equal(getattr(full, field), getattr(less, field)), field
    if part == "crops":
        assert less.boxes.unique(dim=0).tolist() == [[0, 0, SIDE, SIDE]]
    else:
        assert not getattr(less, changed[0]).any()


def test_another_part_is_refused_and_the_nearest_one_suggested() -> None:
    with pytest.raises(UnknownNameError) as caught:
        without(ANY, ["crop"])
    assert "crops" in str(caught.value) + str(caught.value.hint)


# ---- the middle of images, holes, any number of channels -----------------------------------------------------------


def test_a_turned_middle_shows_what_lies_around_it_and_nothing_beyond() -> None:
    """White images stay white at every angle where views have half of the area, and not where they have more."""
    policy = without(VIEW_POLICIES["simsearch-supervised"], ["jitter"])
    white = torch.ones(200, 1, 40, 40)
    (half,) = draw_views(white, [Crops(1, 28, (0.49, 0.49))], policy, seeded())
    (whole,) = draw_views(white, [Crops(1, 40, (1.0, 1.0))], policy, seeded())
    assert float(half.min()) == pytest.approx(1, abs=1e-5)
    assert float(whole.min()) < 0.1


def test_the_middle_is_that_of_the_image_and_comes_in_all_eight_symmetries() -> None:
    policy = replace(VIEW_POLICIES["simsearch-supervised"], rotation=0.0, jittered=0.0)
    image = torch.rand(1, 2, 16, 16, generator=seeded(1))
    (views,) = draw_views(image.expand(200, -1, -1, -1), [Crops(1, 8, (0.25, 0.25))], policy, seeded(2))
    middle = image[0, :, 4:12, 4:12]
    turned = [middle.rot90(turn, (-2, -1)) for turn in range(4)]
    known = torch.stack([*turned, *(each.flip(-1) for each in turned)])
    distances = torch.cdist(views.flatten(1), known.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    assert float(distances.amin(1).max()) < 1e-4
    assert bool((torch.bincount(distances.argmin(1), minlength=8) > 10).all())


def test_half_of_the_views_have_eight_black_holes_and_the_rest_none() -> None:
    policy = replace(VIEW_POLICIES["simsearch"], jittered=0.0, large=(ViewChange(dropout=0.5),))
    (views,) = draw_views(torch.ones(2000, 1, 46, 46), [Crops(1, 32, (0.484, 0.484))], policy, seeded())
    black = (views < 0.5).flatten(1).sum(1)
    assert float((black > 0).float().mean()) == pytest.approx(0.5, abs=0.04)
    assert int(black.max()) <= 8 * 4 * 4
    assert int(black[black > 0].min()) > 3 * 4 * 4  # holes may overlap


@pytest.mark.parametrize("channels", [2, 5])
def test_images_of_other_channels_change_in_brightness_and_contrast_all_channels_alike(channels: int) -> None:
    policy = replace(VIEW_POLICIES["simclr"], crops=False, mirror=0.0, gray=1.0, large=(ViewChange(),))
    batch = torch.rand(6, 1, SIDE, SIDE, generator=seeded(1)) * 0.2 + 0.4
    (one,) = draw_views(batch, [Crops(1, SIDE, (1.0, 1.0))], policy, seeded(3))
    (many,) = draw_views(batch.expand(-1, channels, -1, -1), [Crops(1, SIDE, (1.0, 1.0))], policy, seeded(3))
    torch.testing.assert_close(many, one.expand(-1, channels, -1, -1), rtol=0, atol=1e-6)
    assert float((one - batch).abs().max()) > 0.1
