"""Several distances as one: where a source stands among a pool, measure by measure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def median_rank(distances: NDArray[np.float64], pool: NDArray[np.float64]) -> float:
    """Median over measures of a source's rank among the pool, 1 for the nearest.

    Parameters
    ----------
    distances : float64 (k,), the source's distance to one target by each of k measures.
    pool : float64 (k, p), distances of the pool's sources to the same target; the source itself may be among them.
        NaN where a source has none: it is left out.

    Returns
    -------
    At least 1; sources at an equal distance share the mean of their ranks. Smaller is nearer.

    References
    ----------
    Dwork et al. 2001, doi:10.1145/371920.372165.

    >>> median_rank(np.array([2.0, 5.0, 1.0]), np.array([[2.0, 3, 4], [5.0, 1, 2], [1.0, 2, 3]]))
    1.0
    """
    nearer = (pool < distances[:, None]).sum(axis=1)
    # The source counts among its equals once, whether the pool holds it or not.
    equal = np.maximum((pool == distances[:, None]).sum(axis=1), 1)
    return float(np.median(nearer + (equal + 1) / 2))


def mean_standardised(distances: NDArray[np.float64], pool: NDArray[np.float64]) -> float:
    """Mean over measures of (d - m) / s, where m and s are mean and deviation over the pool.

    Parameters as in ``median_rank``. Any real number, smaller is nearer; a measure that puts the whole pool at one
    distance tells nothing and counts as 0.

    >>> mean_standardised(np.array([1.0, 20.0]), np.array([[1.0, 3.0], [10.0, 20.0]]))
    0.0
    """
    centred = distances - np.nanmean(pool, axis=1)
    spread = np.nanstd(pool, axis=1)
    scores = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    return float(scores.mean())
