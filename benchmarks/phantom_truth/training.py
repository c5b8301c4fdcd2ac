"""Training one network on one source, and its Dice on each target."""

from __future__ import annotations

import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.phantom_truth.design import Recipe
from benchmarks.phantom_truth.network import UNet
from dsim.data import Dataset

#: Added to both sides of the soft Dice, in pixels: it stays finite for an empty image.
SMOOTHING = 1.0


@dataclass(frozen=True)
class Trained:
    """A network with its best weights, and how it came to them."""

    network: UNet
    epochs: int
    best_epoch: int
    validation_loss: float
    seconds: float


def pixels(dataset: Dataset) -> tuple[Tensor, Tensor]:
    """Images float32 (n, 3, side, side) in [0, 1], gray ones repeated, and masks float32 (n, side, side) of 0 and 1."""
    images = [np.broadcast_to(each, (*each.shape[:2], 3)) for each in map(dataset.pixels, range(len(dataset)))]
    masks = np.stack([dataset.mask(i) > 0 for i in range(len(dataset))])
    planes = torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2) / np.float32(255))
    return planes.contiguous(memory_format=torch.channels_last), torch.from_numpy(masks.astype(np.float32))


def train(dataset: Dataset, recipe: Recipe, seed: int) -> Trained:
    """Train on one source; weights, division, order and augmentation all come from the seed."""
    started = time.perf_counter()
    generator = torch.Generator().manual_seed(seed)
    images, masks = pixels(dataset)
    held_back = _validation(dataset, recipe.validation, generator)
    network = _fresh(recipe, seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    best, best_loss, best_epoch, epoch = network.state_dict(), float("inf"), 0, 0
    while epoch < recipe.epochs and epoch - best_epoch < recipe.patience:
        epoch += 1
        _epoch(network, optimiser, images[~held_back], masks[~held_back], recipe, generator)
        loss = _validate(network, images[held_back], masks[held_back])
        if loss < best_loss:
            best, best_loss, best_epoch = deepcopy(network.state_dict()), loss, epoch
    network.load_state_dict(best)
    return Trained(network, epoch, best_epoch, best_loss, time.perf_counter() - started)


def score(network: UNet, targets: Mapping[str, Dataset], threshold: float) -> dict[str, float]:
    """Mean Dice over the images of each target."""
    found = {}
    for name, dataset in targets.items():
        images, masks = pixels(dataset)
        found[name] = float(dice(predict(network, images) >= threshold, masks > 0).mean())
    return found


def predict(network: UNet, images: Tensor) -> Tensor:
    """Probability of foreground, (n, side, side)."""
    network.eval()
    with torch.inference_mode():
        return torch.sigmoid(network(images))


def dice(predicted: Tensor, masks: Tensor) -> Tensor:
    """Dice of each image, (n,), of boolean masks (n, H, W); two empty masks agree: 1.

    >>> masks = torch.tensor([[[True, True]], [[False, False]], [[False, False]]])
    >>> dice(torch.tensor([[[True, False]], [[False, False]], [[True, False]]]), masks).tolist()
    [0.6666666865348816, 1.0, 0.0]
    """
    common = (predicted & masks).sum((1, 2)).float()
    total = (predicted.sum((1, 2)) + masks.sum((1, 2))).float()
    return torch.where(total > 0, 2 * common / total.clamp(min=1), torch.ones(()))


def objective(logits: Tensor, masks: Tensor) -> Tensor:
    """Binary cross-entropy plus one minus the soft Dice of each image, a mean over the batch."""
    chances = torch.sigmoid(logits)
    common = (chances * masks).sum((1, 2))
    soft = (2 * common + SMOOTHING) / (chances.sum((1, 2)) + masks.sum((1, 2)) + SMOOTHING)
    return binary_cross_entropy_with_logits(logits, masks) + 1 - soft.mean()


def augment(images: Tensor, masks: Tensor, recipe: Recipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each image mirrored or not and turned by quarters, brighter or darker, with more or less contrast."""

    def drawn(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(images), 1, 1, 1, generator=generator)

    turns = torch.randint(8, (len(images),), generator=generator).tolist()
    both = torch.cat([images, masks[:, None]], dim=1)
    both = torch.stack([_turned(each, turn) for each, turn in zip(both, turns, strict=True)])
    images, masks = both[:, :3], both[:, 3]
    centre = images.mean((1, 2, 3), keepdim=True)
    images = centre + (images - centre) * drawn(1 - recipe.contrast, 1 + recipe.contrast)
    return (images + drawn(-recipe.brightness, recipe.brightness)).clamp(0, 1), masks


def _turned(image: Tensor, turn: int) -> Tensor:
    """One of the eight symmetries of the square."""
    mirrored = image.flip(-1) if turn >= 4 else image
    return torch.rot90(mirrored, turn % 4, (-2, -1))


def _validation(dataset: Dataset, share: float, generator: torch.Generator) -> Tensor:
    """Which images are held back, boolean (n,): whole groups, for the images of one patient are alike."""
    groups = dataset.groups or dataset.ids
    names = sorted(set(groups))
    chosen = torch.randperm(len(names), generator=generator)[: max(1, round(share * len(names)))]
    held_back = {names[i] for i in chosen.tolist()}
    return torch.tensor([group in held_back for group in groups])


def _fresh(recipe: Recipe, seed: int) -> UNet:
    """A network with new weights; torch draws them from its global state, which is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet(recipe.channels).to(memory_format=torch.channels_last)


def _epoch(
    network: UNet,
    optimiser: torch.optim.Optimizer,
    images: Tensor,
    masks: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
) -> None:
    network.train()
    for batch in torch.randperm(len(images), generator=generator).split(recipe.batch):  # type: ignore[no-untyped-call]
        seen, wanted = augment(images[batch], masks[batch], recipe, generator)
        loss = objective(network(seen), wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def _validate(network: UNet, images: Tensor, masks: Tensor) -> float:
    network.eval()
    with torch.inference_mode():
        return float(objective(network(images), masks))
