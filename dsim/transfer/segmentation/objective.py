"""The objective of segmentation, and its trainings: on a source, and on a few images of a target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.learning import Cosine, Objective, ParameterGroup, TrainingConfig, TrainingResult, fit, named_schedule
from dsim.models import channels_last
from dsim.transfer.segmentation.pairs import Pairs, gather_pairs, join_pairs, window_side

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from dsim.data import Dataset
    from dsim.learning import Position, Schedule
    from dsim.models import SegmentationRecipe
    from dsim.runtime import Runtime
    from dsim.transfer.segmentation.pairs import Foreground


@dataclass(frozen=True)
class SegmentationObjective(Objective):
    """Binary segmentation: pairs of image and mask to train on, and pairs that validate, if any.

    ``lr`` is the learning rate of the encoder, where its share is not that of all else.
    """

    network: nn.Module
    training: Pairs
    validation: Pairs | None
    recipe: SegmentationRecipe
    device: str
    lr: float | Schedule = 1e-3

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The network that segments."""
        return {"network": self.network}

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """Return the encoder apart from all else where its learning rate is another."""
        if self.recipe.encoder_share == 1:
            return super().parameter_groups()
        encoder = [*self.network.encoder.parameters()]  # type: ignore[union-attr]
        known = set(map(id, encoder))
        rest = [each for each in self.network.parameters() if id(each) not in known]
        return [ParameterGroup(rest), ParameterGroup(encoder, {"lr": self.lr})]

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        """Return the indices of each step, int64 (b,): all images in random order, again until enough were shown.

        Of several datasets each has an equal share.
        """
        import torch

        parts = self.training.draws()
        wanted = max(-(-self.recipe.shown // len(parts)), *map(len, parts))
        shares = [_repeat_shuffled(part, wanted, generator) for part in parts]
        order = torch.cat(shares)
        if len(parts) > 1:
            order = order[torch.randperm(len(order), generator=generator)]
        batches: tuple[Tensor, ...] = order.split(self.recipe.batch)  # type: ignore[no-untyped-call]
        return batches

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        """Return the loss on the images of ``batch``, int64 (b,), augmented: a scalar."""
        from dsim.learning import augment_segmentation, augment_transfer, segmentation_loss

        change = augment_transfer if self.recipe.policy == "transfer" else augment_segmentation
        size = window_side(self.recipe) if self.recipe.augment else self.recipe.patch
        both = self.training.windows(batch, size, generator).to(self.device)
        images, masks = change(both, self.recipe.patch, generator) if self.recipe.augment else (both[:, :3], both[:, 3])
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


def _repeat_shuffled(part: Tensor, wanted: int, generator: torch.Generator) -> Tensor:
    """So many entries of a tensor (n,), in random order, and again in another where there are fewer."""
    import torch

    rounds = -(-wanted // len(part))
    order = torch.cat([part[torch.randperm(len(part), generator=generator)] for _ in range(rounds)])
    return order[:wanted]


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
    share = SourceImages(dataset, training, validation)
    return train_on_several(
        [share], recipe, seed=seed, runtime=runtime, foreground=foreground, checkpoint=checkpoint, identity=identity
    )


@dataclass(frozen=True)
class SourceImages:
    """The images of a dataset, by position, that train a network and that choose its epoch."""

    dataset: Dataset
    training: Sequence[int]
    validation: Sequence[int]


def train_on_several(
    sources: Sequence[SourceImages],
    recipe: SegmentationRecipe,
    *,
    seed: int,
    runtime: Runtime,
    foreground: Foreground,
    checkpoint: Path | None = None,
    identity: Mapping[str, Any] | None = None,
) -> TrainingResult:
    """Train a network of the recipe on images of several datasets, each with an equal share of every epoch.

    The loss on all images of ``validation`` chooses the epoch. Raises DataError where an image and its mask differ in
    size, MeasureError where the loss becomes infinite or NaN.
    """
    training = [gather_pairs(each.dataset, each.training, recipe, foreground) for each in sources]
    apart = [gather_pairs(each.dataset, each.validation, recipe, foreground) for each in sources if each.validation]
    lesson = SegmentationObjective(
        recipe.build(seed, runtime),
        join_pairs(training),
        join_pairs(apart) if apart else None,
        recipe,
        runtime.resolved_device(),
        named_schedule(recipe.rate, recipe.lr * recipe.encoder_share, recipe.patience),
    )
    return fit(
        lesson,
        training_config(recipe),
        seed=seed,
        runtime=runtime,
        checkpoint=checkpoint,
        identity=identity,
        description=f"training on {', '.join(each.dataset.name for each in sources)}",
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
    config = adaptation_config(recipe, fresh=network is None)
    lr = Cosine(config.first_lr * recipe.encoder_share)
    lesson = SegmentationObjective(learner, pairs, None, recipe, runtime.resolved_device(), lr)
    return fit(
        lesson,
        config,
        seed=seed,
        runtime=runtime,
        checkpoint=checkpoint,
        identity=identity,
        description=f"{len(annotated)} images of {dataset.name}",
    )
