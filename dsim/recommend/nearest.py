"""The images of a source that are nearest to images of the target, in the features that the measures look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsim.measures import EXTRACTOR

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime

#: The shipped extractor, on whose features most measures stand.
REFERENCE = str(EXTRACTOR.default)


@dataclass(frozen=True)
class Nearest:
    """An image of the target, by position, with positions of the nearest images of the source and their distances."""

    image: int
    neighbours: tuple[int, ...]
    distances: tuple[float, ...]

    def to_dict(self, target: Dataset, source: Dataset) -> dict[str, Any]:
        """For JSON: images by their ids."""
        pairs = zip(self.neighbours, self.distances, strict=True)
        near = [{"image": source.ids[index], "distance": distance} for index, distance in pairs]
        return {"image": target.ids[self.image], "nearest": near}


def nearest_images(
    target: Dataset, source: Dataset, runtime: Runtime, *, images: int = 6, neighbours: int = 5
) -> tuple[Nearest, ...]:
    """For images spread evenly over the target, the nearest of the source by Euclidean distance of their features.

    Raises WeightsError where the extractor cannot be had, UnreadableImageError.
    """
    import numpy as np

    from dsim.data.sheet import evenly
    from dsim.embeddings import find_neighbours
    from dsim.features import extract, feature_rows

    shown = evenly(len(target), images)
    wanted = np.asarray(extract(target, REFERENCE, runtime)[shown], dtype=np.float64)
    count = min(neighbours, len(source))
    positions, distances = find_neighbours(wanted, feature_rows(source, REFERENCE, runtime), count)
    return tuple(
        Nearest(image, tuple(near.tolist()), tuple(far.tolist()))
        for image, near, far in zip(shown, positions, distances, strict=True)
    )
