"""The map of image datasets: each image's place in the plane, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime

Floats = NDArray[np.float64]

#: Numbers of each image that a fitted map has, and what they mean.
COLUMNS: Mapping[str, str] = {
    "density": "share of the map's images that lie in less crowded places, 0 to 1",
    "p": "conformal p in feature space: how usual the image is among held-out training images; small is unusual",
    "stability": "share of the image's neighbours that it keeps in maps of other seeds, 0 to 1",
}


@dataclass(frozen=True)
class ImageMap:
    """A place in the plane for each image of one or several datasets.

    Parameters
    ----------
    points : places in the plane, float64 (n, 2), finite.
    owners : the dataset of each image, intp (n,), which counts ``datasets`` from 0.
    datasets : the datasets, one or several. ``ids`` : names of the n images, those of their datasets in order.
    labels, groups : texts (n,), empty where an image has none.
    columns : numbers of each image by name, float64 (n,); NaN where unknown. ``COLUMNS`` says what they mean.
    model : reference of the extractor that places images, such as ``file:MAP/model``; empty where there is none.

    Raises
    ------
    DataError : lengths do not fit, a point is not finite, or a dataset has no image.

    >>> from dsim.data import from_arrays
    >>> dataset = from_arrays(np.zeros((2, 8, 8), np.uint8), name="blank")
    >>> ImageMap.of([dataset], np.array([[0.0, 0.0], [1.0, 2.0]])).members[0].tolist()
    [0, 1]
    """

    points: Floats
    owners: NDArray[np.intp]
    datasets: tuple[Dataset, ...]
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    columns: Mapping[str, Floats] = field(default_factory=dict)
    model: str = ""

    @classmethod
    def of(
        cls,
        datasets: Sequence[Dataset],
        points: NDArray[np.floating],
        columns: Mapping[str, Floats] | None = None,
        model: str = "",
    ) -> ImageMap:
        """Return the map of datasets whose images, one dataset after the other, lie at these points (n, 2)."""
        return cls(
            np.asarray(points, dtype=np.float64),
            np.repeat(np.arange(len(datasets), dtype=np.intp), [len(dataset) for dataset in datasets]),
            tuple(datasets),
            tuple(str(name) for dataset in datasets for name in dataset.ids),
            *texts_of(datasets),
            dict(columns or {}),
            model,
        )

    def __post_init__(self) -> None:
        for fault in self._faults():
            raise DataError(f"these are not the points of a map: {fault}", hint="give one entry for each image")

    def _faults(self) -> Iterator[str]:
        count = len(self.ids)
        if self.points.shape != (count, 2):
            yield f"{count} images, and points of shape {self.points.shape}"
        elif not np.isfinite(self.points).all():
            yield "a point is not finite"
        for name in ("owners", "labels", "groups"):
            if len(getattr(self, name)) != count:
                yield f"{count} images, and {len(getattr(self, name))} {name}"
        for name, values in self.columns.items():
            if values.shape != (count,):
                yield f"{count} images, and a column {name!r} of shape {values.shape}"
        if set(self.owners.tolist()) != set(range(len(self.datasets))):
            yield f"owners must number all of the {len(self.datasets)} datasets from 0"

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def members(self) -> tuple[NDArray[np.intp], ...]:
        """The images of each dataset: positions (k,) among all, in order."""
        return tuple(np.flatnonzero(self.owners == owner) for owner in range(len(self.datasets)))

    def features(self, runtime: Runtime) -> NDArray[np.float32]:
        """Return the features of all images, float32 (n, d): the space in which the model compares images.

        From the cache where they are known. Raises DataError where the map has no model, and what ``extract`` raises.
        """
        from dsim.maps.model import open_map_model

        if not self.model:
            names = ", ".join(dataset.name for dataset in self.datasets)
            raise DataError(f"the map of {names} has no model to compute features by", hint="fit one: dsim map fit")
        model = open_map_model(self.model)
        rows = np.concatenate([model.features(dataset, runtime) for dataset in self.datasets])
        ordered = np.empty_like(rows)
        ordered[np.concatenate(self.members)] = rows
        return ordered


def texts_of(datasets: Sequence[Dataset]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return labels and groups of all images of the datasets, one dataset after the other; empty where there is none.

    >>> from dsim.data import from_arrays
    >>> texts_of([from_arrays(np.zeros((2, 8, 8), np.uint8), labels=["a", "b"])])
    (('a', 'b'), ('', ''))
    """
    labels, groups = (
        tuple(text for dataset in datasets for text in (getattr(dataset, what) or ("",) * len(dataset)))
        for what in ("labels", "groups")
    )
    return labels, groups
