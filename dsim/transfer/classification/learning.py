"""Learning to classify: what the training loop is told of images, classes, augmentation and validation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.learning import Objective, TrainingResult, fit
from dsim.models.tiles import channels_last
from dsim.transfer.classification.augment import augment

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from dsim.learning import Position, TrainingConfig
    from dsim.runtime import Runtime
    from dsim.transfer.classification.images import Labelled
    from dsim.transfer.classification.recipe import ClassificationRecipe

#: Images that pass the network at once where nothing is learnt.
_AT_ONCE = 128


@dataclass(frozen=True)
class ClassificationObjective(Objective):
    """Classification: labelled images to train on, and those that validate, if any."""

    network: nn.Module
    training: Labelled
    validation: Labelled | None
    recipe: ClassificationRecipe
    device: str

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The classifier."""
        return {"network": self.network}

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        """Indices of each step, in random order; steps of nearly one size, so that no image steps alone."""
        import torch

        # Dropout draws from the global state, which no checkpoint holds: each epoch starts it anew.
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        order = torch.randperm(len(self.training), generator=generator)
        return torch.tensor_split(order, -(-len(order) // self.recipe.batch))

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        """Return the cross-entropy of these images, augmented, from the recipe's weights of classes."""
        images = _ready(self.training.images[batch], self.device)
        changed = augment(images, self.recipe.augment, generator)
        labels = self.training.labels[batch].to(self.device)
        return {"loss": self._entropy(self.network(channels_last(changed)), labels)}

    def validate(self) -> Mapping[str, float]:
        """Return the same of the validation images, as they are; NaN without any."""
        if self.validation is None:
            return {"validation": math.nan}
        logits = _logits(self.network, self.validation, self.device)
        return {"validation": float(self._entropy(logits, self.validation.labels.to(self.device)))}

    def _entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        from torch.nn.functional import cross_entropy

        entropy = cross_entropy(logits, labels, reduction="none")
        if self.recipe.balanced:
            entropy = entropy * class_weights(self.training).to(entropy.device)[labels]
        return entropy.mean()


def class_weights(images: Labelled) -> Tensor:
    """n / (k * n_c) of each class, float32 (k,): all classes weigh alike, and the mean over images is 1.

    A class without an image weighs as if it had one.
    """
    import torch

    counts = torch.bincount(images.labels, minlength=images.classes)
    present = int((counts > 0).sum())
    return len(images) / (present * counts.clamp(min=1).float())


def learn(
    network: nn.Module,
    training: Labelled,
    validation: Labelled | None,
    recipe: ClassificationRecipe,
    config: TrainingConfig,
    *,
    seed: int,
    runtime: Runtime,
    checkpoint: Path | None = None,
    identity: Mapping[str, Any] | None = None,
    description: str = "training",
) -> TrainingResult:
    """Train a classifier on these images, stopped by those."""
    import torch

    device = runtime.resolved_device()
    objective = ClassificationObjective(network, training, validation, recipe, device)
    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        return fit(
            objective,
            config,
            seed=seed,
            runtime=runtime,
            checkpoint=checkpoint,
            identity=identity,
            description=description,
        )


def probabilities(network: nn.Module, images: Labelled, device: str) -> NDArray[np.float64]:
    """The network's chances of each class, float64 (n, k)."""
    import torch

    network.eval()
    with torch.inference_mode():
        chances = _logits(network, images, device).double().softmax(dim=1)
    found: NDArray[np.float64] = chances.cpu().numpy()
    return found


def _logits(network: nn.Module, images: Labelled, device: str) -> Tensor:
    import torch

    batches = images.images.split(_AT_ONCE)  # type: ignore[no-untyped-call]
    return torch.cat([network(channels_last(_ready(batch, device))).float() for batch in batches])


def _ready(images: Tensor, device: str) -> Tensor:
    return images.to(device).float() / 255
