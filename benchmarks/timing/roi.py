"""Speed and memory of SimSearch beside its aims, as ratios to the bare forward pass where that can be said.

    python benchmarks/timing/roi.py [first] [prototype] [windows] [detection] [memory] [--threads 2] [--side 20000]

Without names all parts are measured. Prints Markdown.

- ``first``: 6 images of 1024 x 1024 (histology phantoms), from nothing but the open process: preparation, network,
  features, one prototype with its turns, candidates; the first image, and all six.
- ``prototype``: a further prototype on an image of 2048 x 2048 whose features are known.
- ``windows``: one image of 640 x 480, densely and by windows one by one, with the same network.
- ``detection``: images of 640 x 480 through ``detect`` (a classifier of random weights, of three classes), beside the
  bare forward pass of the same blocks on tensors of the same size in memory. Both alternate; ratios are of medians.
- ``memory``: the largest resident size of a new process that prepares an image of ``--side`` squared (a tiled TIFF,
  8-bit RGB), makes its map, stores it, and looks for candidates of one prototype.
"""

from __future__ import annotations

import argparse
import math
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import dsim
from dsim.annotations import Region
from dsim.data import Dataset, from_arrays, open_dataset
from dsim.runtime import Runtime
from dsim_simsearch.detection import detect
from dsim_simsearch.detector import Detector, LinearClassifier
from dsim_simsearch.images import PreparedImages
from dsim_simsearch.network import open_blocks
from dsim_simsearch.preparation import measure_channels
from dsim_simsearch.settings import SearchSettings
from dsim_simsearch.similarity import Search

PARTS = ("first", "prototype", "windows", "detection", "memory")
PATCH = 96


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Time on the clock, and of all cores: the latter is less disturbed by other work on the machine."""
    wall, cores = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cores


def phantoms(count: int, height: int, width: int) -> Dataset:
    """Histology phantoms, cut to size; more than two are the first two, shifted."""
    drawn = dsim.open_dataset(f"phantoms:histology[count={min(count, 2)},size={max(height, width)}]")
    pixels = [drawn.pixels(index)[:height, :width] for index in range(len(drawn))]
    return from_arrays([np.roll(pixels[index % len(pixels)], 37 * index, axis=1) for index in range(count)])


def prototype(dataset: Dataset, x: float = 300, y: float = 200) -> Region:
    return Region(dataset.ids[0], x, y, PATCH, PATCH)


def search(dataset: Dataset, settings: SearchSettings, runtime: Runtime, store: Path | None = None) -> Search:
    images = PreparedImages(dataset, measure_channels(dataset, runtime).prepare())
    return Search(images, [0], (PATCH, PATCH), settings, runtime, store)


def row(*cells: object) -> None:
    print("| " + " | ".join(map(str, cells)) + " |")


def measure_first(settings: SearchSettings, runtime: Runtime) -> None:
    dataset = phantoms(6, 1024, 1024)
    begun = time.perf_counter()
    one = search(dataset, settings, runtime)
    vectors = one.vectors([prototype(dataset)])
    one.candidates(0, vectors)
    first = time.perf_counter() - begun
    for index in range(1, 6):
        one.candidates(index, vectors)
    row("first suggestions, 1024 x 1024: first image", f"{first:.2f} s", "3 s")
    row("all six images", f"{time.perf_counter() - begun:.2f} s", "20 s")


def measure_prototype(settings: SearchSettings, runtime: Runtime) -> None:
    dataset = phantoms(1, 2048, 2048)
    one = search(dataset, settings, runtime)
    one.candidates(0, one.vectors([prototype(dataset)]))
    turns, engine = [], []
    for number in range(5):
        mark = prototype(dataset, 400 + 31 * number, 500)
        turns.append(seconds(lambda mark=mark: one.vectors([mark])))
        vectors = one.vectors([mark])
        engine.append(seconds(lambda vectors=vectors: one.candidates(0, vectors)))
    for name, times, aim in (
        ("a prototype's turns through the network", turns, ""),
        ("a prototype on 2048 x 2048, features known: similarity and candidates", engine, "20 ms"),
    ):
        wall, cores = 1000 * np.median(times, axis=0)
        row(name, f"{wall:.0f} ms ({cores:.0f} ms of all cores)", aim)


def measure_windows(settings: SearchSettings, runtime: Runtime) -> None:
    """The same network on the same pixels: dense at the scale of the image, as windows one by one have it."""
    dataset = phantoms(1, 480, 640)
    times = []
    for mode in ("dense", "paper"):
        changed = SearchSettings(extractor=settings.extractor, region=PATCH, mode=mode, whiten=0)
        one = search(dataset, changed, runtime)
        one.blocks  # noqa: B018 - opened before the clock starts
        times.append(seconds(lambda one=one: one.similarity(0, one.vectors([prototype(dataset)]))))
    ratio = times[1][1] / times[0][1]
    row("windows one by one / dense, 640 x 480", f"{ratio:.0f} ({times[1][0]:.1f} s / {times[0][0]:.2f} s)", "5")


def measure_detection(settings: SearchSettings, runtime: Runtime, count: int, repeats: int) -> None:
    dataset = phantoms(count, 480, 640)
    images = PreparedImages(dataset, measure_channels(dataset, runtime).prepare())
    blocks = open_blocks(settings.extractor, 3, runtime)
    weight = torch.randn(4, blocks.width, generator=torch.Generator().manual_seed(0))
    classifier = LinearClassifier(torch.zeros(blocks.width), torch.eye(blocks.width), weight, torch.zeros(4), True)
    region = settings.region or PATCH
    detector = Detector(
        classes=("a", "b", "c"),
        blocks=blocks,
        extractor=settings.extractor,
        classifier=classifier,
        patch=(PATCH, PATCH),
        region=region,
        preparation=images.preparation.to_dict(),
    )
    sides = [round(side * region / PATCH / blocks.stride) * blocks.stride for side in (480, 640)]
    tensor = torch.rand(1, 3, *sides)

    def bare() -> None:
        with torch.inference_mode():
            for _ in range(count):
                blocks(tensor)

    times: dict[str, list[tuple[float, float]]] = {"bare": [], "detect": []}
    for _ in range(repeats):
        times["bare"].append(seconds(bare))
        times["detect"].append(seconds(lambda: detect(detector, images, 0.5, runtime)))
    (wall, cores), (ours, own) = (np.median(times[name], axis=0) for name in ("bare", "detect"))
    row(
        f"detection of {count} images of 640 x 480: images/s beside the bare forward pass",
        f"{wall / ours:.0%} on the clock, {cores / own:.0%} of all cores ({count / ours:.1f} / {count / wall:.1f})",
        "80 %",
    )


def write_large(path: Path, side: int) -> None:
    """A tiled TIFF of 8-bit RGB, made of one phantom over and over."""
    import tifffile

    tile = phantoms(1, 1024, 1024).pixels(0)
    count = math.ceil(side / 1024) ** 2
    tifffile.imwrite(
        path,
        (tile for _ in range(count)),
        shape=(side, side, 3),
        dtype="uint8",
        tile=(1024, 1024),
        photometric="rgb",
        compression="zlib",
        bigtiff=True,
    )


def measure_memory(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        write_large(Path(name) / "large.tif", options.side)
        command = [sys.executable, __file__, "--inside", name, "--extractor", options.extractor]
        command += ["--threads", str(options.threads), "--region", str(options.region)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    spent, peak = done.stdout.split()
    side = f"{options.side:,} x {options.side:,}"
    row(f"memory at {side}: preparation, map, candidates ({spent} s)", f"{float(peak):.2f} GB", "1.5 GB")


def inside(options: argparse.Namespace) -> None:
    """The process whose memory is measured: seconds and gigabytes."""
    folder = Path(options.inside)
    begun = time.perf_counter()
    dataset = open_dataset(folder, max_pixels=2**32)
    settings = SearchSettings(extractor=options.extractor, region=options.region)
    one = search(dataset, settings, Runtime(device="cpu", offline=True, cache=folder / "cache"), folder / "store")
    one.candidates(0, one.vectors([prototype(dataset)]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{time.perf_counter() - begun:.0f} {peak}")


def main() -> None:
    defaults = SearchSettings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what is measured; default: everything")
    parser.add_argument("--extractor", default=defaults.extractor)
    parser.add_argument("--region", type=int, default=defaults.region)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--images", type=int, default=100, help="of the detection")
    parser.add_argument("--repeats", type=int, default=3, help="of the detection")
    parser.add_argument("--side", type=int, default=20000)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.inside:
        inside(options)
        return
    settings = SearchSettings(extractor=options.extractor, region=options.region)
    with tempfile.TemporaryDirectory() as cache:
        runtime = Runtime(device="cpu", offline=True, cache=Path(cache))
        print(f"{options.extractor}, region {options.region}, patch {PATCH}, {options.threads} threads,")
        print(f"torch {torch.__version__} on {platform.machine()}\n")
        print("| | measured | aim |\n|---|---|---|")
        runs: dict[str, Callable[[], None]] = {
            "first": lambda: measure_first(settings, runtime),
            "prototype": lambda: measure_prototype(settings, runtime),
            "windows": lambda: measure_windows(settings, runtime),
            "detection": lambda: measure_detection(settings, runtime, options.images, options.repeats),
            "memory": lambda: measure_memory(options),
        }
        for part in options.parts or PARTS:
            runs[part]()
            sys.stdout.flush()


if __name__ == "__main__":
    main()
