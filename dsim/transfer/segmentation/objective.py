"""The objective of segmentation, and its trainings: on a source, and on a few images of a target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.learning import Cosine, Objective, TrainingConfig, TrainingResult, fit, named_schedule
from dsim.models import channels_last
from dsim.transfer.segmentation.pairs import Pairs, gather_pairs, window_side

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from dsim.data import Dataset
    from dsim.learning import Position
    from dsim.models import SegmentationRecipe
    from dsim.runtime import Runtime
    from dsim.transfer.segmentation.pairs import Foreground


@dataclass(frozen=True)
class SegmentationObjective(Objective):
    """Binary segmentation: pairs of image and mask to train on, and pairs that validate, if any."""

    network: nn.Module
    training: Pairs
    validation: Pairs | None
    recipe: SegmentationRecipe
    device: str

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The network that segments."""
        return {"network": self.network}

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        """Return the indices of each step, int64 (b,): all images in random order, again until enough were shown."""
        import torch

        draws = self.training.draws()
        rounds = max(1, -(-self.recipe.shown // len(draws)))
        order = torch.cat([draws[torch.randperm(len(draws), generator=generator)] for _ in range(rounds)])
        order = order[: max(len(draws), self.recipe.shown)]
        batches: tuple[Tensor, ...] = order.split(self.recipe.batch)  # type: ignore[no-untyped-call]
        return batches

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        """Return the loss on the images of ``batch``, int64 (b,), augmented: a scalar."""
        from dsim.learning import augment_segmentation, segmentation_loss

        size = window_side(self.recipe) if self.recipe.augment else self.recipe.patch
        both = self.training.windows(batch, size, generator).to(self.device)
        images, masks = (
            augment_segmentation(both, self.recipe.patch, generator)
            if self.recipe.augment
            else (both[:, :3], both[:, 3])
        )
        return {"loss": segmentation_loss(self.network(channels_last(images)), masks)}

    def validate(self) -> Mapping[str, float]:
        """Return the loss on all patches of the validation images, as they are; NaN without any."""
        import torch

        from dsim.learning import segmentation_loss

        if self.validation is None:
            return {"validation": math.nan}
        tiles = torch.cat(list(self.validation.tiles()))
        total = 0.0
        for batch in tiles.split(2 * self.recipe.batch):  # type: ignore[no-untyped-call]
            both = batch.to(self.device).float() / 255
            total += float(segmentation_loss(self.network(channels_last(both[:, :3])), both[:, 3])) * len(batch)
        return {"validation": total / len(tiles)}


def training_config(recipe: SegmentationRecipe) -> TrainingConfig:
    """Return the settings of training on a source."""
    return TrainingConfig(
        epochs=recipe.epochs,
        patience=recipe.patience,
        lr=named_schedule(recipe.rate, recipe.lr, recipe.patience),
        weight_decay=recipe.weight_decay,
        precision=recipe.precision,
    )


def adaptation_config(recipe: SegmentationRecipe, fresh: bool) -> TrainingConfig:
    """Return the settings of training on a few images of a target: of fine-tuning, or from scratch where ``fresh``.

    With so few none is set apart to stop it: the last weights are kept.
    """
    epochs, lr = (recipe.epochs, recipe.lr) if fresh else (recipe.adapt_epochs, recipe.adapt_lr)
    decay, precision = recipe.weight_decay, recipe.precision
    return TrainingConfig(epochs, lr=Cosine(lr), weight_decay=decay, precision=precision, keep="last")


def train_unet(
    dataset: Dataset,
    training: Sequence[int],
    validation: Sequence[int],
    recipe: SegmentationRecipe,
    *,
    seed: int,
    runtime: Runtime,
    foreground: Foreground,
    checkpoint: Path | None = None,
    identity: Mapping[str, Any] | None = None,
) -> TrainingResult:
    """Train a network of the recipe on the images of ``training``, stopped by those of ``validation``.

    Raises DataError where an image and its mask differ in size, MeasureError where the loss becomes infinite or NaN.
    """
    lesson = SegmentationObjective(
        recipe.build(seed, runtime),
        gather_pairs(dataset, training, recipe, foreground),
        gather_pairs(dataset, validation, recipe, foreground) if validation else None,
        recipe,
        runtime.resolved_device(),
    )
    return fit(
        lesson,
        training_config(recipe),
        seed=seed,
        runtime=runtime,
        checkpoint=checkpoint,
        identity=identity,
        description=f"training on {dataset.name}",
    )


def adapt_unet(
    network: nn.Module | None,
    dataset: Dataset,
    annotated: Sequence[int],
    recipe: SegmentationRecipe,
    *,
    seed: int,
    runtime: Runtime,
    foreground: Foreground,
    checkpoint: Path | None = None,
    identity: Mapping[str, Any] | None = None,
) -> TrainingResult:
    """Train on a few annotated images of a target: go on with a network, or from scratch where it is None.

    Raises DataError where an image and its mask differ in size, MeasureError where the loss becomes infinite or NaN.
    """
    learner = recipe.build(seed, runtime) if network is None else network
    pairs = gather_pairs(dataset, annotated, recipe, foreground)
    lesson = SegmentationObjective(learner, pairs, None, recipe, runtime.resolved_device())
    return fit(
        lesson,
        adaptation_config(recipe, fresh=network is None),
        seed=seed,
        runtime=runtime,
        checkpoint=checkpoint,
        identity=identity,
        description=f"{len(annotated)} images of {dataset.name}",
    )
