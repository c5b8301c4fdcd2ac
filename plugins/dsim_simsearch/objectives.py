"""What the three steps of a training learn: views without labels, classes with their negatives, and a classifier."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dsim.learning import Objective, ParameterGroup, info_nce, supervised_contrastive
from dsim_simsearch.patch_views import join_maps

if TYPE_CHECKING:
    from dsim.learning import Position
    from dsim_simsearch.patch_views import CentrePooling, PatchViews, SplitMaps

#: Negatives of a step, over all classes: where there are more, each step draws so many of them.
MOST_NEGATIVES = 32


def class_weights(labels: Tensor) -> Tensor:
    """Return a weight for each label (n,), inverse to how often it occurs; they add up to the number of classes.

    >>> class_weights(torch.tensor([0, 0, 0, 0, 2])).tolist()
    [0.25, 0.25, 0.25, 0.25, 1.0]
    """
    _, inverse, counts = torch.unique(labels, return_inverse=True, return_counts=True)
    weights: Tensor = 1 / counts[inverse].float()
    return weights


def balanced_indices(labels: Tensor, batch: int, generator: torch.Generator) -> list[Tensor]:
    """Return the batches of an epoch, int64: ceil(n / batch) of min(batch, n) rows, rare classes as often as others.

    Rows are drawn by ``class_weights``; none is in a batch twice, since two views of one patch are no two patches.
    """
    weights, size = class_weights(labels), min(batch, len(labels))
    return [
        torch.multinomial(weights, size, replacement=False, generator=generator)
        for _ in range(math.ceil(len(labels) / batch))
    ]


class _ContrastiveObjective(Objective):
    """Two views of each patch of a batch, their features and points; the loss is the subclass's.

    Parameters
    ----------
    views : of the patches. ``labels`` : int64 (n,), for balanced batches. ``pool`` : maps to features of the centre.
    head : features to points. ``batch`` : patches of a step. ``temperature`` : of the loss.
    """

    judged_by: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, views: PatchViews, labels: Tensor, pool: CentrePooling, head: nn.Module, batch: int, temperature: float
    ) -> None:
        self.views, self.labels, self.pool, self.head = views, labels, pool, head
        self.batch, self.temperature = batch, temperature

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"last": self.views.split.last, "head": self.head}

    def begin_epoch(self, position: Position) -> None:
        """Batch normalisation stays in evaluation mode; the head has none."""

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        return balanced_indices(self.labels, self.batch, generator)

    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.labels) / self.batch)

    def points_of(self, maps: SplitMaps) -> Tensor:
        """Return points (b, outputs), float32, of what the fixed stages gave for views."""
        points: Tensor = self.head(self.pool(self.views.split.trained(maps)).float())
        return points


class SelfLearning(_ContrastiveObjective):
    """Each view finds the other view of its patch (SimCLR, NT-Xent; Eq. 1). Labels only balance the batches."""

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        points = self.points_of(self.views.draw(batch, 2, generator))
        return {"loss": info_nce(points.view(2, len(batch), -1), self.temperature)}


class Refinement(_ContrastiveObjective):
    """Each view finds those of its class, and none of the class's negatives (Eq. 2; with negatives Eq. 3 and 4).

    Parameters
    ----------
    negatives : views of negatives, None without them; ``negative_of`` : their classes, int64 (m,).
    """

    def __init__(
        self,
        views: PatchViews,
        labels: Tensor,
        pool: CentrePooling,
        head: nn.Module,
        batch: int,
        temperature: float,
        negatives: PatchViews | None = None,
        negative_of: Tensor | None = None,
    ) -> None:
        super().__init__(views, labels, pool, head, batch, temperature)
        self.negatives, self.negative_of = negatives, negative_of

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        maps, labels = self.views.draw(batch, 2, generator), self.labels[batch].repeat(2)
        if self.negatives is None or self.negative_of is None:
            return {"loss": supervised_contrastive(self.points_of(maps), labels, self.temperature)}
        chosen = torch.randperm(len(self.negatives), generator=generator)[:MOST_NEGATIVES]
        points = self.points_of(join_maps([maps, self.negatives.draw(chosen, 2, generator)]))
        own, marked = points[: len(labels)], points[len(labels) :]
        of = self.negative_of[chosen].repeat(2)
        return {"loss": supervised_contrastive(own, labels, self.temperature, marked, of)}


class Classification(Objective):
    """A linear classifier of fixed features by cross-entropy, each class drawn equally often.

    Parameters
    ----------
    features : float32 (n, views, d), standardised; a draw of a patch is one of its views. ``labels`` : int64 (n,), in
        [0, outputs). ``batch`` : patches of a step. Biases do not decay.
    """

    judged_by: ClassVar[tuple[str, ...]] = ()

    def __init__(self, features: Tensor, labels: Tensor, outputs: int, batch: int) -> None:
        self.features, self.labels, self.batch = features, labels, batch
        self.linear = nn.Linear(features.shape[2], outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"linear": self.linear}

    def parameter_groups(self) -> list[ParameterGroup]:
        weight, bias = self.linear.parameters()
        return [ParameterGroup([weight]), ParameterGroup([bias], {"weight_decay": 0.0})]

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        """Rows drawn with replacement, by ``class_weights``."""
        steps, weights = self.steps_per_epoch(), class_weights(self.labels)
        rows = torch.multinomial(weights, steps * self.batch, replacement=True, generator=generator)
        return rows.view(steps, self.batch)

    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.labels) / self.batch)

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        view = torch.randint(self.features.shape[1], (len(batch),), generator=generator)
        features = self.features[batch, view].to(self.linear.weight.device)
        labels = self.labels[batch].to(features.device)
        return {"loss": cross_entropy(self.linear(features), labels)}
