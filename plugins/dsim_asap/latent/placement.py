"""Where images lie among datasets: the paper's mean distance with a single image on one side.

Source: ASAP (Molina-Moreno et al., IEEE Access 2024), III-D and V: "it can be adapted to image-to-dataset similarity if
we consider single test images instead of complete datasets".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

#: Relative: distances that differ by less are one distance, whatever the order in which they were summed.
_TIE = 1e-9
#: Rows of a cloud whose distances to all others are held at once.
_ROWS = 1024


@dataclass(frozen=True)
class Placement:
    """How m images lie towards d datasets.

    ``mean`` : float64 (m, d), mean distance to the points of each dataset. ``centre`` : float64 (m, d), distance to
    its centre. ``p`` : float64 (m, d), how usual the image would be there (see ``usual``).
    """

    mean: Points
    centre: Points
    p: Points

    @property
    def nearest(self) -> NDArray[np.intp]:
        """The dataset of the smallest mean distance, (m,)."""
        found: NDArray[np.intp] = self.mean.argmin(axis=1)
        return found

    @property
    def nearest_centre(self) -> NDArray[np.intp]:
        """The dataset of the nearest centre, (m,)."""
        found: NDArray[np.intp] = self.centre.argmin(axis=1)
        return found


def place(points: Points, clouds: Sequence[Points]) -> Placement:
    """Place points (m, k) among clouds, each (n_i, k).

    >>> near, far = np.zeros((3, 2)), np.full((2, 2), 3.0)
    >>> found = place(np.array([[0.0, 0.0]]), [near, far])
    >>> found.mean.round(3).tolist(), found.p.round(3).tolist()
    ([[0.0, 4.243]], [[1.0, 0.333]])
    """
    from scipy.spatial.distance import cdist

    mean = np.stack([cdist(points, cloud).mean(axis=1) for cloud in clouds], axis=1)
    centres = np.stack([cloud.mean(axis=0) for cloud in clouds])
    return Placement(mean, cdist(points, centres), np.stack([usual(points, cloud) for cloud in clouds], axis=1))


def usual(points: Points, cloud: Points) -> Points:
    """Share of a dataset's images, and of the image itself, that lie at least as far from all the others: (m,).

    Each image in turn is left out and its mean distance to all others taken, the new image being one of them. If that
    is of the dataset's kind, the share is at most p in p of all cases, whatever the distribution: a conformal p-value.
    In [1 / (n + 1), 1]; small values are unusual.

    References
    ----------
    Vovk, Gammerman, Shafer 2005, Algorithmic Learning in a Random World, chapter 2, doi:10.1007/b106715.

    >>> cloud = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> usual(np.array([[1.5], [9.0]]), cloud).tolist()
    [1.0, 0.2]
    """
    from scipy.spatial.distance import cdist

    to_new = cdist(cloud, points)
    own = distance_sums(cloud)[:, None] + to_new
    new = to_new.sum(axis=0)
    at_least_as_far = (own >= new * (1 - _TIE)).sum(axis=0)
    share: Points = (1 + at_least_as_far) / (len(cloud) + 1)
    return share


def usual_at_home(cloud: Points) -> Points:
    """The same of each of a dataset's own images among the others: (n,), in [1 / n, 1].

    >>> usual_at_home(np.array([[0.0], [1.0], [2.0], [9.0]])).tolist()
    [0.5, 1.0, 1.0, 0.25]
    """
    sums = distance_sums(cloud)
    # Farther ones are counted from the sorted sums: n log n instead of n squared.
    nearer = np.searchsorted(np.sort(sums), sums * (1 - _TIE), side="left")
    share: Points = (len(cloud) - nearer) / len(cloud)
    return share


def mean_to_others(cloud: Points) -> Points:
    """Mean distance of each image to the other images of its dataset: (n,); NaN for a single image.

    >>> mean_to_others(np.array([[0.0], [1.0], [3.0]])).tolist()
    [2.0, 1.5, 2.5]
    """
    n = len(cloud)
    return distance_sums(cloud) / (n - 1) if n > 1 else np.full(n, np.nan)


def distance_sums(cloud: Points) -> Points:
    """Sum of the distances of each point of (n, k) to all points: (n,)."""
    from scipy.spatial.distance import cdist

    blocks = [cdist(cloud[start : start + _ROWS], cloud).sum(axis=1) for start in range(0, len(cloud), _ROWS)]
    return np.concatenate(blocks)
