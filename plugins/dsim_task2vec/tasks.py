"""The task that a dataset poses: its classes where it has labels, else clusters of its features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.plugin import MeasureError, Need


@dataclass(frozen=True)
class Task:
    """Class of each image, integers (n,) from 0; ``remark`` says where the classes come from if not from labels."""

    codes: NDArray[np.intp]
    remark: str = ""

    def shares(self, balanced: bool) -> NDArray[np.float64]:
        """Weight of each image, summing to 1: equal, or equal in sum for all classes that occur."""
        counts = np.bincount(self.codes)
        weights = 1 / counts[self.codes] if balanced else np.ones(len(self.codes))
        shares: NDArray[np.float64] = weights / weights.sum()
        return shares

    def part(self, chosen: NDArray[np.intp]) -> Task:
        """The task of these images: classes that do not occur among them are none of it."""
        return Task(np.unique(self.codes[chosen], return_inverse=True)[1], self.remark)


def find_task(
    data: DatasetView, features: NDArray[np.float32], labels: str, clusters: int, rng: np.random.Generator
) -> Task:
    """The task by ``labels``: ``given``, ``clusters``, or ``auto`` for labels where the dataset has them."""
    if labels == "clusters" or not data.has(Need.LABELS):
        return _clustered(data, features, clusters, rng)
    found, codes = np.unique(np.array(data.labels), return_inverse=True)
    if len(found) < 2:
        raise MeasureError(
            f"all {len(data)} images of {data.dataset.name!r} have the label {str(found[0])!r}, and a task needs two "
            "classes",
            hint="use clusters of the features as classes: task2vec:labels=clusters",
        )
    return Task(codes)


def _clustered(data: DatasetView, features: NDArray[np.float32], clusters: int, rng: np.random.Generator) -> Task:
    from sklearn.cluster import KMeans

    # Copies of one image may differ by rounding, which is nothing to make classes of.
    scale = max(float(np.abs(features).max()), 1e-30)
    distinct = len(np.unique(np.round(features / scale, 4), axis=0))
    if distinct < clusters:
        raise MeasureError(
            f"{data.dataset.name!r} has {distinct} distinct images, too few for {clusters} clusters as pseudo-labels",
            hint="give labels, or ask for fewer clusters: task2vec:clusters=2",
        )
    seed = int(rng.integers(2**31))
    # Many starts: the best of few would depend on the seed.
    found = KMeans(clusters, n_init=10, random_state=seed).fit_predict(features.astype(np.float64))
    return Task(found.astype(np.intp), f"pseudo-labels: {clusters} clusters of the probe's features")
