"""Augmentation: what each policy does, and that it draws from its own generator only."""

from __future__ import annotations

import pytest
import torch

from dsim_asap.augment import augment, resize


def images(n: int = 16, side: int = 40) -> torch.Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("policy", ["full", "reference", "none"])
def test_results_have_the_size_asked_for_and_stay_in_the_unit_range(policy: str) -> None:
    changed = augment(images(), 32, policy, torch.Generator().manual_seed(0))
    assert changed.shape == (16, 3, 32, 32)
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1


@pytest.mark.parametrize("policy", ["full", "reference"])
def test_each_image_is_changed_in_its_own_way(policy: str) -> None:
    same = images(1).expand(16, -1, -1, -1)
    changed = augment(same, 32, policy, torch.Generator().manual_seed(0))
    assert len({tuple(image.flatten().tolist()) for image in changed}) == 16


def test_a_seed_gives_the_same_augmentation_and_another_seed_another() -> None:
    first, again, other = (augment(images(), 32, "full", torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)


def test_without_augmentation_images_are_only_resized() -> None:
    torch.testing.assert_close(augment(images(), 32, "none", torch.Generator()), resize(images(), 32))


def test_the_reference_neither_rotates_nor_blurs() -> None:
    """An image of vertical stripes stays one of vertical stripes under flips, crops and intensity changes."""
    stripes = (torch.arange(40) % 10 / 10).expand(16, 3, 40, 40)
    changed = augment(stripes, 32, "reference", torch.Generator().manual_seed(0))
    assert float((changed - changed[:, :, :1]).abs().max()) < 1e-5
    full = augment(stripes, 32, "full", torch.Generator().manual_seed(0))
    assert float((full - full[:, :, :1]).abs().max()) > 0.1
