"""Texts and numbers of the page: what users named is escaped, numbers have few digits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

#: Joiners that names in some scripts need; other characters without a glyph could turn or hide what follows.
_JOINERS = "\u200c\u200d"
#: Stands where there is no value.
NONE = "–"


def text(value: str) -> str:
    """A text that can stand in an element or an attribute, whatever is in it.

    >>> text('<b onclick="x">' + chr(0x202E) + chr(10))
    '&lt;b onclick=&quot;x&quot;&gt;□□'
    """
    return escape("".join(c if c.isprintable() or c in _JOINERS else "□" for c in str(value)))


def name(value: str) -> str:
    """A name that a user gave, kept apart from the direction of the text around it."""
    return f"<bdi>{text(value)}</bdi>"


def strong(value: str) -> str:
    """A name that matters."""
    return f"<strong>{name(value)}</strong>"


def listed(parts: Sequence[str]) -> str:
    """Parts, HTML already, as an enumeration.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def number(value: float) -> str:
    """Four significant digits; a dash where there is none.

    >>> number(-0.12345), number(float("nan"))
    ('−0.1235', '–')
    """
    return NONE if math.isnan(value) else f"{value:.4g}".replace("-", "−")


def formed(value: float, form: str) -> str:
    """A number in a format that ``equal_decimals`` gave."""
    return NONE if math.isnan(value) else format(value, form).replace("-", "−")


def plural(count: int, word: str) -> str:
    """A count with its noun.

    >>> plural(1, "source"), plural(3, "source")
    ('1 source', '3 sources')
    """
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def percent(share: float) -> str:
    """A share in percent; a dash where it is not known."""
    return NONE if math.isnan(share) else f"{100 * share:.0f} %"


def bullets(lines: Iterable[str]) -> str:
    """Lines, HTML already, as a list; empty without any."""
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def scrolling(label: str, table: str) -> str:
    """A table that may be wider than the screen, reached by the keyboard too."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{text(label)}">{table}</div>'


def section(heading: str, body: str, mark: str, kind: str = "") -> str:
    """A section with its heading, HTML already, found by its mark; empty without a body."""
    of_kind = f' class="{kind}"' if kind else ""
    return f'<section id="{mark}"{of_kind}>\n<h2>{heading}</h2>\n{body}\n</section>' if body else ""
