"""How many directions features use: effective rank, and the spread of normalised features."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def effective_rank(points: NDArray[np.floating]) -> float:
    """Return RankMe: the exponential of the entropy of the singular values' shares.

    It is the number of directions that features use if all were used alike; labels are not needed. Features are not
    centred, as in the paper, so that a common offset is one direction.

    Parameters
    ----------
    points : (n, d), any floating type; computed in float64.

    Returns
    -------
    In [1, min(n, d)], larger is richer; NaN for no points, for zeros alone, and where a value is not finite.

    References
    ----------
    Garrido et al. 2023, arXiv:2210.02885, Eq. 1 and 2, without the constant that they add to each share.

    >>> round(effective_rank(np.diag([2.0, 1.0, 1.0])), 3)
    2.828
    """
    values = np.asarray(points, dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        return math.nan
    singular = np.linalg.svd(values, compute_uv=False)
    if not singular[0] > 0:
        return math.nan
    shares = singular / singular.sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def spread_of_normalised(points: NDArray[np.floating]) -> float:
    """Return how far features of length 1 lie apart: the mean standard deviation of a dimension, times sqrt(d).

    Parameters
    ----------
    points : (n, d), any floating type; a row of zeros stays zeros.

    Returns
    -------
    In [0, 1]: 0 where all features point in one direction, as after a collapse; near 1 where they point everywhere
    alike. NaN for no points, and where a value is not finite.

    References
    ----------
    Chen and He 2021, arXiv:2011.10566, Fig. 2, middle.

    >>> spread_of_normalised(np.ones((5, 3)))
    0.0
    >>> round(spread_of_normalised(np.concatenate([np.eye(4), -np.eye(4)])), 6)
    1.0
    """
    values = np.asarray(points, dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        return math.nan
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    directions = values / np.where(lengths > 0, lengths, 1)
    return float(directions.std(axis=0).mean() * math.sqrt(values.shape[1]))
