"""The measure: embed each dataset once, then mean distances between clouds of latent points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.plugin import MeasureError, PairwiseMeasure, UsageError
from dsim.stats.euclidean import mean_distance
from dsim_asap.specs import SPEC, TRAINING


@dataclass(frozen=True)
class LatentCloud:
    """The latent points of a dataset's images, float64 (n, n_emb)."""

    points: NDArray[np.float64]


class Asap(PairwiseMeasure[LatentCloud]):
    """Mean Euclidean distance over all pairs of latent points; a distance in [0, inf).

    Source: ASAP, Molina-Moreno et al. (IEEE Access 2024), III-C. With ``fit="zoo"`` a trained model embeds the images;
    with ``fit="pool"`` an autoencoder is trained on the pool of sources first, and kept in the cache.

    >>> Asap(fit="pool", epochs=50)
    asap:epochs=50,fit=pool
    >>> near, far = LatentCloud(np.zeros((2, 2))), LatentCloud(np.full((3, 2), 3.0))
    >>> round(Asap().compare(near, far), 4)
    4.2426
    """

    spec = SPEC
    fitted_on: str
    model: str

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._refuse_contradictions()
        self._extractor = "" if self.fits_pool else self.model

    @property
    def fits_pool(self) -> bool:
        return self.fitted_on == "pool"

    def extractors(self) -> tuple[str, ...]:
        return (self._extractor,) if self._extractor else ()

    def fit(self, pool: Sequence[DatasetView], rng: np.random.Generator) -> None:
        from dsim_asap.specs import AsapRecipe
        from dsim_asap.trainer import fitted_model

        folder = fitted_model(pool, AsapRecipe.of(self.params), seed=int(rng.integers(2**31)))
        self._extractor = f"file:{folder}"

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> LatentCloud:
        if not self._extractor:
            raise MeasureError(f"{self!r} was not fitted", hint="call fit(pool, rng) first")
        return LatentCloud(data.features(self._extractor).astype(np.float64))

    def pairwise(self, source: LatentCloud, target: LatentCloud) -> NDArray[np.float64]:
        from scipy.spatial.distance import cdist

        distances: NDArray[np.float64] = cdist(source.points, target.points)
        return distances

    def compare(self, source: LatentCloud, target: LatentCloud) -> float:
        # In blocks: two clouds of 10000 points would need 800 MB at once.
        return mean_distance(source.points, target.points)

    def resample(self, summary: LatentCloud, draw: NDArray[np.intp]) -> LatentCloud:
        return LatentCloud(summary.points[draw])

    def merge(self, first: LatentCloud, second: LatentCloud) -> LatentCloud:
        return LatentCloud(np.concatenate([first.points, second.points]))

    def embedding(self, summary: LatentCloud) -> NDArray[np.float64]:
        return summary.points

    def _refuse_contradictions(self) -> None:
        changed = self._changed()
        if self.fits_pool and "model" in changed:
            raise UsageError("asap:fit=pool trains a model, so it takes none", hint="leave model out, or fit=pool")
        if not self.fits_pool:
            trains = sorted(changed.keys() & {parameter.name for parameter in TRAINING})
            if trains:
                raise UsageError(
                    f"{', '.join(trains)}: only a training reads this, and asap:fit=zoo uses a trained model",
                    hint=f"train on the sources: asap:fit=pool,{trains[0]}={changed[trains[0]]}",
                )
