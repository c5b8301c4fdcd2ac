"""The picture of an ablation: each variant's map side by side, and below how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dsim.embeddings.maps import to_plane
from dsim.plots.frames import bare, foot, head
from dsim.plots.marks import add_legend, centre_mark
from dsim.plots.style import COLOURS, GRID, INK, PALE_INK, Look, Role, check_suffix, looks, pictures, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure
    from numpy.typing import NDArray

    from dsim_asap.studies.ablate import Ablation

#: Inches: of a map, of the row of bars, and of title and legend.
_MAP, _BARS, _ASIDE = 2.9, 2.7, 2.6


class Bars(NamedTuple):
    """One panel: its heading, the quantity, the factor that it is shown with, and what is better."""

    title: str
    quantity: str
    factor: float
    better: str


_OWN = (Bars("EQC", "eqc", 1, "lower"),)
_JUDGED = (
    Bars("correlation", "pearson", 1, "higher"),
    Bars("RCI", "spearman", 1, "higher"),
    Bars("top-1, %", "top1", 100, "higher"),
    Bars("top-3, %", "top3", 100, "higher"),
    Bars("regret", "regret", 1, "lower"),
)


def draw_ablation(ablation: Ablation, document: Mapping[str, Any], path: Path) -> None:
    """Draw the latent space of each variant, of its first seed, and bars of its scores, means over seeds.

    Dots are the single seeds, strokes their standard deviation; a dashed line is a random source.

    Parameters
    ----------
    document : of the same ablation. ``path`` : a name in .png or .svg; written atomically.

    Raises
    ------
    UsageError : another suffix.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    count = len(document["variants"])
    title = f"ablation of ASAP on {len(document['sources'])} datasets"
    with pictures():
        figure = Figure(figsize=(max(_MAP * count, 8) + _ASIDE, _MAP + _BARS + 1.2), layout="constrained")
        head(figure, title, _said(document))
        halves: Any = figure.subfigures(2, 1, height_ratios=(_MAP + 0.3, _BARS))
        _maps(halves[0], ablation)
        _bars(halves[1], document)
        foot(figure, [*document["notes"][:2], f"dsim {document['dsim']}"], int(12 * figure.get_figwidth()))
        save(figure, path, title)


def _said(document: Mapping[str, Any]) -> str:
    seeds, judge = document["seeds"], document["judge"]
    by = f"; judged by {judge['truth']}, {judge['score']}; dashed: a random source" if judge else ""
    return f"maps: seed {seeds[0]}; bars: mean of {len(seeds)} trainings, dots are single ones{by}"


def _maps(figure: SubFigure, ablation: Ablation) -> None:
    from dsim_asap.studies.ablate import VARIANTS

    first = {name: runs[0] for name, runs in ablation.runs.items()}
    roles = _roles(ablation)
    look = looks(roles)
    panels = np.atleast_1d(np.asarray(figure.subplots(1, len(first)), dtype=object))
    for axes, (name, run) in zip(panels, first.items(), strict=True):
        plane, how = to_plane(run.matrix.clouds or {})
        eqc = "none" if run.eqc is None else f"{run.eqc:.3f}"
        axes.set_title(f"{VARIANTS[name].title}, EQC {eqc}", loc="left", fontsize=10, fontweight="bold")
        _map(axes, plane, look, roles)
        axes.set_xlabel(how.partition(",")[0], fontsize=7, color=PALE_INK)
    clouds = next(iter(first.values())).matrix.clouds or {}
    add_legend(figure, look, roles, {name: len(points) for name, points in clouds.items()})  # type: ignore[arg-type]


def _roles(ablation: Ablation) -> dict[str, Role]:
    sources = {one.name for one in ablation.study.sources}
    clouds = next(iter(ablation.runs.values()))[0].matrix.clouds or {}
    return {name: "source" if name in sources else "target" for name in clouds}


def _map(
    axes: Axes, plane: Mapping[str, NDArray[np.float64]], look: Mapping[str, Look], roles: Mapping[str, Role]
) -> None:
    """Points and centres, with equal axes: distances within a map can be read off, those of two maps not compared."""
    axes.set_aspect("equal", adjustable="datalim")
    for name, points in plane.items():
        own = look[name]
        axes.scatter(
            points[:, 0], points[:, 1], s=5, c=own.colour, alpha=0.4, linewidths=0, rasterized=len(points) > 2000
        )
    for name, points in plane.items():
        if len(points):
            axes.plot(*points.mean(axis=0), zorder=4, **{**centre_mark(look[name], roles[name]), "markersize": 7})
    bare(axes)
    axes.tick_params(labelsize=6.5)


def _bars(figure: SubFigure, document: Mapping[str, Any]) -> None:
    panels = _OWN + (_JUDGED if document["judge"] else ())
    drawn = np.atleast_1d(np.asarray(figure.subplots(1, len(panels)), dtype=object))
    for axes, panel in zip(drawn, panels, strict=True):
        _panel(axes, panel, document)


def _panel(axes: Axes, panel: Bars, document: Mapping[str, Any]) -> None:
    """One quantity of all variants; a variant without it has no bar, and says so."""
    axes.set_title(f"{panel.title}\n{panel.better} is better", loc="left", fontsize=8.5)
    for position, variant in enumerate(document["variants"]):
        mean = variant["mean"][panel.quantity]
        if mean["mean"] is None:
            axes.annotate("none", (position, 0), ha="center", va="bottom", fontsize=7, color=PALE_INK)
            continue
        axes.bar(position, panel.factor * mean["mean"], 0.62, color=COLOURS[0], alpha=0.75)
        if mean["sd"] is not None:
            bar: dict[str, Any] = {"linestyle": "none", "elinewidth": 1.2, "capsize": 3, "ecolor": INK}
            axes.errorbar(position, panel.factor * mean["mean"], panel.factor * mean["sd"], **bar)
        singles = [value for value in _singles(variant, panel.quantity) if value is not None]
        axes.plot([position] * len(singles), [panel.factor * value for value in singles], ".", color=INK, markersize=4)
    _chance(axes, panel, document)
    titles = [variant["title"] for variant in document["variants"]]
    bare(axes, "y")
    axes.set_xticks(range(len(titles)), titles, fontsize=8)
    axes.axhline(0, color=GRID, linewidth=0.8)


def _singles(variant: Mapping[str, Any], quantity: str) -> Sequence[float | None]:
    return [run[quantity] if quantity in run else run["scores"][quantity] for run in variant["runs"]]


def _chance(axes: Axes, panel: Bars, document: Mapping[str, Any]) -> None:
    """The line of a random source, where the judge has one."""
    judge = document["judge"]
    found = judge["baselines"]["random"].get(panel.quantity, {}).get("value") if judge else None
    if found is not None and panel not in _OWN:
        axes.axhline(panel.factor * found, color=PALE_INK, linewidth=1, linestyle=(0, (4, 3)))
