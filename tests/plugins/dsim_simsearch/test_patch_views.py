"""Views of patches: the two parts of a network are the whole, centres are those of maps, and banks hold other views."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from drawn_discs import draw_dataset, make_maps, patch_at
from torch import nn

from dsim.learning import VIEW_POLICIES, ViewChange, ViewPolicy
from dsim.plugin import Runtime, UsageError
from dsim.runtime import Silent
from dsim_simsearch.network import EarlyBlocks, open_blocks
from dsim_simsearch.patch_views import CentrePooling, PatchViews, SplitBlocks, cut_patches

if TYPE_CHECKING:
    from dsim_simsearch.features import FeatureMaps

STILL = ViewPolicy("still", "", (ViewChange(),), ViewChange(), mirror=0, jittered=0, gray=0, central=True)


@lru_cache(maxsize=1)
def maps() -> FeatureMaps:
    return make_maps(draw_dataset(1)[0])


@lru_cache(maxsize=3)
def blocks(layer: str) -> EarlyBlocks:
    return open_blocks(f"zoo:lite0.imagenet.r1[layer={layer}]", 3, Runtime(device="cpu"))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("layer", ["network.blocks.1", "network.blocks.2", "network.blocks.1+network.blocks.2"])
def test_both_parts_of_a_network_together_are_the_network(layer: str) -> None:
    whole = copy.deepcopy(blocks(layer))
    images = torch.rand(2, 3, 64, 64, generator=seeded())
    with torch.no_grad():
        expected = blocks(layer)(images)
    split = SplitBlocks(whole)
    given = split.fixed(images)
    assert not given.inputs.requires_grad
    torch.testing.assert_close(split.trained(given), expected, rtol=1e-4, atol=1e-4)
    trained = {name for name, weights in whole.named_parameters() if weights.requires_grad}
    last = layer.split("+")[-1]
    assert trained == {name for name, _ in whole.named_parameters() if f".{last}." in f".{name}"}


def test_a_network_that_goes_on_after_its_last_stage_is_refused() -> None:
    class Doubled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(4, 4, 1)
            self.end = nn.Identity()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.end(2 * self.last(self.first(images)))

    whole = EarlyBlocks(Doubled(), "end", (0.5,) * 3, (0.5,) * 3)
    with pytest.raises(UsageError, match="end") as refused:
        SplitBlocks(whole)
    assert refused.value.hint


@pytest.mark.parametrize("centre", [(60.0, 52.0), (83.3, 61.7)])
def test_a_cut_patch_shows_its_centre_in_the_middle(centre: tuple[float, float]) -> None:
    """Turned by half, it is what lies about the same place in the turned image."""
    region = patch_at("scene0", np.array(centre))
    (patch,) = cut_patches(maps().images, [region], 48, maps().scale)
    image = maps().images.window(0, 0, 0, 160, 120)
    turned = torch.from_numpy(image[:, ::-1, ::-1].copy())
    xs = (torch.arange(48) + 0.5 - 24) / maps().scale + (160 - centre[0])
    ys = (torch.arange(48) + 0.5 - 24) / maps().scale + (120 - centre[1])
    grid = torch.stack(torch.broadcast_tensors(2 * xs[None] / 160 - 1, 2 * ys[:, None] / 120 - 1), dim=2)
    expected = nn.functional.grid_sample(turned[None], grid[None].float(), align_corners=False)[0]
    torch.testing.assert_close(patch.rot90(2, (1, 2)), expected, rtol=0, atol=1e-4)


def test_features_of_wide_patches_are_about_those_of_the_map() -> None:
    """They differ by where cells lie, and not more than features of neighbouring places differ."""
    whole = maps()
    centres = np.array([[60.0, 52.0], [83.3, 61.7], [40.0, 70.0]])
    patches = cut_patches(whole.images, [patch_at("scene0", centre) for centre in centres], 192, whole.scale)
    pool = CentrePooling(48, whole.blocks.stride, whole.blocks.offset)
    with torch.no_grad():
        own = pool(whole.blocks(patches)).numpy()
    expected, beside = whole[0].at(centres), whole[0].at(centres + 3)
    assert np.linalg.norm(own - expected) < 0.5 * np.linalg.norm(beside - expected)


@pytest.mark.parametrize("cells", [4, 7, 12])
def test_the_weights_of_the_centre_are_even_and_one_in_all(cells: int) -> None:
    weights = CentrePooling(48, 8, 4.0).weights(cells)
    torch.testing.assert_close(weights, weights.flip(0))
    assert float(weights.sum()) == pytest.approx(1)
    assert int((weights > 0).sum()) <= 7


def views(bank: int, policy: ViewPolicy) -> PatchViews:
    crops = torch.rand(5, 3, 70, 70, generator=seeded(1))
    return PatchViews(crops, SplitBlocks(copy.deepcopy(maps().blocks)), 48, policy, bank, "cpu")


def test_a_view_that_nothing_changes_is_the_middle_of_the_patch() -> None:
    still = views(0, STILL)
    drawn = still.draw(torch.tensor([3, 1]), 1, seeded())
    middle = still.pixels[[3, 1], :, 11:59, 11:59].float() / 255
    torch.testing.assert_close(drawn.inputs, still.split.fixed(middle).inputs, rtol=1e-3, atol=1e-3)


def test_a_bank_gives_different_views_of_the_patches_asked_for() -> None:
    policy = VIEW_POLICIES["simsearch-supervised"]
    held = views(4, policy)
    held.fill(seeded(), Silent())
    rows = torch.tensor([2, 0, 2])
    drawn = held.draw(rows, 2, seeded(5)).inputs.unflatten(0, (2, 3))
    again = held.draw(rows, 2, seeded(5)).inputs.unflatten(0, (2, 3))
    assert torch.equal(drawn, again)
    assert held._bank is not None
    for view in range(2):
        for place, row in enumerate(rows.tolist()):
            equal = [torch.equal(drawn[view, place], one) for one in held._bank.inputs[row]]
            assert sum(equal) == 1
    assert not any(torch.equal(drawn[0, place], drawn[1, place]) for place in range(3))


def test_without_a_bank_each_view_is_new_and_of_one_seed() -> None:
    fresh = views(0, VIEW_POLICIES["simsearch"])
    generator = seeded()
    first, second = (fresh.draw(torch.tensor([1]), 1, generator).inputs for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(first, fresh.draw(torch.tensor([1]), 1, seeded()).inputs)
