"""t-SimCNE: dsim beside a plain implementation of the reference, on the same images, in one run.

    python benchmarks/timing/t_simcne.py rates DATASET --work DIR [--threads 2] [--repeats 3]
    python benchmarks/timing/t_simcne.py levers DATASET --work DIR
    python benchmarks/timing/t_simcne.py networks DATASET --work DIR
    python benchmarks/timing/t_simcne.py place DATASET --work DIR
    python benchmarks/timing/t_simcne.py quality DATASET --work DIR [--steps 200 60 100] [--batch 128]

``t_simcne_loops.py`` has the plain implementation. ``rates``: images a second of the first stage, at 28 and 64 pixels.
``levers``: what each difference of ``quick`` gives by itself. ``networks``: images a second of processor time of both
networks alone, forward and backward on two views, by precision and layout in memory, one thread. ``place``: seconds for
1,000 images on a map. ``quality``: both train on the same 1,000 images of 28 pixels for the same steps; time, accuracy
and silhouette.
Each measurement is a process of its own and is kept in ``DIR``: an interrupted run goes on. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from t_simcne_loops import Network, Setting, place_plain, train_plain

import dsim
from dsim.runtime import Runtime

SIDES, COUNT, PLACED = (28, 64), 1000, 1000
PLAIN, QUICK, PAPER = "plain", "quick", "paper's network"
#: Images of a step of the paper's network: a round of dsim's loop is 10 steps at least, and two are waited for.
SLOW_BATCH = 32
#: Settings of dsim's trainings by name, beyond those that all share.
TRAININGS: dict[str, dict[str, Any]] = {
    QUICK: {"preset": "quick"},
    PAPER: {"preset": "quick", "network": "paper", "precision": "float32", "batch": SLOW_BATCH},
    "paper's network, bfloat16": {
        "preset": "quick",
        "network": "paper",
        "precision": "bfloat16",
        "batch": SLOW_BATCH,
    },
    "quick, float32": {"preset": "quick", "precision": "float32"},
    "quick, images kept at their own size": {"preset": "quick", "bank_side": 0},
}
#: Networks, with the images of 28 pixels that they are timed on.
NETWORKS = {"resnet18_3x3": 16, "resnet10_w32": 128}
Measured = dict[str, Any]


def main() -> None:
    """Measure what is asked for, as far as it is missing, and print it."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    if given.one:
        print(json.dumps(_MEASURES[given.part](given.one, given)))
        return
    print(f"{platform.machine()}, {given.threads} threads each, torch {torch.__version__}\n", flush=True)
    _REPORTS[given.part](given)


# ---- reports -------------------------------------------------------------------------------------------------------


def report_rates(given: argparse.Namespace) -> None:
    """Print images a second of the plain implementation, ``paper`` and ``quick``, and their ratios."""
    _print_rates([PLAIN, PAPER, QUICK], given)


def report_levers(given: argparse.Namespace) -> None:
    """Print images a second of the plain implementation and of dsim with one difference after the other."""
    _print_rates([PLAIN, *TRAININGS], given)


def _print_rates(names: list[str], given: argparse.Namespace) -> None:
    print("| training | px | batch | images/s | times the plain implementation |\n| --- | ---: | ---: | ---: | ---: |")
    for side in SIDES:
        found: dict[str, list[float]] = {name: [] for name in names}
        for repeat in range(given.repeats):
            for name in (name for name in names if repeat == 0 or "batch" not in TRAININGS.get(name, {})):
                found[name].append(_kept(f"rates {name} {side} {repeat}", f"{side}:{name}", given, "rates")["rate"])
        plain = float(np.median(found[PLAIN]))
        for name, rates in found.items():
            rate = float(np.median(rates))
            batch = TRAININGS.get(name, {}).get("batch", given.batch)
            print(f"| {name} | {side} | {batch} | {rate:.1f} | {rate / plain:.1f} |", flush=True)


def report_networks(given: argparse.Namespace) -> None:
    """Print images a second of processor time of the networks alone."""
    print("| network | px | precision | in memory | images/s |\n| --- | ---: | --- | --- | ---: |")
    for network in NETWORKS:
        for side in SIDES:
            for precision in ("float32", "bfloat16"):
                for layout in ("channels-first", "channels-last"):
                    one = f"{network} {side} {precision} {layout}"
                    rate = _kept(f"networks {one}", one, given)["rate"]
                    print(f"| {network} | {side} | {precision} | {layout} | {rate:.1f} |", flush=True)


def report_place(given: argparse.Namespace) -> None:
    """Print the seconds in which images are placed on a map."""
    print(f"| px | seconds for {PLACED} images, reading and opening the model included |\n| ---: | ---: |")
    for side in SIDES:
        seconds = [_kept(f"place {side} {repeat}", str(side), given)["seconds"] for repeat in range(given.repeats)]
        print(f"| {side} | {np.median(seconds):.2f} |", flush=True)


def report_quality(given: argparse.Namespace) -> None:
    """Print time and scores of the plain implementation and of ``quick``, trained for the same steps."""
    steps = "/".join(map(str, given.steps))
    print(f"{COUNT} images of 28 px, batch {given.batch}, steps {steps}, seed 0\n")
    print("| training | seconds | kNN, repeated | silhouette |\n| --- | ---: | ---: | ---: |")
    for name in (QUICK, PLAIN):
        found = _kept(f"quality {name} {steps} {given.batch}", name, given)
        print(f"| {name} | {found['seconds']:.0f} | {100 * found['knn']:.1f} | {found['silhouette']:.3f} |", flush=True)


def _kept(key: str, one: str, given: argparse.Namespace, part: str = "") -> Measured:
    """A measurement, from the work folder where it is there."""
    path = given.work / "t_simcne.json"
    known: dict[str, Measured] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    if key not in known:
        command = [sys.executable, __file__, part or given.part, given.dataset, "--work", str(given.work), "--one", one]
        command += ["--threads", str(given.threads), "--batch", str(given.batch), "--steps", *map(str, given.steps)]
        environment = os.environ | {"OMP_NUM_THREADS": str(given.threads)}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        known[key] = json.loads(done.stdout.splitlines()[-1])
        given.work.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known, indent=1), "utf-8")
    return known[key]


# ---- single measurements, each in a process of its own -------------------------------------------------------------


def measure_rate(one: str, given: argparse.Namespace) -> Measured:
    """Return images a second of the first stage, the first steps left out."""
    side_text, name = one.split(":", 1)
    side = int(side_text)
    dataset = read_images(given.dataset, side, 4 * given.batch)
    if name == PLAIN:
        images = np.stack([dataset.pixels(index) for index in range(len(dataset))])
        seconds = list(train_plain(images, Setting(side=side, batch=given.batch, steps=(4, 0, 0))))
        return {"rate": given.batch / float(np.median(seconds[1:]))}
    with tempfile.TemporaryDirectory() as folder:
        _train(dataset, name, side, given.batch, (24 if "batch" in TRAININGS[name] else 60, 1, 1), Path(folder))
        rows = [row for row in _curves(Path(folder)) if row["stage"] == 1]
    return {"rate": float(np.median([row["images"] / row["seconds"] for row in rows[1:]]))}


def measure_network(one: str, _: argparse.Namespace) -> Measured:
    """Return images a second of processor time: two views of each, forward and backward, the best of three."""
    from dsim.learning import autocast
    from dsim.models.backbone import create_network

    torch.set_num_threads(1)
    name, side, precision, layout = one.split(" ")
    memory = torch.channels_last if layout == "channels-last" else torch.contiguous_format
    network = create_network(name, int(side)).to(memory_format=memory)
    views = torch.rand(NETWORKS[name] * 28 // int(side) * 2, 3, int(side), int(side)).contiguous(memory_format=memory)
    seconds = []
    for _ in range(3):
        began = time.process_time()
        with autocast(precision, "cpu"):
            features = network(views)
        features.float().sum().backward()
        seconds.append(time.process_time() - began)
    return {"rate": len(views) / 2 / min(seconds)}


def measure_place(one: str, given: argparse.Namespace) -> Measured:
    """Return the seconds of ``place_on_map`` for images that it has not seen, by a model of few steps."""
    from dsim.maps import place_on_map

    side = int(one)
    seen, new = read_images(given.dataset, side, 2 * given.batch), read_images(given.dataset, side, PLACED, last=True)
    with tempfile.TemporaryDirectory() as folder:
        _train(seen, QUICK, side, given.batch, (4, 1, 1), Path(folder))
        began = time.perf_counter()
        placed = place_on_map(new, Path(folder) / "run" / "model", runtime=Runtime(cache=Path(folder) / "new"))
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "images": len(placed.points)}


def measure_quality(one: str, given: argparse.Namespace) -> Measured:
    """Return the seconds of a whole training, and the scores of its map of the images that it was trained on."""
    from dsim.features import extract
    from dsim.stats.map_scores import repeated_knn, silhouettes

    dataset = read_images(given.dataset, 28, COUNT)
    began = time.perf_counter()
    if one == PLAIN:
        images = np.stack([dataset.pixels(index) for index in range(len(dataset))])
        network, setting = Network(), Setting(side=28, batch=given.batch, steps=tuple(given.steps))
        for number, _ in enumerate(train_plain(images, setting, network)):
            if number % 20 == 0:
                print(f"step {number + 1} of {sum(given.steps)}", file=sys.stderr, flush=True)
        seconds = time.perf_counter() - began
        points: NDArray[Any] = place_plain(images, network)
    else:
        with tempfile.TemporaryDirectory() as folder:
            _train(dataset, one, 28, given.batch, tuple(given.steps), Path(folder))
            seconds = time.perf_counter() - began
            runtime = Runtime(device="cpu", cache=Path(folder) / "cache")
            points = extract(dataset, f"file:{Path(folder) / 'run' / 'model'}", runtime)
    found = repeated_knn(points, dataset.labels or (), dataset.groups)
    return {"seconds": seconds, "knn": found.accuracy, "silhouette": silhouettes(points, dataset.labels or ()).mean}


def _train(dataset: dsim.data.Dataset, name: str, side: int, batch: int, steps: tuple[int, ...], folder: Path) -> None:
    shared: dict[str, Any] = {"size": side, "bank_side": side, "batch": batch, "rotations": "any", "calibration": 0.0}
    settings = {**shared, "steps": tuple(map(float, steps)), **TRAININGS[name]}
    runtime = Runtime(device="cpu", cache=folder / "cache")
    dsim.train("t-simcne", [dataset], out=folder / "run", seed=0, runtime=runtime, **settings)


def _curves(folder: Path) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = json.loads((folder / "run" / "model" / "curves.json").read_text("utf-8"))
    return rows


def read_images(reference: str, side: int, count: int, *, last: bool = False) -> dsim.data.Dataset:
    """Return ``count`` images of a dataset, resized to squares, with labels and groups, in memory.

    They are spread evenly over the dataset, ``last`` ones half a step later.
    """
    from PIL import Image

    dataset = dsim.open_dataset(reference)
    places = (np.arange(min(count, len(dataset))) + 0.5 * last) * len(dataset) / count
    chosen = np.unique(places.astype(int).clip(0, len(dataset) - 1))
    images = [Image.fromarray(dataset.pixels(int(index))).convert("RGB").resize((side, side)) for index in chosen]
    labels = None if dataset.labels is None else [str(dataset.labels[index]) for index in chosen]
    groups = None if dataset.groups is None else [str(dataset.groups[index]) for index in chosen]
    return dsim.from_arrays(
        np.stack([np.asarray(image) for image in images]), labels=labels, groups=groups, name="images"
    )


_MEASURES: dict[str, Callable[[str, argparse.Namespace], Measured]] = {
    "rates": measure_rate,
    "networks": measure_network,
    "place": measure_place,
    "quality": measure_quality,
}
_REPORTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "rates": report_rates,
    "levers": report_levers,
    "networks": report_networks,
    "place": report_place,
    "quality": report_quality,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=tuple(_REPORTS))
    parser.add_argument("dataset", help="whose images are trained on, such as .../cells/chula_rbc12_cls")
    parser.add_argument("--work", type=Path, required=True, help="folder of finished measurements")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, nargs=3, default=[200, 60, 100], help="of the three stages, for quality")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
