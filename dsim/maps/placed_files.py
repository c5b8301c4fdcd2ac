"""The files of placed images: a table, a record, and the page of them over the old map."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsim.files.documents import to_json
from dsim.maps.image_map import ImageMap
from dsim.maps.model import open_map_model
from dsim.maps.page import NEIGHBOURS, nearest_in_features, render_image_map
from dsim.maps.place import PlacedImages

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime

RECORD, TABLE, PAGE = "placed.json", "placed.csv", "placed.html"


def write_placed(
    placed: PlacedImages, folder: str | Path, runtime: Runtime, *, pictures_folder: bool = False
) -> list[Path]:
    """Write placed.csv, placed.html and last placed.json to a folder, and return their paths.

    ``pictures_folder`` : pictures that do not fit into the page go to a folder beside it. Raises DsimError where the
    folder cannot be written, UnreadableImageError where an image cannot be shown.
    """
    from dsim.files import write_text

    place = Path(folder)
    beside = place / "pictures" if pictures_folder else None
    write_text(place / TABLE, format_placed(placed))
    write_text(place / PAGE, render_placed(placed, runtime, beside))
    to_json(placed.to_dict(), place / RECORD)
    return [place / name for name in (RECORD, TABLE, PAGE)]


def format_placed(placed: PlacedImages) -> str:
    """Return the placed images as CSV, in their order: id, place, p, novelty, nearest image."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["id", "x", "y", "p", "novelty", "nearest"])
    for row, (x, y) in enumerate(placed.points):
        near = placed.names_of_nearest(row)[:1]
        numbers = [repr(float(x)), repr(float(y)), f"{placed.p[row]:.6g}", f"{placed.novelty[row]:.6g}"]
        lines.writerow([placed.dataset.ids[row], *numbers, *(near or [""])])
    return text.getvalue()


def render_placed(placed: PlacedImages, runtime: Runtime, pictures_folder: Path | None = None) -> str:
    """Return the page of the placed images over the map, or over places of training images where the map is not known.

    Raises UnreadableImageError where a picture cannot be drawn.
    """
    below = placed.onto or _training_images(placed)
    together = _joined(below, placed)
    return render_image_map(
        together,
        runtime,
        f"{placed.dataset.name}: {len(placed):,} images on a map",
        description=_description(placed),
        notes=["Images unlike the training images lie somewhere in the plane too; their p is small."],
        neighbours=_neighbours(below, placed, runtime),
        colour="dataset",
        pictures_folder=pictures_folder,
    )


def _description(placed: PlacedImages) -> str:
    found = placed.foreign
    by = f"Placed by the model {open_map_model(placed.model).model.id}."
    if math.isnan(found.share):
        return by
    share = f"{found.share:.0%} ({found.low:.0%} to {found.high:.0%})"
    return f"{by} Share of the placed images that is unlike the images it was trained on: {share}."


def _training_images(placed: PlacedImages) -> ImageMap:
    """The places that a model remembers of its training images, without pictures or names."""
    from dsim.data import from_arrays

    network = open_map_model(placed.model).network
    known = from_arrays(features=network.reference.numpy(), name=_other_name("training images", placed.dataset))
    return ImageMap.of([known], network.reference_points.numpy())


def _other_name(name: str, dataset: Dataset) -> str:
    return f"{name} (map)" if name == dataset.name else name


def _joined(below: ImageMap, placed: PlacedImages) -> ImageMap:
    """The map with the placed images behind its own, as one more dataset; numbers that these lack are NaN."""
    names = {dataset.name for dataset in below.datasets}
    new = placed.dataset
    new = new.renamed(f"{new.name} (placed)") if new.name in names else new
    unknown = np.full(len(placed), np.nan)
    columns = {
        name: np.concatenate([values, placed.p if name == "p" else unknown]) for name, values in below.columns.items()
    }
    columns.setdefault("p", np.concatenate([np.full(len(below), np.nan), placed.p]))
    added = ImageMap.of([new], placed.points)
    return ImageMap(
        np.concatenate([below.points, placed.points]),
        np.concatenate([below.owners, added.owners + len(below.datasets)]),
        (*below.datasets, new),
        below.ids + added.ids,
        below.labels + added.labels,
        below.groups + added.groups,
        columns,
    )


def _neighbours(below: ImageMap, placed: PlacedImages, runtime: Runtime) -> np.ndarray | None:
    """Nearest images of the map in feature space, of its own and of the placed ones; None where it is not known."""
    if placed.onto is None or placed.nearest is None:
        return None
    own = nearest_in_features(below.features(runtime))
    width = NEIGHBOURS
    rows = [table[:, :width] for table in (own, placed.nearest) if table is not None]
    if len(rows) < 2:
        return None
    return np.concatenate([np.pad(table, ((0, 0), (0, width - table.shape[1])), constant_values=-1) for table in rows])
