"""The large mark of each dataset, on the map and in its legend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dsim.plots.palette import Look, Role
from dsim.plots.style import drawable, name_entries

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

NAME_LENGTH = 28
_ROWS = 38


def centre_mark(look: Look, role: Role) -> dict[str, Any]:
    """How the mean of a dataset is drawn: set off from its points by a white rim."""
    from matplotlib.patheffects import withStroke

    mark: dict[str, Any] = {"marker": look.shape, "linestyle": "none", "color": look.colour}
    if role == "source":
        return {**mark, "markersize": 9.5, "markeredgecolor": "white", "markeredgewidth": 1.2}
    rim = withStroke(linewidth=4.5, foreground="white")
    return {**mark, "markersize": 9, "markeredgewidth": 2.2, "path_effects": [rim]}


def add_legend(figure: Figure, look: Mapping[str, Look], roles: Mapping[str, Role], counts: Mapping[str, int]) -> None:
    """Sources, then targets, each under its heading with the number of images, to the right of the map."""
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
