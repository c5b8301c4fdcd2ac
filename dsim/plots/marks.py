"""Marks and their legends: of datasets on a map, and of single cells of a table."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.measures import Likeness, SimilarityMatrix, Verdict
from dsim.plots.style import INK, PALE_INK, Look, Role, drawable, name_entries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


NAME_LENGTH = 28
_ROWS = 38


def centre_mark(look: Look, role: Role) -> dict[str, Any]:
    """Return the look of the mean of a dataset as matplotlib takes it: set off from its points by a white rim."""
    from matplotlib.patheffects import withStroke

    mark: dict[str, Any] = {"marker": look.shape, "linestyle": "none", "color": look.colour}
    if role == "source":
        return {**mark, "markersize": 9.5, "markeredgecolor": "white", "markeredgewidth": 1.2}
    rim = withStroke(linewidth=4.5, foreground="white")
    return {**mark, "markersize": 9, "markeredgewidth": 2.2, "path_effects": [rim]}


def add_legend(figure: Figure, look: Mapping[str, Look], roles: Mapping[str, Role], counts: Mapping[str, int]) -> None:
    """Draw the legend of a map to its right: sources, then targets, under headings, with their numbers of images.

    Raises KeyError for a dataset without a role or a count.
    """
    handles, texts, headings = _entries(look, roles, counts)
    legend = figure.legend(
        handles,
        ["placeholder"] * len(texts),
        loc="outside right upper",
        frameon=False,
        ncols=1 + (len(texts) - 1) // _ROWS,
        fontsize=8.5,
        labelspacing=0.55,
        handletextpad=0.4,
    )
    name_entries(legend, texts)
    for position in headings:
        legend.get_texts()[position].set_fontweight("bold")


def _entries(
    look: Mapping[str, Look], roles: Mapping[str, Role], counts: Mapping[str, int]
) -> tuple[list[Line2D], list[str], list[int]]:
    """Handles and texts of the legend, and which of them are headings."""
    from matplotlib.lines import Line2D

    handles: list[Line2D] = []
    texts: list[str] = []
    headings: list[int] = []
    for role, heading in (("source", "Sources (images)"), ("target", "Targets (images)")):
        names = [name for name in look if roles[name] == role]
        if not names:
            continue
        if texts:
            handles.append(Line2D([], [], linestyle="none"))
            texts.append("")
        headings.append(len(texts))
        handles += [Line2D([], [], linestyle="none")]
        handles += [Line2D([], [], **centre_mark(look[name], roles[name])) for name in names]
        texts += [heading, *(f"{drawable(name, NAME_LENGTH)}  ({counts[name]})" for name in names)]
    return handles, texts, headings


class Cell(NamedTuple):
    """Width and height of the cells of a table, inches."""

    width: float
    height: float

    @classmethod
    def fit(cls, shape: tuple[int, ...], inches: float, widest: float, highest: float) -> Cell:
        """Return the largest cells with which a table of a shape (rows, columns) stays within a square, but not tiny.

        >>> Cell.fit((3, 100), inches=9, widest=0.75, highest=0.5)
        Cell(width=0.24, height=0.5)
        """
        rows, columns = shape
        return cls(*(min(max(inches / n, 0.24), most) for n, most in ((columns, widest), (rows, highest))))


#: An entry of the legend: what is drawn, and what it means.
Mark = tuple[Any, str]

_HATCHES = ("////", "\\\\\\\\", "xxxx", "....")
_FRAME: dict[str, Any] = {"fill": False, "edgecolor": "#D55E00", "linewidth": 1.4}


def best_sources(
    axes: Axes, matrix: SimilarityMatrix, ink: Callable[[float], str], place: tuple[float, float], size: float
) -> list[Mark]:
    """Draw a star on the best source of each target, hollow as ``doubt`` says; return its entries of the legend.

    ``place`` is that of the star in its cell; the cells are those of the values (sources, targets).
    """
    from matplotlib.lines import Line2D

    drawn: dict[bool, set[str]] = {}
    for column, target in enumerate(matrix.targets):
        verdict = matrix.verdicts[target]
        if verdict.best is None:
            continue
        row, why = matrix.sources.index(verdict.best), doubt(verdict)
        axes.plot(column + place[0], row + place[1], **_star(not why, ink(matrix.values[row, column]), size))
        drawn.setdefault(not why, set()).add(why)
    return [
        (Line2D([], [], **_star(filled, INK, 8)), star_meaning(*sorted(drawn[filled])))
        for filled in (True, False)
        if filled in drawn
    ]


def doubt(verdict: Verdict) -> str:
    """Return why the star of a best source is hollow; "" where it is filled.

    >>> doubt(Verdict("t", "a", "b", False, 0.0, 0.1, "no clear winner"))
    'no clear winner'
    """
    if verdict.likeness is Likeness.NONE:
        return "unlike the target"
    return "no clear winner" if verdict.clear is False else ""


def star_meaning(*doubts: str) -> str:
    """Return what a star means, filled for no doubt and hollow for those that there are.

    >>> star_meaning(""), star_meaning("no clear winner")
    ('best source of the target', 'best, but no clear winner')
    """
    return f"best, but {' or '.join(doubts)}" if any(doubts) else "best source of the target"


def _star(filled: bool, ink: str, size: float) -> dict[str, Any]:
    face = ink if filled else "none"
    edge = {"markeredgecolor": ink, "markeredgewidth": 0.7}
    return {"marker": "*", "linestyle": "none", "markersize": size, "markerfacecolor": face, **edge}


def self_pairs(
    axes: Axes, same: NDArray[np.bool_], meaning: str = "a dataset against itself, not ranked"
) -> list[Mark]:
    """Draw a frame around each dataset against itself, ``same`` of shape (sources, targets); return its entry."""
    from matplotlib.patches import Patch, Rectangle

    for row, column in np.argwhere(same):
        axes.add_patch(Rectangle((column + 0.04, row + 0.04), 0.92, 0.92, **_FRAME))
    return [(Patch(**_FRAME), meaning)] if same.any() else []


def failures(
    axes: Axes, reasons: Mapping[tuple[int, int], str], shown: Callable[[int, int], bool] = lambda row, column: True
) -> list[Mark]:
    """Draw a hatch on each failed cell, by (row, column), one for each reason, and return their entries of the legend.

    The frequent reasons come first. All are explained, so that hatches mean the same in several panels, where only some
    cells are ``shown``.
    """
    from matplotlib.patches import Patch, Rectangle

    kinds = [reason for reason, _ in Counter(reasons.values()).most_common()]
    for (row, column), reason in reasons.items():
        if shown(row, column):
            hatch = _HATCHES[min(kinds.index(reason), len(_HATCHES) - 1)]
            axes.add_patch(Rectangle((column, row), 1, 1, **_hatched(hatch)))
    explained = [reason or "failed" for reason in kinds[: len(_HATCHES)]]
    if len(kinds) > len(_HATCHES):
        explained[-1] = f"{len(kinds) - len(_HATCHES) + 1} other reasons: see the notes of the matrix"
    return [(Patch(**_hatched(hatch)), reason) for hatch, reason in zip(_HATCHES, explained, strict=False)]


def _hatched(hatch: str) -> dict[str, Any]:
    return {"facecolor": "#F4F4F4", "edgecolor": "#A8A8A8", "hatch": hatch, "linewidth": 0.8}


def explain(figure: Figure, axes: Axes, marks: Sequence[Mark], note: str) -> None:
    """Draw the legend below the names of the targets, and the note below it."""
    from matplotlib.lines import Line2D

    entries = [*marks, (Line2D([], [], linestyle="none"), note)] if note else marks
    if not entries:
        return
    box = axes.get_tightbbox()
    assert box is not None, "visible axes have an extent"
    box = box.transformed(figure.transFigure.inverted())
    wide, high = figure.get_size_inches()
    legend = figure.legend(
        [handle for handle, _ in entries],
        ["placeholder"] * len(entries),
        loc="upper left",
        bbox_to_anchor=(box.x0, box.y0 - 0.15 / high),
        frameon=False,
        borderpad=0,
        fontsize=8,
        labelcolor=PALE_INK,
    )
    letters = max(60, int(14 * box.width * wide))
    name_entries(legend, [textwrap.fill(drawable(text, 400), letters) for _, text in entries])
