"""What is told of a training, of the conditions it ran under, and of where its datasets lie."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dsim.data.options import PHANTOMS
from dsim.files.documents import number

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.learning import TrainingResult

#: Folder of finished work, inside ``out``.
WORK = ".work"


def training_record(done: TrainingResult) -> dict[str, Any]:
    """What is told of a training: its length, the epoch that was kept, and the curves."""
    return {
        "epochs": len(done.curves),
        "best_epoch": done.best_epoch,
        "validation_loss": number(round(done.curves[done.best_epoch - 1]["validation"], 4)),
        "seconds": round(done.seconds, 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "curves": [[round(row["loss"], 4), number(round(row["validation"], 4))] for row in done.curves],
    }


def conditions(device: str) -> dict[str, Any]:
    """What else the last digits depend on."""
    import platform
    from importlib.metadata import version

    from dsim.runtime import VERSION

    libraries = {name: version(name) for name in ("numpy", "pillow", "timm", "torch")}
    return {"conditions": {"dsim": VERSION, "device": device, "machine": platform.machine(), **libraries}}


def location_of(dataset: Dataset, data: Path | None) -> str:
    """Where others find a dataset: phantoms by their name, files below the data folder; empty for any other place."""
    if dataset.location.startswith(PHANTOMS):
        return dataset.location
    chosen = data or os.environ.get("DSIM_DATA")
    place = Path(dataset.location)
    if not chosen or not place.absolute().is_relative_to(Path(chosen).absolute()):
        return ""
    return str(PurePosixPath(place.absolute().relative_to(Path(chosen).absolute()))) + dataset.options
