"""The objective of a stage: each view is to find the other view of its image, by distances in the map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dsim.learning import (
    VIEW_POLICIES,
    Crops,
    ParameterGroup,
    ViewsObjective,
    autocast,
    balanced_batches,
    feature_health,
    gather_rows,
    info_nce,
    without,
)

if TYPE_CHECKING:
    from dsim.learning import Position, UnlabelledImages, ViewPolicy
    from dsim.models import MapNetwork
    from dsim_tsimcne.stages import Stage

#: Largest changes of stains, as Tellez et al. 2019 (doi:10.1016/j.media.2019.101544) have them in their strong version.
_STAIN = 0.2


class MapObjective(ViewsObjective):
    """One stage of t-SimCNE.

    Parameters
    ----------
    images : their ``members`` are those to train on. ``network`` : with its weights so far, and its last layer.
    groups : the group of each image, int64 (n,), where the map shall not show groups; else None.
    policy : of the views. ``parameters`` : of the trainer. ``batch`` : images of a step. ``size`` : of the views.
    """

    def __init__(
        self,
        images: UnlabelledImages,
        network: MapNetwork,
        stage: Stage,
        policy: ViewPolicy,
        parameters: Mapping[str, Any],
        *,
        batch: int,
        size: int,
        device: str,
        groups: Tensor | None = None,
    ) -> None:
        super().__init__(images, batch, [Crops(2, size, parameters["area"])], policy, device)
        self.network, self.stage, self.parameters, self.groups = network, stage, parameters, groups
        self.similarity = parameters["loss"] if stage.number == 1 else "cauchy"
        self.done = 0

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"map": self.network}

    def parameter_groups(self) -> list[ParameterGroup]:
        """All weights that this stage trains; all of them decay."""
        return [ParameterGroup([weight for weight in self.network.parameters() if weight.requires_grad])]

    def steps_per_epoch(self) -> int:
        return self.stage.round

    def begin_epoch(self, position: Position) -> None:
        super().begin_epoch(position)
        self.done = position.step

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        """The batches of one round; the last round ends where the stage does."""
        return islice(self._passes(generator), min(self.stage.round, self.stage.steps - self.done))

    def _passes(self, generator: torch.Generator) -> Iterator[Tensor]:
        while True:
            yield from self._one_pass(generator)

    def _one_pass(self, generator: torch.Generator) -> Iterator[Tensor]:
        members = self.images.members
        if self.groups is None and len(members) > 1:
            yield from balanced_batches(members, self.batch, generator)
            return
        every = torch.cat(list(members))
        order = every[torch.randperm(len(every), generator=generator)]
        if self.groups is not None:
            order = order[_by_group(self.groups[order])]
        yield from order[: len(order) // self.batch * self.batch].view(-1, self.batch)

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        (views,) = self.draw(batch, generator)
        with autocast(self.parameters["precision"], self.device):
            features = self.network.features(views)
        # Points far from the origin need all digits of float32.
        points = self.network.projector(features.float())
        # The loss of a view needs the views of all processes: (2, images, d).
        pairs = gather_rows(points.unflatten(0, (2, -1)).transpose(0, 1)).transpose(0, 1)
        groups = None if self.groups is None else self.groups[batch].to(pairs.device)
        parameters = self.parameters
        loss = info_nce(pairs, parameters["temperature"], self.similarity, groups, parameters["negatives"])
        return {"loss": loss, "reach": pairs.detach().abs().amax(), **feature_health(features)}


def _by_group(groups: Tensor) -> Tensor:
    """The order of images, (n,), that keeps groups together, in the order of their first images."""
    _, inverse = torch.unique(groups, return_inverse=True)
    first = torch.full((int(inverse.max()) + 1,), len(groups)).scatter_reduce(
        0, inverse, torch.arange(len(groups)), "amin"
    )
    return torch.argsort(first[inverse], stable=True)


def view_policy(name: str, parameters: Mapping[str, Any]) -> ViewPolicy:
    """Return the policy of that name without what is left out, and with changed stains where groups shall not show."""
    from dataclasses import replace

    parts = [part for part in parameters["leave_out"].replace(",", "+").split("+") if part]
    policy = without(VIEW_POLICIES[name], parts)
    return replace(policy, stain=_STAIN) if parameters["invariant_to"] == "group" else policy
