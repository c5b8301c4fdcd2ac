"""Tables on stdout."""

from __future__ import annotations

from collections.abc import Sequence


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
