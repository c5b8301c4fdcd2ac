"""What the candidates (the segmentation models of a pool of sources) do on each image of a target."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.data import TREATMENT_VERSION, evenly
from dsim.errors import UnreadableImageError
from dsim.files.documents import digest
from dsim.measures import DatasetView
from dsim.models import count_seen, read_origins, weights_digest
from dsim.plugin import DataError, MeasureError, SimilarityMeasure
from dsim.store import ContentStore

if TYPE_CHECKING:
    from dsim.plugin import Dataset

#: Raised when the meaning of what is kept changes.
SCHEMA = 1


@dataclass(frozen=True)
class Candidate:
    """The segmentation model of one source.

    Parameters
    ----------
    key : by which the source is found again. ``weights`` : sha256 of the model's weights.
    """

    key: str
    reference: str
    weights: str
    source: DatasetView


@dataclass(frozen=True)
class Behaviour:
    """The values of each candidate on the images of a target; of a source, which candidate is its own.

    Parameters
    ----------
    own : key of the source's model; empty for a target.
    candidates : their keys, (c,). ``values`` : float64 (c, n) in [0, 1]; NaN where there is none.
    positions : integers (n,), the image in its dataset that each column belongs to.
    seen : how many images of the target each candidate was trained on, (c,). ``images`` : of the target.
    reason : why values are missing, where they are.
    """

    own: str
    candidates: tuple[str, ...]
    values: NDArray[np.float64]
    positions: NDArray[np.int64]
    seen: tuple[int, ...] = ()
    images: int = 0
    reason: str = ""


class ModelMeasure(SimilarityMeasure[Behaviour]):
    """A mean, over images of the target, of how well a candidate does there; in [0, 1], higher is better."""

    images: int

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.pool: tuple[Candidate, ...] = ()

    @property
    def fitted(self) -> str:
        # A zoo id, or a file's place, is the source's business: the numbers depend on the weights.
        return digest(sorted([one.key, one.weights] for one in self.pool)) if self.pool else ""

    def key_of(self, source: DatasetView) -> str:
        """Return what a source's candidate is known by: the weights of its model."""
        return weights_digest(source.model)

    def fit(self, pool: Sequence[DatasetView], rng: np.random.Generator) -> None:
        for view in pool:
            read_origins(view.model)  # raises WeightsError, before any work, where it is no segmentation model
        found = [Candidate(self.key_of(view), view.model, weights_digest(view.model), view) for view in pool]
        # By key, so that the order in which sources are named changes nothing.
        self.pool = tuple({one.key: one for one in sorted(found, key=lambda one: one.key)}.values())

    def summarise_source(self, data: DatasetView, rng: np.random.Generator) -> Behaviour:
        return Behaviour(self.key_of(data), (), np.zeros((0, 0)), np.arange(len(data)), images=len(data))

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Behaviour:
        if not self.pool:
            raise MeasureError(f"{self!r} was not fitted", hint="call fit(pool, rng) first")
        positions = evenly(len(data), self.images)
        seen = tuple(count_seen(one.reference, data.dataset) for one in self.pool)
        try:
            values, reason = self.values(data, positions, seen, int(rng.integers(2**31)))
        except UnreadableImageError:
            raise
        except DataError as error:  # images of many channels
            raise MeasureError(error.message, hint=error.hint) from error
        keys = tuple(one.key for one in self.pool)
        return Behaviour("", keys, values, np.array(positions), seen, len(data), reason)

    @abstractmethod
    def values(
        self, data: DatasetView, positions: Sequence[int], seen: Sequence[int], seed: int
    ) -> tuple[NDArray[np.float64], str]:
        """Return the value of each candidate on each image, float64 (c, n), and why some are NaN."""

    def compare(self, source: Behaviour, target: Behaviour) -> float:
        if source.own not in target.candidates:
            raise MeasureError(
                "the source's model was not among those that were applied to the target", hint="fit the pool with it"
            )
        known = _finite(target.values[target.candidates.index(source.own)])
        if not known.size:
            raise MeasureError(target.reason or "no image of the target has a value", hint="look at the model's masks")
        return float(known.mean())

    def resample(self, summary: Behaviour, draw: NDArray[np.intp]) -> Behaviour:
        if summary.own:
            return summary  # it says which model is its own, and nothing of images
        taken = drawn_columns(summary.positions, draw)
        return replace(summary, values=summary.values[:, taken], positions=summary.positions[taken])

    def pair_remark(self, source: Behaviour, target: Behaviour) -> str:
        seen = target.seen[target.candidates.index(source.own)] if source.own in target.candidates else 0
        return f"its model was trained on {seen} of {target.images} images of the target" if seen else ""

    def kept(self, data: DatasetView, one: Candidate, positions: Sequence[int], seed: int) -> Kept:
        """Return the place in the cache of a candidate's values on these images."""
        return Kept(
            ContentStore(data.runtime.cache, data.runtime.progress.note),
            {
                "schema": SCHEMA,
                "measure": self.identity,
                "candidate": [one.key, one.weights],
                "images": _images(data.dataset, positions),
                "seed": seed,
            },
        )


def drawn_columns(positions: NDArray[np.int64], draw: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return which of n images that were looked at, (n,), a resample of the whole dataset holds, with repetition.

    ``positions`` (n,) of the images that were looked at, ascending from 0. As many images are taken of the draw (b,),
    evenly, and each is stood for by the last one before it that was looked at: intervals are those of n images.

    >>> drawn_columns(np.array([0, 4, 8]), np.arange(12)).tolist()
    [0, 1, 2]
    """
    chosen = draw[evenly(len(draw), len(positions))]
    columns: NDArray[np.intp] = np.searchsorted(positions, chosen, side="right") - 1
    return columns


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _images(dataset: Dataset, positions: Sequence[int]) -> str:
    """The identity of some images as they are read."""
    digests = [dataset.image_digests[index] for index in positions]
    return digest([TREATMENT_VERSION, dataset.treatment.describe(), digests])


@dataclass(frozen=True)
class Kept:
    """The place of one candidate's values in the cache: another pool or another name finds them again."""

    store: ContentStore
    key: dict[str, Any]

    def read(self) -> NDArray[np.float64] | None:
        """Return the values (n,), if they are known."""
        record = self.store.get("behaviour", self.key)
        return None if record is None else record.arrays["values"]

    def write(self, values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Store values (n,) and return them."""
        found = np.asarray(values, dtype=np.float64)
        if not any(map(math.isnan, found)):
            self.store.try_put("behaviour", self.key, {"values": found}, {})
        return found
