"""Promises of a vote: the weighted mean of probabilities, from one file like any segmenter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dsim.data import Dataset
from dsim.errors import UsageError
from dsim.models import SegmentationRecipe, Segmenter, VoteNetwork, load_segmenter
from dsim.runtime import Runtime

CPU = Runtime(device="cpu")


def vote(recipe: SegmentationRecipe, weights: list[float]) -> Segmenter:
    members = [recipe.build(seed).eval() for seed in range(len(weights))]
    return Segmenter(VoteNetwork(members, [recipe] * len(weights), weights).eval(), recipe, name="vote")


def test_it_gives_the_weighted_mean_of_probabilities(tiny: SegmentationRecipe) -> None:
    images = torch.rand(2, 3, 16, 16)
    network = vote(tiny, [3.0, 1.0]).network
    with torch.inference_mode():
        single = [tiny.build(seed).eval()(images).sigmoid() for seed in range(2)]
        assert torch.allclose(network(images).sigmoid(), 0.75 * single[0] + 0.25 * single[1], atol=1e-4)


def test_a_vote_of_one_takes_the_same_pixels_for_foreground_whatever_its_threshold(
    tiny: SegmentationRecipe, discs: Callable[..., Dataset]
) -> None:
    cautious = replace(tiny, threshold=0.55)
    alone = Segmenter(tiny.build(0).eval(), cautious)
    voted = Segmenter(VoteNetwork([tiny.build(0).eval()], [cautious], [1.0]).eval(), replace(tiny, threshold=0.5))
    for index, chances in alone.predict_many(discs(n=3)):
        ((_, others),) = voted.predict_many(discs(n=3), [index])
        assert ((chances >= 0.55) == (others >= 0.5)).all()


def test_a_file_gives_the_same_numbers_and_stays_a_vote(
    tiny: SegmentationRecipe, discs: Callable[..., Dataset], tmp_path: Path
) -> None:
    written = vote(tiny, [0.7, 0.2, 0.1])
    read = load_segmenter(written.save(tmp_path), CPU)
    assert isinstance(read.network, VoteNetwork)
    assert read.network.recipes == (tiny,) * 3
    image = discs(n=1).pixels(0)
    assert np.array_equal(read.predict(image), written.predict(image))


@pytest.mark.parametrize("weights", [[], [1.0] * 6, [1.0, -0.5], [0.0, 0.0]])
def test_wrong_numbers_of_members_or_weights_are_refused(tiny: SegmentationRecipe, weights: list[float]) -> None:
    with pytest.raises(UsageError):
        vote(tiny, weights)


def test_networks_for_other_sizes_of_images_do_not_vote_together(tiny: SegmentationRecipe) -> None:
    with pytest.raises(UsageError, match="side=32"):
        VoteNetwork([tiny.build(0)] * 2, [tiny, replace(tiny, side=32, patch=32)], [1, 1])
