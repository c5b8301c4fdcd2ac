"""What is told of a training, of the conditions it ran under, and of where its datasets lie."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset


def training_record(done: Any) -> dict[str, Any]:
    """What is told of a training: its length, the epoch that was kept, and the curves."""
    last = done.curves[done.best_epoch - 1]["validation"]
    return {
        "epochs": len(done.curves),
        "best_epoch": done.best_epoch,
        "validation_loss": None if last != last else round(last, 4),
        "seconds": round(done.seconds, 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "curves": [
            [round(row["loss"], 4), None if last != last else round(row["validation"], 4)] for row in done.curves
        ],
    }


def conditions(device: str) -> dict[str, Any]:
    """What else the last digits depend on."""
    import platform
    from importlib.metadata import version

    from dsim import __version__

    libraries = {name: version(name) for name in ("numpy", "pillow", "timm", "torch")}
    return {"conditions": {"dsim": __version__, "device": device, "machine": platform.machine(), **libraries}}


def location_of(dataset: Dataset, data: Path | None) -> str:
    """Where others find a dataset: phantoms by their name, files below the data folder; empty for any other place."""
    if dataset.location.startswith("phantoms:"):
        return dataset.location
    chosen = data or os.environ.get("DSIM_DATA")
    place = Path(dataset.location)
    if not chosen or not place.absolute().is_relative_to(Path(chosen).absolute()):
        return ""
    return str(PurePosixPath(place.absolute().relative_to(Path(chosen).absolute()))) + dataset.options
