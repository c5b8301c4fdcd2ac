"""Many tests at once: p-values adjusted so that the chance of any false alarm keeps its bound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down adjustment of p-values: the family-wise error keeps its level, whatever their dependence.

    Parameters
    ----------
    p : float64 (k,), each in [0, 1]; NaN where a test was not done: it takes no part.

    Returns
    -------
    float64 (k,) in [0, 1], NaN where ``p`` is.

    References
    ----------
    Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 65-70.

    >>> holm(np.array([0.01, 0.04, 0.03, np.nan])).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    remaining = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(remaining * p[order]))
    return adjusted
