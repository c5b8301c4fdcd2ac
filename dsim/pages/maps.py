"""The page of a map: a mark for each image, with its picture, name and dataset; it zooms and finds images by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError
from dsim.pages.map_columns import MapColumn
from dsim.pages.map_sheets import PictureSheets
from dsim.pages.markup import escape, isolate_name, render_list, render_scroll, render_section, render_table
from dsim.pages.pictures import CELL, Sprite
from dsim.pages.shell import render_page

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FOLDER = Path(__file__).parent
_KEYS = (
    "Point at an image to see it; drag to move, turn the wheel or pinch to zoom. By keyboard: arrows go from image to "
    "image, comma and full stop inwards and outwards in a dataset, plus, minus and zero zoom. The search goes to "
    "images whose name, or whose dataset's name, holds the text; Enter goes to the next one."
)


@dataclass(frozen=True)
class MapDataset:
    """One dataset of a map.

    Parameters
    ----------
    colour : as CSS writes it. ``shape`` : of its marks, by matplotlib's letter: one of ``o s ^ < D v P p h``, filled,
        or ``x + 1 2 3 4``, strokes. ``kind`` : a word about it that stands beside its name, such as its modality.
    """

    name: str
    colour: str
    shape: str = "o"
    kind: str = ""


@dataclass(frozen=True)
class MapRegion:
    """A region of the plane with a name; ``outline`` : its corners, float (k, 2)."""

    name: str
    outline: NDArray[np.float64]


@dataclass(frozen=True)
class PointMap:
    """The points of a map, and what is known of each.

    Parameters
    ----------
    points : places in the plane, float (n, 2), finite. ``ids`` : names of the n images.
    owners : the dataset of each image, integers (n,) that count ``datasets`` from 0; each has one image at least.
    sprites : pictures, one sprite for each dataset, whose cells follow the dataset's images in their order here; empty
        without pictures. ``regions`` : drawn below the marks.
    distances : of each image to the centre of its dataset, (n,), where the plane is not all there is; else those in the
        plane.
    columns : what is known of each image; the page colours by them, filters by them and writes them into CSV files.
        ``label`` is what its reader may change. The dataset is a column without being named here.
    neighbours : the images that are most alike, the nearest first, integers (n, k), -1 for none: such as those in
        feature space. By default the page shows those in the plane, and says so.
    pictures : instead of sprites, pictures that are spread over the whole map.
    colour : name of the column that the page colours by at first; by default the first column, or the dataset.

    Raises
    ------
    DataError : lengths do not fit, a point is not finite, a dataset has no image, or columns share a name.
    """

    points: NDArray[np.float64]
    ids: Sequence[str]
    owners: NDArray[np.intp]
    datasets: Sequence[MapDataset]
    sprites: Sequence[Sprite] = ()
    regions: Sequence[MapRegion] = ()
    distances: NDArray[np.float64] | None = None
    columns: Sequence[MapColumn] = ()
    neighbours: NDArray[np.intp] | None = None
    pictures: PictureSheets | None = None
    colour: str = ""

    def __post_init__(self) -> None:
        for fault in self._faults():
            raise DataError(f"the points do not make a map: {fault}", hint="give one entry for each image")

    def _faults(self) -> Iterator[str]:
        import numpy as np

        count = len(self.ids)
        if self.points.shape != (count, 2) or not np.isfinite(self.points).all():
            yield f"{count} images, and points of shape {self.points.shape}, which must be finite"
        if len(self.owners) != count or (self.distances is not None and len(self.distances) != count):
            yield f"{count} images, and another number of owners or distances"
        elif set(map(int, self.owners)) != set(range(len(self.datasets))):
            yield f"owners must number all of the {len(self.datasets)} datasets from 0"
        elif self.sprites and [len(s.cells) for s in self.sprites] != [len(each) for each in self.members]:
            yield "the sprites are not those of the datasets"
        yield from self._faults_of_extras(count)

    def _faults_of_extras(self, count: int) -> Iterator[str]:
        import numpy as np

        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            yield f"two of the columns {', '.join(names)} share a name"
        for column in self.columns:
            if len(column.values) != count:
                yield f"{count} images, and {len(column.values)} values of the column {column.name!r}"
        if self.colour and self.colour not in (*names, "dataset"):
            yield f"there is no column {self.colour!r} to colour by"
        if self.neighbours is not None:
            near = np.asarray(self.neighbours)
            if near.ndim != 2 or len(near) != count or (near.size and (near.min() < -1 or near.max() >= count)):
                yield f"neighbours of shape {near.shape} must be (n, k) numbers of the {count} images, or -1"
        if self.pictures and any(image >= count for sheet in self.pictures.sheets for image in sheet.images):
            yield "a picture is of an image that the map does not have"

    @cached_property
    def members(self) -> list[NDArray[np.intp]]:
        """The images of each dataset: positions (n,) in ``ids``, in order."""
        import numpy as np

        return [np.flatnonzero(np.asarray(self.owners) == owner) for owner in range(len(self.datasets))]


def render_map(
    contents: PointMap,
    title: str,
    *,
    description: str = "",
    table: str = "",
    notes: Sequence[str] = (),
    fallback: str = "The interactive map needs scripts.",
) -> str:
    """Return a map as one HTML page that loads nothing; names of datasets and images are text and nothing else.

    Parameters
    ----------
    title, description : plain text at the top. ``notes`` : plain text, how the map is to be read.
    table : HTML of a table of the datasets; by default their typical images, names and numbers of images.
    fallback : plain text that readers without scripts see in place of the map.

    Raises ValueError where a distance or a corner of a region is not finite.
    """
    lines = [*notes, *([_note_on_pictures(contents)] if contents.sprites else [])]
    stage = _FOLDER.joinpath("map.html").read_text("utf-8").replace("$cell", str(CELL))
    parts = [
        stage,
        f'<p id="silent" class="small">{escape(fallback)}</p>',
        f'<p class="small on-screen">{_KEYS}</p>',
        render_section("Datasets", render_scroll("Datasets", table or _table(contents))),
        render_section("How to read it", render_list(map(escape, lines))),
    ]
    return render_page(
        title,
        "\n".join(parts),
        header=f'<p class="description">{escape(description)}</p>' if description else "",
        style=_FOLDER.joinpath("map.css").read_text("utf-8"),
        script=_FOLDER.joinpath("map.js").read_text("utf-8"),
        data=_data(contents),
        dark=False,
    )


def _data(contents: PointMap) -> dict[str, Any]:
    """The value that the script reads."""
    import numpy as np

    everything = np.concatenate([contents.points, *(region.outline for region in contents.regions)])
    return {
        "bounds": [*everything.min(axis=0).round(5).tolist(), *everything.max(axis=0).round(5).tolist()],
        "cell": CELL,
        "regions": [
            {"name": region.name, "outline": np.asarray(region.outline).round(4).tolist()}
            for region in contents.regions
        ],
        "datasets": [_dataset(contents, owner) for owner in range(len(contents.datasets))],
    }


def _dataset(contents: PointMap, owner: int) -> dict[str, Any]:
    import numpy as np

    dataset, members = contents.datasets[owner], contents.members[owner]
    points = contents.points[members]
    centre = points.mean(axis=0)
    known = contents.distances
    distances = np.linalg.norm(points - centre, axis=1) if known is None else np.asarray(known)[members]
    rank = np.empty(len(members), dtype=int)
    rank[np.argsort(distances, kind="stable")] = np.arange(len(members))
    sprite = contents.sprites[owner] if contents.sprites else Sprite("", 1, (-1,) * len(members), "")
    return {
        "name": dataset.name,
        "kind": dataset.kind,
        "colour": dataset.colour,
        "shape": dataset.shape,
        "centre": centre.round(5).tolist(),
        "points": points.round(5).tolist(),
        "distance": distances.round(5).tolist(),
        "rank": rank.tolist(),
        "ids": [str(contents.ids[member]) for member in members],
        "sprite": sprite.uri,
        "columns": sprite.columns,
        "cells": list(sprite.cells),
    }


def _table(contents: PointMap) -> str:
    pictures = [f'<img src="{sprite.typical}" alt="">' for sprite in contents.sprites] or [""] * len(contents.datasets)
    rows = [
        [picture, isolate_name(dataset.name), escape(dataset.kind), f"{len(members):,}"]
        for picture, dataset, members in zip(pictures, contents.datasets, contents.members, strict=True)
    ]
    heads = ("typical image", "dataset", "kind", "images")
    return render_table(heads, rows, kinds=("text", "text", "text", ""), row_heads=1)


def _note_on_pictures(contents: PointMap) -> str:
    images, sprites = len(contents.ids), contents.sprites
    shown, size = sum(sprite.shown for sprite in sprites), sum(sprite.size for sprite in sprites)
    share = "all" if shown == images else f"{shown:,} of the {images:,}"
    pictures = f"The page holds pictures of {share} images, {CELL} pixels each, {size / 1e6:.1f} MB in all"
    if shown < images:
        most = max(sprite.shown for sprite in sprites)
        pictures += f": at most {most} of each dataset, evenly over the ranks of their distance to its centre"
    return f"{pictures}."
