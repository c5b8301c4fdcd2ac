"""``dsim asap map`` (Fig. 8): datasets in one latent plane, with centres, spreads, modalities and typical images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim_asap.latent import Chosen, Cloud, family, stated
from dsim_asap.studies.common import or_null

if TYPE_CHECKING:
    pass

SCHEMA = "dsim.asap-map/1"
#: Half axes of the ellipses, in standard deviations along the principal axes.
SIGMAS = 2.0

Points = NDArray[np.float64]


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


def ellipse(points: Points) -> Ellipse | None:
    """Two standard deviations around points of the plane, (n, 2); None for fewer than three, or all on one line.

    >>> found = ellipse(np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
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
    """What one ellipse holds: the datasets of a modality, or a single one; ``ellipse`` None where there is none."""

    name: str
    kind: str
    members: tuple[str, ...]
    ellipse: Ellipse | None


@dataclass(frozen=True)
class LatentMap:
    """All that pictures and page show. ``plane`` : (n, 2) per cloud; ``projection`` : how they came there, or empty."""

    clouds: tuple[Cloud, ...]
    plane: tuple[Points, ...]
    projection: str
    chosen: Chosen

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
        return tuple(family(stated(cloud.dataset)) for cloud in self.clouds)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """One per modality, in the order of the datasets; a dataset that states none has one of its own."""
        held: dict[tuple[str, str], list[int]] = {}
        for number, modality in enumerate(self.modalities):
            key = ("modality", modality) if modality else ("dataset", self.names[number])
            held.setdefault(key, []).append(number)
        return tuple(
            Region(
                name,
                kind,
                tuple(self.names[number] for number in members),
                ellipse(np.concatenate([self.plane[number] for number in members])),
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

    def nearest(self, number: int) -> int | None:
        """The dataset of the smallest mean distance to this one; None where it is alone."""
        others = np.delete(np.arange(len(self.clouds)), number)
        return int(others[self.between[number, others].argmin()]) if len(others) else None

    def to_dict(self) -> dict[str, Any]:
        """As ``map.json`` has it; numbers that are not defined are null."""
        return {
            "schema": SCHEMA,
            "model": self.chosen.model.id,
            "told": self.chosen.title,
            "dimensions": int(self.clouds[0].points.shape[1]),
            "projection": self.projection,
            "eqc": dict(zip(("paper", "reference"), map(or_null, self.eqc), strict=True)),
            "datasets": [self._dataset(number) for number in range(len(self.clouds))],
            "regions": [_region(region) for region in self.regions],
            "mean_distances": [[or_null(value) for value in row] for row in self.between.tolist()],
        }

    def _dataset(self, number: int) -> dict[str, Any]:
        cloud = self.clouds[number]
        return {
            "name": cloud.name,
            "role": cloud.role,
            "images": len(cloud),
            "images_fingerprint": cloud.dataset.images_fingerprint,
            "trained_on": cloud.seen,
            "modality": self.modalities[number],
            "modality_stated": stated(cloud.dataset),
            "latent_centre": cloud.centre.tolist(),
            "centre": self.centres[number].tolist(),
            "representative": str(cloud.dataset.ids[cloud.representative]),
            "ids": list(map(str, cloud.dataset.ids)),
            "points": self.plane[number].round(6).tolist(),
            "distance_to_centre": cloud.distances.round(6).tolist(),
        }


def build_map(clouds: Sequence[Cloud], chosen: Chosen) -> LatentMap:
    """Lay the clouds in a plane: as they are in two dimensions, else along two principal axes of all points."""
    from dsim.embeddings import to_plane

    plane, how = to_plane({cloud.name: cloud.points for cloud in clouds})
    return LatentMap(tuple(clouds), tuple(plane.values()), how, chosen)


def _region(region: Region) -> dict[str, Any]:
    found = region.ellipse
    shape = None if found is None else {**vars(found), "centre": list(found.centre), "sigmas": SIGMAS}
    reason = {} if found else {"reason": "fewer than three images, or all on one line"}
    return {"name": region.name, "kind": region.kind, "members": list(region.members), "ellipse": shape, **reason}
