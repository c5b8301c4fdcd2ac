"""A vote of several networks: one network, whose probability is the weighted mean of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dsim.errors import UsageError
from dsim.models.recipe import SegmentationRecipe

#: Networks of one vote, at most: each costs as much as a model of its own.
MOST_MEMBERS = 5
#: Probabilities are kept this far from 0 and 1, where logits are infinite.
_EDGE = 1e-4


class VoteNetwork(nn.Module):
    """Images (n, 3, h, w) in [0, 1] to logits (n, h, w) of the weighted mean probability of 1 to ``MOST_MEMBERS``.

    Parameters
    ----------
    members : networks of images to logits, all of one input size. ``recipes`` : of each, by which it is built again.
    weights : of each, at least 0; they are divided by their sum.

    What a member takes for foreground from its own threshold on, it votes for with more than one half: thresholds of
    members may differ, that of the vote is 0.5.

    Raises UsageError for no or too many members, for other numbers of weights, and for members whose images are scaled
    or cut differently.
    """

    def __init__(
        self, members: Sequence[nn.Module], recipes: Sequence[SegmentationRecipe], weights: Sequence[float]
    ) -> None:
        super().__init__()
        _check_members(members, recipes, weights)
        self.members = nn.ModuleList(members)
        self.recipes = tuple(recipes)
        self.register_buffer("weights", torch.tensor([*weights]) / sum(weights))
        self.register_buffer("offsets", safe_logit(torch.tensor([recipe.threshold for recipe in recipes])))

    def forward(self, images: Tensor) -> Tensor:
        votes = torch.stack([member(images) for member in self.members])
        return mean_vote(votes, self.weights, self.offsets)  # type: ignore[arg-type]

    def record(self) -> list[dict[str, Any]]:
        """Return the recipes of the members as plain values."""
        return [recipe.record() for recipe in self.recipes]


def mean_vote(votes: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    """Return the logits (...) of the weighted mean probability of votes (m, ...), logits each.

    ``weights`` (m,) add up to 1; ``offsets`` (m,) are the logits from which members see foreground.

    >>> round(float(mean_vote(torch.tensor([2.0, -2.0]), torch.tensor([0.75, 0.25]), torch.zeros(2))), 3)
    0.802
    """
    sides = [-1, *[1] * (votes.ndim - 1)]
    chances = (votes - offsets.view(sides)).sigmoid()
    return safe_logit((chances * weights.view(sides)).sum(0))


def safe_logit(chances: Tensor) -> Tensor:
    """Return the logits of probabilities, float (...) in [0, 1], finite for 0 and 1 too."""
    return torch.logit(chances.clamp(_EDGE, 1 - _EDGE))


def build_vote(records: Sequence[Mapping[str, Any]]) -> VoteNetwork:
    """Return the network of a record, with random weights that others will replace; UsageError for a wrong record."""
    recipes = [SegmentationRecipe.of(record) for record in records]
    return VoteNetwork([recipe.build(0, weights=False) for recipe in recipes], recipes, [1.0] * len(recipes))


def _check_members(
    members: Sequence[nn.Module], recipes: Sequence[SegmentationRecipe], weights: Sequence[float]
) -> None:
    if not 1 <= len(members) <= MOST_MEMBERS:
        raise UsageError(f"{len(members)} networks cannot vote together", hint=f"give 1 to {MOST_MEMBERS} networks")
    if not len(members) == len(recipes) == len(weights) or min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        raise UsageError(
            f"{len(members)} networks were given {len(weights)} weights, {weights}",
            hint="give each a weight of at least 0, one of them above it",
        )
    if len({(recipe.side, recipe.patch) for recipe in recipes}) > 1:
        sizes = ", ".join(f"side={recipe.side} patch={recipe.patch}" for recipe in recipes)
        raise UsageError(f"networks for images of several sizes cannot vote together: {sizes}", hint="leave some out")
