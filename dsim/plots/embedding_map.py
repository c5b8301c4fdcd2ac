"""The map of datasets: a cloud of points for each, its centre named in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.embeddings import to_plane
from dsim.errors import UsageError
from dsim.plots.figure_parts import bare, foot
from dsim.plots.marks import NAME_LENGTH, add_legend, centre_mark
from dsim.plots.names import names_of, settle
from dsim.plots.style import Look, Role, check_suffix, drawable, looks, pictures, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_embedding(
    clouds: Mapping[str, NDArray[np.floating]],
    roles: Mapping[str, Role],
    path: Path | None,
    title: str,
    note: str = "",
) -> Figure:
    """Draw the points of all datasets in one plane, with equal axes: distances can be read off.

    Sources are bright filled shapes, targets are dark strokes; the large mark of each dataset is its mean. Clouds of
    more than two dimensions are projected onto principal components, which the picture says.

    Parameters
    ----------
    clouds : points (n, k) of each dataset, k the same for all; points that are not finite are left out.
    roles : ``"source"`` or ``"target"`` for each dataset; of others too, so that equal roles give equal looks.
    path : a name in .png or .svg, written atomically; None writes no file. ``title``, ``note`` : above and below it.

    Raises
    ------
    UsageError : nothing to draw, a dataset without a role, clouds of different dimensions, another suffix.
    """
    check_suffix(path)
    _require(clouds, roles)
    plane, how = to_plane(clouds)
    # Of all that have a role, drawn or not: a dataset keeps its look in the pictures of all measures of a run.
    look = {name: one for name, one in looks(roles).items() if name in clouds}
    with pictures():
        figure, axes = _canvas(title, "\n".join(filter(None, [how, note])))
        _frame(axes, np.concatenate(list(plane.values())))
        for name, points in plane.items():
            _scatter(axes, points, look[name], roles[name])
        add_legend(figure, look, roles, {name: len(cloud) for name, cloud in clouds.items()})
        _label_centres(figure, axes, plane, look, roles)
        return save(figure, path, title)


def _require(clouds: Mapping[str, NDArray[np.floating]], roles: Mapping[str, Role]) -> None:
    missing = [name for name in clouds if name not in roles]
    if missing:
        raise UsageError(f"no role for {', '.join(missing)}", hint="call each dataset 'source' or 'target'")
    shapes = {name: np.shape(cloud) for name, cloud in clouds.items()}
    if len({shape[1:] for shape in shapes.values()}) > 1 or any(len(shape) != 2 for shape in shapes.values()):
        described = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise UsageError(f"clouds must have shape (n, k) with one k, not {described}", hint="embed all datasets alike")
    if not any(np.isfinite(cloud).all(axis=1).any() for cloud in clouds.values()):
        raise UsageError("no point to draw", hint="give at least one dataset with finite points")


def _canvas(title: str, note: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 7.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(drawable(title), loc="left", pad=10, fontweight="bold", parse_math=False)
    foot(figure, note.splitlines(), 120)
    return figure, axes


def _frame(axes: Axes, points: NDArray[np.float64]) -> None:
    """Equal axes around all points, with room for labels; of size one where all points coincide."""
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.1)
    if np.ptp(points, axis=0).max() == 0:
        axes.update_datalim(points[:1] + np.array([[-0.5, -0.5], [0.5, 0.5]]))
    bare(axes)


def _scatter(axes: Axes, points: NDArray[np.float64], look: Look, role: Role) -> None:
    crowd = np.clip(60 / np.sqrt(len(points) + 1), 4, 16)
    strokes: dict[str, Any] = {"linewidths": 0.8} if role == "target" else {"linewidths": 0, "edgecolors": "none"}
    axes.scatter(
        points[:, 0],
        points[:, 1],
        s=crowd,
        c=look.colour,
        marker=look.shape,
        alpha=0.55 if role == "target" else 0.4,
        rasterized=len(points) > 2000,
        **strokes,
    )


def _label_centres(
    figure: Figure,
    axes: Axes,
    plane: Mapping[str, NDArray[np.float64]],
    look: Mapping[str, Look],
    roles: Mapping[str, Role],
) -> None:
    named = [name for name, points in plane.items() if len(points)]
    centres = np.array([plane[name].mean(axis=0) for name in named])
    for name, (x, y) in zip(named, centres, strict=True):
        axes.plot(x, y, zorder=4, **centre_mark(look[name], roles[name]))
    colours, points = [look[name].colour for name in named], np.concatenate(list(plane.values()))
    names = names_of(axes, named, centres, colours, points, size=8.5, length=NAME_LENGTH)
    for name, text in zip(named, names.texts, strict=True):
        text.set_fontweight("bold" if roles[name] == "target" else "normal")
    settle(figure)
    names.place()
