"""The console of commands: data on stdout, notes on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
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
