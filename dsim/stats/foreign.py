"""How unusual scores are among those of held-out images, and which share of a set is foreign."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Relative: scores that differ by less are equal, whatever the order in which they were summed.
_TIE = 1e-9
#: Points of the grid over each of the two distributions that the interval of a share comes from.
_GRID = 200


def split_conformal_p(scores: Floats, calibration: Floats) -> Floats:
    """Return the conformal p-value of each score among held-out scores; small values are unusually large scores.

    The share of the held-out scores, and of the new one itself, that are at least as large. A new image of the same
    kind has p at most x in x of all cases, whatever the distribution.

    Parameters
    ----------
    scores : float64 (m,). ``calibration`` : float64 (k,), scores of images that no model was fitted to; k >= 1.

    Returns
    -------
    float64 (m,), in [1 / (k + 1), 1].

    Raises ValueError where there is no held-out score, or a score is NaN.

    References
    ----------
    Vovk, Gammerman, Shafer 2005, chapter 2, doi:10.1007/b106715; split form: Papadopoulos 2002,
    doi:10.1007/3-540-36755-1_29.

    >>> split_conformal_p(np.array([0.5, 2.0, 9.0]), np.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 0.75, 0.25]
    """
    scores, known = np.asarray(scores, dtype=np.float64), np.sort(np.asarray(calibration, dtype=np.float64))
    if not len(known) or np.isnan(known).any() or np.isnan(scores).any():
        raise ValueError("p-values need held-out scores, and none of the scores may be NaN")
    smaller = np.searchsorted(known, scores - _TIE * np.abs(scores), side="left")
    p: Floats = (1 + len(known) - smaller) / (len(known) + 1)
    return p


class ForeignShare(NamedTuple):
    """Which share of a set is unlike the images that a model was trained on.

    ``share`` : Storey's estimate, in [0, 1], with its 95 % interval ``low`` to ``high``. It is a lower bound where some
    foreign images look usual. ``unusual`` : share of the images with p <= ``level``; ``expected`` : that of images of
    the same kind. NaN where there are too few held-out images to tell (see ``reason``).
    """

    share: float
    low: float
    high: float
    unusual: float
    expected: float
    level: float
    reason: str = ""


def foreign_share(p: Floats, calibration: int, *, level: float = 0.05, threshold: float = 0.5) -> ForeignShare:
    """Return which share of a set is foreign, by the conformal p-values of its images.

    Images of the same kind have uniform p-values, foreign ones small values: as many images as should lie above the
    threshold and do not are foreign (Storey). The interval knows that both samples are finite: how many of the same
    kind pass the threshold has a Beta distribution over held-out samples, how many of the set do a binomial one.

    Parameters
    ----------
    p : float64 (m,), from ``split_conformal_p`` with ``calibration`` held-out scores.
    level : below which an image counts as unusual. ``threshold`` : Storey's lambda, in (0, 1).

    Raises ValueError for no p-value, or one outside [0, 1].

    References
    ----------
    Storey 2002, doi:10.1111/1467-9868.00346; Beta law of held-out ranks: Vovk 2012, arXiv:1209.2673.

    >>> p = np.concatenate([(np.arange(75) + 1) / 75, np.full(25, 0.01)])  # a quarter is foreign
    >>> found = foreign_share(p, 99)
    >>> found.share, found.low < 0.25 < found.high
    (0.24, True)
    """
    p = np.asarray(p, dtype=np.float64)
    if not len(p) or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a share needs p-values in [0, 1]")
    unusual, expected = float((p <= level).mean()), _floor(level * (calibration + 1)) / (calibration + 1)
    if expected == 0:
        needed = math.ceil(1 / level) - 1
        reason = f"{calibration} held-out images are too few to tell what is unusual: {needed} are needed"
        return ForeignShare(math.nan, math.nan, math.nan, math.nan, math.nan, level, reason)
    above, below = int((p > threshold).sum()), _floor(threshold * (calibration + 1))
    usual = calibration + 1 - below
    share = 1 - above / len(p) * (calibration + 1) / usual
    low, high = _interval(above, len(p) - above, usual, below)
    return ForeignShare(min(max(share, 0.0), 1.0), low, high, unusual, expected, level)


def _interval(above: int, other: int, usual: int, below: int) -> tuple[float, float]:
    """The 2.5 and 97.5 percentiles of 1 - w / q, over evenly spread quantiles of both distributions."""
    from scipy.special import betaincinv

    steps = (np.arange(_GRID) + 0.5) / _GRID
    passing = betaincinv(above + 0.5, other + 0.5, steps)  # Jeffreys
    same_kind = betaincinv(usual, below, steps)
    shares = np.clip(1 - passing[:, None] / same_kind[None, :], 0, 1)
    low, high = np.quantile(shares, [0.025, 0.975])
    # As is usual for binomial intervals (Brown et al. 2001, doi:10.1214/ss/1009213286): none above may mean that all
    # are foreign.
    return float(low), float(high) if above else 1.0


def _floor(value: float) -> int:
    return math.floor(value + 1e-9)
