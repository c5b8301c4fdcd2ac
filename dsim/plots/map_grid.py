"""Maps of the same images by several methods, side by side in one picture."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UsageError
from dsim.plots.figure_parts import foot, head, key
from dsim.plots.image_map import CategoryMarks, category_marks
from dsim.plots.style import GRID, PALE_INK, check_suffix, drawable, pictures, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: Inches of a map, maps side by side, and letters of a line above one.
_SIDE, _BESIDE, _LETTERS = 3.1, 3, 40
#: Square points that the marks of all images would cover if none overlapped, and letters of a label.
_COVERED, _NAME_LENGTH = 6000.0, 26


@dataclass(frozen=True)
class MapPanel:
    """A map to be drawn: its name, the place of each image, float (n, 2), and a line about it."""

    name: str
    points: NDArray[np.floating]
    caption: str = ""


def draw_map_grid(
    panels: Sequence[MapPanel],
    labels: Sequence[str] | None,
    path: Path | None,
    title: str,
    *,
    below: str = "",
    note: str = "",
) -> Figure:
    """Draw maps of the same images side by side, coloured by label, a class alike in all of them.

    Each map fills its panel, with equal axes; neither turns nor sizes of two maps compare. Images without a label
    lie below in gray, and no small class lies below a large one.

    Parameters
    ----------
    panels : at least one, points (n, 2) of each. labels : of each image, n texts, empty where there is none; or None.
    path : a name in .png or .svg, written atomically; None writes no file. below, note : below the title, the picture.

    Raises
    ------
    UsageError : nothing to draw, maps of different numbers of images, another suffix.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    marks = category_marks(_checked(panels, labels))
    columns = min(_BESIDE, len(panels))
    rows = math.ceil(len(panels) / columns)
    with pictures():
        figure = Figure(figsize=(_SIDE * columns + 2.2, (_SIDE + 0.5) * rows + 0.8), layout="constrained")
        frames = figure.subplots(rows, columns, squeeze=False).ravel()
        for panel, axes in zip(panels, frames, strict=False):
            _draw_panel(axes, panel, marks)
        for axes in frames[len(panels) :]:
            axes.set_axis_off()
        if labels is not None:
            key(figure, "label", [_entry(each) for each in marks], _NAME_LENGTH + 10)
        head(figure, title, below)
        foot(figure, [note], 50 * columns)
        return save(figure, path, title)


def _checked(panels: Sequence[MapPanel], labels: Sequence[str] | None) -> list[str]:
    """The label of each image, stripped; raises UsageError for what cannot be drawn."""
    counts = {len(panel.points) for panel in panels} | ({len(labels)} if labels is not None else set())
    if len(counts) != 1 or 0 in counts:
        raise UsageError(
            f"{len(panels)} maps of {sorted(counts)} images cannot be drawn together",
            hint="give maps of the same images, and one label for each",
        )
    return [text.strip() for text in labels] if labels is not None else [""] * counts.pop()


def _draw_panel(axes: Axes, panel: MapPanel, marks: Sequence[CategoryMarks]) -> None:
    # Settings are broken between, not within.
    name = "\n".join(textwrap.wrap(drawable(panel.name.replace(",", ", ")), _LETTERS, break_on_hyphens=False))
    axes.set_title(name, loc="left", fontsize=9, fontweight="bold", pad=16 if panel.caption else 4, parse_math=False)
    if panel.caption:
        style: dict[str, Any] = {"fontsize": 7.5, "color": PALE_INK, "va": "bottom", "parse_math": False}
        axes.text(0, 1.01, drawable(panel.caption), transform=axes.transAxes, **style)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(GRID)
    axes.set_box_aspect(1)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.04)
    points = np.asarray(panel.points, dtype=np.float64)
    look: dict[str, Any] = {"linewidths": 0, "alpha": 0.75, "rasterized": len(points) > 2000}
    size = float(np.clip(_COVERED / len(points), 1.5, 20))
    for each in marks:
        x, y = points[each.members].T
        axes.scatter(x, y, s=size, c=each.colour, marker=each.shape, **look)


def _entry(marks: CategoryMarks) -> tuple[str, dict[str, Any]]:
    """The line of a category in the key."""
    look = {"marker": marks.shape, "color": marks.colour, "linestyle": "none", "markersize": 5}
    return f"{drawable(marks.name, _NAME_LENGTH)} ({len(marks.members):,})", look
