"""The queue: each run makes a map, scores it, and stores both; a run that is stored is not done again.

A training that was interrupted goes on from its last checkpoint. Points lie in ``WORK/maps/NAME.npz``, scores and facts
in ``WORK/maps/NAME.json``, and what is done and under way in ``WORK/progress.txt``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsim
from benchmarks.maps.design import (
    BATCH,
    CELLS,
    DINO,
    IMAGENET,
    OWN_TSNE,
    PIXELS,
    ROTATIONS,
    RUNS,
    SIMCLR,
    STEPS,
    TSIMCNE,
    Run,
    open_set,
    side_of,
    training_settings,
)
from benchmarks.maps.scores import score_map
from dsim.data import Dataset
from dsim.embeddings import lay_out
from dsim.features import extract
from dsim.files import write_text
from dsim.models import lite0
from dsim.runtime import Runtime, Silent, Task

Floats = NDArray[np.floating[Any]]

#: Seconds between two lines of progress.
PAUSE = 20.0
#: The network of ``quick``, so that SimCLR differs from t-SimCNE in its loss and its optimiser alone.
NETWORK = "resnet10_w32"


class Progress(Silent):
    """Progress as lines of a file: the runs that are done, and how far the one under way is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def line(self, text: str) -> None:
        """Append a line with the time."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    @contextmanager
    def task(self, description: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Append lines while the work goes on."""
        yield _LineTask(self, description, total, unit)

    def note(self, text: str) -> None:
        """Append a sentence."""
        self.line(f"  note: {text}")


class _LineTask:
    """Appends how far a piece of work is, at most every ``PAUSE`` seconds."""

    def __init__(self, progress: Progress, description: str, total: float | None, unit: str) -> None:
        self.progress, self.description, self.total, self.unit = progress, description, total, unit
        self.done, self.printed = 0.0, time.monotonic()

    def advance(self, amount: float = 1, **_: object) -> None:
        """Count, and write where the last line is old enough."""
        self.done += amount
        if time.monotonic() - self.printed >= PAUSE:
            self.printed = time.monotonic()
            whole = f" of {self.total:g}" if self.total else ""
            self.progress.line(f"  {self.description}: {self.done:g}{whole} {self.unit}")


def path_of(run: Run, work: Path, ending: str = "json") -> Path:
    """Return the file of a run's scores, or of its points (``npz``)."""
    return work / "maps" / f"{run.name}.{ending}"


def run_queue(runs: Sequence[Run], data: Path, work: Path, dino: Path | None) -> None:
    """Carry out the runs that are not stored yet; one that fails is noted, and the next one begins."""
    (work / "maps").mkdir(parents=True, exist_ok=True)
    progress = Progress(work / "progress.txt")
    runtime = Runtime(device="cpu", cache=work / "cache", progress=progress)
    wanted = [run for run in runs if not path_of(run, work).is_file()]
    progress.line(f"{len(runs) - len(wanted)} of {len(runs)} runs are done; {len(wanted)} follow")
    for number, run in enumerate(wanted):
        progress.line(f"{run.name}: begins ({number + 1} of {len(wanted)})")
        began = time.monotonic()
        try:
            facts = carry_out(run, data, work, runtime, dino)
        except Exception as error:  # a queue that runs for an hour goes on without the run that fails
            progress.line(f"{run.name}: FAILED, {type(error).__name__}: {error}")
            continue
        shown = ", ".join(f"{key} {facts['scores'][key]:.3f}" for key in ("knn", "silhouette"))
        progress.line(f"{run.name}: done in {time.monotonic() - began:.0f} s; {shown}")
    progress.line("the queue is at its end")


def carry_out(run: Run, data: Path, work: Path, runtime: Runtime, dino: Path | None = None) -> dict[str, Any]:
    """Make the map of a run, store its points and scores, and return what is stored."""
    dataset = open_set(data, run.set)
    wall, processor = time.monotonic(), time.process_time()
    points, made = _MAKERS[run.method](run, dataset, work, runtime, dino)
    seconds = {"seconds": time.monotonic() - wall, "processor_seconds": time.process_time() - processor}
    np.savez_compressed(path_of(run, work, "npz"), points=points.astype(np.float32))
    facts = {
        "set": run.set,
        "method": run.method,
        "variant": run.variant,
        "seed": run.seed,
        "images": [len(dataset), dataset.images_fingerprint[:12]],
        **{key: round(value, 1) for key, value in seconds.items()},
        **made,
        "scores": score_map(points, dataset, pixels_of(dataset, run.set, runtime)),
    }
    write_text(path_of(run, work), json.dumps(facts, indent=1) + "\n")
    return facts


def pixels_of(dataset: Dataset, name: str, runtime: Runtime) -> Floats:
    """Return the pixels of a set's images at the study's size, float32 (n, 3 side side)."""
    return extract(dataset, f"pixels:[side={side_of(name)},channels=3]", runtime)


def train_map(run: Run, dataset: Dataset, work: Path, runtime: Runtime) -> Path:
    """Train t-SimCNE on a set, from its last checkpoint where there is one; return the folder of the map's model."""
    out = work / "runs" / run.name
    settings = training_settings(run)
    dsim.train(TSIMCNE, [dataset], out=out, preset="quick", seed=run.seed, runtime=runtime, **settings)
    return out / "model"


def _place(run: Run, dataset: Dataset, work: Path, runtime: Runtime, _: Path | None) -> tuple[Floats, dict[str, Any]]:
    model = train_map(run, dataset, work, runtime)
    return extract(dataset, f"file:{model}", runtime), _training_facts(model)


def _training_facts(model: Path) -> dict[str, Any]:
    """Seconds, settings and the end of the curves of a training."""
    from dsim.zoo import read_model

    training = read_model(model).manifest["training"]
    curves = json.loads((model / "curves.json").read_text("utf-8"))
    kept = ("network", "size", "batch", "steps", "rotations", "lr", "last_layer", "last_lr", "precision", "calibration")
    settings = {key: training["settings"][key] for key in kept if key in training["settings"]}
    last = {key: round(value, 4) for key, value in curves[-1].items() if key in ("loss", "stage", "epoch")}
    return {
        "training_seconds": round(sum(row.get("seconds", 0.0) for row in curves)),
        "settings": settings,
        "last": last,
    }


def _lay_out(reference: str) -> Callable[..., tuple[Floats, dict[str, Any]]]:
    """A maker that lays out the features of a reference, in which ``{side}`` is the side of the set's images."""

    def make(run: Run, dataset: Dataset, _: Path, runtime: Runtime, __: Path | None) -> tuple[Floats, dict[str, Any]]:
        known = reference.format(side=side_of(run.set))
        return lay_out(extract(dataset, known, runtime), "tsne", run.seed), {"extractor": known}

    return make


def _lay_out_own(
    run: Run, dataset: Dataset, work: Path, runtime: Runtime, _: Path | None
) -> tuple[Floats, dict[str, Any]]:
    """The features of the map network with every angle, before its projector."""
    trained = next(each for each in RUNS if (each.set, each.variant, each.seed) == (CELLS, "rotations any", run.seed))
    model = train_map(trained, dataset, work, runtime)
    return lay_out(extract(dataset, f"file:{model}[layer=features]", runtime), "tsne", run.seed), {}


def _lay_out_simclr(
    run: Run, dataset: Dataset, work: Path, runtime: Runtime, _: Path | None
) -> tuple[Floats, dict[str, Any]]:
    """SimCLR with the network, views and number of images of t-SimCNE with every angle."""
    out, side = work / "runs" / run.name, side_of(run.set)
    settings: dict[str, Any] = {
        "network": NETWORK,
        "size": side,
        "bank_side": side,
        "batch": BATCH,
        "views": ROTATIONS["any"],
        "hidden": 1024,
        "epochs": round(sum(STEPS) / (len(dataset) // BATCH)),
        "precision": "auto",
    }
    dsim.train("simclr", [dataset], out=out, preset="small", seed=run.seed, runtime=runtime, **settings)
    return lay_out(extract(dataset, f"file:{out / 'model'}", runtime), "tsne", run.seed), {"settings": settings}


def _lay_out_dino(
    run: Run, dataset: Dataset, _: Path, runtime: Runtime, dino: Path | None
) -> tuple[Floats, dict[str, Any]]:
    """The backbone that DINO trained for benchmarks/label_efficiency: from ImageNet's weights, on 70 % of the cells."""
    if dino is None:
        raise LookupError(
            "give --dino MODEL: the folder of the model of run lite0-chula of benchmarks.label_efficiency"
        )
    return lay_out(extract(dataset, f"file:{dino}", runtime), "tsne", run.seed), {"extractor": "lite0-chula"}


_MAKERS: dict[str, Callable[..., tuple[Floats, dict[str, Any]]]] = {
    TSIMCNE: _place,
    OWN_TSNE: _lay_out_own,
    PIXELS: _lay_out("pixels:[side={side},channels=3]"),
    IMAGENET: _lay_out(f"zoo:{lite0.IMAGENET}"),
    SIMCLR: _lay_out_simclr,
    DINO: _lay_out_dino,
}
