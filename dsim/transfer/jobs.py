"""Jobs of both experiments: their records, the check of their names, and running them side by side."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from dsim.data import PHANTOMS
from dsim.errors import DataError, UsageError, repeated
from dsim.files.documents import number

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.learning import TrainingResult


#: Folder of finished work, inside ``out``.
WORK = ".work"


def describe_training(done: TrainingResult) -> dict[str, Any]:
    """Return the record of a training: its length, the epoch that was kept, and the curves."""
    return {
        "epochs": len(done.curves),
        "best_epoch": done.best_epoch,
        "validation_loss": number(round(done.curves[done.best_epoch - 1]["validation"], 4)),
        "seconds": round(done.seconds, 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "curves": [[round(row["loss"], 4), number(round(row["validation"], 4))] for row in done.curves],
    }


def describe_conditions(device: str) -> dict[str, Any]:
    """Return the versions, device and machine that the last digits of a score depend on."""
    import platform
    from importlib.metadata import version

    from dsim.runtime import VERSION

    libraries = {name: version(name) for name in ("numpy", "pillow", "timm", "torch")}
    return {"conditions": {"dsim": VERSION, "device": device, "machine": platform.machine(), **libraries}}


def public_location(dataset: Dataset, data: Path | None) -> str:
    """Return where others find a dataset: phantoms by name, files below the data folder; empty for any other place."""
    if dataset.location.startswith(PHANTOMS):
        return dataset.location
    chosen = data or os.environ.get("DSIM_DATA")
    place = Path(dataset.location)
    if not chosen or not place.absolute().is_relative_to(Path(chosen).absolute()):
        return ""
    return str(PurePosixPath(place.absolute().relative_to(Path(chosen).absolute()))) + dataset.options


def check_names(role: str, names: Sequence[str], optional: bool = False) -> None:
    """Check that the datasets of a role, ``source`` or ``target``, have names of their own.

    Raises UsageError where there is none, unless it is ``optional``; DataError where two have the same name.
    """
    if not names and not optional:
        raise UsageError(f"there is no {role}", hint=f"give --{role}s PATH...")
    if twice := repeated(names):
        raise DataError(f"two {role}s are named {twice[0]!r}", hint="give one another name: NAME=PATH")


Result = TypeVar("Result")

_WATCH = "dsim-end-with-parent"


def run_side_by_side(work: Callable[..., Result], calls: Sequence[tuple[Any, ...]], jobs: int) -> Iterator[Result]:
    """Yield the result of ``work`` for each call, as it comes; on one thread each in ``jobs`` processes.

    With one job everything runs here, in order, on as many threads as torch likes.
    """
    if jobs == 1 or len(calls) < 2:
        yield from (work(*call) for call in calls)
        return
    from joblib import Parallel, delayed

    todo = (delayed(_in_process)(os.getpid(), work, *call) for call in calls)
    yield from Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=jobs)(todo)


def _in_process(parent: int, work: Callable[..., Result], *call: Any) -> Result:
    import torch

    torch.set_num_threads(1)
    if not any(thread.name == _WATCH for thread in threading.enumerate()):
        threading.Thread(target=_end_with, args=(parent,), name=_WATCH, daemon=True).start()
    return work(*call)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
