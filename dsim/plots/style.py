"""The look of all pictures, set for the time of drawing only, and texts that any font can draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

INK = "#222222"
PALE_INK = "#6B6B6B"
GRID = "#E3E3E3"

#: Luminance, of 1 for white, below which writing is white.
_DARK = 0.55

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#B0B0B0",
    "axes.linewidth": 0.8,
    "axes.titlesize": 12.0,
    "xtick.color": PALE_INK,
    "ytick.color": PALE_INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "hatch.linewidth": 0.8,
    "svg.fonttype": "path",
    # Names of SVG elements are salted: at random by default, which would make every file different.
    "svg.hashsalt": "dsim",
}


@contextmanager
def pictures() -> Iterator[None]:
    """matplotlib's defaults with this style, whatever the user's settings are; they come back afterwards."""
    from matplotlib import style

    with style.context(["default", _STYLE]):
        yield


def ink_on(colour: Sequence[float]) -> str:
    """The colour of writing on a colour (red, green, blue, ...) in [0, 1]: white on dark ones, else that of all text.

    >>> ink_on((0.0, 0.0, 0.5)), ink_on((1.0, 1.0, 0.9, 1.0))
    ('white', '#222222')
    """
    red, green, blue = colour[:3]
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < _DARK else INK


def unframed(axes: Axes) -> None:
    """No lines around the data."""
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)


def drawable(text: str, length: int = 200) -> str:
    """The text on one line, shortened in the middle; characters without a glyph in the font become boxes.

    >>> drawable("line\\nbreak"), drawable("a-rather-long-name", 11)
    ('line break', 'a-rat…-name')
    """
    line = " ".join(text.split())
    if len(line) > length:
        tail = (length - 1) // 2
        line = f"{line[: length - 1 - tail]}…{line[-tail:]}"
    known = _known_characters()
    return "".join(character if ord(character) in known else "□" for character in line)


def name_entries(legend: Legend, texts: Sequence[str]) -> None:
    """Name the entries of a legend that was made with placeholders.

    Given at once, texts that begin with an underscore would be left out, and dollars would be read as formulas.
    """
    for entry, text in zip(legend.get_texts(), texts, strict=True):
        entry.set(text=text, parse_math=False)


@cache
def _known_characters() -> frozenset[int]:
    # Asked of the font itself: matplotlib would warn once per missing character.
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
