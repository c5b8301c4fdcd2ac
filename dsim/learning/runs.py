"""What trainers say of one of their runs: its seeds, what its checkpoints must agree on, and the facts on its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dsim.files.documents import plain
from dsim.registry import Need, TrainerSpec

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.learning.loop import TrainingResult
    from dsim.runtime import Runtime


def draw_seed(seed: int, trainer: str, purpose: str) -> int:
    """Return the seed of one purpose of a run, in [0, 2^31): those of different purposes are independent.

    >>> draw_seed(0, "simclr", "head") == draw_seed(0, "simclr", "head") != draw_seed(0, "simclr", "training")
    True
    """
    from dsim.random import stream

    return int(stream(seed, trainer, purpose).integers(2**31))


def run_identity(
    spec: TrainerSpec, revision: int, datasets: Sequence[Dataset], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a checkpoint must agree on beside config and seed: the trainer, the images, the settings.

    ``revision`` is bumped by a trainer whose same settings train to other weights.
    """
    return {
        "trainer": f"{spec.name}@{spec.version}.{revision}",
        "datasets": [dataset.fingerprint({Need.IMAGES}) for dataset in datasets],
        "settings": plain(settings),
    }


def training_facts(
    method: str, trained: TrainingResult, seed: int, runtime: Runtime, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the facts of a finished training that manifest and card keep, as plain values."""
    return {
        "method": method,
        "seed": seed,
        "device": runtime.resolved_device(),
        "seconds": round(trained.seconds),
        "epochs": len(trained.curves),
        "last": dict(trained.curves[-1]),
        "warnings": list(trained.warnings),
        "settings": plain(settings),
    }
