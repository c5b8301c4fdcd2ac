"""Training on several datasets: equal shares, the encoder's own rate, and one dataset as it ever was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from dsim.data import Dataset
from dsim.models import SegmentationRecipe
from dsim.runtime import Runtime
from dsim.transfer.segmentation.objective import SegmentationObjective, SourceImages, train_on_several, train_unet
from dsim.transfer.segmentation.pairs import gather_pairs, join_pairs

CPU = Runtime(device="cpu")


def objective(recipe: SegmentationRecipe, *datasets: Dataset) -> SegmentationObjective:
    pairs = join_pairs([gather_pairs(each, range(len(each)), recipe, {}) for each in datasets])
    return SegmentationObjective(recipe.build(0), pairs, None, recipe, "cpu", lr=0.25)


@pytest.mark.parametrize("shown", [0, 40])
def test_every_dataset_has_an_equal_share_of_an_epoch(
    discs: Callable[..., Dataset], tiny: SegmentationRecipe, shown: int
) -> None:
    learnt = objective(replace(tiny, shown=shown), discs(n=3), discs(n=10, seed=1))
    batches = [*learnt.batches(torch.Generator().manual_seed(0))]
    order = torch.cat(batches)
    small, large = order[order < 3], order[order >= 3]
    assert len(small) == len(large) == max(10, shown // 2)
    assert set(large.tolist()) == set(range(3, 13))
    counts = torch.bincount(small)
    assert counts.max() - counts.min() <= 1
    assert (batches[0] < 3).any() or (batches[1] < 3).any(), "they are mixed, not one after the other"


def test_one_dataset_alone_is_trained_as_ever(discs: Callable[..., Dataset], tiny: SegmentationRecipe) -> None:
    dataset, recipe = discs(n=6), replace(tiny, epochs=2)
    alone = train_unet(dataset, range(4), (4, 5), recipe, seed=1, runtime=CPU, foreground={})
    share = SourceImages(dataset, range(4), (4, 5))
    several = train_on_several([share], recipe, seed=1, runtime=CPU, foreground={})
    assert [row["loss"] for row in alone.curves] == [row["loss"] for row in several.curves]


def test_images_of_both_train_and_validate(discs: Callable[..., Dataset], tiny: SegmentationRecipe) -> None:
    sources = [SourceImages(discs(n=4), range(3), (3,)), SourceImages(discs(n=5, seed=1), range(3), (3, 4))]
    done = train_on_several(sources, replace(tiny, epochs=2, shown=0), seed=0, runtime=CPU, foreground={})
    assert [row["images"] for row in done.curves] == [6, 6]
    assert all(row["validation"] > 0 for row in done.curves)


def test_the_encoder_alone_has_its_share_of_the_learning_rate(discs: Callable[..., Dataset]) -> None:
    recipe = SegmentationRecipe(encoder="lite0", encoder_share=0.5, side=16, patch=16)
    learnt = objective(recipe, discs(n=2))
    rest, encoder = learnt.parameter_groups()
    assert dict(encoder.settings) == {"lr": 0.25}
    assert not rest.settings
    assert {id(each) for each in encoder.parameters} == {id(each) for each in learnt.network.encoder.parameters()}  # type: ignore[union-attr,operator]
    assert len(rest.parameters) + len(encoder.parameters) == len([*learnt.network.parameters()])
    assert len(objective(replace(recipe, encoder_share=1.0), discs(n=2)).parameter_groups()) == 1
