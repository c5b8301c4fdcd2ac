"""The parts that pictures of evaluations share: titles, notes, bare axes, numbers in words, points in pairs."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dsim.plots.style import COLOURS, GRID, PALE_INK, Look, drawable, name_entries, unframed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dsim.evaluation import Evaluation, Score


_TITLE_LENGTH = 90
_LEGEND_ROWS = 40


def number(value: float, decimals: int = 2) -> str:
    """Return a number with the minus sign that the axes have.

    >>> number(-0.2381), number(-0.001)
    ('−0.24', '0.00')
    """
    return f"{value:z.{decimals}f}".replace("-", "−")


def equal_decimals(values: Iterable[float]) -> str:
    """Return the format of equal decimals for all values of a table: three digits of the largest, or of their range.

    Values that are not finite do not count.

    >>> [equal_decimals(values) for values in ([0.1284, 3.57], [812.0, 90.0], [1.07, 1.19], [2e7])]
    ['z.2f', 'z.0f', 'z.3f', '.1e']
    """
    known = [value for value in values if math.isfinite(value)]
    largest = max(map(abs, known), default=0.0)
    if largest == 0:
        return ".2f"
    if not 1e-3 <= largest < 1e5:
        return ".1e"
    # At most five decimals: more would show rounding errors.
    finest = max(min(largest, (max(known) - min(known)) or largest), 1e-3)
    return f"z.{max(0, 2 - math.floor(math.log10(finest)))}f"


def format_score(score: Score, confidence: float, sign: int = 1) -> str:
    """Return a score with its interval, or why there is none; ``sign`` -1 turns it.

    >>> from dsim.evaluation import Score
    >>> format_score(Score("pooled_pearson", -0.238, -0.56, 0.12, 3), 0.95, sign=-1)
    '0.24, 95 % −0.12 to 0.56'
    """
    if math.isnan(score.value):
        return f"not defined, {score.note}"
    low, high = sorted((sign * score.low, sign * score.high))
    interval = "" if math.isnan(low + high) else f", {confidence * 100:g} % {number(low)} to {number(high)}"
    return number(sign * score.value) + interval


def plural(count: int, word: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "target"), plural(0, "pair")
    ('1 target', '0 pairs')
    """
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def head(figure: Figure, title: str, below: str) -> None:
    """Draw the title of a picture with a constrained layout, and a line below it."""
    from matplotlib.text import Annotation

    # The second line of the title only keeps the place of the one below.
    heading = figure.suptitle(f"{drawable(title, _TITLE_LENGTH)}\n ", x=0.01, ha="left", fontsize=12, fontweight="bold")
    heading.set_parse_math(False)
    line = Annotation(drawable(below), (0, 0), xycoords=heading, va="bottom", fontsize=9, color=PALE_INK)
    line.set(parse_math=False, in_layout=False)
    figure.add_artist(line)


def foot(figure: Figure, notes: Iterable[str], letters: int) -> None:
    """Draw notes below a picture with a constrained layout, each in lines of so many letters."""
    lines = [line for note in notes for line in textwrap.wrap(drawable(note, 600), letters)]
    if lines:
        style: dict[str, Any] = {"fontsize": 7.5, "color": PALE_INK, "linespacing": 1.4, "parse_math": False}
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", **style)


def bare(axes: Axes, grid: Literal["both", "x", "y"] = "both") -> None:
    """Draw a pale grid below the data, and nothing else around them."""
    axes.grid(axis=grid, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8)
    unframed(axes)


def key(
    figure: Figure,
    heading: str,
    marks: Sequence[tuple[str, Mapping[str, Any]]],
    length: int,
    place: Literal["upper", "center"] = "upper",
) -> None:
    """Draw a legend to the right: under its heading, the meaning of each mark.

    In the centre it keeps clear of a title that is wider than the panels.
    """
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linestyle="none"), *(Line2D([], [], **mark) for _, mark in marks)]
    texts = [heading, *(drawable(text, length) for text, _ in marks)]
    columns = 1 + (len(texts) - 1) // _LEGEND_ROWS
    where: Any = f"outside right {place}"
    legend = figure.legend(handles, ["placeholder"] * len(texts), loc=where, frameon=False, fontsize=8.5, ncols=columns)
    name_entries(legend, texts)
    legend.get_texts()[0].set_fontweight("bold")


#: All filled, so that a hollow one says something, and apart from each other also where they are small.
_SHAPES = ("o", "s", "^", "D", "v", "P", "X", "<")


@dataclass(frozen=True)
class Pairs:
    """Points (n,) of the counted pairs: ``x`` is the distance, ``y`` the transferability, or the score without one.

    ``rows``, ``columns`` : (n,) positions of source and target. ``sources``, ``targets`` : (n,) their names.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    sources: tuple[str, ...]
    targets: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.x)

    @property
    def points(self) -> NDArray[np.float64]:
        """The points, float (n, 2)."""
        return np.stack([self.x, self.y], axis=1)

    @property
    def alone(self) -> NDArray[np.bool_]:
        """Whether a dataset meets itself, bool (n,)."""
        return np.array([source == target for source, target in zip(self.sources, self.targets, strict=True)], bool)

    def of_target(self, column: int) -> Pairs:
        """Return the pairs of one target, by its position."""
        chosen = np.flatnonzero(self.columns == column)
        sources, targets = (tuple(names[i] for i in chosen) for names in (self.sources, self.targets))
        return Pairs(self.x[chosen], self.y[chosen], self.rows[chosen], self.columns[chosen], sources, targets)


def pairs_of(evaluation: Evaluation) -> Pairs:
    """Return the n counted pairs of an evaluation, of its (sources, targets), source by source."""
    heights = evaluation.scores if evaluation.transferability is None else evaluation.transferability
    rows, columns = np.nonzero(evaluation.counted)
    sources = tuple(evaluation.sources[row] for row in rows)
    targets = tuple(evaluation.targets[column] for column in columns)
    return Pairs(evaluation.distances[rows, columns], heights[rows, columns], rows, columns, sources, targets)


def best_pairs(evaluation: Evaluation) -> NDArray[np.bool_]:
    """Return where the truth is best, bool (sources, targets): several sources for a target where they are tied."""
    scores = np.where(evaluation.candidates, evaluation.scores, -np.inf)
    best: NDArray[np.bool_] = evaluation.candidates & (scores == scores.max(axis=0))
    return best


def decimals(evaluation: Evaluation) -> int:
    """Return the decimals of scores in texts: a tenth of a percent, or a thousandth."""
    return 1 if evaluation.unit == "%" else 3


def height(evaluation: Evaluation) -> str:
    """Return the quantity that is drawn upwards, in a word."""
    return drawable(evaluation.score, 28) if evaluation.transferability is None else "transferability"


def height_label(evaluation: Evaluation) -> str:
    """Return the quantity that is drawn upwards, and its unit."""
    score = drawable(evaluation.score, 28)
    if evaluation.transferability is not None:
        return f"transferability: gain of {score} over training without a source, %"
    return f"{score}, {evaluation.unit}" if evaluation.unit else score


def point_looks(count: int) -> list[Look]:
    """Return looks whose colour and shape change together, so that either distinguishes a few; no two of 56 are equal.

    >>> point_looks(2)
    [Look(colour='#0072B2', shape='o'), Look(colour='#D55E00', shape='s')]
    """
    return [Look(COLOURS[i % len(COLOURS)], _SHAPES[i % len(_SHAPES)]) for i in range(count)]


def point_mark(look: Look, size: float, hollow: bool = False) -> dict[str, Any]:
    """Return the look of a pair as matplotlib takes it; hollow for a dataset against itself."""
    shape: dict[str, Any] = {"marker": look.shape, "linestyle": "none", "markersize": size, "zorder": 5}
    if hollow:
        return {**shape, "markerfacecolor": "none", "markeredgecolor": look.colour, "markeredgewidth": 1.6}
    return {**shape, "markerfacecolor": look.colour, "markeredgecolor": "white", "markeredgewidth": 0.8, "alpha": 0.9}
