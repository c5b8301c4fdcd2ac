"""Training ASAP: dsim beside a plain loop as in the reference code, in one run.

    python benchmarks/timing/asap_training.py [--data FOLDER ...] [--epochs 3] [--side 256] [--count 40]

Prints Markdown. Both train the same network on the same images, for the same number of epochs, without validation, and
are judged by the EQC (Eq. 8 to 11) of the same images. An image counts once per epoch, as an anchor with its four
losses. The plain loop does what the reference does: batches of 8 anchors; anchor, positive and negative are read from
their files and resized in every step; three forward passes; a Gram matrix per image and map; SGD; float32. dsim trains
with its own defaults; reading the images once is in its total. Without ``--data`` phantoms are written to a temporary
folder as PNG. A few epochs tell the speed; ``--epochs 30`` and more tell the EQC.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

import dsim
from dsim.data.dataset import Dataset
from dsim.features.transforms import Square
from dsim.runtime import Runtime
from dsim.stats.embedding import eqc
from dsim_asap.augment import augment
from dsim_asap.evaluation import embed
from dsim_asap.model import Autoencoder
from dsim_asap.pool import gather, member
from dsim_asap.recipe import Recipe
from dsim_asap.specs import REFERENCE, SPEC
from dsim_asap.training import Trainer, architecture


@dataclass(frozen=True)
class Outcome:
    """Seconds before the first epoch, seconds of each epoch, and the EQC at the end."""

    reading: float
    epochs: list[float]
    eqc: float


def phantoms(folder: Path, count: int, side: int) -> list[Dataset]:
    """Six phantom datasets as files."""
    from dsim.data.phantoms.writing import write

    names = ("fluorescence", "histology", "phase-contrast", "ultrasound", "xray", "fundus")
    made = [dsim.open_dataset(f"phantoms:{name}[count={count},size={side}]") for name in names]
    return [dsim.open_dataset(path) for path in write(made, folder / "phantoms")]


def recipe_of(**params: object) -> Recipe:
    return Recipe.of({parameter.name: parameter.default for parameter in SPEC.parameters} | params)


def train_dsim(datasets: Sequence[Dataset], epochs: int) -> Outcome:
    """dsim's trainer with its defaults, but for the validation split."""
    recipe, runtime = recipe_of(epochs=epochs, split=0.0, keep="last"), Runtime(device="cpu")
    started = time.perf_counter()
    pool = gather([member(dataset, recipe, runtime) for dataset in datasets], 0.0, torch.Generator())
    reading = time.perf_counter() - started
    trained = Trainer(pool, recipe, 0, runtime).run()
    seconds = [row["seconds"] for row in trained.curves]
    return Outcome(reading, seconds, eqc(embed(trained.autoencoder.encoder, datasets, recipe, runtime)))


def train_plainly(datasets: Sequence[Dataset], epochs: int) -> Outcome:
    """The loop of the reference: three images read, and three forward passes, for each anchor."""
    recipe = recipe_of(**{name: value for name, value in REFERENCE.items() if name != "fit"})
    torch.manual_seed(0)
    network = Autoencoder(architecture(recipe))
    optimiser = torch.optim.SGD(network.parameters(), recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=10, gamma=0.5)
    chance = np.random.default_rng(0)
    anchors = [(owner, index) for owner, dataset in enumerate(datasets) for index in range(len(dataset))]
    seconds = []
    for _ in range(epochs):
        started = time.perf_counter()
        network.train()
        order = chance.permutation(len(anchors))
        for batch in np.array_split(order, -(-len(order) // recipe.batch)):
            chosen = [triplet(anchors[i], datasets, chance) for i in batch]
            images = [
                torch.stack([load(datasets, where, recipe) for where in column]) for column in zip(*chosen, strict=True)
            ]
            optimiser.zero_grad()
            plain_loss(network, images, recipe).backward()
            optimiser.step()
        schedule.step()
        seconds.append(time.perf_counter() - started)
    return Outcome(0.0, seconds, eqc(embed(network.encoder, datasets, recipe, Runtime(device="cpu"))))


def triplet(anchor: tuple[int, int], datasets: Sequence[Dataset], chance: np.random.Generator) -> list[tuple[int, int]]:
    """(dataset, image) of an anchor, a positive (which can be the anchor) and a negative."""
    owner = anchor[0]
    other = int(chance.choice([k for k in range(len(datasets)) if k != owner]))
    return [
        anchor,
        (owner, int(chance.integers(len(datasets[owner])))),
        (other, int(chance.integers(len(datasets[other])))),
    ]


def load(datasets: Sequence[Dataset], where: tuple[int, int], recipe: Recipe) -> Tensor:
    """One image from its file, resized and augmented."""
    owner, index = where
    image = torch.from_numpy(Square(recipe.size).apply(datasets[owner].pixels(index)))
    return augment(image[None], recipe.size, recipe.augment, torch.default_generator)[0]


def plain_loss(network: Autoencoder, images: Sequence[Tensor], recipe: Recipe) -> Tensor:
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


def step_rates(batch: int = 64, repeats: int = 10) -> list[str]:
    """Images per second of forward and backward pass alone, by memory format and precision; the fastest repeat."""
    rows = []
    for layout, name in ((torch.contiguous_format, "contiguous"), (torch.channels_last, "channels last")):
        for bfloat16 in (False, True):
            network = Autoencoder(architecture(recipe_of())).to(memory_format=layout)
            images = torch.rand(batch, 3, 64, 64).to(memory_format=layout)
            seconds = [one_step(network, images, bfloat16) for _ in range(repeats + 1)][1:]
            rows.append(f"| {name} | {'bfloat16' if bfloat16 else 'float32'} | {batch / min(seconds):.0f} |")
    return rows


def one_step(network: Autoencoder, images: Tensor, bfloat16: bool) -> float:
    started = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        reconstruction = network(images).reconstruction
    mse_loss(reconstruction.float(), images).backward()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=[], help="folders of images; default: phantoms")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--count", type=int, default=40, help="images of each phantom dataset")
    parser.add_argument("--side", type=int, default=256, help="side of the phantoms, pixels")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [path for path in options.data if Path(path).is_dir()]
        datasets = [dsim.open_dataset(path) for path in paths]
        datasets = datasets or phantoms(Path(folder), options.count, options.side)
        report(datasets, options.epochs)


def report(datasets: Sequence[Dataset], epochs: int) -> None:
    """Print rows as they come."""
    n = sum(map(len, datasets))
    print(f"{n} images of {len(datasets)} datasets, {epochs} epochs; {platform.machine()}", end=", ")
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| training | images/s | seconds per epoch | in all, s | EQC |\n| --- | ---: | ---: | ---: | ---: |")
    medians = []
    for name, train in (("dsim", train_dsim), ("plain loop", train_plainly)):
        outcome = train(datasets, epochs)
        medians.append(float(np.median(outcome.epochs)))
        total = outcome.reading + sum(outcome.epochs)
        print(f"| {name} | {n / medians[-1]:.1f} | {medians[-1]:.1f} | {total:.1f} | {outcome.eqc:.3f} |", flush=True)
    print(f"\nratio of medians: {medians[1] / medians[0]:.1f}\n")
    print("| memory format | precision | images/s, forward and backward |\n| --- | --- | ---: |")
    print("\n".join(step_rates()))


if __name__ == "__main__":
    main()
