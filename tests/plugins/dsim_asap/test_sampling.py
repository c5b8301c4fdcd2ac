"""Batches are balanced, and triplets are what they are called."""

from __future__ import annotations

import pytest
import torch

from dsim_asap.sampling import balanced_batches, draw_triplets

SIZES = (12, 8, 10, 3)
OWNERS = torch.repeat_interleave(torch.arange(4), torch.tensor(SIZES))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def members() -> list[torch.Tensor]:
    return [torch.nonzero(dataset == OWNERS).flatten() for dataset in range(len(SIZES))]


def test_a_batch_holds_as_many_images_of_each_of_its_datasets() -> None:
    for batch in balanced_batches(members(), 12, generator()):
        counts = torch.bincount(OWNERS[batch], minlength=4)
        assert sorted(counts.tolist()) == [0, 4, 4, 4]


def test_an_epoch_passes_about_every_image_and_all_datasets_take_turns() -> None:
    seen = torch.cat(list(balanced_batches(members(), 16, generator())))
    assert sum(SIZES) <= len(seen) < sum(SIZES) + 16
    assert set(OWNERS[seen].tolist()) == {0, 1, 2, 3}


def test_no_image_comes_twice_in_a_batch_while_its_dataset_has_enough() -> None:
    for batch in balanced_batches(members()[:3], 12, generator()):
        assert len(set(batch.tolist())) == len(batch)


def test_a_dataset_of_two_images_still_fills_its_share() -> None:
    batches = list(balanced_batches([torch.tensor([0, 1]), torch.tensor([2, 3, 4, 5, 6, 7])], 8, generator()))
    assert all(set(batch[batch < 2].tolist()) == {0, 1} for batch in batches)


@pytest.mark.parametrize("draws", [1, 16])
def test_triplets_never_pick_the_anchor_and_come_from_the_right_dataset(draws: int) -> None:
    chance = generator()
    for _ in range(20):
        images = torch.randperm(len(OWNERS), generator=chance)[:20]
        owners = OWNERS[images]
        triplets = draw_triplets(owners, images, draws, "distinct", chance)
        assert torch.all(images[triplets.anchor] != images[triplets.positive])
        assert torch.all(owners[triplets.anchor] == owners[triplets.positive])
        assert torch.all(owners[triplets.anchor] != owners[triplets.negative])


def test_a_second_copy_of_the_anchor_is_no_positive() -> None:
    images = torch.tensor([0, 0, 1, 5, 6])
    triplets = draw_triplets(torch.tensor([0, 0, 0, 1, 1]), images, 50, "distinct", generator())
    assert torch.all(images[triplets.anchor] != images[triplets.positive])


def test_in_the_form_of_the_reference_the_positive_can_be_the_anchor() -> None:
    owners, images = torch.tensor([0, 0, 1, 1]), torch.arange(4)
    triplets = draw_triplets(owners, images, 50, "any", generator())
    assert torch.any(triplets.anchor == triplets.positive)
    assert torch.all(owners[triplets.anchor] == owners[triplets.positive])


def test_an_image_alone_is_no_anchor_but_can_be_a_negative() -> None:
    triplets = draw_triplets(torch.tensor([0, 0, 1]), torch.arange(3), 4, "distinct", generator())
    assert set(triplets.anchor.tolist()) == {0, 1}
    assert set(triplets.negative.tolist()) == {2}
