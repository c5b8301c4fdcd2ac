"""How wide the columns of a table are, which are left out, and which follow in a table below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dsim.ui.short_names import cell_len


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    Parameters
    ----------
    cells : a cell may hold several lines.
    right : whether it is aligned to the right.
    whole : whether its cells stay as they are; otherwise words that are too long are shortened in the middle.
    prose : whether its cells are folded and never shortened.
    optional : whether the table may do without it; of several, the one with the highest number goes first, 0 stays.
    """

    title: str
    cells: Sequence[str]
    right: bool = False
    whole: bool = False
    prose: bool = False
    optional: int = 0

    @cached_property
    def widest_cell(self) -> int:
        """Cells of a terminal that the longest line takes."""
        return max((cell_len(line) for cell in self.cells for line in cell.split("\n")), default=0)

    @property
    def natural(self) -> int:
        """The width at which nothing is folded."""
        return max(cell_len(self.title), self.widest_cell)

    def least(self, room: Room) -> int:
        """The width below which it should not fall."""
        word = max(map(cell_len, self.title.split()), default=0)
        cells = self.widest_cell if self.whole else min(self.widest_cell, room.prose if self.prose else room.name)
        return max(1, cells, min(word, room.title))


@dataclass(frozen=True)
class Room:
    """The least widths of what can give way: names, words of titles, prose."""

    name: int
    title: int
    prose: int


#: While columns can still be left out nothing is shortened much.
_COMFORTABLE = Room(name=16, title=99, prose=30)
_NARROW = Room(name=12, title=12, prose=20)
_NARROWEST = Room(name=7, title=7, prose=12)


@dataclass(frozen=True)
class Block:
    """Columns that stand in one table, and the width of each."""

    columns: tuple[Column, ...]
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """Tables that stand below each other, the first column in each, and the titles of the columns left out."""

    blocks: tuple[Block, ...]
    left_out: tuple[str, ...] = ()

    @property
    def gives_way(self) -> bool:
        """Whether something is left out or shortened."""
        return bool(self.left_out) or any(
            not column.whole and not column.prose and width < _longest_word(column)
            for block in self.blocks
            for column, width in zip(block.columns, block.widths, strict=True)
        )


def _longest_word(column: Column) -> int:
    return max((cell_len(word) for cell in column.cells for word in cell.split()), default=0)


def framed(columns: int) -> int:
    """Return the cells that the frame of a table takes.

    >>> framed(2)
    7
    """
    return 3 * columns + 1


def lay_out(columns: Sequence[Column], width: int) -> Layout:
    """Return the layout within ``width`` cells: optional columns go first, then names and titles are shortened.

    What still has no room follows in tables below.
    """
    kept = list(columns)
    while _needed(kept, _COMFORTABLE) > width and (optional := [one for one in kept if one.optional]):
        kept.remove(max(optional, key=lambda column: column.optional))
    left_out = tuple(column.title for column in columns if column not in kept)
    for room in (_COMFORTABLE, _NARROW):
        if _needed(kept, room) <= width:
            return Layout((_block(kept, room, width),), left_out)
    return Layout(tuple(_block(part, _smallest(part, width), width) for part in _parts(kept, width)), left_out)


def _needed(columns: Sequence[Column], room: Room) -> int:
    return framed(len(columns)) + sum(column.least(room) for column in columns)


def _smallest(columns: Sequence[Column], width: int) -> Room:
    return _NARROW if _needed(columns, _NARROW) <= width else _NARROWEST


def _parts(columns: Sequence[Column], width: int) -> list[list[Column]]:
    """The columns in as many tables as they need, the first column in each."""
    first, *rest = columns
    parts = [[first]]
    for column in rest:
        if len(parts[-1]) > 1 and _needed([*parts[-1], column], _NARROW) > width:
            parts.append([first])
        parts[-1].append(column)
    return parts


def _block(columns: Sequence[Column], room: Room, width: int) -> Block:
    """The columns at their least widths, and what is left for names and prose first, then for titles."""
    widths = [column.least(room) for column in columns]
    left = width - framed(len(columns)) - sum(widths)
    for wanted in ([column.widest_cell for column in columns], [column.natural for column in columns]):
        while left > 0 and (short := [k for k, most in enumerate(wanted) if widths[k] < most]):
            widths[min(short, key=widths.__getitem__)] += 1
            left -= 1
    return Block(tuple(columns), tuple(widths))
