"""The pictures of the studies: ablation, search, robustness, coherence and the sheet of strays, as PNG or SVG.

All are written atomically, and raise UsageError for another suffix than .png and .svg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dsim.embeddings import to_plane
from dsim.plots.figure_parts import bare, foot, head, key, point_looks
from dsim.plots.marks import add_legend, centre_mark
from dsim.plots.names import names_of, settle
from dsim.plots.style import COLOURS, GRID, INK, PALE_INK, Look, Role, check_suffix, drawable, looks, pictures, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import NDArray

    from dsim_asap.studies.ablation import Ablation
    from dsim_asap.studies.coherence import Trial

    Document = Mapping[str, Any]
    Values = NDArray[np.float64]

#: Inches of an ablation's map, of its row of bars, and of title and legend.
_MAP, _BARS, _ASIDE = 2.9, 2.7, 2.6
#: Inches of a panel of a search, and panels side by side.
_WIDE, _HIGH, _COLUMNS = 3.1, 2.7, 4
#: Trials that a curve needs: fewer are points.
_FEWEST = 3
_TITLES = {"alpha": "alpha: reconstruction", "beta": "beta: without style", "n_emb": "latent dimension"}
_LABELS = {
    "spearman": "rank correlation with the clean distances",
    "same_nearest": "targets whose nearest source stays, %",
    "regret": "regret",
    "top1": "targets whose best source is nearest, %",
}
#: Colours of foreign datasets: dark, and none of the colours of known ones.
_FOREIGN = ("#111111", "#5B2A86", "#7A1F1F", "#1F4E4A", "#6B5B00")


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


def draw_ablation(ablation: Ablation, document: Document, path: Path) -> None:
    """Draw the latent space of each variant, of its first seed, and bars of its scores, means over seeds.

    Dots are the single seeds, strokes their standard deviation; a dashed line is a random source. ``document`` is of
    the same ablation.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    count = len(document["variants"])
    title = f"ablation of ASAP on {len(document['sources'])} datasets"
    with pictures():
        figure = Figure(figsize=(max(_MAP * count, 8) + _ASIDE, _MAP + _BARS + 1.2), layout="constrained")
        head(figure, title, _ablation_caption(document))
        halves: Any = figure.subfigures(2, 1, height_ratios=(_MAP + 0.3, _BARS))
        _maps(halves[0], ablation)
        _bars(halves[1], document)
        foot(figure, [*document["notes"][:2], f"dsim {document['dsim']}"], int(12 * figure.get_figwidth()))
        save(figure, path, title)


def _ablation_caption(document: Document) -> str:
    seeds, judge = document["seeds"], document["judge"]
    by = f"; judged by {judge['truth']}, {judge['score']}; dashed: a random source" if judge else ""
    return f"maps: seed {seeds[0]}; bars: mean of {len(seeds)} trainings, dots are single ones{by}"


def _maps(figure: SubFigure, ablation: Ablation) -> None:
    from dsim_asap.studies.ablation import VARIANTS

    first = {name: runs[0] for name, runs in ablation.runs.items()}
    roles = _roles(ablation)
    look = looks(roles)
    panels = np.atleast_1d(np.asarray(figure.subplots(1, len(first)), dtype=object))
    for axes, (name, run) in zip(panels, first.items(), strict=True):
        plane, how = to_plane(run.matrix.clouds or {})
        eqc = "none" if run.numbers["eqc"] is None else f"{run.numbers['eqc']:.3f}"
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
    axes.locator_params(nbins=5)
    axes.tick_params(labelsize=6.5)


def _bars(figure: SubFigure, document: Document) -> None:
    panels = _OWN + (_JUDGED if document["judge"] else ())
    drawn = np.atleast_1d(np.asarray(figure.subplots(1, len(panels)), dtype=object))
    for axes, panel in zip(drawn, panels, strict=True):
        _panel(axes, panel, document)


def _panel(axes: Axes, panel: Bars, document: Document) -> None:
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


def _chance(axes: Axes, panel: Bars, document: Document) -> None:
    """The line of a random source, where the judge has one."""
    judge = document["judge"]
    found = judge["baselines"]["random"].get(panel.quantity, {}).get("value") if judge else None
    if found is not None and panel not in _OWN:
        axes.axhline(panel.factor * found, color=PALE_INK, linewidth=1, linestyle=(0, (4, 3)))


def draw_tuning(document: Document, path: Path) -> None:
    """Draw EQC over each parameter that was searched, and that of the settings which were trained again.

    A point is a trial. A curve joins trials that differ from the settings given in this parameter alone: there is none
    where the search holds no such trials. The star is the optimum, the diamond the settings given.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    panels = list(_parameters(document))
    columns = min(_COLUMNS, len(panels) + 1)
    rows = -(-(len(panels) + 1) // columns)
    with pictures():
        figure = Figure(figsize=(_WIDE * columns + 0.5, _HIGH * rows + 1.1), layout="constrained")
        head(figure, f"tuning of ASAP on {len(document['sources'])} datasets", _tuning_caption(document))
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (title, name, part) in zip(grid, panels, strict=False):
            _trial_curve(axes, document, title, name, part)
        _finalists(grid[len(panels)], document)
        for axes in grid[len(panels) + 1 :]:
            axes.set_axis_off()
        foot(figure, [*document["verdicts"], f"dsim {document['dsim']}"], int(13 * figure.get_figwidth()))
        save(figure, path, "tuning of ASAP")


def _tuning_caption(document: Document) -> str:
    count = len(document["trials"])
    marks = "star: optimum; diamond: settings given"
    return f"EQC of validation images, lower is better; {count} trials ({document['search']}); {marks}"


def _parameters(document: Document) -> Iterator[tuple[str, str, int | None]]:
    """(title, parameter, which part of it) of each panel: the weights w have one each."""
    for name in document["over"]:
        if name == "w":
            for part in range(len(document["trials"][0]["setting"]["w"])):
                yield f"w{part + 1}: style map {part + 1}", name, part
        else:
            yield _TITLES[name], name, None


def _value(setting: Mapping[str, Any], name: str, part: int | None) -> float:
    return float(setting[name] if part is None else setting[name][part])


def _trial_curve(axes: Axes, document: Document, title: str, name: str, part: int | None) -> None:
    axes.set_title(title, loc="left", fontsize=9.5)
    known = [trial for trial in document["trials"] if trial["eqc"] is not None]
    given, best = document["trials"][0], min(known, key=lambda trial: trial["eqc"])
    axes.plot(
        [_value(trial["setting"], name, part) for trial in known],
        [trial["eqc"] for trial in known],
        linestyle="none",
        marker="o",
        markersize=4,
        color=COLOURS[4],
        alpha=0.7,
    )
    alone = sorted((trial["setting"][name], trial["eqc"]) for trial in known if _alone(trial, given, name))
    if part is None and len(alone) >= _FEWEST:
        axes.plot(*np.array(alone, dtype=float).T, color=COLOURS[0], linewidth=1.4)
    for trial, mark, colour in ((given, "D", PALE_INK), (best, "*", COLOURS[1])):
        if trial["eqc"] is not None:
            size = 10 if mark == "*" else 6
            axes.plot(_value(trial["setting"], name, part), trial["eqc"], mark, color=colour, markersize=size)
    axes.set_ylabel("EQC", fontsize=8)
    bare(axes)


def _alone(trial: Mapping[str, Any], given: Mapping[str, Any], name: str) -> bool:
    """Whether a trial differs from the settings given in this parameter alone."""
    others = [other for other in given["setting"] if other != name]
    return all(trial["setting"][other] == given["setting"][other] for other in others)


def _finalists(axes: Axes, document: Document) -> None:
    """EQC of each seed, and their mean with its interval."""
    axes.set_title("trained again, other seeds", loc="left", fontsize=9.5)
    for position, one in enumerate(document["finalists"]):
        singles: Sequence[float] = [trial["eqc"] for trial in one["trials"] if trial["eqc"] is not None]
        axes.plot([position] * len(singles), singles, "o", color=COLOURS[4], markersize=4, alpha=0.8)
        found = one["eqc"]
        if found["low"] is not None:
            half = found["high"] - found["mean"]
            axes.errorbar(position + 0.15, found["mean"], half, fmt="_", color=INK, elinewidth=1.2, markersize=9)
    names = [one["role"] for one in document["finalists"]]
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylabel("EQC", fontsize=8)
    bare(axes, "y")


def draw_robustness(document: Document, path: Path) -> None:
    """Draw the curves of a document of ``robustness``; bars are the standard deviation over seeds."""
    from matplotlib.figure import Figure

    check_suffix(path)
    quantities = list(document["quantities"])
    measures = list(dict.fromkeys(curve["measure"] for curve in document["curves"]))
    with pictures():
        figure = Figure(figsize=(3.6 * len(quantities) + 2.4, 3.9), layout="constrained")
        looks = point_looks(len(measures))
        for axes, quantity in zip(np.atleast_1d(figure.subplots(1, len(quantities))), quantities, strict=True):
            bare(axes)
            for measure, look in zip(measures, looks, strict=True):
                shares, means, deviations = _share_curve(document, measure, quantity)
                style: dict[str, Any] = {"color": look.colour, "marker": look.shape, "markersize": 5, "linewidth": 1.4}
                axes.errorbar(shares, means, deviations, capsize=2, elinewidth=1, **style)
            axes.set_xlabel("images of the sources with wrong membership, %")
            axes.set_ylabel(_LABELS[quantity])
        marks = [(m, {"color": k.colour, "marker": k.shape}) for m, k in zip(measures, looks, strict=True)]
        key(figure, "measure", marks or [("none", {"color": PALE_INK})], 34)
        seeds = len(document["seeds"])
        below = (
            f"{len(document['sources'])} sources, {len(document['targets'])} targets, {seeds} seed{'s' * (seeds > 1)}"
        )
        head(figure, "Wrong membership of images", below)
        save(figure, path, "Wrong membership of images")


def _share_curve(document: Document, measure: str, quantity: str) -> tuple[list[float], list[float], list[float]]:
    """Shares in percent, means and deviations; shares without a value are left out, a deviation of one seed is 0."""
    scale = 100 if quantity in ("same_nearest", "top1") else 1
    points = [
        (100 * curve["share"], scale * curve[quantity]["mean"], scale * (curve[quantity]["sd"] or 0))
        for curve in document["curves"]
        if curve["measure"] == measure and curve[quantity]["mean"] is not None
    ]
    shares, means, deviations = ([point[at] for point in points] for at in range(3))
    return shares, means, deviations


def draw_coherence(trial: Trial, path: Path, title: str, note: str = "") -> None:
    """Draw one trial (Fig. 7): known images, crosses for unseen ones, dark squares for foreign ones."""
    from matplotlib.figure import Figure

    check_suffix(path)
    held = [cloud for cloud in trial.unseen if cloud is not None]
    # Numbered: an unseen part is named as its dataset is, and a foreign dataset may be.
    everything = [*trial.known, *held, *trial.foreign]
    plane, projection = to_plane({str(number): cloud.points for number, cloud in enumerate(everything)})
    points = list(plane.values())
    first, last = len(trial.known), len(trial.known) + len(held)
    look = looks({cloud.name: "source" for cloud in trial.known})
    with pictures():
        figure = Figure(figsize=(10.5, 7.5), layout="constrained")
        axes = figure.add_subplot()
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_title(drawable(title), loc="left", pad=10, fontweight="bold", parse_math=False)
        bare(axes)
        for cloud, cluster in zip(trial.known, points[:first], strict=True):
            own = look[cloud.name]
            axes.scatter(cluster[:, 0], cluster[:, 1], s=9, c=own.colour, marker=own.shape, alpha=0.28, linewidths=0)
        for cloud, cluster in zip(held, points[first:last], strict=True):
            axes.scatter(
                cluster[:, 0], cluster[:, 1], s=26, c=look[cloud.name].colour, marker="x", linewidths=1.3, zorder=4
            )
        for number, cluster in enumerate(points[last:]):
            colour = _FOREIGN[number % len(_FOREIGN)]
            axes.scatter(cluster[:, 0], cluster[:, 1], s=20, c=colour, marker="s", alpha=0.75, linewidths=0, zorder=3)
        _coherence_key(figure, trial)
        foot(figure, [f"Plane: {projection}.", note] if projection else [note], 130)
        _name_centres(figure, axes, trial, points[:first], look)
        save(figure, path, title)


def _coherence_key(figure: Figure, trial: Trial) -> None:
    marks: list[tuple[str, dict[str, Any]]] = [
        ("known to the model", {"marker": "o", "linestyle": "none", "color": "#9A9A9A", "markersize": 4}),
        ("unseen, in their own colour", {"marker": "x", "linestyle": "none", "color": "#222222", "markersize": 6}),
    ]
    for number, cloud in enumerate(trial.foreign):
        colour = _FOREIGN[number % len(_FOREIGN)]
        marks.append((f"foreign: {cloud.name}", {"marker": "s", "linestyle": "none", "color": colour, "markersize": 5}))
    key(figure, "Images", marks, 30)


def _name_centres(
    figure: Figure, axes: Axes, trial: Trial, known: list[NDArray[np.float64]], look: Mapping[str, Look]
) -> None:
    """The name of each known dataset beside its centre."""
    centres = np.stack([cluster.mean(axis=0) for cluster in known])
    colours = [look[cloud.name].colour for cloud in trial.known]
    names = [cloud.name for cloud in trial.known]
    placed = names_of(axes, names, centres, colours, np.concatenate(known), size=8.5, length=26)
    settle(figure)
    placed.place()
