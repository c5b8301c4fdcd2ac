"""The console of commands: data and tables on stdout, notes on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import readable

if TYPE_CHECKING:
    from rich.console import Console

#: Columns in a pipe: what pages and logs have room for. Programs read --json.
_PIPE = 120
#: Columns below which cells would vanish; a narrower terminal breaks the lines of a table.
_LEAST = 20


def stdout() -> Console:
    """Return the console for data: colour and width of the terminal; in a pipe plain text, 120 columns wide.

    ``COLUMNS`` in the environment is the width of both, unless it is 0, by which some shells say that they know none.
    """
    from rich.console import Console

    width = shutil.get_terminal_size().columns if _has_width() else _PIPE
    return Console(width=max(width, _LEAST), highlight=False, soft_wrap=False)


def _has_width() -> bool:
    """Whether what is printed on stdout has to fit: into a terminal, or where ``COLUMNS`` asks for it."""
    asked = os.environ.get("COLUMNS", "")
    return sys.stdout.isatty() or (asked.isdecimal() and int(asked) > 0)


def stderr() -> Console:
    """Return the console for notes, warnings and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print a line on stderr: neither markup in it, such as a user's ``[name]``, nor control characters are obeyed."""
    stderr().print(readable(line), markup=False)


def say_written(files: Iterable[str | Path]) -> None:
    """Print the paths of the files that were written, in one line on stderr."""
    say(f"wrote {', '.join(map(str, files))}")


def emit_json(value: Any) -> None:
    """Print one JSON document on stdout. Raises ValueError for NaN and infinity, which JSON does not have."""
    print(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False))


def print_behind(label: str, text: str, deeper: int = 0) -> None:
    """Print a label and a text behind it, folded below its own beginning in a terminal; a pipe gets one line.

    Folded lines stand ``deeper`` by so many blanks. In a pipe ``COLUMNS`` in the environment asks for folding too.
    """
    import textwrap

    text = readable(text)
    # Without rich, which commands that print no table need not import.
    room = shutil.get_terminal_size().columns - len(label)
    if not _has_width() or len(text) <= room:
        print(f"{label}{text}")
        return
    folded = textwrap.wrap(
        text, max(room, 20), subsequent_indent=" " * deeper, break_long_words=False, break_on_hyphens=False
    )
    print(label + f"\n{' ' * len(label)}".join(folded))


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns without a frame, for tools such as ``awk``."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
