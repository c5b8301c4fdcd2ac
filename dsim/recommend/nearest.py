"""The images of a source that are nearest to images of the target, in the features that the measures look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsim.measures import EXTRACTOR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
    from dsim.features import extract, feature_rows
    from dsim.store.rows import blocks

    shown = evenly(len(target), images)
    wanted = np.asarray(extract(target, REFERENCE, runtime)[shown], dtype=np.float64)
    rows = blocks(feature_rows(source, REFERENCE, runtime), 4096)
    parts = [_distances(wanted, np.asarray(block, dtype=np.float64)) for block in rows]
    distances = np.concatenate(parts, axis=1)
    order = np.argsort(distances, axis=1, kind="stable")[:, :neighbours]
    return tuple(
        Nearest(image, tuple(row.tolist()), tuple(distances[k, row].tolist()))
        for k, (image, row) in enumerate(zip(shown, order, strict=True))
    )


def _distances(wanted: NDArray[np.float64], block: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean, float64 (wanted, block)."""
    import numpy as np

    return np.stack([np.linalg.norm(block - row, axis=1) for row in wanted])
