"""``dsim asap place``: which datasets an image belongs to, and which images of a dataset do not belong to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.embeddings import Placement, conformal_p, conformal_p_within, mean_to_others, place
from dsim_asap.studies.common import or_null, or_nulls

if TYPE_CHECKING:
    from dsim.embeddings import Cloud

SCHEMA = "dsim.asap-place/1"
STRAYS_SCHEMA = "dsim.asap-strays/1"
#: An image is far from its own where no more than this share of them is as far.
LEVEL = 0.05
#: Images drawn to tell how many of a Gaussian cloud would lie nearer to another dataset.
_DRAWS = 4000

Points = NDArray[np.float64]


def place_images(images: Cloud, known: Sequence[Cloud]) -> Placement:
    """Place each image of a dataset among others; one that is itself in a dataset is compared with the rest of it.

    Noticed by the bytes of its file, whatever its name.
    """
    found = place(images.points, [cloud.points for cloud in known])
    mean, centre, p = found.mean.copy(), found.centre.copy(), found.p.copy()
    digests = np.array(images.dataset.image_digests)
    for column, cloud in enumerate(known):
        held = np.array(cloud.dataset.image_digests)
        for row in np.flatnonzero(np.isin(digests, held)):
            others = cloud.points[held != digests[row]]
            if not len(others):
                mean[row, column] = centre[row, column] = p[row, column] = math.nan
                continue
            again = place(images.points[[row]], [others])
            mean[row, column], centre[row, column] = again.mean[0, 0], again.centre[0, 0]
            p[row, column] = again.p[0, 0]
    return Placement(mean, centre, p)


def placement_document(
    images: Cloud, known: Sequence[Cloud], found: Placement, model: str, given: str = ""
) -> dict[str, Any]:
    """All datasets for each image, the nearest first; an image alone in a dataset has no distance to its rest.

    ``given`` is the path that the images came from, which tells two of one name apart.
    """
    return {
        "schema": SCHEMA,
        "model": model,
        "expected_unusual_at_home": LEVEL * len(images),
        "images": [
            {"given": given, "id": str(name), "alone": len(images) == 1, "datasets": _ranked(found, row, known)}
            for row, name in enumerate(images.dataset.ids)
        ],
    }


def _ranked(found: Placement, row: int, known: Sequence[Cloud]) -> list[dict[str, Any]]:
    # NaN comes last in both orders.
    order = np.argsort(found.mean[row], kind="stable")
    by_centre = np.argsort(np.argsort(found.centre[row], kind="stable"), kind="stable") + 1
    return [
        {
            "rank": rank,
            "dataset": known[column].name,
            "mean_distance": or_null(found.mean[row, column]),
            "centre_distance": or_null(found.centre[row, column]),
            "centre_rank": int(by_centre[column]),
            "p": or_null(found.p[row, column]),
            "trained_on": known[column].seen,
        }
        for rank, column in enumerate(order.tolist(), start=1)
    ]


@dataclass(frozen=True)
class Stray:
    """An image that does not belong to its dataset.

    ``own`` : mean distance to the others of its dataset; ``p_own`` : share of them, itself counted, at least as far.
    ``other`` : that to the nearest other dataset, NaN where there is none, with ``p_other``, how usual it would be
    there. ``strength`` : the larger of own / other and own / limit, at least 1; the limit is the distance from which
    an image is farther than all but 5 %.
    """

    index: int
    id: str
    own: float
    p_own: float
    nearest: str
    other: float
    p_other: float
    strength: float

    @property
    def far(self) -> bool:
        return self.p_own <= LEVEL

    @property
    def nearer(self) -> bool:
        return self.other < self.own


@dataclass(frozen=True)
class Strays:
    """Those of a dataset, the strongest first, and how many there would be if nothing were wrong.

    ``expected_far`` : by construction, those farther than all but 5 %. ``expected_nearer`` : images nearer to another
    dataset if this one were a Gaussian cloud with its mean and covariance; NaN without others, or below three images.
    """

    found: tuple[Stray, ...]
    images: int
    expected_far: float
    expected_nearer: float

    def document(self, name: str, model: str) -> dict[str, Any]:
        """As JSON; what is not defined is null."""
        rows = [{**or_nulls(vars(stray)), "far": stray.far, "nearer_to_another": stray.nearer} for stray in self.found]
        return {
            "schema": STRAYS_SCHEMA,
            "model": model,
            "dataset": name,
            "images": self.images,
            "far": {"found": sum(stray.far for stray in self.found), "expected": self.expected_far, "level": LEVEL},
            "nearer_to_another": {
                "found": sum(stray.nearer for stray in self.found),
                "expected": or_null(self.expected_nearer),
            },
            "strays": rows,
        }


def find_strays(cloud: Cloud, others: Sequence[Cloud], rng: np.random.Generator) -> Strays:
    """Images nearer to another dataset than to their own, or farther from it than all but 5 % of its images.

    Distances to a dataset are means over its images, the image itself left out.
    """
    own, p_own = mean_to_others(cloud.points), conformal_p_within(cloud.points)
    means = np.full((len(cloud), 1), math.inf)
    if others:
        means = place_means(cloud.points, [other.points for other in others])
    nearest, other = means.argmin(axis=1), means.min(axis=1)
    limit = float(np.quantile(own, 1 - LEVEL, method="higher")) if len(own) > 1 else math.nan
    found = []
    for index in np.flatnonzero((p_own <= LEVEL) | (other < own)).tolist():
        there = others[nearest[index]] if others else None
        p_other = float(conformal_p(cloud.points[[index]], there.points)[0]) if there else math.nan
        ratios = [_ratio(own[index], limit), _ratio(own[index], other[index])]
        found.append(
            Stray(
                index,
                str(cloud.dataset.ids[index]),
                float(own[index]),
                float(p_own[index]),
                there.name if there else "",
                float(other[index]) if there else math.nan,
                p_other,
                max(ratios),
            )
        )
    found.sort(key=lambda stray: (-stray.strength, stray.index))
    n = len(cloud)
    return Strays(tuple(found), n, float(math.floor(LEVEL * n)), _expected_nearer(cloud.points, others, rng))


def _ratio(above: float, below: float) -> float:
    """Zero over zero is one distance: no stray."""
    return above / below if below > 0 else (1.0 if above == 0 else math.inf)


def _expected_nearer(points: Points, others: Sequence[Cloud], rng: np.random.Generator) -> float:
    if not others or len(points) < 3:
        return math.nan
    drawn = rng.multivariate_normal(
        points.mean(axis=0), np.atleast_2d(np.cov(points, rowvar=False)), _DRAWS, method="eigh"
    )
    means = place_means(drawn, [points, *(other.points for other in others)])
    return float((means[:, 1:].min(axis=1) < means[:, 0]).mean() * len(points))


def place_means(points: Points, clouds: Sequence[Points]) -> Points:
    """Mean distance of each point to each cloud, (m, d), without the rest of a placement."""
    from scipy.spatial.distance import cdist

    return np.stack([cdist(points, cloud).mean(axis=1) for cloud in clouds], axis=1)
