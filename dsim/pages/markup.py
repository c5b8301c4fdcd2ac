"""Texts, numbers and elements of a page: names are escaped, numbers have few digits, wide tables scroll."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape as escape_html

#: Joiners that names in some scripts need; other characters without a glyph could turn or hide what follows.
_JOINERS = "\u200c\u200d"
#: Stands for a missing value.
MISSING = "–"


def escape(value: object) -> str:
    """Return a text that can stand in an element or an attribute, whatever is in it.

    >>> escape('<b onclick="x">' + chr(0x202E) + chr(10))
    '&lt;b onclick=&quot;x&quot;&gt;□□'
    """
    return escape_html("".join(character if _is_drawn(character) else "□" for character in str(value)))


def _is_drawn(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"


def isolate_name(value: str) -> str:
    """Return a name that a user gave, kept apart from the writing direction of the text around it."""
    return f"<bdi>{escape(value)}</bdi>"


def emphasise_name(value: str) -> str:
    """Return a name as strong text."""
    return f"<strong>{isolate_name(value)}</strong>"


def join_words(parts: Sequence[str]) -> str:
    """Return parts, HTML already, as an enumeration; raises IndexError without parts.

    >>> join_words(["a"]), join_words(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def format_number(value: float) -> str:
    """Return a number with four significant digits; a dash for NaN.

    >>> format_number(-0.12345), format_number(float("nan"))
    ('−0.1235', '–')
    """
    return MISSING if math.isnan(value) else f"{value:.4g}".replace("-", "−")


def format_decimals(value: float, form: str) -> str:
    """Return a number in a given format, such as ``"z.2f"``; a dash for NaN.

    Raises ValueError where the format is not one of numbers.

    >>> format_decimals(-0.5, ".2f")
    '−0.50'
    """
    return MISSING if math.isnan(value) else format(value, form).replace("-", "−")


def format_count(count: int, word: str) -> str:
    """Return a count with its noun.

    >>> format_count(1, "source"), format_count(3, "source")
    ('1 source', '3 sources')
    """
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def format_percent(share: float) -> str:
    """Return a share in [0, 1] in percent; a dash for NaN."""
    return MISSING if math.isnan(share) else f"{100 * share:.0f} %"


def render_list(lines: Iterable[str]) -> str:
    """Return lines, HTML already, as a list; empty without lines."""
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def render_section(heading: str, body: str, mark: str = "", kind: str = "") -> str:
    """Return a section with its heading, both HTML already; empty without a body. ``mark`` is its id in links."""
    attributes = (f' id="{mark}"' if mark else "") + (f' class="{kind}"' if kind else "")
    return f"<section{attributes}>\n<h2>{heading}</h2>\n{body}\n</section>" if body else ""


def render_scroll(label: str, table: str) -> str:
    """Return a region around a table that may be wider than the screen; the keyboard reaches it and scrolls it."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">{table}</div>'


def render_cell(content: str, kind: str = "", *, head: str = "") -> str:
    """Return a table cell of HTML content; a heading where ``head`` is ``"col"`` or ``"row"``."""
    classes = f' class="{kind}"' if kind else ""
    return f'<th scope="{head}"{classes}>{content}</th>' if head else f"<td{classes}>{content}</td>"


def render_table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    kinds: Sequence[str] | None = None,
    kind: str = "",
    row_heads: int | None = 0,
) -> str:
    """Return a table of HTML cells; empty without rows.

    Parameters
    ----------
    heads, rows : contents of the heading row, and of each row below it. ``kinds`` : classes of each column's cells,
        such as ``"text"``, which aligns to the left; numbers stand to the right.
    kind : class of the table. ``row_heads`` : the column whose cells are headings of their rows, or None.

    Raises ValueError where the rows, heads and kinds are not of one length.

    >>> render_table(["set", "images"], [["a", "3"]], kinds=["text", ""], row_heads=None).splitlines()[2]
    '<tr><td class="text">a</td><td>3</td></tr>'
    """
    if not rows:
        return ""
    classes = kinds or [""] * len(heads)

    def render_row(cells: Sequence[str]) -> str:
        placed = enumerate(zip(cells, classes, strict=True))
        return "".join(
            render_cell(cell, name, head="row" if place == row_heads else "") for place, (cell, name) in placed
        )

    top = "".join(render_cell(head, name, head="col") for head, name in zip(heads, classes, strict=True))
    body = "\n".join(f"<tr>{render_row(cells)}</tr>" for cells in rows)
    of_kind = f' class="{kind}"' if kind else ""
    return f"<table{of_kind}><thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
