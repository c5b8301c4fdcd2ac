"""The look of all pictures: style, colours and shapes, texts that any font can draw, and how they become files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dsim.errors import UsageError
from dsim.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend


INK = "#222222"
PALE_INK = "#6B6B6B"
GRID = "#E3E3E3"

#: Relative luminance, of 1 for white, below which white has more contrast than ``INK``, whose own is 0.016.
_DARK = (1.05 * (0.016 + 0.05)) ** 0.5 - 0.05

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
    """Draw with matplotlib's defaults and this style, whatever the user's settings are; they come back afterwards."""
    from matplotlib import style

    with style.context(["default", _STYLE]):
        yield


def ink_on(colour: Sequence[float]) -> str:
    """Return the colour of writing on a colour (red, green, blue, ...) in [0, 1]: white or ``INK``, by contrast.

    The contrast of the better one is never below 3.9 (WCAG 2.2, relative luminance). Raises ValueError for fewer than
    three channels.

    >>> ink_on((0.0, 0.0, 0.5)), ink_on((1.0, 1.0, 0.9, 1.0))
    ('white', '#222222')
    """
    red, green, blue = (_linear(channel) for channel in colour[:3])
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < _DARK else INK


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def unframed(axes: Axes) -> None:
    """Remove the lines around the data."""
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)


def drawable(text: str, length: int = 200) -> str:
    """Return the text on one line, shortened in the middle; characters without a glyph in the font become boxes.

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
    Raises ValueError unless there is one text for each entry.
    """
    for entry, text in zip(legend.get_texts(), texts, strict=True):
        entry.set(text=text, parse_math=False)


@cache
def _known_characters() -> frozenset[int]:
    # Asked of the font itself: matplotlib would warn once per missing character.
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


Role = Literal["source", "target"]

#: Okabe and Ito's colours, safe for the colour-blind; without their yellow, which is lost on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#3A3A3A")

#: Sources are filled shapes, targets are strokes, so that the role shows in black and white too.
SHAPES: Mapping[Role, tuple[str, ...]] = {
    "source": ("o", "s", "^", "D", "v", "p", "<", "h"),
    "target": ("x", "+", "1", "2", "3", "4"),
}

#: Colours of each role. Those of targets are all darker than those of sources: lightness is the part of a colour that
#: every eye sees, and thin strokes need it on white.
ROLE_COLOURS: Mapping[Role, tuple[str, ...]] = {
    "source": (*COLOURS[:6], "#8256F0"),
    "target": ("#000000", "#1A12A0", "#7A3C00", "#8A0045", "#4F5570", "#00483A", "#560070"),
}


@dataclass(frozen=True)
class Look:
    """The colour and the shape of one dataset's marks."""

    colour: str
    shape: str


def looks(roles: Mapping[str, Role]) -> dict[str, Look]:
    """Return a look for each dataset, in order; no two of up to 56 sources, nor of up to 42 targets, are equal.

    Colour and shape change together, so that either distinguishes a few. However many there are, no source shares a
    colour or a shape with a target.

    >>> looks({"a": "source", "b": "target"})
    {'a': Look(colour='#0072B2', shape='o'), 'b': Look(colour='#000000', shape='x')}
    """
    result = {}
    for role in ("source", "target"):
        colours, shapes = ROLE_COLOURS[role], SHAPES[role]
        for place, name in enumerate(name for name in roles if roles[name] == role):
            result[name] = Look(colours[place % len(colours)], shapes[place % len(shapes)])
    return result


#: Metadata without date or program version, so that equal pictures are equal files.
_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": "dsim"},
    ".svg": {"Creator": "dsim", "Date": None},
}


def check_suffix(path: Path | None) -> None:
    """Raise UsageError unless the suffix is one of a picture: .png or .svg; a picture without a path is not written."""
    if path is not None and path.suffix.lower() not in _METADATA:
        raise UsageError(f"cannot write a picture as {path.name!r}", hint="end its name in .png or .svg")


def save(figure: Figure, path: Path | None, title: str) -> Figure:
    """Write the figure as PNG or SVG, by the suffix, and return it; the title stands in the file's metadata.

    Without a path nothing is written. A notebook shows the figure either way, though pyplot does not know it.

    Raises UsageError for another suffix, and DsimError where the file cannot be written.
    """
    check_suffix(path)
    if path is not None:
        suffix = path.suffix.lower()
        metadata = {"Title": title, **_METADATA[suffix]}
        with replacing(path) as temporary:
            figure.savefig(temporary, format=suffix[1:], dpi=160, metadata=metadata, **_WHOLE)
    setattr(figure, "_repr_png_", partial(_png, figure))  # noqa: B010 matplotlib declares no such attribute
    return figure


#: The file is cut to what is drawn, names and legends included.
_WHOLE: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.15}


def _png(figure: Figure) -> bytes:
    """The picture for a notebook."""
    from io import BytesIO

    written = BytesIO()
    with pictures():
        figure.savefig(written, format="png", dpi=110, **_WHOLE)
    return written.getvalue()
