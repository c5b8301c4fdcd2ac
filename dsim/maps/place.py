"""Place new images on a map that was fitted before, and say which are unlike its training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError, DsimError
from dsim.files.documents import or_nulls
from dsim.maps.files import RECORD, count_channels, open_map, read_record
from dsim.maps.image_map import Floats, ImageMap
from dsim.maps.model import open_map_model
from dsim.runtime import Runtime
from dsim.stats.foreign import ForeignShare, foreign_share

if TYPE_CHECKING:
    from dsim.data import Dataset

#: Images of the map that are named beside each placed one.
NEAREST = 5


@dataclass(frozen=True)
class PlacedImages:
    """Images on a map that was fitted without them.

    Parameters
    ----------
    dataset : the m images. ``model`` : reference of the model that placed them.
    points : places in the plane, float64 (m, 2). An image unlike all others lies somewhere too: see ``p``.
    novelty : how many times farther in feature space an image is from its nearest training images than these are from
        theirs, float64 (m,); about 1 is usual.
    p : conformal p of that among held-out images, float64 (m,), in (0, 1]; small is unlike the training images.
    foreign : which share of the images is foreign, with an interval.
    onto : the map; None where only its model is known, or its datasets are not at hand.
    nearest : of each image the most similar ones of the map in feature space, intp (m, k), nearest first; None without
        the map.
    """

    dataset: Dataset
    model: str
    points: Floats
    novelty: Floats
    p: Floats
    foreign: ForeignShare
    onto: ImageMap | None = None
    nearest: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.points)

    @property
    def unusual(self) -> NDArray[np.intp]:
        """The images with p of at most 0.05, the most novel first."""
        rows = np.flatnonzero(self.p <= self.foreign.level)
        order: NDArray[np.intp] = rows[np.argsort(-self.novelty[rows], kind="stable")]
        return order

    def to_dict(self) -> dict[str, Any]:
        """Return a document of schema ``dsim.map-place/1``."""
        return {
            "schema": "dsim.map-place/1",
            "dataset": self.dataset.name,
            "location": self.dataset.reference,
            "images_fingerprint": self.dataset.images_fingerprint,
            "model": self.model,
            "foreign": or_nulls(self.foreign._asdict()),
            "images": [self._entry(row) for row in range(len(self))],
        }

    def _entry(self, row: int) -> dict[str, Any]:
        return {
            "id": str(self.dataset.ids[row]),
            "x": float(self.points[row, 0]),
            "y": float(self.points[row, 1]),
            "p": float(self.p[row]),
            "novelty": float(self.novelty[row]),
            "nearest": self.names_of_nearest(row),
        }

    def names_of_nearest(self, row: int) -> list[str]:
        """Return the most similar images of the map as ``DATASET/ID``; none where the map is not at hand."""
        if self.onto is None or self.nearest is None:
            return []
        chart = self.onto
        return [f"{chart.datasets[chart.owners[image]].name}/{chart.ids[image]}" for image in self.nearest[row]]


def place_on_map(
    dataset: Dataset | str | Path,
    model: str | Path,
    *,
    datasets: Sequence[Dataset | str | Path] = (),
    runtime: Runtime | None = None,
) -> PlacedImages:
    """Place images on a map, in their order; the place of an image depends on no other one.

    Parameters
    ----------
    dataset : the images, or what ``open_dataset`` opens.
    model : folder of a map, folder of its model, or ``zoo:ID``.
    datasets : those of the map that have moved, such as ``NAME=PATH``; only the nearest images need them.

    Raises
    ------
    UsageError
        Where the model is not that of a map.
    DataError, NeedError
        Where there is no map, or the dataset has no images.
    """
    from dsim.data import to_dataset
    from dsim.registry import Need

    runtime, opened = runtime or Runtime(), open_map_model(model)
    images = to_dataset(dataset, "placed")
    images.require(Need.IMAGES, "a place on a map")
    _compare_channels(images, _folder_of_map(model), runtime)
    features = opened.features(images, runtime)
    scores, p = opened.unusual(features)
    if not opened.held_out:
        runtime.progress.note("no image was held out of the training: new images of the same kind seem more foreign")
    onto = _map_of(model, datasets, runtime)
    return PlacedImages(
        images,
        opened.reference,
        opened.place(features),
        scores,
        p,
        foreign_share(p, len(opened.calibration)),
        onto,
        None if onto is None else _nearest(features, onto, runtime),
    )


def _folder_of_map(model: str | Path) -> Path | None:
    """The folder of the map that the model belongs to, where it is at hand."""
    if str(model).startswith("zoo:"):
        return None
    folder = Path(str(model).removeprefix("file:")).expanduser()
    return next((place for place in (folder, folder.parent) if (place / RECORD).is_file()), None)


def _compare_channels(images: Dataset, folder: Path | None, runtime: Runtime) -> None:
    """Refuse images of another number of channels than the map's; gray ones among colours are only noted.

    Raises DataError.
    """
    if folder is None:
        return
    known = sorted({entry["channels"] for entry in read_record(folder)["datasets"]})
    own = count_channels(images)
    if own in known:
        return
    has = f"images of {images.name!r} have {own} channels, those of the map {' or '.join(map(str, known))}"
    if not {own, *known} <= {1, 3}:
        raise DataError(
            has, hint="place images of the same channels; for these fit a map of their own: dsim map fit DATASET..."
        )
    runtime.progress.note(f"{has}: gray is read as a colour")


def _map_of(model: str | Path, datasets: Sequence[Dataset | str | Path], runtime: Runtime) -> ImageMap | None:
    """The map of the model, where it is at hand; a note where it is, and its images are not."""
    folder = _folder_of_map(model)
    if folder is None:
        if datasets:
            runtime.progress.note(f"{model} is a model without its map: --dataset is not used")
        return None
    try:
        return open_map(folder, datasets)
    except DsimError as error:
        if datasets:
            raise
        runtime.progress.note(f"the nearest images of the map are not named: {error}")
        return None


def _nearest(features: NDArray[np.float32], onto: ImageMap, runtime: Runtime) -> NDArray[np.intp]:
    from dsim.embeddings import find_neighbours

    known = onto.features(runtime)
    return find_neighbours(features, known, min(NEAREST, len(known))).indices
