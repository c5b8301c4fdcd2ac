"""DINO trained on the training parts of the study's sets, one run after the other; each goes on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dsim
from benchmarks.label_efficiency.design import SEED, Run, open_set, training_part
from dsim.runtime import Runtime, Silent, Task

#: Seconds between two lines of progress.
PAUSE = 20.0


class _LineTask:
    """Prints how far a piece of work is, at most every ``PAUSE`` seconds."""

    def __init__(self, description: str, total: float | None, unit: str) -> None:
        self.description, self.total, self.unit = description, total, unit
        self.done, self.began, self.printed = 0.0, time.monotonic(), 0.0

    def advance(self, amount: float = 1, **fields: object) -> None:
        """Count, and print where the last line is old enough."""
        self.done += amount
        now = time.monotonic()
        if fields or now - self.printed >= PAUSE:
            self.printed = now
            shown = " ".join(f"{name} {value:.5g}" for name, value in fields.items() if isinstance(value, float))
            whole = f" of {self.total:g}" if self.total else ""
            stamp = time.strftime("%H:%M:%S")
            print(f"{stamp} {self.description}: {self.done:g}{whole} {self.unit} {shown}", flush=True)


class Lines(Silent):
    """Progress as lines of text, for a training in the background whose output is a file."""

    @contextmanager
    def task(self, description: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Print lines while the work goes on."""
        yield _LineTask(description, total, unit)

    def note(self, text: str) -> None:
        """Print a sentence."""
        print(f"{time.strftime('%H:%M:%S')} note: {text}", flush=True)


def folder_of(run: Run, work: Path) -> Path:
    """Return the folder of a run."""
    return work / "runs" / run.name


def model_of(run: Run, work: Path) -> Path:
    """Return the folder of the model that a finished run wrote."""
    return folder_of(run, work) / "model"


def train_run(run: Run, data: Path, work: Path) -> None:
    """Train a run to its end, from its last checkpoint where there is one."""
    parts = [training_part(open_set(data, name)) for name in run.sets]
    counts = ", ".join(f"{len(part)} of {part.name}" for part in parts)
    runtime = Runtime(device="cpu", cache=work / "cache", progress=Lines())
    runtime.progress.note(f"{run.name}: {counts}; {run.epochs} epochs")
    dsim.train(
        "dino",
        parts,
        out=folder_of(run, work),
        preset="small",
        seed=SEED,
        runtime=runtime,
        epochs=run.epochs,
        id=run.model,
        title=title_of(run),
        licence=licence_of(run, data),
        **run.settings,
    )


def title_of(run: Run) -> str:
    """Return the title of a run's model."""
    network = "EfficientNet-Lite0 from ImageNet" if run.name.startswith("lite0") else "ResNet-18"
    images = run.sets[0] if len(run.sets) == 1 else f"{len(run.sets)} sets"
    return f"{network}, trained by DINO on unlabelled images of {images}"


def licence_of(run: Run, data: Path) -> str:
    """Return the licence of a run's weights: what those of its start and of its images ask for."""
    from dsim.zoo import find, pool_entry

    start = (
        [f"start: {find('lite0.imagenet.r1').manifest['weights']['licence']}"]
        if run.settings["start"] == "imagenet"
        else []
    )
    images = [f"{name}: {pool_entry(open_set(data, name))['licence']}" for name in run.sets]
    return "; ".join([*start, *images])
