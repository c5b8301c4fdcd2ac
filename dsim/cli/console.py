"""What every command shares: progress on stderr, data on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.runtime import Silent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from dsim.runtime import Progress, Runtime, Task


def stdout() -> Console:
    """The console of data: colour and width of the terminal, plain text in a pipe."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 120
    return Console(width=width, highlight=False, soft_wrap=False)


def stderr() -> Console:
    """The console of notes, warnings and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print a line on stderr as it is: a name from the user is not read as markup."""
    stderr().print(line, markup=False)


def say_written(files: Iterable[str | Path]) -> None:
    """Tell where everything is."""
    say(f"wrote {', '.join(map(str, files))}")


def emit_json(value: Any) -> None:
    """Print one JSON document; NaN is not JSON and is refused."""
    print(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print a table; names from the user are not read as markup. ``right`` names right-aligned columns."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(str(cell)) for cell in row))
    stdout().print(drawn)


def columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns and nothing else: what a shell can take apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def runtime(device: str = "auto", offline: bool = False) -> Runtime:
    """A runtime whose progress is drawn on stderr where that is a terminal."""
    from dsim.runtime import Runtime

    progress: Progress = RichProgress() if sys.stderr.isatty() else Notes()
    return Runtime(device=device, offline=offline, progress=progress)


class _RichTask:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, amount: float = 1, **fields: object) -> None:
        shown = "  ".join(f"{name} {_short(value)}" for name, value in fields.items())
        self._bars.update(self._task, advance=amount)
        if shown:
            self._bars.update(self._task, fields=shown)


class Notes(Silent):
    """No bars where nobody watches, but what must be said is said."""

    def note(self, text: str) -> None:
        print(f"note: {text}", file=sys.stderr)


class RichProgress:
    """Bars with rate and time left, one line per task, nested tasks below each other."""

    def __init__(self) -> None:
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
        from rich.text import Text

        (self._bars.console if self._bars else stderr()).print(Text(f"note: {text}"))

    def _start(self) -> Bars:
        if self._bars is None:
            self._bars = _bars()
            self._bars.start()
        self._open += 1
        return self._bars

    def _stop(self) -> None:
        self._open -= 1
        if self._open == 0 and self._bars is not None:
            self._bars.stop()
            self._bars = None


def _bars() -> Bars:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Task as BarTask
    from rich.text import Text

    class Rate(ProgressColumn):
        """Steps per second, in the task's own unit."""

        def render(self, task: BarTask) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f} {task.fields['unit']}/s" if speed else "", style="dim")

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[fields]}", style="dim"),
        console=stderr(),
        transient=True,
    )


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
