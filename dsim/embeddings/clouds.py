"""Datasets as clouds of points: the model that places them, their map in the plane, with regions by modality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dsim.data import modality_family, stated_modality
from dsim.embeddings.layouts import to_plane
from dsim.errors import UsageError
from dsim.files.documents import nullable, number

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime
    from dsim.zoo import Model

Points = NDArray[np.float64]
Role = Literal["source", "target"]

#: Half axes of the ellipses, in standard deviations along the principal axes.
SIGMAS = 2.0


@dataclass(frozen=True)
class LatentModel:
    """A model by its reference as an extractor, ``zoo:ID`` or ``file:FOLDER``, and its title for people."""

    reference: str
    title: str

    @cached_property
    def model(self) -> Model:
        """The model, its manifest read once; raises UsageError where its output is not a latent space."""
        model = _read(self.reference)
        kind = model.manifest["output"]["kind"]
        if kind != "latent":
            raise UsageError(
                f"{self.reference} gives {kind}, not points of a latent space",
                hint="choose a model whose output is latent: dsim zoo list",
            )
        return model

    def has_seen(self, dataset: Dataset) -> bool:
        """Return whether the model was trained on this very dataset, whatever its name."""
        from dsim.zoo import trained_on

        return trained_on(self.model, dataset) is not None


def _read(reference: str) -> Model:
    from dsim.registry import parse_bracketed
    from dsim.zoo import find, read_model

    kind, _, name = reference.partition(":")
    return find(parse_bracketed(name)[0]) if kind == "zoo" else read_model(Path(name))


def open_latent_model(reference: str) -> LatentModel:
    """Return the trained model of ``zoo:ID`` or ``file:FOLDER``.

    Raises UsageError for another reference, or for a model whose output is not a latent space.
    """
    kind, _, name = reference.partition(":")
    if kind not in ("zoo", "file") or not name:
        raise UsageError(f"{reference!r} is not a model of a latent space", hint="write --model zoo:ID or file:FOLDER")
    chosen = LatentModel(reference, name if kind == "zoo" else Path(name).name)
    _ = chosen.model  # refused now, before any image is decoded
    return chosen


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
        distances: NDArray[np.float64] = np.linalg.norm(self.points - self.centre, axis=1)
        return distances

    @property
    def representative(self) -> int:
        """The image nearest to the centre, the first of equals."""
        return int(self.distances.argmin())


def embed_datasets(
    datasets: Sequence[Dataset], model: LatentModel, runtime: Runtime, role: Role = "source"
) -> list[Cloud]:
    """Return the clouds of datasets by a model, points float64 (n, k); from the cache where they are known.

    Raises NeedError for a dataset without images.
    """
    from dsim.features import extract
    from dsim.registry import Need

    clouds = []
    for dataset in datasets:
        dataset.require(Need.IMAGES, "a map of datasets")
        points = extract(dataset, model.reference, runtime).astype(np.float64)
        clouds.append(Cloud(dataset, points, role, model.has_seen(dataset)))
    return clouds


@dataclass(frozen=True)
class Ellipse:
    """``centre`` (2,), full ``width`` and ``height`` along the principal axes, ``angle`` of the width in degrees."""

    centre: tuple[float, float]
    width: float
    height: float
    angle: float

    def outline(self, corners: int = 90) -> Points:
        """Points on the ellipse, (corners, 2), counter-clockwise from the end of the first axis."""
        turn = np.linspace(0, 2 * math.pi, corners, endpoint=False)
        around = np.stack([self.width / 2 * np.cos(turn), self.height / 2 * np.sin(turn)], axis=1)
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        outline: Points = np.asarray(self.centre) + around @ np.array([[cos, sin], [-sin, cos]])
        return outline


def fit_ellipse(points: Points) -> Ellipse | None:
    """Two standard deviations around points of the plane, (n, 2); None for fewer than three, or all on one line.

    >>> found = fit_ellipse(np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    >>> round(found.width, 3), round(found.height, 3), found.angle
    (6.532, 3.266, 0.0)
    """
    if len(points) < 3:
        return None
    variances, axes = np.linalg.eigh(np.cov(points, rowvar=False))
    if variances[0] <= 1e-12 * variances[1] or variances[1] == 0:
        return None
    minor, major = 2 * SIGMAS * np.sqrt(variances)
    angle = math.degrees(math.atan2(axes[1, 1], axes[0, 1])) % 180
    x, y = points.mean(axis=0)
    return Ellipse((float(x), float(y)), float(major), float(minor), round(angle, 9))


@dataclass(frozen=True)
class Region:
    """The datasets of one ellipse: those of a modality, or a single one; ``ellipse`` None where there is none."""

    name: str
    kind: str
    members: tuple[str, ...]
    ellipse: Ellipse | None


@dataclass(frozen=True)
class DatasetMap:
    """Datasets in one plane: ``plane`` float64 (n, 2) per cloud; ``projection`` : how they came there, or empty."""

    clouds: tuple[Cloud, ...]
    plane: tuple[Points, ...]
    projection: str
    model: LatentModel

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(cloud.name for cloud in self.clouds)

    @property
    def images(self) -> int:
        return sum(map(len, self.clouds))

    @cached_property
    def centres(self) -> Points:
        """The mean of each dataset in the plane, (d, 2)."""
        return np.stack([points.mean(axis=0) for points in self.plane])

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """The family of modalities of each dataset; empty where it states none."""
        return tuple(modality_family(stated_modality(cloud.dataset)) for cloud in self.clouds)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """One per modality, in the order of the datasets; a dataset that states none has one of its own."""
        held: dict[tuple[str, str], list[int]] = {}
        for index, modality in enumerate(self.modalities):
            key = ("modality", modality) if modality else ("dataset", self.names[index])
            held.setdefault(key, []).append(index)
        return tuple(
            Region(
                name,
                kind,
                tuple(self.names[member] for member in members),
                fit_ellipse(np.concatenate([self.plane[member] for member in members])),
            )
            for (kind, name), members in held.items()
        )

    @cached_property
    def eqc(self) -> tuple[float, float]:
        """EQC of all datasets, Eq. 8 to 11 and the form of the reference code; NaN for a single dataset."""
        from dsim.stats.embedding import eqc

        points = [cloud.points for cloud in self.clouds]
        return (eqc(points), eqc(points, form="reference")) if len(points) > 1 else (math.nan, math.nan)

    @cached_property
    def between(self) -> Points:
        """Mean distances between datasets in the latent space, (d, d); within a dataset, over distinct images."""
        from dsim.stats.euclidean import mean_distance, mean_distance_within

        points = [cloud.points for cloud in self.clouds]
        table = np.array([[mean_distance(one, other) for other in points] for one in points])
        np.fill_diagonal(table, [mean_distance_within(cloud) for cloud in points])
        return table

    def nearest(self, index: int) -> int | None:
        """Return the dataset of the smallest mean distance to this one; None where it is alone."""
        others = np.delete(np.arange(len(self.clouds)), index)
        return int(others[self.between[index, others].argmin()]) if len(others) else None

    def to_dict(self, schema: str) -> dict[str, Any]:
        """Return the map as a document of a schema; numbers that are not defined are null."""
        return {
            "schema": schema,
            "model": self.model.model.id,
            "told": self.model.title,
            "dimensions": int(self.clouds[0].points.shape[1]),
            "projection": self.projection,
            "eqc": dict(zip(("paper", "reference"), map(number, self.eqc), strict=True)),
            "datasets": [self._dataset(index) for index in range(len(self.clouds))],
            "regions": [_region(region) for region in self.regions],
            "mean_distances": nullable(self.between),
        }

    def _dataset(self, index: int) -> dict[str, Any]:
        cloud = self.clouds[index]
        return {
            "name": cloud.name,
            "role": cloud.role,
            "images": len(cloud),
            "images_fingerprint": cloud.dataset.images_fingerprint,
            "trained_on": cloud.seen,
            "modality": self.modalities[index],
            "modality_stated": stated_modality(cloud.dataset),
            "latent_centre": cloud.centre.tolist(),
            "centre": self.centres[index].tolist(),
            "representative": str(cloud.dataset.ids[cloud.representative]),
            "ids": list(map(str, cloud.dataset.ids)),
            "points": self.plane[index].round(6).tolist(),
            "distance_to_centre": cloud.distances.round(6).tolist(),
        }


def lay_out_map(clouds: Sequence[Cloud], model: LatentModel) -> DatasetMap:
    """Return the clouds in a plane: as they are in two dimensions, else along two principal axes of all points."""
    plane, how = to_plane({cloud.name: cloud.points for cloud in clouds})
    return DatasetMap(tuple(clouds), tuple(plane.values()), how, model)


def _region(region: Region) -> dict[str, Any]:
    found = region.ellipse
    shape = None if found is None else {**vars(found), "centre": list(found.centre), "sigmas": SIGMAS}
    reason = {} if found else {"reason": "fewer than three images, or all on one line"}
    return {"name": region.name, "kind": region.kind, "members": list(region.members), "ellipse": shape, **reason}
