"""Datasets placed by one model: their points, and whether the model has seen them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime
    from dsim_asap.latent.chosen import Chosen

Role = Literal["source", "target"]


@dataclass(frozen=True)
class Cloud:
    """One dataset in the latent space.

    ``points`` : float64 (n, k), in the order of the dataset's images. ``seen`` : whether the model was trained on it.
    """

    dataset: Dataset
    points: NDArray[np.float64]
    role: Role = "source"
    seen: bool = False

    def __len__(self) -> int:
        return len(self.points)

    @property
    def name(self) -> str:
        return self.dataset.name

    @cached_property
    def centre(self) -> NDArray[np.float64]:
        """The mean of the points, (k,)."""
        mean: NDArray[np.float64] = self.points.mean(axis=0)
        return mean

    @cached_property
    def distances(self) -> NDArray[np.float64]:
        """Distance of each point to the centre, (n,)."""
        found: NDArray[np.float64] = np.linalg.norm(self.points - self.centre, axis=1)
        return found

    @property
    def representative(self) -> int:
        """The image nearest to the centre, the first of equals."""
        return int(self.distances.argmin())


def embed(datasets: Sequence[Dataset], chosen: Chosen, runtime: Runtime, role: Role = "source") -> list[Cloud]:
    """Place datasets by a model; points come from the cache where they are known.

    Raises NeedError for a dataset without images.
    """
    from dsim.features import extract
    from dsim.plugin import Need

    clouds = []
    for dataset in datasets:
        dataset.require(Need.IMAGES, "dsim asap")
        points = extract(dataset, chosen.reference, runtime).astype(np.float64)
        clouds.append(Cloud(dataset, points, role, chosen.has_seen(dataset)))
    return clouds
