"""The line of least squares, and bounds of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def line(x: Floats, y: Floats, at: Floats) -> Floats:
    """Return the line of least squares through the points, at given places; NaN where it has no slope.

    Parameters
    ----------
    x, y : (n,) the points. ``at`` : (k,).

    Raises ValueError where the shapes do not broadcast.

    >>> line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]), np.array([4.0])).round(6).tolist()
    [9.0]
    """
    found: Floats = _lines(_moments(x, y)[None], at)[0]
    return found


def resampled_lines(x: Floats, y: Floats, groups: NDArray[np.intp], drawn: NDArray[np.intp], at: Floats) -> Floats:
    """Return the lines of resamples of whole groups, since points of one group are not independent.

    Parameters
    ----------
    x, y : (n,) the points. ``groups`` : (n,) the group of each, 0 to G - 1, none empty.
    drawn : (resamples, G) which groups each resample holds. ``at`` : (k,).

    Returns
    -------
    (resamples, k); rows of NaN where a resample has no slope.

    >>> x, y, groups = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 2.0, 5.0]), np.array([0, 0, 1, 1])
    >>> resampled_lines(x, y, groups, np.array([[0, 0], [0, 1]]), np.array([1.0])).round(6).tolist()
    [[1.0], [3.0]]
    """
    moments = np.stack([_moments(x[groups == group], y[groups == group]) for group in range(drawn.shape[1])])
    return _lines(moments[drawn].sum(axis=1), at)


def normal_band(x: Floats, y: Floats, at: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return pointwise bounds of the line for independent normal errors of equal size: Student's t, n - 2 degrees.

    Parameters
    ----------
    x, y : (n,) the points. ``at`` : (k,). ``confidence`` : between 0 and 1.

    Returns
    -------
    low, high : (k,); NaN for fewer than three points, or without a slope.

    Raises ValueError where the shapes do not broadcast.
    """
    from scipy.stats import t

    spread = float(((x - x.mean()) ** 2).sum()) if len(x) else 0.0
    if len(x) < 3 or spread == 0:
        return np.full(len(at), np.nan), np.full(len(at), np.nan)
    centre = line(x, y, at)
    variance = float(((y - line(x, y, x)) ** 2).sum()) / (len(x) - 2)
    error = np.sqrt(variance * (1 / len(x) + (at - x.mean()) ** 2 / spread))
    reach = float(t.ppf((1 + confidence) / 2, len(x) - 2)) * error
    return centre - reach, centre + reach


def _moments(x: Floats, y: Floats) -> Floats:
    """Count and sums of x, y, x squared and xy: they add up over groups."""
    return np.array([len(x), x.sum(), y.sum(), (x * x).sum(), (x * y).sum()], dtype=np.float64)


def _lines(moments: Floats, at: Floats) -> Floats:
    """Lines (m, k) of moments (m, 5)."""
    n, x, y, xx, xy = moments.T
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = n * xx - x * x
        # Rounding leaves a remainder where all x are equal.
        slope = np.where(spread > 1e-12 * n * xx, (n * xy - x * y) / spread, np.nan)
        lines: Floats = (y / n)[:, None] + slope[:, None] * (at - (x / n)[:, None])
    return lines
