"""Training by DINO: dsim beside the original's plain loop, on the same images, crops, batch and K, in one run.

    python benchmarks/timing/dino.py [DATASET] [--count 320] [--epochs 2] [--repeats 3] [--threads 2]

``dino_loops.py`` has the plain loop, as facebookresearch/dino trains, float32. dsim's is ``dsim train dino`` with the
views of the original, in float32 and in bfloat16. Each training is a process of its own; repeats are interleaved, so
that a machine that others use slows all alike. Prints Markdown: images a second by the median of all epochs but each
training's first (which warms up), the ratio to the plain loop, and the largest resident memory, the plain loop's
workers included. Without DATASET the images are phantoms. The images of both are PNG files of a temporary folder; the
plain loop decodes them in every epoch, dsim once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from dino_loops import Setting, plain_epochs

import dsim
from dsim.runtime import Runtime

LOOPS = ("plain loop", "dsim, float32", "dsim, bfloat16")


def main() -> None:
    options = _arguments()
    setting = Setting(network=options.network, side=options.side, local=options.side // 2, batch=options.batch)
    if options.loop:
        torch.set_num_threads(options.threads)
        print(json.dumps(_measured(options.loop, options.dataset, setting, options.epochs)))
        return
    with tempfile.TemporaryDirectory() as folder:
        images = _write_images(options.dataset, Path(folder), options.count)
        print(f"{images} images; {setting.network}, {setting.side} and {setting.local} px,", end=" ")
        print(f"2 + {setting.locals} crops, batch {setting.batch}, K {setting.outputs};", end=" ")
        print(f"{platform.machine()}, {options.threads} threads each, torch {torch.__version__}\n", flush=True)
        report(Path(folder), options)


def report(folder: Path, options: argparse.Namespace) -> None:
    """Print a row for each loop."""
    found: dict[str, list[dict[str, list[float]]]] = {name: [] for name in LOOPS}
    for _ in range(options.repeats):
        for name in LOOPS:
            found[name].append(_run(name, folder, options))
    rates = {name: float(np.median([rate for each in runs for rate in each["rates"]])) for name, runs in found.items()}
    print("| training | images/s | times the plain loop | peak memory, MB |\n| --- | ---: | ---: | ---: |")
    for name, runs in found.items():
        memory = max(each["memory"][0] for each in runs)
        print(f"| {name} | {rates[name]:.1f} | {rates[name] / rates[LOOPS[0]]:.2f} | {memory:.0f} |")


def _run(name: str, folder: Path, options: argparse.Namespace) -> dict[str, list[float]]:
    """One training in a process of its own: images a second of each epoch but the first, and its memory."""
    settings = ["--network", options.network, "--side", str(options.side), "--batch", str(options.batch)]
    command = [sys.executable, __file__, str(folder), "--loop", name, "--epochs", str(options.epochs), *settings]
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    command += ["--threads", str(options.threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    result: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {result}", file=sys.stderr, flush=True)
    return result


def _measured(name: str, folder: str, setting: Setting, epochs: int) -> dict[str, list[float]]:
    plain = name == LOOPS[0]
    loop = plain_epochs(Path(folder), setting, epochs) if plain else dsim_epochs(folder, setting, epochs, name)
    count = sum(1 for _ in Path(folder).rglob("*.png")) // setting.batch * setting.batch
    rates = [count / seconds for seconds in loop][1:]
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    own, child = (resource.getrusage(each).ru_maxrss / 1024 for each in who)
    # The largest child is known, not their sum; workers share most of their pages with the parent.
    return {"rates": rates, "memory": [own + (child if plain else 0.0)]}


def dsim_epochs(folder: str, setting: Setting, epochs: int, name: str) -> Iterator[float]:
    """Train by ``dsim train dino`` with the original's settings; yield the seconds of each epoch."""
    with tempfile.TemporaryDirectory() as out:
        dsim.train(
            "dino",
            dsim.open_dataset(folder),
            out=Path(out) / "run",
            preset="original",
            runtime=Runtime(device="cpu", cache=Path(out) / "cache"),
            network=setting.network,
            drop_path=0.0,
            size=setting.side,
            local_size=setting.local,
            local_crops=setting.locals,
            outputs=setting.outputs,
            batch=setting.batch,
            epochs=epochs,
            precision=name.partition(", ")[2],
        )
        curves = json.loads((Path(out) / "run" / "model" / "curves.json").read_text("utf-8"))
    yield from (row["seconds"] for row in curves)


def _write_images(reference: str, folder: Path, count: int) -> int:
    from PIL import Image

    dataset = dsim.open_dataset(reference or f"phantoms:histology[count={count},size=64]")
    wanted = np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int))
    for number, index in enumerate(wanted):
        Image.fromarray(dataset.pixels(int(index))).convert("RGB").save(folder / f"{number:05d}.png")
    return len(wanted)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", nargs="?", default="", help="whose images are trained on; default: phantoms")
    parser.add_argument("--count", type=int, default=320, help="images")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="trainings by each loop")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=Setting.batch)
    parser.add_argument("--side", type=int, default=Setting.side, help="of global crops; local ones have half of it")
    parser.add_argument("--network", default=Setting.network, help="of timm")
    parser.add_argument("--loop", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
