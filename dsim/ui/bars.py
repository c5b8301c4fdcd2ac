"""Progress bars of one line each: the description of a task is shortened, and figures without room are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsim.ui.short_names import cell_len, shorten

if TYPE_CHECKING:
    from rich.progress import Progress, Task

#: Cells of a terminal: a bar; counts, rate and time left, with the gaps between columns; the least of a description.
_BAR, _NUMBERS, _LEAST = 10, 38, 12


def make_bars() -> Progress:
    """Return a display on stderr of tasks that have the fields ``unit`` and ``fields``, texts."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TimeRemainingColumn
    from rich.table import Column
    from rich.text import Text

    # Not the console of notes, which leaves long lines whole: a bar of two lines could not be drawn over.
    console = Console(stderr=True, highlight=False)

    class Rate(ProgressColumn):
        """Steps per second, in the task's own unit."""

        def render(self, task: Task) -> Text:
            return Text(_rate(task), style="dim")

    class Described(ProgressColumn):
        """The description of a task and its figures."""

        def render(self, task: Task) -> Text:
            room = max(_LEAST, console.width - _BAR - _NUMBERS)
            described, figures = in_one_line(task.description, str(task.fields["fields"]), room)
            return Text(described).append(f"  {figures}" if figures else "", style="dim")

    return Progress(
        Described(table_column=Column(no_wrap=True)),
        BarColumn(_BAR),
        MofNCompleteColumn(),
        Rate(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _rate(task: Task) -> str:
    speed = task.finished_speed or task.speed
    if not speed:
        return ""
    return f"{speed:.1f} {task.fields['unit']}/s" if speed >= 1 else f"{1 / speed:.1f} s each"


def in_one_line(description: str, figures: str, room: int) -> tuple[str, str]:
    """Return the description and the figures of a task, in ``room`` cells together with two blanks between.

    The description is shortened in the middle, to half of the room at least where there are figures; of these,
    separated by two blanks, as many are left as have room.

    >>> in_one_line("training usgra_nerve_of_2016", "loss 0.31  lr 0.001", 32)
    ('training u…ve_of_2016', 'loss 0.31')
    """
    parts = figures.split("  ") if figures else []
    while parts and cell_len("  ".join(parts)) + 2 > max(room // 2, room - cell_len(description)):
        parts.pop()
    left = "  ".join(parts)
    return shorten(description, room - cell_len(left) - 2 if left else room), left
