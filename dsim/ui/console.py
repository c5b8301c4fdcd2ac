"""The console of commands: data and tables on stdout, notes on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def stdout() -> Console:
    """Return the console for data: colour and width of the terminal; in a pipe plain text, 120 columns wide."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 120
    return Console(width=width, highlight=False, soft_wrap=False)


def stderr() -> Console:
    """Return the console for notes, warnings and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print a line on stderr as it is: markup in it, such as a user's ``[name]``, is not interpreted."""
    stderr().print(line, markup=False)


def say_written(files: Iterable[str | Path]) -> None:
    """Print the paths of the files that were written, in one line on stderr."""
    say(f"wrote {', '.join(map(str, files))}")


def emit_json(value: Any) -> None:
    """Print one JSON document on stdout. Raises ValueError for NaN and infinity, which JSON does not have."""
    print(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False))


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()
) -> None:
    """Print a table as wide as the terminal; long cells are folded, and markup in them is not interpreted.

    ``right`` names the right-aligned columns.
    """
    from rich.table import Table
    from rich.text import Text

    from dsim.ui.console import stdout

    drawn = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(str(cell)) for cell in row))
    stdout().print(drawn)


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns without a frame, for tools such as ``awk``."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
