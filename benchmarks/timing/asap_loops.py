"""ASAP trained epoch by epoch in two ways: dsim's trainer, and a plain loop as in the reference code.

Both train the same network on the same images, without validation. An image counts once per epoch, as an anchor with
its four losses. The plain loop does what the reference does: batches of 8 anchors; anchor, positive and negative are
read from their files and resized in every step; three forward passes; a Gram matrix per image and map; SGD; float32.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from dsim.data import Dataset
from dsim.features import Square
from dsim.learning import augment_asap
from dsim.learning.loop import _Trainer as LoopTrainer
from dsim.runtime import Runtime
from dsim.stats.embedding import eqc
from dsim_asap.evaluation import embed
from dsim_asap.model import Autoencoder
from dsim_asap.objective import AsapObjective, architecture, config_of, decode_pool
from dsim_asap.specs import REFERENCE, SPEC, AsapRecipe


class Epoch(NamedTuple):
    """One epoch that is done: its seconds, and the EQC (Eq. 8 to 11) of the training images, once it is asked for."""

    seconds: float
    eqc: Callable[[], float]


def recipe_of(**params: object) -> AsapRecipe:
    return AsapRecipe.of({parameter.name: parameter.default for parameter in SPEC.parameters} | params)


def dsim_epochs(datasets: Sequence[Dataset], epochs: int, seed: int = 0) -> Iterator[Epoch]:
    """dsim's trainer with its defaults, but for the validation split; reading the images counts to the first epoch."""
    recipe, runtime = recipe_of(epochs=epochs, split=0.0, keep="last"), Runtime(device="cpu")
    started = time.perf_counter()
    objective = AsapObjective(decode_pool(datasets, recipe, seed, runtime), recipe, seed, "cpu")
    trainer = LoopTrainer(objective, config_of(recipe, "cpu"), seed, runtime, {})
    with runtime.progress.task("training ASAP", total=epochs, unit="epochs") as task:
        for _ in range(epochs):
            trainer.run_epoch([], task)
            seconds = time.perf_counter() - started
            yield Epoch(seconds, lambda: quality(objective.network, datasets, recipe))
            started = time.perf_counter()


def plain_epochs(datasets: Sequence[Dataset], epochs: int, seed: int = 0) -> Iterator[Epoch]:
    """The loop of the reference: three images read, and three forward passes, for each anchor."""
    recipe = recipe_of(**{name: value for name, value in REFERENCE.items() if name != "fit"})
    torch.manual_seed(seed)
    network = Autoencoder(architecture(recipe))
    optimiser = torch.optim.SGD(network.parameters(), recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=10, gamma=0.5)
    chance = np.random.default_rng(seed)
    for _ in range(epochs):
        started = time.perf_counter()
        network.train()
        for images in plain_batches(datasets, recipe, chance):
            optimiser.zero_grad()
            plain_loss(network, images, recipe).backward()
            optimiser.step()
        schedule.step()
        seconds = time.perf_counter() - started
        yield Epoch(seconds, lambda: quality(network, datasets, recipe))


def quality(network: Autoencoder, datasets: Sequence[Dataset], recipe: AsapRecipe) -> float:
    """EQC of a copy: an extractor freezes its network, and this one trains on."""
    return eqc(embed(copy.deepcopy(network.encoder), datasets, recipe, Runtime(device="cpu")))


def plain_batches(
    datasets: Sequence[Dataset], recipe: AsapRecipe, chance: np.random.Generator
) -> Iterator[Sequence[Tensor]]:
    """Anchors, positives and negatives of each batch of one epoch, read from their files."""
    anchors = [(owner, index) for owner, dataset in enumerate(datasets) for index in range(len(dataset))]
    order = chance.permutation(len(anchors))
    for batch in np.array_split(order, -(-len(order) // recipe.batch)):
        chosen = [triplet(anchors[i], datasets, chance) for i in batch]
        yield [torch.stack([load(datasets, where, recipe) for where in column]) for column in zip(*chosen, strict=True)]


def triplet(anchor: tuple[int, int], datasets: Sequence[Dataset], chance: np.random.Generator) -> list[tuple[int, int]]:
    """(dataset, image) of an anchor, a positive (which can be the anchor) and a negative."""
    owner = anchor[0]
    other = int(chance.choice([k for k in range(len(datasets)) if k != owner]))
    return [
        anchor,
        (owner, int(chance.integers(len(datasets[owner])))),
        (other, int(chance.integers(len(datasets[other])))),
    ]


def load(datasets: Sequence[Dataset], where: tuple[int, int], recipe: AsapRecipe) -> Tensor:
    """One image from its file, resized and augmented."""
    owner, index = where
    image = torch.from_numpy(Square(recipe.size).apply(datasets[owner].pixels(index)))
    return augment_asap(image[None], recipe.size, torch.default_generator, recipe.augment)[0]


def plain_loss(network: Autoencoder, images: Sequence[Tensor], recipe: AsapRecipe) -> Tensor:
    """The reference's losses, a Gram matrix at a time."""
    passes = [network(batch) for batch in images]
    styles = [[grams(maps) for maps in passed.encoder_maps] for passed in passes]
    rebuilt = [grams(maps) for maps in passes[0].decoder_maps]
    hinge = torch.nn.TripletMarginLoss(margin=recipe.margin)
    mse = mse_loss(passes[0].reconstruction, images[0])
    style = sum(w * mse_loss(b, s) for w, s, b in zip(recipe.w, styles[0], rebuilt, strict=True))
    contrast = hinge(*(passed.latent for passed in passes))
    style_contrast = sum(w * hinge(*levels) for w, *levels in zip(recipe.w, *styles, strict=True))
    beta = recipe.beta
    rebuilding, contrasting = beta * mse + (1 - beta) * style, beta * contrast + (1 - beta) * style_contrast
    return recipe.alpha * rebuilding + (1 - recipe.alpha) * contrasting


def grams(maps: Tensor) -> Tensor:
    """One Gram matrix per image, divided by the number of channels."""
    return torch.stack([image.flatten(1) @ image.flatten(1).T / len(image) for image in maps])
