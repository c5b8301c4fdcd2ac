"""Progress on stderr, and the runtime that a command gives to the library."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dsim.errors import readable
from dsim.runtime import Silent

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from dsim.runtime import Progress, Runtime, Task


def make_runtime(device: str = "auto", offline: bool = False) -> Runtime:
    """Return a runtime that draws its progress on stderr if that is a terminal, and prints only notes otherwise."""
    from dsim.runtime import Runtime

    progress: Progress = RichProgress() if sys.stderr.isatty() else Notes()
    return Runtime(device=device, offline=offline, progress=progress, debug=_debugging())


def _debugging() -> bool:
    """Whether the command line began with ``dsim --debug``."""
    import click

    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().params.get("debug"))


class _RichTask:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, amount: float = 1, **fields: object) -> None:
        shown = "  ".join(f"{name} {_short(value)}" for name, value in fields.items())
        self._bars.update(self._task, advance=amount)
        if shown:
            self._bars.update(self._task, fields=shown)


class _NotedOnce:
    """Remembers notes: many measures meet the same fault of a cache or a dataset."""

    def __init__(self) -> None:
        self._noted: set[str] = set()

    def _is_new(self, text: str) -> bool:
        new = text not in self._noted
        self._noted.add(text)
        return new


class Notes(_NotedOnce, Silent):
    """Progress without bars, for pipes and logs: only notes are printed, each once."""

    def note(self, text: str) -> None:
        if self._is_new(text):
            print(f"note: {readable(text)}", file=sys.stderr)


class RichProgress(_NotedOnce):
    """Progress bars with rate and time left, one line per task, nested tasks below each other; each note once."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: Bars | None = None
        self._open = 0

    @contextmanager
    def task(self, description: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        bars = self._start()
        task = bars.add_task(description, total=total, unit=unit, fields="")
        try:
            yield _RichTask(bars, task)
        finally:
            bars.remove_task(task)
            self._stop()

    def note(self, text: str) -> None:
        if not self._is_new(text):
            return
        from rich.text import Text

        from dsim.ui.console import stderr

        (self._bars.console if self._bars else stderr()).print(Text(f"note: {readable(text)}"), soft_wrap=True)

    def _start(self) -> Bars:
        if self._bars is None:
            from dsim.ui.bars import make_bars

            self._bars = make_bars()
            self._bars.start()
        self._open += 1
        return self._bars

    def _stop(self) -> None:
        self._open -= 1
        if self._open == 0 and self._bars is not None:
            self._bars.stop()
            self._bars = None


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
