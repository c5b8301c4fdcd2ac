"""The page of a map of images: the data that ``dsim.pages`` shows, with pictures spread over the whole map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsim.maps.image_map import COLUMNS, ImageMap

if TYPE_CHECKING:
    from PIL import Image

    from dsim.pages import MapColumn, PictureSheets
    from dsim.runtime import Runtime

#: Images that the page shows beside one that is pinned.
NEIGHBOURS = 8
#: Images among which neighbours in feature space are looked for; beyond it the page shows those in the plane.
_MOST_COMPARED = 50_000
#: Sides of pictures, pixels: multiples of 16, the block of their formats.
_SIDES = (32, 48, 64, 96)


def render_image_map(
    image_map: ImageMap,
    runtime: Runtime,
    title: str,
    *,
    description: str = "",
    notes: Sequence[str] = (),
    extra: Sequence[MapColumn] = (),
    neighbours: NDArray[np.intp] | None = None,
    colour: str = "",
    pictures_folder: Path | None = None,
) -> str:
    """Return a map as one HTML page that loads nothing, but pictures from ``pictures_folder`` where that is given.

    Parameters
    ----------
    extra : further columns, n values each. ``colour`` : the column that the page colours by at first.
    neighbours : of each image, intp (n, k); by default those in feature space where the map has a model.

    Raises what ``extract`` raises, and UnreadableImageError where a picture cannot be drawn.
    """
    from dsim.data import modality_family, stated_modality
    from dsim.pages import MapDataset, PointMap, render_map
    from dsim.plots.style import looks

    look = looks({dataset.name: "source" for dataset in image_map.datasets})
    if neighbours is None and image_map.model:
        neighbours = nearest_in_features(image_map.features(runtime))
    contents = PointMap(
        points=image_map.points,
        ids=image_map.ids,
        owners=image_map.owners,
        datasets=[
            MapDataset(d.name, look[d.name].colour, look[d.name].shape, modality_family(stated_modality(d)))
            for d in image_map.datasets
        ],
        columns=[*page_columns(image_map), *extra],
        neighbours=neighbours,
        pictures=draw_pictures(image_map, runtime, pictures_folder),
        colour=colour,
    )
    return render_map(
        contents,
        title,
        description=description,
        notes=[*_NOTES, *notes],
        fallback="The interactive map needs scripts; map.png beside this page shows it without.",
    )


_NOTES = (
    "Each mark is an image. Images that the model takes for similar lie together; how far apart distant groups lie, "
    "and how large they are, means little.",
    "Whether an image is unlike the training images is judged in feature space (p), never by its place in the plane. "
    "Images that were trained on look a little more usual than new ones of their kind.",
)


def page_columns(image_map: ImageMap) -> list[MapColumn]:
    """Return labels, groups and numbers of a map as columns of the page; those without any value are left out."""
    from dsim.pages import MapColumn

    columns = []
    if any(image_map.labels):
        columns.append(MapColumn("label", "category", image_map.labels, "the class of the image"))
    if any(image_map.groups):
        columns.append(MapColumn("group", "category", image_map.groups, "what belongs together: a smear, a patient"))
    for name, values in image_map.columns.items():
        if not np.isnan(values).all():
            columns.append(MapColumn(name, "number", values, COLUMNS.get(name, "")))
    return columns


def nearest_in_features(features: NDArray[np.float32], count: int = NEIGHBOURS) -> NDArray[np.intp] | None:
    """Return the nearest other images of each by features (n, d), intp (n, k).

    None for a single image, and for more than 50,000, where the search would take longer than most trainings.
    """
    from dsim.embeddings import find_neighbours

    if len(features) > _MOST_COMPARED:
        return None
    k = min(count, len(features) - 1)
    return find_neighbours(features, features, k, leave_one_out=True).indices if k else None


def draw_pictures(image_map: ImageMap, runtime: Runtime, folder: Path | None = None) -> PictureSheets | None:
    """Return pictures of the images, as many as fit into a page, spread over the whole map; None without images.

    Raises UnreadableImageError for an image that cannot be read.
    """
    from dsim.data import thumbnail
    from dsim.pages import choose_pictures, make_sheets

    bare = [replace(dataset, masked=False) for dataset in image_map.datasets]
    shown = np.isin(image_map.owners, [i for i, dataset in enumerate(bare) if dataset.backing is not None])
    if not shown.any():
        return None
    place = np.empty(len(image_map), dtype=np.intp)
    for members in image_map.members:
        place[members] = np.arange(len(members))
    cell = _side(image_map)

    def draw(image: int) -> Image.Image:
        return thumbnail(bare[image_map.owners[image]], int(place[image]), cell)

    candidates = np.flatnonzero(shown)
    chosen = candidates[choose_pictures(image_map.points[candidates], len(candidates))]
    return make_sheets(draw, chosen, runtime, folder=folder, cell=cell)


def _side(image_map: ImageMap) -> int:
    """The smallest side of pictures that loses nothing of the first image of each dataset; 96 pixels at most."""
    longest = max(max(d.native(0).shape[:2]) for d in image_map.datasets if d.backing is not None)
    return next((side for side in _SIDES if side >= longest), _SIDES[-1])
