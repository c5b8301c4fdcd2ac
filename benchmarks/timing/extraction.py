"""Throughput of ``extract`` beside the bare forward pass of the same network, and decoding alone, in one run.

    python benchmarks/timing/extraction.py [--data FOLDER ...] [--images 120] [--repeats 5] [--device cpu]

Prints Markdown. The bare pass runs the same module, in the same memory format and batch size, on tensors that are
already in memory; ``extract`` reads and decodes image files, transforms them, runs the network, collects the features
and stores them. Decoding alone reads and decodes the same files in as many threads, and drops them. The three
alternate, and ratios are those of the medians. Without ``--data`` phantoms are written to a temporary folder as PNG.

The images a second of ASAP's embedding: ``--extractor zoo:asap-resnet18.biomed16.r1 --images 10000 --repeats 1``.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import dsim
from dsim.data import Dataset
from dsim.features import Extractor, extract, image_batches, parse_transform, prepare
from dsim.runtime import Runtime

#: Phantoms of each kind that are drawn.
DRAWN = 100


def phantoms(folder: Path, images: int) -> list[Dataset]:
    """Phantoms of 256 pixels, half stained histology and half fluorescence, as files.

    Drawing takes longer than all that is measured: at most ``DRAWN`` of each are drawn, the others are these, shifted.
    """
    names = ("histology", "fluorescence")
    for name in names:
        share = images // len(names)
        drawn = dsim.open_dataset(f"phantoms:{name}[count={min(share, DRAWN)},size=256]")
        pixels = [np.squeeze(drawn.pixels(index)) for index in range(len(drawn))]
        (folder / name).mkdir()
        for index in range(share):
            shifted = np.roll(pixels[index % len(pixels)], index // len(pixels), axis=1)
            Image.fromarray(shifted).save(folder / name / f"{index:05d}.png", compress_level=1)
    return [dsim.open_dataset(folder / name) for name in names]


def first(datasets: list[Dataset], images: int) -> list[Dataset]:
    """As many samples of each as make up the number of images."""
    share = max(1, images // len(datasets))
    return [dataset.subset(range(min(share, len(dataset)))) for dataset in datasets]


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Time on the clock, and time on all cores: the latter is less disturbed by other work on the machine."""
    wall, cores = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cores


def preload(datasets: list[Dataset], transform: str, batch: int) -> list[np.ndarray]:
    """Every batch that extraction will see."""
    chosen = parse_transform(transform)
    return [images for data in datasets for images in image_batches(data, chosen, batch, workers=2)]


def decode(datasets: list[Dataset], workers: int) -> None:
    """Read and decode every image, and keep none."""
    with ThreadPoolExecutor(workers) as pool:
        for dataset in datasets:
            deque(pool.map(lambda index, dataset=dataset: dataset.pixels(index).shape, range(len(dataset))), maxlen=0)


def bare_pass(extractor: Extractor, batches: list[np.ndarray]) -> None:
    for batch in batches:
        extractor(batch)
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def extract_anew(datasets: list[Dataset], extractor: str, runtime: Runtime) -> None:
    """Extract with no features in the cache."""
    shutil.rmtree(runtime.cache / "features", ignore_errors=True)
    for dataset in datasets:
        extract(dataset, extractor, runtime)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", type=Path, default=[], help="folders of datasets; default: phantoms")
    parser.add_argument("--extractor", default="timm:resnet18.a1_in1k[init=random:0]")
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=Runtime.batch)
    parser.add_argument("--workers", type=int, default=Runtime.workers)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measure(options, Path(name))


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Alternate the two, and print the medians."""
    runtime = Runtime(options.device, True, folder / "cache", workers=options.workers, batch=options.batch)
    datasets = [dsim.open_dataset(path) for path in options.data] or phantoms(folder, options.images)
    datasets = first(datasets, options.images)
    blueprint = prepare(options.extractor, runtime)
    extractor = blueprint.open(runtime.device)
    batch = min(runtime.batch, extractor.batch)
    batches = preload(datasets, blueprint.recipe.transform, batch)
    bare_pass(extractor, batches[:1])
    extract_anew(datasets, options.extractor, runtime)
    ways: dict[str, Callable[[], object]] = {
        "bare forward pass": lambda: bare_pass(extractor, batches),
        "decoding alone": lambda: decode(datasets, runtime.workers),
        "extract": lambda: extract_anew(datasets, options.extractor, runtime),
    }
    times = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, way in ways.items():
            times[name].append(seconds(way))
    report(options, sum(map(len, datasets)), batch, {name: np.median(runs, axis=0) for name, runs in times.items()})


def report(options: argparse.Namespace, images: int, batch: int, medians: dict[str, np.ndarray]) -> None:
    print(f"{options.extractor}, {images} images, batch {batch}, {options.workers} decoding threads,")
    print(f"{options.device}, {os.cpu_count()} cores, torch {torch.__version__} on {platform.machine()}, ", end="")
    print(f"medians of {options.repeats}\n")
    print("| | seconds | images/s | seconds of all cores |\n|---|---:|---:|---:|")
    for name, (wall, cores) in medians.items():
        print(f"| {name} | {wall:.2f} | {images / wall:.1f} | {cores:.2f} |")
    ours = medians.pop("extract")
    for name, alone in medians.items():
        ratio = alone / ours
        print(f"\n{name} / extract: {ratio[0]:.2f} on the clock, {ratio[1]:.2f} of all cores")


if __name__ == "__main__":
    main()
