"""Training and inference of segmentation models beside plain PyTorch with the same network, in one run.

    python benchmarks/timing/transfer.py [--images 48] [--repeats 3] [--device cpu] [--threads 1] [--set KEY=VALUE ...]

Prints Markdown. The plain loop has float32 tensors in memory, takes batches in random order, and does nothing but
forward, the same loss, backward and a step of AdamW, as torch makes them by default. dsim's also augments, validates
and writes a checkpoint every epoch; it is timed with and without these. The bare forward pass sees tiles that are
ready, in one memory format and batch with dsim's, which scales, cuts, blends and scales back. They alternate; figures
are medians.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from memory import peak_megabytes

from dsim.data import Dataset, from_arrays, open_dataset
from dsim.learning import fit, segmentation_loss
from dsim.models import SegmentationRecipe
from dsim.models.segmenter import Segmenter, decode_images
from dsim.models.tiles import prepare_canvas
from dsim.runtime import Runtime
from dsim.transfer.segmentation.objective import SegmentationObjective, training_config
from dsim.transfer.segmentation.pairs import gather_pairs

#: Sizes of the images that are segmented: one tile each, and many.
SIZES = (256, 512)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = SegmentationRecipe().changed(dict(text.split("=", 1) for text in options.set))
    recipe = replace(recipe, epochs=1, shown=0)
    print(f"U-Net of {sum(p.numel() for p in recipe.build(0).parameters()):,} parameters, {recipe.patch} px, ", end="")
    print(f"batch {recipe.batch}, {options.images} images, {options.device}, {options.threads} threads,")
    print(f"torch {torch.__version__} on {platform.machine()}, medians of {options.repeats}\n")
    training(options, recipe)
    inference(options, recipe)
    print(f"\npeak memory of the whole process {peak_megabytes():.0f} MB")


def training(options: argparse.Namespace, recipe: SegmentationRecipe) -> None:
    dataset = in_memory(options.images, recipe.side or recipe.patch)
    runtime = Runtime(device=options.device)
    bare = replace(recipe, augment=False)
    everyone = range(len(dataset))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "checkpoint.safetensors"
        ways = {
            "plain PyTorch loop": lambda: plain_epoch(dataset, recipe, options.device),
            "dsim, the same": lambda: epoch(objective_on(dataset, everyone, bare, runtime), bare, runtime),
            "dsim, augmented": lambda: epoch(objective_on(dataset, everyone, recipe, runtime), recipe, runtime),
            "dsim, augmented, with checkpoint": lambda: epoch(
                objective_on(dataset, everyone, recipe, runtime), recipe, runtime, file
            ),
        }
        rates = alternate(ways, options.repeats, len(dataset), options.device)
    table("training", rates, "plain PyTorch loop")


def inference(options: argparse.Namespace, recipe: SegmentationRecipe) -> None:
    runtime = Runtime(device=options.device)
    device = runtime.resolved_device()
    for size, side in ((SIZES[0], recipe.side), (SIZES[1], 0)):
        applied = replace(recipe, side=side)
        dataset = in_memory(max(4, options.images * (SIZES[0] // size) ** 2), size)
        network = applied.build(0).to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        segmenter = Segmenter(network, applied, device=device)
        tiles = ready(dataset, applied)
        batches = [b.to(device).contiguous(memory_format=torch.channels_last) for b in tiles.split(2 * applied.batch)]
        ways = {
            "bare forward pass": lambda n=network, b=batches: forward(n, b),
            "dsim predict_many": lambda s=segmenter, d=dataset: [None for _ in s.predict_many(d)],
        }
        rates = alternate(ways, options.repeats, len(dataset), options.device)
        what = f"scaled to {side} px" if side else f"at native size, {len(tiles) // len(dataset)} tiles each"
        table(f"images of {size} px, {what}", rates, "bare forward pass")


def in_memory(images: int, size: int) -> Dataset:
    """Phantoms as arrays, so that no decoding is timed."""
    drawn = open_dataset(f"phantoms:histology[count={images},size={size}]")
    masks = np.stack([drawn.mask(i) for i in range(images)])
    return from_arrays(np.stack([drawn.pixels(i) for i in range(images)]), masks=(masks > 0) * np.uint8(1))


def objective_on(
    dataset: Dataset, indices: range, recipe: SegmentationRecipe, runtime: Runtime
) -> SegmentationObjective:
    pairs = gather_pairs(dataset, indices, recipe, {})
    return SegmentationObjective(recipe.build(0, runtime), pairs, None, recipe, runtime.resolved_device())


def epoch(
    learnt: SegmentationObjective, recipe: SegmentationRecipe, runtime: Runtime, file: Path | None = None
) -> float:
    """Seconds of one epoch; gathering the images and building the network are not in it."""
    if file is not None:
        file.unlink(missing_ok=True)
    started = time.perf_counter()
    fit(learnt, training_config(recipe), seed=0, runtime=runtime, checkpoint=file)
    synchronise(runtime.device)
    return time.perf_counter() - started


def plain_epoch(dataset: Dataset, recipe: SegmentationRecipe, device: str) -> float:
    """What everybody writes."""
    pairs = gather_pairs(dataset, range(len(dataset)), recipe, {})
    both = pairs.windows(torch.arange(len(pairs)), recipe.patch).to(device)
    images, masks = both[:, :3].contiguous(), both[:, 3].contiguous()
    network = recipe.build(0).to(device, memory_format=torch.contiguous_format).train()  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.lr)
    started = time.perf_counter()
    for batch in torch.randperm(len(images)).split(recipe.batch):
        optimizer.zero_grad()
        loss = segmentation_loss(network(images[batch]), masks[batch])
        loss.backward()
        optimizer.step()
    synchronise(device)
    return time.perf_counter() - started


def ready(dataset: Dataset, recipe: SegmentationRecipe) -> torch.Tensor:
    """All tiles that prediction will cut."""
    canvases = [
        prepare_canvas(index, image, recipe.side, recipe.patch)
        for index, image in decode_images(dataset, range(len(dataset)), workers=0)
    ]
    return torch.stack([made.tile(number) for made in canvases for number in range(len(made.corners))])


def forward(network: torch.nn.Module, batches: list[torch.Tensor]) -> None:
    with torch.inference_mode():
        for batch in batches:
            network(batch).sigmoid().cpu()


def alternate(ways: dict[str, Callable[[], object]], repeats: int, images: int, device: str) -> dict[str, list[float]]:
    """Images per second of each way, in turns; a way that returns a number has timed itself."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, run in ways.items():
            started = time.perf_counter()
            told = run()
            synchronise(device)
            seconds = told if isinstance(told, float) else time.perf_counter() - started
            if turn:  # the first warms up
                rates[name].append(images / seconds)
    return rates


def synchronise(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def table(title: str, rates: dict[str, list[float]], reference: str) -> None:
    base = float(np.median(rates[reference]))
    print(f"| {title} | images/s | ratio |\n|---|---:|---:|")
    for name, values in rates.items():
        rate = float(np.median(values))
        print(f"| {name} | {rate:.1f} | {rate / base:.2f} |")
    print()


if __name__ == "__main__":
    main()
