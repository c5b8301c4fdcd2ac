"""The measure: fit the map on the pool, place each dataset in it, then mean distances between the clouds."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.embeddings import UmapMap, fit_umap
from dsim.errors import TooFewSamplesError
from dsim.measures import DatasetView, finite_features, refuse_other_dimension
from dsim.plugin import MeasureError, PairwiseMeasure
from dsim.runtime import Runtime
from dsim.stats.euclidean import mean_distance
from dsim.stats.frames import Frame, Points, unit_of
from dsim_umap.specs import SL_PCA_UMAP

#: A layout is chaotic: the last bit of one of these changes all of it.
_LIBRARIES = ("umap-learn", "pynndescent", "numba", "scikit-learn", "scipy", "numpy")


@dataclass(frozen=True)
class PlacedCloud:
    """The places of a dataset's images in the map, float64 (n, 2)."""

    points: NDArray[np.float64]


class SlPcaUmap(PairwiseMeasure[PlacedCloud]):
    """Mean Euclidean distance over all pairs of places; a distance in [0, inf).

    Source: the baseline SL+PCA+UMAP of ASAP, Molina-Moreno et al. (IEEE Access 2024), IV-B; UMAP: McInnes, Healy and
    Melville 2018, arXiv:1802.03426.

    >>> near, far = PlacedCloud(np.zeros((2, 2))), PlacedCloud(np.full((3, 2), 3.0))
    >>> round(SlPcaUmap().compare(near, far), 4)
    4.2426
    """

    spec = SL_PCA_UMAP
    extractor: str
    variance: float
    neighbours: int
    min_dist: float

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._map: UmapMap | None = None
        self._unit = Frame()

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def fit(self, pool: Sequence[DatasetView], rng: np.random.Generator) -> None:
        clouds = [finite_features(view, self.extractor) for view in pool]
        self._unit = unit_of(*clouds)  # a map is float32, which ends at 1e38
        for cloud in clouds:
            refuse_other_dimension(clouds[0].shape[1], cloud.shape[1])
        settings = {"variance": self.variance, "neighbours": self.neighbours, "min_dist": self.min_dist}
        seed = int(rng.integers(2**31))
        self._map = _kept_map(self._unit.place(np.concatenate(clouds)), {**settings, "seed": seed}, pool[0].runtime)

    @property
    def fitted(self) -> str:
        if self._map is None:
            return ""
        return hashlib.sha256(self._map.places.tobytes() + self._map.anchors.tobytes()).hexdigest()

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> PlacedCloud:
        if self._map is None:
            raise MeasureError(f"{self!r} was not fitted", hint="call fit(pool, rng) first")
        features = finite_features(data, self.extractor)
        refuse_other_dimension(len(self._map.mean), features.shape[1])
        return PlacedCloud(self._map.place(self._unit.place(features)))

    def pairwise(self, source: PlacedCloud, target: PlacedCloud) -> NDArray[np.float64]:
        from scipy.spatial.distance import cdist

        distances: NDArray[np.float64] = cdist(source.points, target.points)
        return distances

    def compare(self, source: PlacedCloud, target: PlacedCloud) -> float:
        # In blocks: two clouds of 10000 points would need 800 MB at once.
        return mean_distance(source.points, target.points)

    def resample(self, summary: PlacedCloud, draw: NDArray[np.intp]) -> PlacedCloud:
        return PlacedCloud(summary.points[draw])

    def merge(self, first: PlacedCloud, second: PlacedCloud) -> PlacedCloud:
        return PlacedCloud(np.concatenate([first.points, second.points]))

    def embedding(self, summary: PlacedCloud) -> NDArray[np.float64]:
        return summary.points


def _kept_map(features: Points, settings: dict[str, Any], runtime: Runtime) -> UmapMap:
    """The map of a pool: from the cache, where the same libraries made it, else fitted now."""
    from dsim.store import ContentStore

    store = ContentStore(runtime.cache, runtime.progress.note)
    # Sorted: neither the order of the sources nor that of their samples matters.
    pool = hashlib.sha256(np.unique(features, axis=0).tobytes()).hexdigest()
    libraries = {name: version(name) for name in _LIBRARIES}
    key = {"map": SL_PCA_UMAP.version, "pool": pool, "settings": settings, "libraries": libraries}
    if (record := store.get("maps", key)) is not None:
        stored: dict[str, Any] = {**record.arrays, **record.attributes}
        return UmapMap(**stored)
    with runtime.progress.task("UMAP of the pool"):
        try:
            fitted = fit_umap(features, **settings)
        except TooFewSamplesError as error:
            hint = f"give more sources, or fewer neighbours: {SL_PCA_UMAP.name}:neighbours=5"
            raise MeasureError(f"{error.message} in the pool of sources", hint=hint) from error
    values = {field.name: getattr(fitted, field.name) for field in dataclasses.fields(fitted)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    store.try_put("maps", key, arrays, {"neighbours": fitted.neighbours, "seed": fitted.seed})
    return fitted
