"""Separation of datasets in an embedding: the Embedding Quality Criterion, and placement by nearest centre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsim.stats.euclidean import mean_distance, mean_distance_within

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMS = ("paper", "reference")


def eqc(clouds: Sequence[NDArray[np.floating]], form: str = "paper") -> float:
    """Return the Embedding Quality Criterion of clouds of points, each (n_i, k): at least 0, lower is better.

    A pair of datasets scores (xi + chi) / psi: the mean distances within both, over the mean distance between them.

    - ``paper`` (Eq. 8 to 11): xi and chi over pairs of distinct points; the mean over all pairs of datasets.
    - ``reference`` (the authors' code): xi and chi count each point's zero distance to itself; of the pairs i < k only
      the worst per k enters, and the mean runs over all datasets, of which the first has no pair and counts as 0.
      It depends on the order of the datasets.

    NaN where a cloud has a single point (paper), or where two clouds are one and the same point. Raises ValueError for
    fewer than two clouds, or another form.

    Source: ASAP (Molina-Moreno et al., doi:10.1109/ACCESS.2025.3555020), Eq. 8 to 11.

    >>> import numpy as np
    >>> a, b = np.array([[0.0], [2.0]]), np.array([[9.0], [13.0]])
    >>> eqc([a, b])
    0.6
    >>> eqc([a, b], form="reference")
    0.15
    """
    import numpy as np

    if len(clouds) < 2 or form not in FORMS:
        raise ValueError(f"EQC takes two clouds at least, and a form of {FORMS}")
    pairs = np.zeros((len(clouds), len(clouds)))
    within = [_within(cloud, form) for cloud in clouds]
    for i in range(len(clouds)):
        for k in range(i + 1, len(clouds)):
            pairs[i, k] = _ratio(within[i] + within[k], mean_distance(clouds[i], clouds[k]))
    if form == "paper":
        return float(pairs[np.triu_indices(len(clouds), 1)].mean())
    return float(pairs.max(axis=0).mean())


def placed_shares(
    centres: NDArray[np.floating], points: NDArray[np.floating], owners: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the share of each dataset's points whose nearest centre is their dataset's, in [0, 1]; higher is better.

    ``centres`` has shape (I, k), ``points`` (n, k), ``owners`` (n,) with values 0 to I - 1. Returns shape (I,); NaN for
    a dataset without points.

    Raises ValueError where the points of both have different dimensions.

    >>> import numpy as np
    >>> centres, points = np.array([[0.0], [10.0]]), np.array([[1.0], [9.0], [2.0]])
    >>> placed_shares(centres, points, np.array([0, 1, 1])).tolist()
    [1.0, 0.5]
    """
    import numpy as np
    from scipy.spatial.distance import cdist

    hits = cdist(points, centres).argmin(axis=1) == owners
    counts = np.bincount(owners, minlength=len(centres))
    correct = np.bincount(owners, weights=hits, minlength=len(centres))
    shares: NDArray[np.float64] = np.full(len(centres), np.nan)
    np.divide(correct, counts, out=shares, where=counts > 0)
    return shares


def _within(cloud: NDArray[np.floating], form: str) -> float:
    return mean_distance_within(cloud) if form == "paper" else mean_distance(cloud, cloud)


def _ratio(within: float, between: float) -> float:
    return within / between if between > 0 else float("nan")
