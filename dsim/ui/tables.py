"""Tables that are readable in any terminal of 40 columns and more; 80 is what they are made for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dsim.errors import readable
from dsim.ui.options import WIDE
from dsim.ui.short_names import ELLIPSIS

if TYPE_CHECKING:
    from rich.table import Table

    from dsim.ui.layout import Block, Column

_MENTIONED = "dsim.ui.mentioned_wide"
_PLAIN_ELLIPSIS = "~"


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
    prose: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> None:
    """Print a table no wider than the terminal; neither markup nor control characters in its cells are obeyed.

    Where it is too wide, optional columns are left out, then names are shortened in the middle, two of them never to
    the same; columns that still have no room follow in a table below. With ``--wide`` everything is printed in full.

    Parameters
    ----------
    right : right-aligned columns: numbers, which are never folded or shortened.
    whole : further columns that are never folded or shortened, such as names that a user types.
    prose : columns of sentences, which are folded and never shortened.
    optional : columns that can be left out, the most important first.
    """
    from dsim.ui.console import stdout
    from dsim.ui.layout import framed, lay_out

    laid = [
        _column(name, [str(row[position]) for row in rows], right, whole, prose, optional)
        for position, name in enumerate(columns)
    ]
    console = stdout()
    if _is_wide():
        console.width = max(framed(len(laid)) + sum(column.natural for column in laid), console.width)
    layout = lay_out(laid, console.width)
    if title:
        from rich.text import Text

        console.print(Text(readable(title), style="table.title"))
    # The sign of what is left out is one cell wide everywhere, and not every encoding has it.
    sign = _PLAIN_ELLIPSIS if console.options.ascii_only else ELLIPSIS
    for block in layout.blocks:
        console.print(_drawn(block, sign))
    if layout.gives_way:
        _mention_wide()


def _column(
    name: str,
    cells: Sequence[str],
    right: Sequence[str],
    whole: Sequence[str],
    prose: Sequence[str],
    optional: Sequence[str],
) -> Column:
    from dsim.ui.layout import Column

    return Column(
        title=name,
        cells=[readable(cell) for cell in cells],
        right=name in right,
        whole=name in right or name in whole,
        prose=name in prose,
        optional=list(optional).index(name) + 1 if name in optional else 0,
    )


def _drawn(block: Block, sign: str) -> Table:
    from rich.table import Table
    from rich.text import Text

    from dsim.ui.short_names import shorten_distinctly

    drawn = Table(header_style="bold")
    words, columns = [word for column in block.columns for word in column.title.split()], []
    for column, width in zip(block.columns, block.widths, strict=True):
        titles = shorten_distinctly(words, width)
        heading = Text(" ".join(titles[word] for word in column.title.split()).replace(ELLIPSIS, sign))
        drawn.add_column(heading, justify="right" if column.right else "left", width=width, overflow="fold")
        columns.append([cell.replace(ELLIPSIS, sign) for cell in _fitted(column, width)])
    for row in zip(*columns, strict=True):
        drawn.add_row(*map(Text, row))
    return drawn


def _fitted(column: Column, width: int) -> list[str]:
    """The cells of a column; words that are longer than its width are shortened, but in prose and numbers."""
    from dsim.ui.short_names import shorten_distinctly

    if column.whole or column.prose or column.widest_cell <= width:
        return list(column.cells)
    short = shorten_distinctly((word for cell in column.cells for word in cell.split()), width)
    return [
        "\n".join(" ".join(short[word] for word in line.split()) for line in cell.split("\n")) for cell in column.cells
    ]


def _is_wide() -> bool:
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(WIDE))


def _mention_wide() -> None:
    """Say once, at the end of a command that has ``--wide``, what it is for."""
    from dsim.ui.console import say

    context = click.get_current_context(silent=True)
    if context is None or context.meta.get(_MENTIONED):
        return
    if any("--wide" in parameter.opts for parameter in context.command.params):
        context.meta[_MENTIONED] = True
        context.call_on_close(lambda: say("note: --wide prints all columns, and long names in full"))
