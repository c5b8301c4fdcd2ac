"""The coherence study as a picture (Fig. 7): known images, crosses for unseen ones, dark squares for foreign ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim_asap.studies.coherence import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

#: Dark, and none of the colours of known datasets.
_FOREIGN = ("#111111", "#5B2A86", "#7A1F1F", "#1F4E4A", "#6B5B00")


def draw_coherence(trial: Trial, path: Path, title: str, note: str = "") -> None:
    """Draw one trial as PNG or SVG, by the suffix; written atomically."""
    from matplotlib.figure import Figure

    from dsim.embeddings.maps import to_plane
    from dsim.plots.frames import bare, foot
    from dsim.plots.style import check_suffix, drawable, looks, pictures, save

    check_suffix(path)
    held = [cloud for cloud in trial.unseen if cloud is not None]
    # Numbered: an unseen part is named as its dataset is, and a foreign dataset may be.
    everything = [*trial.known, *held, *trial.foreign]
    plane, how = to_plane({str(number): cloud.points for number, cloud in enumerate(everything)})
    points = list(plane.values())
    known, unseen = points[: len(trial.known)], points[len(trial.known) : len(trial.known) + len(held)]
    foreign = points[len(trial.known) + len(held) :]
    look = looks({cloud.name: "source" for cloud in trial.known})
    with pictures():
        figure = Figure(figsize=(10.5, 7.5), layout="constrained")
        axes = figure.add_subplot()
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_title(drawable(title), loc="left", pad=10, fontweight="bold", parse_math=False)
        bare(axes)
        for cloud, cluster in zip(trial.known, known, strict=True):
            colour = look[cloud.name].colour
            axes.scatter(
                cluster[:, 0], cluster[:, 1], s=9, c=colour, marker=look[cloud.name].shape, alpha=0.28, linewidths=0
            )
        for cloud, cluster in zip(held, unseen, strict=True):
            axes.scatter(
                cluster[:, 0], cluster[:, 1], s=26, c=look[cloud.name].colour, marker="x", linewidths=1.3, zorder=4
            )
        for number, cluster in enumerate(foreign):
            colour = _FOREIGN[number % len(_FOREIGN)]
            axes.scatter(cluster[:, 0], cluster[:, 1], s=20, c=colour, marker="s", alpha=0.75, linewidths=0, zorder=3)
        _key(figure, trial)
        foot(figure, [f"Plane: {how}.", note] if how else [note], 130)
        _names(figure, axes, trial, known, look)
        save(figure, path, title)


def _key(figure: Figure, trial: Trial) -> None:
    from dsim.plots.frames import key

    marks: list[tuple[str, dict[str, Any]]] = [
        ("known to the model", {"marker": "o", "linestyle": "none", "color": "#9A9A9A", "markersize": 4}),
        ("unseen, in their own colour", {"marker": "x", "linestyle": "none", "color": "#222222", "markersize": 6}),
    ]
    for number, cloud in enumerate(trial.foreign):
        colour = _FOREIGN[number % len(_FOREIGN)]
        marks.append((f"foreign: {cloud.name}", {"marker": "s", "linestyle": "none", "color": colour, "markersize": 5}))
    key(figure, "Images", marks, 30)


def _names(figure: Figure, axes: Axes, trial: Trial, known: list[NDArray[np.float64]], look: Any) -> None:
    """The name of each known dataset beside its centre."""
    from dsim.plots.names import names_of, settle

    centres = np.stack([cluster.mean(axis=0) for cluster in known])
    colours = [look[cloud.name].colour for cloud in trial.known]
    names = [cloud.name for cloud in trial.known]
    placed = names_of(axes, names, centres, colours, np.concatenate(known), size=8.5, length=26)
    settle(figure)
    placed.place()
