"""Task2Vec's embedding beside the recipe of its reference code: the same network and images, in one run.

    python benchmarks/timing/task2vec.py [--images 100] [--side 224] [--repeats 3] [--threads 1]

Prints Markdown: times, the largest difference of values, and the peak memory of a process that does nothing else. dsim
decodes, transforms, extracts features, fits the head to convergence and takes squared gradients of each image with
one drawn label; its cache is new in every repetition. The recipe, re-derived, is handed tensors: features in training
mode with history, ten epochs of Adam for the head, then squared gradients of batch means; its last batch is kept here,
so that both see all images. The difference is of the Fisher information of a few images, with the recipe in evaluation
mode, in batches of one, and with dsim's head and labels.
"""

from __future__ import annotations

import argparse
import copy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from memory import peak_megabytes
from numpy.typing import NDArray
from rows import Row, show
from torch import nn

from dsim.data import Dataset, from_arrays
from dsim.features import parse_transform
from dsim.measures import DatasetView, build_measure
from dsim.random import stream
from dsim.runtime import Runtime
from dsim.stats.fisher import drawn_factors
from dsim_task2vec.fisher import sample_fisher
from dsim_task2vec.probe import Images, Probe, fit_head

CLASSES, BATCH, EPOCHS = 10, 50, 10
SIDES = ("dsim", "reference")


def probe_of(side: int) -> str:
    """A ResNet-18; its weights do not change what it costs."""
    return f"timm:resnet18[init=random:0,transform=network@1[resize={side},side={side}]]"


def dataset_of(images: int, side: int) -> Dataset:
    """Noise whose coarseness is its class."""
    rng = np.random.default_rng(0)
    labels = np.arange(images) % CLASSES
    pixels = rng.integers(0, 256, (images, side, side, 3), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[:] = image[:: label + 1, :: label + 1].repeat(label + 1, 0).repeat(label + 1, 1)[:side, :side]
    return from_arrays(pixels, labels=[f"class {label}" for label in labels], name="noise")


def view_of(dataset: Dataset, side: int, cache: Path) -> DatasetView:
    measure = build_measure(f"task2vec:fisher=sample,probe={probe_of(side)}")
    return DatasetView(dataset, measure.needs, "task2vec", Runtime(device="cpu", cache=cache), measure.optional)


def ours(dataset: Dataset, side: int) -> NDArray[np.float64]:
    measure = build_measure(f"task2vec:fisher=sample,batchnorm=true,probe={probe_of(side)}")
    with tempfile.TemporaryDirectory() as cache:
        found = measure.summarise(view_of(dataset, side, Path(cache)), stream(0))
    return np.asarray(found.fisher[0], dtype=np.float64)


class Recipe:
    """What the reference does, on tensors that it is given."""

    def __init__(self, dataset: Dataset, side: int) -> None:
        probe = Probe(probe_of(side), Runtime(device="cpu"), batchnorm=True)
        transform = parse_transform(probe.recipe.transform)
        self.images = torch.from_numpy(np.stack([transform.apply(dataset.pixels(i)) for i in range(len(dataset))]))
        self.labels = torch.from_numpy(np.unique(np.array(dataset.labels), return_inverse=True)[1])
        self.network = copy.deepcopy(probe.network.module).to(memory_format=torch.contiguous_format)
        self.network.requires_grad_(True)
        self.head = nn.Linear(512, CLASSES)
        self.layers = [m for m in self.network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]

    def run(self) -> NDArray[np.float64]:
        self.network.train()
        features = torch.cat([self.network(part).detach() for part in self.images.split(BATCH)])
        self._fit(features)
        # Class-balanced, with replacement.
        weights = 1 / torch.bincount(self.labels)[self.labels].double()
        order = torch.multinomial(weights, len(self.images), replacement=True)
        return self.fisher(list(order.split(BATCH)))

    def _fit(self, features: torch.Tensor) -> None:
        optimiser = torch.optim.Adam(self.head.parameters(), lr=4e-4, weight_decay=1e-4)
        for _ in range(EPOCHS):
            for part in torch.randperm(len(features)).split(BATCH):
                optimiser.zero_grad()
                F.cross_entropy(self.head(features[part]), self.labels[part]).backward()
                optimiser.step()

    def fisher(self, batches: list[torch.Tensor], drawn: torch.Tensor | None = None) -> NDArray[np.float64]:
        parameters = [*self.network.parameters(), *self.head.parameters()]
        squares = [torch.zeros_like(parameter) for parameter in parameters]
        for batch in batches:
            output = self.head(self.network(self.images[batch]))
            labels = torch.multinomial(output.softmax(1), 1)[:, 0].detach() if drawn is None else drawn[batch]
            for parameter in parameters:
                parameter.grad = None
            F.cross_entropy(output, labels).backward()
            for total, parameter in zip(squares, parameters, strict=True):
                total += parameter.grad**2
        found = dict(zip(parameters, squares, strict=True))
        values = [found[layer.weight] / len(batches) for layer in self.layers]
        return np.concatenate([one.reshape(len(one), -1).mean(1).double().numpy() for one in values])


def largest_difference(dataset: Dataset, side: int, images: int = 4) -> float:
    """Of the Fisher information of a few images, relative to its largest entry."""
    few = dataset.subset(range(images))
    with tempfile.TemporaryDirectory() as cache:
        view = view_of(few, side, Path(cache))
        probe = Probe(probe_of(side), view.runtime, batchnorm=True)
        codes, shares = np.arange(images), np.full(images, 1 / images)
        head = fit_head(view.features(probe_of(side)), codes, shares, decay=0.01)
        factors = drawn_factors(head.posterior(view.features(probe_of(side))), codes[::-1][None])
        own = sample_fisher(probe, Images(view, probe), codes, shares, factors, head.weight)
    recipe = Recipe(few, side)
    recipe.network.eval()
    with torch.no_grad():
        recipe.head = nn.Linear(512, images)
        recipe.head.weight.copy_(torch.as_tensor(head.weight))
        recipe.head.bias.copy_(torch.as_tensor(head.bias))
    other = recipe.fisher([torch.tensor([i]) for i in range(images)], torch.as_tensor(codes[::-1].copy()))
    values = np.concatenate(list(own.values()))
    return float(np.abs(values - other).max() / other.max())


def rows(images: int = 100, side: int = 224, repeats: int = 3) -> list[Row]:
    """One row: time of the whole embedding. The first run of each side is not counted."""
    dataset = dataset_of(images, side)
    recipe = Recipe(dataset, side)
    seconds: dict[str, list[float]] = {name: [] for name in SIDES}
    for repeat in range(repeats + 1):
        for name, run in zip(SIDES, (lambda: ours(dataset, side), recipe.run), strict=True):
            started = time.perf_counter()
            run()
            if repeat:
                seconds[name].append(time.perf_counter() - started)
    work = f"ResNet-18, {side} px, n = {images}, one label drawn"
    own, other = (median(seconds[name]) for name in SIDES)
    difference = largest_difference(dataset, side)
    return [Row("task2vec", work, "task2vec's reference recipe", other, own, difference, aim=1.5)]


def peak_memory(name: str, images: int, side: int, threads: int) -> float:
    """MB of a process that imports everything and embeds once; ``none`` only prepares."""
    command = [sys.executable, __file__, "--only", name, "--images", images, "--side", side, "--threads", threads]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def _only(name: str, images: int, side: int) -> None:
    dataset = dataset_of(images, side)
    if name == "dsim":
        ours(dataset, side)
    elif name == "reference":
        Recipe(dataset, side).run()
    print(peak_megabytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=[*SIDES, "none"], help="embed once and print the peak memory, MB")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.only:
        _only(args.only, args.images, args.side)
        return
    show(rows(args.images, args.side, args.repeats))
    print("\n| peak memory, MB | whole process | beyond libraries and images |\n|---|---:|---:|")
    base = peak_memory("none", args.images, args.side, args.threads)
    for name in SIDES:
        peak = peak_memory(name, args.images, args.side, args.threads)
        print(f"| {name} | {peak:.0f} | {peak - base:.0f} |")


if __name__ == "__main__":
    main()
