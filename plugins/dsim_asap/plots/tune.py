"""The picture of a tuning: EQC over each parameter (Fig. 4), and the finalists seed by seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.plots.frames import bare, foot, head
from dsim.plots.style import COLOURS, INK, PALE_INK, check_suffix, pictures, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE, _HIGH, _COLUMNS = 3.1, 2.7, 4
#: Trials that a curve needs: fewer are points.
_FEWEST = 3
_TITLES = {"alpha": "alpha: reconstruction", "beta": "beta: without style", "n_emb": "latent dimension"}


def draw_tuning(document: Mapping[str, Any], path: Path) -> None:
    """Draw EQC over each parameter that was searched, and that of the settings which were trained again.

    A point is a trial. A curve joins trials that differ from the settings given in this parameter alone: there is none
    where the search holds no such trials. The star is the optimum, the diamond the settings given.

    Parameters
    ----------
    document : of schema ``dsim.asap-tune/1``. ``path`` : a name in .png or .svg; written atomically.

    Raises
    ------
    UsageError : another suffix.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    panels = list(_panels(document))
    columns = min(_COLUMNS, len(panels) + 1)
    rows = -(-(len(panels) + 1) // columns)
    with pictures():
        figure = Figure(figsize=(_WIDE * columns + 0.5, _HIGH * rows + 1.1), layout="constrained")
        head(figure, f"tuning of ASAP on {len(document['sources'])} datasets", _said(document))
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (title, name, part) in zip(grid, panels, strict=False):
            _curve(axes, document, title, name, part)
        _finalists(grid[len(panels)], document)
        for axes in grid[len(panels) + 1 :]:
            axes.set_axis_off()
        foot(figure, [*document["verdicts"], f"dsim {document['dsim']}"], int(13 * figure.get_figwidth()))
        save(figure, path, "tuning of ASAP")


def _said(document: Mapping[str, Any]) -> str:
    count = len(document["trials"])
    marks = "star: optimum; diamond: settings given"
    return f"EQC of validation images, lower is better; {count} trials ({document['search']}); {marks}"


def _panels(document: Mapping[str, Any]) -> Iterator[tuple[str, str, int | None]]:
    """(title, parameter, which part of it) of each panel: the weights w have one each."""
    for name in document["over"]:
        if name == "w":
            for part in range(len(document["trials"][0]["setting"]["w"])):
                yield f"w{part + 1}: style map {part + 1}", name, part
        else:
            yield _TITLES[name], name, None


def _value(setting: Mapping[str, Any], name: str, part: int | None) -> float:
    return float(setting[name] if part is None else setting[name][part])


def _curve(axes: Axes, document: Mapping[str, Any], title: str, name: str, part: int | None) -> None:
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


def _finalists(axes: Axes, document: Mapping[str, Any]) -> None:
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
