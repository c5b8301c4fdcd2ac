"""Finished trainings, one JSON line each: whoever is interrupted goes on where they stopped."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks.phantom_truth.design import Design
from benchmarks.phantom_truth.training import score, train
from dsim import __version__

Job = tuple[str, int]


@dataclass(frozen=True)
class Finished:
    """One network: the Dice it reached on each target, and how it was trained.

    Parameters
    ----------
    key : of the recipe and the datasets; a line of another key is not taken up.
    scores : target to mean Dice, 0 to 1; a source's own on its held-out images.
    """

    key: str
    source: str
    seed: int
    scores: dict[str, float]
    epochs: int
    best_epoch: int
    validation_loss: float
    seconds: float
    finished: str
    conditions: dict[str, str]


def carry_out(design: Design, source: str, seed: int) -> Finished:
    """Train one network and score it on all targets, on one thread."""
    torch.set_num_threads(1)
    done = train(design.sources[source], design.recipe, seed)
    scores = score(done.network, design.scored_on(source), design.recipe.threshold)
    return Finished(
        key=design.key(source),
        source=source,
        seed=seed,
        scores=scores,
        epochs=done.epochs,
        best_epoch=done.best_epoch,
        validation_loss=done.validation_loss,
        seconds=round(done.seconds, 2),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        conditions=conditions(),
    )


def conditions() -> dict[str, str]:
    """What else the last digits depend on."""
    libraries = {name: version(name) for name in ("numpy", "pillow", "scipy", "torch")}
    return {"dsim": __version__, "device": "cpu", "machine": platform.machine(), **libraries}


def read(path: Path, design: Design) -> dict[Job, Finished]:
    """The trainings of this design that are finished; a line cut short by an interruption is not there."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            done = Finished(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if done.source in design.sources and done.key == design.key(done.source):
            found[done.source, done.seed] = done
    return found


def append(path: Path, done: Finished) -> None:
    """Add one line, and see it written to disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as file:
        # After an interruption the last line may lack its end; the new one must not be glued to it.
        whole = file.tell() == 0 or _last_byte(file.fileno()) == b"\n"
        file.write((b"" if whole else b"\n") + json.dumps(asdict(done)).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def missing(design: Design, seeds: Iterable[int], done: Iterable[Job]) -> list[Job]:
    """What is still to be trained, seed by seed, so that an early look sees all sources."""
    known = set(done)
    return [(source, seed) for seed in seeds for source in design.sources if (source, seed) not in known]


def _last_byte(handle: int) -> bytes:
    return os.pread(handle, 1, os.fstat(handle).st_size - 1)
