"""Named policies: their frozen values, what each changes, and that they draw from their own generator only."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dsim.learning.augment import resample, resize
from dsim.learning.policies import (
    augment_asap,
    augment_classification,
    augment_segmentation,
    augment_transfer,
    segmentation_matrices,
)

Policy = Callable[[torch.Generator], Tensor]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 5, side: int = 24, channels: int = 3) -> Tensor:
    return torch.rand(n, channels, side, side, generator=seeded())


POLICIES: dict[str, Policy] = {
    "asap full": lambda g: augment_asap(images(), 16, g),
    "asap reference": lambda g: augment_asap(images(), 16, g, "reference"),
    "segmentation": lambda g: augment_segmentation(images(channels=4), 16, g)[0],
    "masks": lambda g: augment_segmentation(images(channels=4), 16, g)[1][:, None],
    "transfer": lambda g: augment_transfer(images(channels=4), 16, g)[0],
    "transfer masks": lambda g: augment_transfer(images(channels=4), 16, g)[1][:, None],
    "classification small": lambda g: augment_classification(images(), g, "small"),
    "classification usual": lambda g: augment_classification(images(), g),
}
#: Mean, standard deviation, and one pixel of each image: what trainings that are frozen were made with.
FROZEN = {
    "asap full": [0.517213, 0.187085, 0.357317, 0.342966, 0.843423, 0.438524, 0.399966],
    "asap reference": [0.43369, 0.215477, 0.16372, 0.567551, 0.525397, 0.353641, 0.421765],
    "segmentation": [0.483278, 0.22035, 0.1788, 0.536079, 0.749708, 0.702311, 0.705733],
    "masks": [0.529688, 0.499313, 1.0, 0.0, 0.0, 0.0, 1.0],
    "transfer": [0.416529, 0.199201, 0.0, 0.412006, 0.871099, 0.454379, 0.681567],
    "transfer masks": [0.529688, 0.499313, 0.0, 0.0, 0.0, 0.0, 1.0],
    "classification small": [0.502795, 0.201286, 0.143376, 0.755496, 0.497636, 0.445201, 0.548681],
    "classification usual": [0.455748, 0.185627, 0.078765, 0.891479, 0.257631, 0.608315, 0.521396],
}


@pytest.mark.parametrize("name", POLICIES)
def test_values_are_those_that_trainings_were_frozen_with(name: str) -> None:
    changed = POLICIES[name](seeded(3))
    values = [changed.mean().item(), changed.std().item(), *changed[:, 0, 5, 7].tolist()]
    assert values == pytest.approx(FROZEN[name], abs=2e-5)


@pytest.mark.parametrize("name", POLICIES)
def test_a_seed_repeats_its_draws_and_the_global_state_is_not_used(name: str) -> None:
    before = torch.random.get_rng_state()
    first, again, other = (POLICIES[name](seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", POLICIES)
def test_values_stay_in_the_unit_range(name: str) -> None:
    changed = POLICIES[name](seeded())
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1


@pytest.mark.parametrize("strength", ["full", "reference"])
def test_each_image_is_changed_in_its_own_way(strength: str) -> None:
    changed = augment_asap(images(1).expand(16, -1, -1, -1), 16, seeded(), strength)
    assert len({tuple(image.flatten().tolist()) for image in changed}) == 16


def test_without_augmentation_images_are_only_resized() -> None:
    assert torch.equal(augment_asap(images(), 16, seeded(), "none"), resize(images(), 16))
    assert augment_classification(images(), seeded(), "none").equal(images())


def test_the_reference_neither_rotates_nor_blurs() -> None:
    """An image of vertical stripes stays one of vertical stripes under flips, crops and intensity changes."""
    stripes = (torch.arange(40) % 10 / 10).expand(16, 3, 40, 40)
    changed = augment_asap(stripes, 32, seeded(), "reference")
    assert float((changed - changed[:, :, :1]).abs().max()) < 1e-5
    full = augment_asap(stripes, 32, seeded(), "full")
    assert float((full - full[:, :, :1]).abs().max()) > 0.1


def disc(n: int = 16, side: int = 64) -> Tensor:
    """Images that are bright exactly where their mask is: (n, 4, side, side)."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    inside = ((rows - 20.0) ** 2 + (columns - 40.0) ** 2 < 100).float()
    return inside.expand(n, 4, side, side).contiguous()


def test_masks_stay_binary_and_the_bright_disc_stays_under_its_mask() -> None:
    changed, masks = augment_segmentation(disc(), 64, seeded())
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    inside = torch.stack([image.mean(0)[mask > 0].mean() for image, mask in zip(changed, masks, strict=True)])
    outside = torch.stack([image.mean(0)[mask == 0].mean() for image, mask in zip(changed, masks, strict=True)])
    assert bool((inside - outside > 0.3).all())


def test_without_any_draw_beyond_the_symmetries_the_area_is_kept() -> None:
    both = disc(200)
    moved = resample(both, segmentation_matrices(200, 64, 64, seeded()), (64, 64))[:, 3].mean((1, 2))
    # Zooms go up to 1.4 either way, in the logarithm; nothing else changes the area of a disc well inside.
    assert float(moved.max()) < 1.4**2 * 1.1 * float(both[0, 3].mean())
    assert abs(float(moved.log().median()) - float(both[0, 3].mean().log())) < 0.05


def test_transfer_keeps_gray_gray_unless_a_gain_colours_it_and_masks_in_place() -> None:
    """A mask that equals the image stays equal to it up to intensity: both go through one resampling."""
    square = torch.zeros(64, 4, 32, 32)
    square[:, :, 10:22, 10:22] = 1
    changed, masks = augment_transfer(square, 32, seeded(1))
    pairs = zip(changed.mean(1), masks > 0, strict=True)
    inside = [image[mask].mean() > image[~mask].mean() for image, mask in pairs]
    assert all(inside), "light never becomes dark"
    areas = masks.mean(dim=(1, 2)) / square[0, 3].mean()
    assert areas.min() < 0.5
    assert areas.max() > 2.2
    spread = (changed.amax(1) - changed.amin(1)).amax(dim=(1, 2))
    assert (spread < 0.02).sum() >= 8
    assert (spread > 0.2).sum() >= 8
