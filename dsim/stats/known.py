"""Means over what is known, where NaN says that nothing is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_known(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean along an axis of the values that are no NaN; unlike ``np.nanmean`` silent where there is none.

    Parameters
    ----------
    values : float64 of any shape.

    Returns
    -------
    float64 of the shape without that axis; NaN where all values are NaN.

    >>> mean_known(np.array([[1.0, np.nan], [3.0, np.nan]]), axis=0).tolist()
    [2.0, nan]
    """
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    mean: NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean
