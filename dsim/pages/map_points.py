"""The points of a map, its datasets and regions: the contents of the page of a map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dsim.errors import DataError
from dsim.pages.map_columns import MapColumn
from dsim.pages.map_sheets import PictureSheets
from dsim.pages.pictures import Sprite

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
