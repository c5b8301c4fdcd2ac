"""The conditions of a run: device, network, cache, progress. Nothing here changes a number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dsim.errors import UsageError

#: The version of dsim, as ``dsim.__version__``.
VERSION = "0.1.0"


class Task(Protocol):
    """One long piece of work under way."""

    def advance(self, amount: float = 1, **fields: object) -> None:
        """Report that ``amount`` more of the total is done, and show ``fields`` beside the bar."""


class Progress(Protocol):
    """Shows long work to whoever is watching."""

    def task(self, description: str, total: float | None = None, unit: str = "") -> AbstractContextManager[Task]:
        """Open a line of progress; it closes with the context."""

    def note(self, text: str) -> None:
        """Print one sentence for the user."""


class _SilentTask:
    def advance(self, amount: float = 1, **fields: object) -> None:
        pass


class Silent:
    """Shows nothing: the default in Python and in tests."""

    @contextmanager
    def task(self, description: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        yield _SilentTask()

    def note(self, text: str) -> None:
        pass


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_cache() -> Path:
    """Return ``$DSIM_CACHE``, or the user's cache folder of the platform."""
    if chosen := os.environ.get("DSIM_CACHE"):
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("dsim"))


@dataclass(frozen=True)
class Runtime:
    """Device, cache folder, progress and permissions of one run.

    ``device`` is ``"auto"`` (CUDA, else MPS, else CPU) or a torch device name; ``offline`` forbids any download;
    ``workers`` is the number of decoding threads; ``batch`` images pass the network at once;
    ``debug`` prints the traceback of a cell that fails.
    """

    device: str = "auto"
    offline: bool = False
    cache: Path = field(default_factory=default_cache)
    progress: Progress = field(default_factory=Silent)
    workers: int = 2
    batch: int = 64
    debug: bool = False

    def resolved_device(self) -> str:
        """Return the torch device that ``device`` stands for here.

        Imports torch. Raises UsageError where this machine lacks that device.
        """
        import torch

        present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        if self.device == "auto":
            return next(name for name, here in present.items() if here)
        kind, _, number = self.device.partition(":")
        if not present.get(kind) or (number and (kind != "cuda" or not number.isdecimal())):
            known = ", ".join(name for name, here in present.items() if here)
            raise UsageError(f"there is no device {self.device!r} here", hint=f"choose one of: auto, {known}")
        if number and int(number) >= torch.cuda.device_count():
            raise UsageError(f"there are {torch.cuda.device_count()} CUDA devices here", hint="cuda:0 is the first")
        return self.device
