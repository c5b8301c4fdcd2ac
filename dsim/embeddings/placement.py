"""Where points lie among known sets: mean distances, centres, and conformal p-values.

Source: ASAP (Molina-Moreno et al., doi:10.1109/ACCESS.2025.3555020), III-D and V: its mean distance "can be adapted to
image-to-dataset similarity if we consider single test images instead of complete datasets".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.embeddings.clouds import Cloud
from dsim.embeddings.neighbours import find_neighbours
from dsim.files.documents import or_null, or_nulls

Points = NDArray[np.float64]

#: Relative: distances that differ by less are one distance, whatever the order in which they were summed.
_TIE = 1e-9
#: Rows of a cloud whose distances to all others are held at once.
_ROWS = 1024


@dataclass(frozen=True)
class Placement:
    """Positions of m points towards s sets.

    ``mean`` : float64 (m, s), mean distance to the points of each set. ``centre`` : float64 (m, s), distance to its
    centre. ``p`` : float64 (m, s), in (0, 1]: small where the point would be unusual there (see ``conformal_p``).
    """

    mean: Points
    centre: Points
    p: Points

    @property
    def nearest(self) -> NDArray[np.intp]:
        """The set of the smallest mean distance, intp (m,)."""
        nearest: NDArray[np.intp] = self.mean.argmin(axis=1)
        return nearest

    @property
    def nearest_centre(self) -> NDArray[np.intp]:
        """The set of the nearest centre, intp (m,)."""
        nearest: NDArray[np.intp] = self.centre.argmin(axis=1)
        return nearest


def place(points: Points, clouds: Sequence[Points]) -> Placement:
    """Return the placement of points among sets.

    Parameters
    ----------
    points : float64 (m, k), finite.
    clouds : the sets, float64 (n_i, k), none empty.

    Raises ValueError where the points of both have different dimensions.

    References
    ----------
    ASAP (Molina-Moreno et al., doi:10.1109/ACCESS.2025.3555020); Vovk et al. 2005, doi:10.1007/b106715.

    >>> near, far = np.zeros((3, 2)), np.full((2, 2), 3.0)
    >>> placement = place(np.array([[0.0, 0.0]]), [near, far])
    >>> placement.mean.round(3).tolist(), placement.p.round(3).tolist()
    ([[0.0, 4.243]], [[1.0, 0.333]])
    """
    from scipy.spatial.distance import cdist

    mean = np.stack([cdist(points, cloud).mean(axis=1) for cloud in clouds], axis=1)
    centres = np.stack([cloud.mean(axis=0) for cloud in clouds])
    return Placement(mean, cdist(points, centres), np.stack([conformal_p(points, cloud) for cloud in clouds], axis=1))


def conformal_p(points: Points, cloud: Points) -> Points:
    """Return the conformal p-value of each point as a member of a set; small values are unusual.

    The share of the set's points, and of the new point itself, that lie at least as far from all the others: each in
    turn is left out and its mean distance to all others taken, the new point being one of them. If the new point is of
    the set's kind, the share is at most p in p of all cases, whatever the distribution.

    Parameters
    ----------
    points, cloud : float64 (m, k) and (n, k), finite.

    Returns
    -------
    float64 (m,), in [1 / (n + 1), 1].

    Raises ValueError where the points of both have different dimensions.

    References
    ----------
    Vovk, Gammerman, Shafer 2005, Algorithmic Learning in a Random World, chapter 2, doi:10.1007/b106715.

    >>> cloud = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> conformal_p(np.array([[1.5], [9.0]]), cloud).tolist()
    [1.0, 0.2]
    """
    from scipy.spatial.distance import cdist

    to_new = cdist(cloud, points)
    own = distance_sums(cloud)[:, None] + to_new
    new = to_new.sum(axis=0)
    at_least_as_far = (own >= new * (1 - _TIE)).sum(axis=0)
    share: Points = (1 + at_least_as_far) / (len(cloud) + 1)
    return share


def conformal_p_within(cloud: Points) -> Points:
    """Return the conformal p-value of each point of a set among its others, float64 (n,) in [1 / n, 1].

    Parameters
    ----------
    cloud : float64 (n, k), finite.

    References
    ----------
    Vovk, Gammerman, Shafer 2005, Algorithmic Learning in a Random World, chapter 2, doi:10.1007/b106715.

    >>> conformal_p_within(np.array([[0.0], [1.0], [2.0], [9.0]])).tolist()
    [0.5, 1.0, 1.0, 0.25]
    """
    sums = distance_sums(cloud)
    # Farther ones are counted from the sorted sums: n log n instead of n squared.
    nearer = np.searchsorted(np.sort(sums), sums * (1 - _TIE), side="left")
    share: Points = (len(cloud) - nearer) / len(cloud)
    return share


#: Nearest references whose mean distance says how novel a point is.
NEAREST = 10
#: Relative to its norm: a reference as near as that to a point is the point itself, read a second time.
_SAME = 1e-5


def novelty(points: Points, references: Points, *, leave_self: bool = False) -> Points:
    """Return how many times farther each point is from its 10 nearest references than these are from their own.

    About 1 for a point like the references around it, however dense they are there: a kind of images that varies much
    is no more novel than one that varies little.

    Parameters
    ----------
    points : (m, d), finite. ``references`` : (n, d), finite, at least 2; of fewer than 11 all others are taken.
    leave_self : a reference that is the point itself (up to rounding), one at most, does not count.

    Returns
    -------
    float64 (m,), at least 0. The novelty of a point depends on no other point.

    Raises ValueError where dimensions differ, a number is not finite, or there are fewer than two references.

    References
    ----------
    Breunig et al. 2000, doi:10.1145/335191.335388 (the idea of local outlier factors), with mean distances.

    >>> line = np.array([[0.0], [1.0], [2.0]])
    >>> novelty(np.array([[1.0], [7.0]]), line, leave_self=True).round(3).tolist()
    [0.667, 4.4]
    """
    if len(references) < 2:
        raise ValueError("novelty needs two references at least")
    k = min(NEAREST, len(references) - 1)
    own = find_neighbours(references, references, k, leave_one_out=True).distances.mean(axis=1)
    near = find_neighbours(points, references, min(k + leave_self, len(references)))
    indices, distances = near
    if leave_self:
        itself = distances[:, 0] <= _SAME * np.linalg.norm(np.asarray(points, dtype=np.float64), axis=1)
        columns = np.arange(k)[None, :] + itself[:, None]
        indices = np.take_along_axis(near.indices, columns, axis=1)
        distances = np.take_along_axis(near.distances, columns, axis=1)
    return _ratio_of_distances(distances.mean(axis=1), own[indices].mean(axis=1))


def _ratio_of_distances(far: Points, usual: Points) -> Points:
    """Where references are copies of each other: 1 for one more copy, else a number above all others."""
    safe = np.where(usual > 0, usual, 1)
    return np.where(usual > 0, far / safe, np.where(far > 0, np.finfo(np.float64).max, 1))


def mean_to_others(cloud: Points) -> Points:
    """Return the mean distance of each point of (n, k) to the other points, float64 (n,); NaN for a single point.

    Source: ASAP (Molina-Moreno et al., doi:10.1109/ACCESS.2025.3555020), III-D.

    >>> mean_to_others(np.array([[0.0], [1.0], [3.0]])).tolist()
    [2.0, 1.5, 2.5]
    """
    n = len(cloud)
    return distance_sums(cloud) / (n - 1) if n > 1 else np.full(n, np.nan)


def distance_sums(cloud: Points) -> Points:
    """Return the sum of the distances of each point of (n, k) to all points, float64 (n,); memory is bounded.

    >>> distance_sums(np.array([[0.0], [1.0], [3.0]])).tolist()
    [4.0, 3.0, 5.0]
    """
    from scipy.spatial.distance import cdist

    blocks = [cdist(cloud[start : start + _ROWS], cloud).sum(axis=1) for start in range(0, len(cloud), _ROWS)]
    return np.concatenate(blocks)


#: An image is far from its own where no more than this share of them is as far.
LEVEL = 0.05


#: Images drawn to estimate how many of a Gaussian cloud would lie nearer to another dataset.
_DRAWS = 4000


def place_images(images: Cloud, known: Sequence[Cloud]) -> Placement:
    """Return the placement of m images among s datasets; one that is itself in a dataset is compared with its rest.

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

    def document(self, schema: str, name: str, model: str) -> dict[str, Any]:
        """Return the strays as a document of a schema; numbers that are not defined are null."""
        rows = [{**or_nulls(vars(stray)), "far": stray.far, "nearer_to_another": stray.nearer} for stray in self.found]
        return {
            "schema": schema,
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
    """Return the images nearer to another dataset than to their own, or farther from it than all but 5 % of its images.

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
    """Return the mean distance of m points (m, k) to each of s clouds (n_i, k), float64 (m, s).

    Source: ASAP (Molina-Moreno et al., doi:10.1109/ACCESS.2025.3555020), III-D.

    >>> place_means(np.array([[0.0], [1.0]]), [np.array([[1.0], [3.0]]), np.array([[4.0]])]).tolist()
    [[2.0, 4.0], [1.0, 3.0]]
    """
    from scipy.spatial.distance import cdist

    return np.stack([cdist(points, cloud).mean(axis=1) for cloud in clouds], axis=1)
