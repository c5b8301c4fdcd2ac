"""Promises of augmentation: image and mask move together, masks stay binary, draws come from the generator alone."""

from __future__ import annotations

import torch

from dsim.transfer.segmentation.augment import _affine, augment


def disc(n: int = 16, side: int = 64) -> torch.Tensor:
    """Images that are bright exactly where their mask is: (n, 4, side, side)."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    inside = ((rows - 20.0) ** 2 + (columns - 40.0) ** 2 < 100).float()
    return inside.expand(n, 4, side, side).contiguous()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_image_and_mask_are_moved_alike() -> None:
    moved = _affine(disc(), 48, seeded())
    assert torch.equal(moved[:, 0], moved[:, 3])
    assert not torch.equal(moved[0], moved[1])


def test_masks_stay_binary_and_intensities_in_range() -> None:
    images, masks = augment(disc(), 48, seeded())
    assert images.shape == (16, 3, 48, 48)
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    assert float(images.min()) >= 0
    assert float(images.max()) <= 1


def test_the_bright_disc_stays_under_its_mask() -> None:
    images, masks = augment(disc(), 64, seeded())
    inside = torch.stack([image.mean(0)[mask > 0].mean() for image, mask in zip(images, masks, strict=True)])
    outside = torch.stack([image.mean(0)[mask == 0].mean() for image, mask in zip(images, masks, strict=True)])
    assert bool((inside - outside > 0.3).all())


def test_without_any_draw_beyond_the_symmetries_the_area_is_kept() -> None:
    moved = _affine(disc(200), 64, seeded())[:, 3].mean((1, 2))
    # Zooms go up to 1.4 either way, in the logarithm; nothing else changes the area of a disc well inside.
    assert float(moved.max()) < 1.4**2 * 1.1 * float(disc()[0, 3].mean())
    assert abs(float(moved.log().median()) - float(disc()[0, 3].mean().log())) < 0.05


def test_the_same_generator_gives_the_same_changes_and_the_global_state_is_not_used() -> None:
    before = torch.random.get_rng_state()
    first, second = augment(disc(), 32, seeded(3)), augment(disc(), 32, seeded(3))
    assert torch.equal(first[0], second[0])
    assert torch.equal(before, torch.random.get_rng_state())
    assert not torch.equal(augment(disc(), 32, seeded(4))[0], first[0])
