"""The map as a picture: clouds, centres, ellipses by modality, and around them a typical image of each dataset."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.plots.marks import centre_mark
from dsim.plots.names import names_of, settle
from dsim.plots.style import GRID, PALE_INK, Look, check_suffix, drawable, looks, pictures, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL import Image

    from dsim.data import Dataset
    from dsim.embeddings.clouds import DatasetMap

Points = NDArray[np.float64]

#: Inches: depth of the ring, least width and height of a place along it, least width of the map itself.
RING, LEAST_WIDTH, LEAST_HEIGHT, MAP_WIDTH = 1.25, 1.2, 1.22, 8.5
#: Rows beside the map for each column above it, so that the page lies.
_ROWS = 0.75


@dataclass(frozen=True)
class Frame:
    """The map's rectangle, ``width`` by ``height`` inches, with ``columns`` places above and below, ``rows`` aside."""

    columns: int
    rows: int
    width: float
    height: float

    @classmethod
    def of(cls, count: int) -> Frame:
        """The smallest frame with that many places.

        >>> Frame.of(16).columns, Frame.of(16).rows
        (5, 4)
        """
        columns = next(c for c in range(2, 10_000) if 2 * (c + math.ceil(_ROWS * c)) >= count)
        rows = math.ceil(_ROWS * columns)
        return cls(columns, rows, max(MAP_WIDTH, LEAST_WIDTH * columns), max(5.0, LEAST_HEIGHT * rows))

    def ports(self) -> tuple[Points, list[str]]:
        """Where leader lines reach the places, inches from the lower left corner of the map, and their sides.

        Clockwise from the upper left corner: ``top``, ``right``, ``bottom``, ``left``.
        """
        across = (np.arange(self.columns) + 0.5) * self.width / self.columns
        up = (np.arange(self.rows) + 0.5) * self.height / self.rows
        sides = {
            "top": np.stack([across, np.full(self.columns, self.height)], axis=1),
            "right": np.stack([np.full(self.rows, self.width), up[::-1]], axis=1),
            "bottom": np.stack([across[::-1], np.zeros(self.columns)], axis=1),
            "left": np.stack([np.zeros(self.rows), up], axis=1),
        }
        return np.concatenate(list(sides.values())), [side for side, ports in sides.items() for _ in ports]


def assign_ports(sites: Points, ports: Points) -> NDArray[np.intp]:
    """The port of each site, (n,): the sum of the distances is the smallest, so that no two lines cross.

    >>> assign_ports(np.array([[0.0, 1.0], [0.0, 9.0]]), np.array([[5.0, 8.0], [5.0, 2.0]])).tolist()
    [1, 0]
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    _, chosen = linear_sum_assignment(cdist(sites, ports))
    found: NDArray[np.intp] = chosen
    return found


_THUMB, _GAP, _HEAD, _LINE = 0.84, 0.1, 0.42, 0.145
#: Pixels of the longer side of a typical image.
_PIXELS = 192


@dataclass(frozen=True)
class Layout:
    """Where everything stands: ``place`` is the port of each dataset, ``look`` its colour and shape."""

    frame: Frame
    ports: Points
    sides: Sequence[str]
    place: NDArray[np.intp]
    look: Mapping[str, Look]
    limits: tuple[tuple[float, float], tuple[float, float]]


def draw_map(found: DatasetMap, path: Path, title: str, note: str = "") -> None:
    """Draw the map as PNG or SVG, by the suffix; written atomically.

    The typical image of a dataset is the one nearest to its centre, joined to it by a line; no two lines cross. Colours
    run around the map, so that datasets of one role and colour are not neighbours.
    """

    check_suffix(path)
    layout = lay_out(found)
    with pictures():
        figure, axes, corner = _canvas(layout, title, _notes(found, note))
        _clouds(axes, found, layout)
        _typical(figure, found, layout, corner)
        _regions(figure, axes, found)
        save(figure, path, title)


def lay_out(found: DatasetMap) -> Layout:
    """Frame, limits with equal scales, the place of each dataset and, in the order of places, its look."""
    frame = Frame.of(len(found.clouds))
    limits = _limits(found, frame)
    low = np.array([limits[0][0], limits[1][0]])
    scale = frame.width / (limits[0][1] - limits[0][0])
    ports, sides = frame.ports()
    place = assign_ports((found.centres - low) * scale, ports)
    around = [found.clouds[number] for number in np.argsort(place)]
    return Layout(frame, ports, sides, place, looks({cloud.name: cloud.role for cloud in around}), limits)


def _limits(found: DatasetMap, frame: Frame) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of both axes, around all points and ellipses, with the same scale."""
    outlines = [region.ellipse.outline() for region in found.regions if region.ellipse]
    everything = np.concatenate([*found.plane, *outlines])
    low, high = everything.min(axis=0), everything.max(axis=0)
    middle, size = (low + high) / 2, (high - low) * 1.1
    # Units per inch: the larger of both directions; one where all points coincide.
    unit = max(size[0] / frame.width, size[1] / frame.height) or 1 / frame.width
    half = np.array([frame.width, frame.height]) * unit / 2
    return (middle[0] - half[0], middle[0] + half[0]), (middle[1] - half[1], middle[1] + half[1])


def _canvas(layout: Layout, title: str, notes: Sequence[str]) -> tuple[Figure, Axes, Points]:
    """Figure, the map's axes, and the lower left corner of the map in inches."""
    from matplotlib.figure import Figure

    lines = [
        line for note in notes for line in textwrap.wrap(drawable(note, 900), int((layout.frame.width + 2 * RING) * 18))
    ]
    foot = 0.2 + _LINE * len(lines)
    width, height = layout.frame.width + 2 * RING, layout.frame.height + 2 * RING + _HEAD + foot
    figure = Figure(figsize=(width, height))
    corner = np.array([RING, RING + foot])
    place = (corner[0] / width, corner[1] / height, layout.frame.width / width, layout.frame.height / height)
    axes = figure.add_axes(place, facecolor="none", zorder=3)
    axes.set(xlim=layout.limits[0], ylim=layout.limits[1], xticks=[], yticks=[])
    axes.spines[:].set(color=GRID, linewidth=0.8)
    style: dict[str, Any] = {"parse_math": False, "ha": "left", "va": "top"}
    figure.text(0.1 / width, 1 - 0.12 / height, drawable(title, 110), fontsize=13, fontweight="bold", **style)
    figure.text(
        0.1 / width, (foot - 0.05) / height, "\n".join(lines), fontsize=7.8, color=PALE_INK, linespacing=1.35, **style
    )
    _scale_bar(axes, layout)
    return figure, axes, corner


def _scale_bar(axes: Axes, layout: Layout) -> None:
    """A length to measure distances by, in the lower left corner: round, about an eighth of the width."""

    low, high = layout.limits[0]
    length = (high - low) / 8
    power = 10.0 ** math.floor(math.log10(length))
    length = max(step for step in (power, 2 * power, 5 * power) if step <= length * 1.0001)
    x, y = low + 0.015 * (high - low), layout.limits[1][0] + 0.015 * (high - low)
    axes.plot([x, x + length], [y, y], color=PALE_INK, linewidth=1.6, solid_capstyle="butt", zorder=6)
    style: dict[str, Any] = {"fontsize": 7.5, "color": PALE_INK, "ha": "left", "va": "bottom"}
    axes.text(x, y + 0.006 * (high - low), f"distance {length:g}", **style)


def _clouds(axes: Axes, found: DatasetMap, layout: Layout) -> None:

    crowd = float(np.clip(500 / math.sqrt(found.images + 1), 4, 16))
    for cloud, points, centre in zip(found.clouds, found.plane, found.centres, strict=True):
        look = layout.look[cloud.name]
        target = cloud.role == "target"
        strokes: dict[str, Any] = {"linewidths": 0.8} if target else {"linewidths": 0, "edgecolors": "none"}
        strokes |= {"marker": look.shape, "alpha": 0.5, "rasterized": found.images > 2000}
        axes.scatter(points[:, 0], points[:, 1], s=crowd, c=look.colour, **strokes)
        axes.plot(*centre, zorder=5, **centre_mark(look, cloud.role))


def _typical(figure: Figure, found: DatasetMap, layout: Layout, corner: Points) -> None:
    """A typical image of each dataset at its place, its name outside of it, and the line to its centre."""
    from matplotlib.lines import Line2D

    low = np.array([layout.limits[0][0], layout.limits[1][0]])
    scale = layout.frame.width / (layout.limits[0][1] - layout.limits[0][0])
    for number, cloud in enumerate(found.clouds):
        side, colour = layout.sides[layout.place[number]], layout.look[cloud.name].colour
        port = corner + layout.ports[layout.place[number]]
        left, bottom, width, height = _beside(port, side, picture := typical_image(cloud.dataset, cloud.representative))
        size = figure.get_size_inches()
        axes = figure.add_axes((left / size[0], bottom / size[1], width / size[0], height / size[1]))
        axes.imshow(np.asarray(picture), aspect="auto", interpolation="lanczos")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color=colour, linewidth=1.6)
        # Aside, names begin at the map and grow away from it.
        x = {"left": left + width, "right": left}.get(side, left + width / 2)
        _name(figure, cloud.name, len(cloud), (x, bottom + height if side == "top" else bottom), side)
        # From the edge of the image, which stands a gap away from the map.
        away = {"top": (0, _GAP), "bottom": (0, -_GAP), "left": (-_GAP, 0), "right": (_GAP, 0)}[side]
        ends = np.stack([corner + (found.centres[number] - low) * scale, port + away])
        # In parts of the figure, not in inches: those stay behind when the file is trimmed to what is drawn.
        x, y = (ends / size).T
        line = Line2D(x, y, color=colour, linewidth=0.9, alpha=0.75, transform=figure.transFigure, zorder=2)
        figure.add_artist(line)


def typical_image(dataset: Any, index: int, side: int = _PIXELS) -> Image.Image:
    """One image as RGB, its longer side ``side`` pixels; no outline of its mask."""
    from dsim.data import thumbnail

    return thumbnail(replace(dataset, masked=False), index, side)


def _beside(port: Points, side: str, picture: Image.Image) -> tuple[float, float, float, float]:
    """Left, bottom, width and height, inches, of an image that stands outside of the map at a port."""
    scale = _THUMB / max(picture.size)
    width, height = picture.width * scale, picture.height * scale
    x = {"left": -_GAP - width, "right": _GAP}.get(side, -width / 2)
    y = {"top": _GAP, "bottom": -_GAP - height}.get(side, -height / 2)
    return port[0] + x, port[1] + y, width, height


def _name(figure: Figure, name: str, images: int, at: tuple[float, float], side: str) -> None:

    align = {"left": "right", "right": "left"}.get(side, "center")
    style: dict[str, Any] = {"ha": align, "parse_math": False}
    step = 1 if side == "top" else -1
    counted = "1 image" if images == 1 else f"{images} images"
    first, second = (0.16, 0.04) if side == "top" else (0.04, 0.16)
    va = "bottom" if side == "top" else "top"
    width, height = figure.get_size_inches()
    figure.text(at[0] / width, (at[1] + step * first) / height, drawable(name, 22), va=va, fontsize=7.6, **style)
    figure.text(at[0] / width, (at[1] + step * second) / height, counted, va=va, fontsize=6.6, color=PALE_INK, **style)


def _regions(figure: Figure, axes: Axes, found: DatasetMap) -> None:
    """Ellipses, each named where there is most room around it."""
    from matplotlib.patches import Polygon

    drawn = [(region, region.ellipse.outline()) for region in found.regions if region.ellipse]
    anchors = []
    for region, outline in drawn:
        axes.add_patch(Polygon(outline, facecolor="#8A8A8A", alpha=0.07, linewidth=0, zorder=0.5))
        axes.add_patch(Polygon(outline, fill=False, edgecolor="#9A9A9A", linewidth=0.8, zorder=0.6))
        anchors.append(outline[_freest(outline, found, region.members)])
    if drawn:
        # Centres weigh as much as many points: names should not hide them.
        points = np.concatenate([*found.plane, np.repeat(found.centres, 30, axis=0)])
        names = [region.name for region, _ in drawn]
        placed = names_of(axes, names, np.array(anchors), [PALE_INK] * len(drawn), points, size=8.5, length=26)
        for text in placed.texts:
            text.set(fontstyle="italic", color="#3F3F3F")
        settle(figure)
        placed.place(clearance=5)


def _freest(outline: Points, found: DatasetMap, members: Sequence[str]) -> int:
    """The corner of an outline that is farthest from all points, those of its own datasets included."""
    from scipy.spatial.distance import cdist

    others = [points for name, points in zip(found.names, found.plane, strict=True) if name not in members]
    crowd = np.concatenate([*others, found.centres])
    return int(cdist(outline, crowd).min(axis=1).argmax())


def _notes(found: DatasetMap, note: str) -> list[str]:
    """Return the meaning of the marks, how the plane came about, and whatever else must be said."""
    modality = any(region.kind == "modality" for region in found.regions)
    of = "of a modality" if modality else "of a dataset"
    if modality and any(region.kind == "dataset" for region in found.regions):
        of += ", or of a dataset that states none"
    said = f"Each mark is an image, a large one a dataset's centre. Ellipses: two standard deviations {of}."
    said += " Pictures: the image nearest to the centre, dark ones brightened."
    if any(cloud.role == "target" for cloud in found.clouds):
        said += " Filled marks are sources, strokes are targets."
    eqc = "" if math.isnan(found.eqc[0]) else f" EQC of all of them: {found.eqc[0]:.3f}."
    how = f" Plane: {found.projection}." if found.projection else ""
    return [f"{said} Model: {found.model.title}.{eqc}{how}", *([note] if note else [])]


#: Inches of an image on a contact sheet and of the text below it, images side by side, and images on a sheet at most.
_CELL, _TEXT, _BESIDE, _MOST = 1.55, 0.72, 6, 36


def draw_sheet(dataset: Dataset, captions: Mapping[int, Sequence[str]], path: Path, title: str, note: str = "") -> None:
    """Draw images of a dataset side by side, each above its caption; nothing where there is none.

    ``captions`` : the lines below each image, at most four, by the image's index; 36 images are drawn at most. Raises
    UsageError for another suffix than .png and .svg.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    shown = list(captions.items())[:_MOST]
    if not shown:
        return
    from dsim.data import brightened

    drawn = [typical_image(dataset, index) for index, _ in shown]
    rows = math.ceil(len(shown) / _BESIDE)
    with pictures():
        figure = Figure(figsize=(_BESIDE * _CELL + 0.2, rows * (_CELL + _TEXT) + 0.75))
        width, height = figure.get_size_inches()
        heading = drawable(title + brightened(drawn))
        figure.text(0.1 / width, 1 - 0.1 / height, heading, va="top", fontsize=12, fontweight="bold")
        figure.text(0.1 / width, 1 - 0.36 / height, drawable(note, 400), va="top", fontsize=7.5, color=PALE_INK)
        for position, ((_, lines), picture) in enumerate(zip(shown, drawn, strict=True)):
            row, column = divmod(position, _BESIDE)
            left, top = 0.15 + column * _CELL, height - 0.65 - row * (_CELL + _TEXT)
            side = _CELL - 0.15
            axes = figure.add_axes((left / width, (top - side) / height, side / width, side / height))
            axes.imshow(np.asarray(picture), interpolation="lanczos")
            axes.set_axis_off()
            y = (top - side - 0.05) / height
            figure.text(left / width, y, "\n".join(lines), va="top", fontsize=7, linespacing=1.3, parse_math=False)
        save(figure, path, title)
