"""Frames: a common origin and unit of two clouds of points, in which float64 holds what distinguishes them.

Distances do not depend on the origin, and follow the unit. Squares of numbers beyond 1e154 overflow, though, and those
below 1e-154 vanish; and of points that lie far from the origin, products keep the origin and lose the points. Ordinary
points are left as they are, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

#: Spreads between 2^-100 and 2^100 can be squared and multiplied as they are.
_ORDINARY = 100
#: An origin that is farther than this many spreads is moved: ten of the 52 bits of a square are lost there.
_FAR = 2.0**10
#: Points that differ by fewer steps of their type than this are known to two digits at most.
_STEPS = 64
#: A dimension that varies less than this share of the others does not matter.
_SMALL = 1e-3
#: An error of this share of what matters is none.
_RESOLVED = 1e-6
#: Squares of what lies below this share of the largest vanish beside it: they underflow.
_VANISHING = 2.0**-480


class LostDigitsError(ArithmeticError):
    """Numbers that differ in digits which their type does not hold, and why."""


def refuse_drowned(value: float, terms: float, typical: float) -> None:
    """Raise LostDigitsError where a value is what rounding left of terms that cancel.

    Parameters
    ----------
    terms : the sum of their magnitudes. ``typical`` : the magnitude of differences among most points, in the unit of
        the value: an error far below it does not matter, though the value be 0.

    >>> refuse_drowned(0.0, terms=10.0, typical=1.0)
    """
    rounding = 8 * float(np.finfo(np.float64).eps) * terms
    if not rounding <= _RESOLVED * max(abs(value), typical):
        raise LostDigitsError(
            f"differences of most images are about {typical:.2g}, and what must cancel about {terms:.2g}: rounding "
            "leaves nothing of the value"
        )


def refuse_hidden(points: Points, share: float) -> None:
    """Raise LostDigitsError where few points lie so far off that beside them all others look like one point.

    Parameters
    ----------
    points : (n, d). ``share`` : the least typical square, in units of the mean one.
    """
    typical = typical_square(points)
    # From the points as they are: less their mean, those beside an outlier would be equal already.
    centred = points - np.median(points, axis=0)
    mean = float(np.mean(np.einsum("ij,ij->i", centred, centred)))
    if 0 < typical < share * mean:
        far = np.sqrt(mean / typical)
        raise LostDigitsError(f"a few images lie about {far:.1g} times as far off as most: beside them all look alike")


def typical_square(*clouds: Points) -> float:
    """Return the median squared distance of points (n_i, d) from the median of all, without those that lie there.

    A few points far from all others do not change it. 0 where all coincide.

    >>> typical_square(np.array([[0.0], [1.0]]), np.array([[2.0], [1e30]]))
    1.25
    """
    points = np.concatenate([np.asarray(cloud, dtype=np.float64) for cloud in clouds])
    points = points - np.median(points, axis=0)
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", points, points)
    return float(np.median(squares[squares > 0])) if squares.any() else 0.0


@dataclass(frozen=True)
class Frame:
    """An origin and a unit.

    Parameters
    ----------
    origin : float64 (d,); None where it is 0.
    exponent : the unit is 2^exponent, so that dividing by it rounds nothing.
    """

    origin: Floats | None = None
    exponent: int = 0

    @property
    def ordinary(self) -> bool:
        """Whether points are left as they are."""
        return self.origin is None and not self.exponent

    def place(self, points: Points) -> Points:
        """Return points (n, d) in this frame, float64; unchanged, and of their own type, where it is ordinary.

        Raises ValueError for points of another dimension.
        """
        if self.ordinary:
            return points
        moved = np.asarray(points, dtype=np.float64)
        if self.origin is not None:
            moved = moved - self.origin
        return np.ldexp(moved, -self.exponent)

    def restore(self, value: float, degree: int = 1) -> float:
        """Return a value that goes with the unit to the power of ``degree``, in the unit of the points.

        Raises LostDigitsError where no number is so large, or so small.

        >>> Frame(exponent=3).restore(1.5), Frame(exponent=3).restore(1.5, degree=2)
        (12.0, 96.0)
        """
        with np.errstate(over="ignore"):
            restored = float(np.ldexp(value, self.exponent * degree))
        # An infinite value is not of the unit's making: it is returned as it is, for the caller to refuse.
        if (np.isinf(restored) and np.isfinite(value)) or (value and not restored):
            raise LostDigitsError(f"the value is about {value:.3g} x 2^{self.exponent * degree}, beyond all numbers")
        return restored

    def restore_all(self, values: Floats, degree: int = 1) -> Floats:
        """Return ``restore`` of each of some values; NaN where no number is so large."""
        with np.errstate(over="ignore"):
            restored: Floats = np.ldexp(values, self.exponent * degree)
        return np.where(np.isinf(restored), np.nan, restored)


def unit_of(*arrays: Points) -> Frame:
    """Return the frame without an origin in which the largest of these numbers is about 1; ordinary ones stay.

    >>> unit_of(np.array([0.0, 3.0])).ordinary, unit_of(np.array([1e200])).exponent
    (True, 665)
    """
    largest = max((float(np.abs(array).max(initial=0.0)) for array in arrays), default=0.0)
    exponent = int(np.frexp(largest)[1])
    return Frame(exponent=exponent if abs(exponent) > _ORDINARY else 0)


def common_frame(*clouds: Points) -> Frame:
    """Return the frame in which to compare clouds of points (n_i, d).

    Raises
    ------
    LostDigitsError
        Where the points differ by a few steps of their type only, or where squares of most vanish beside those of a
        few: whatever was computed from them would be rounding.

    >>> common_frame(np.array([[1.0], [2.0]]), np.array([[4.0]])).ordinary
    True
    >>> far = np.array([[1e12], [1e12 + 2]])
    >>> common_frame(far).place(far).tolist()
    [[-1.0], [1.0]]
    """
    low, high = _range(clouds)
    middle, spread = low / 2 + high / 2, high / 2 - low / 2
    if not spread.size:
        return Frame()
    _refuse_coarse(clouds, np.maximum(-low, high), spread)
    widest = float(spread.max())
    far = bool((np.abs(middle) > _FAR * (widest or np.inf)).any()) if widest else bool(middle.any())
    exponent = int(np.frexp(widest)[1])
    if abs(exponent) <= _ORDINARY:
        exponent = 0
    else:
        _refuse_vanishing(clouds, middle, widest)
    return Frame(middle if far else None, exponent)


def _range(clouds: tuple[Points, ...]) -> tuple[Floats, Floats]:
    """The least and the largest number of each dimension, float64 (d,)."""
    known = [cloud for cloud in clouds if len(cloud)]
    if not known:
        return np.zeros(0), np.zeros(0)
    lows, highs = ([extreme(cloud, axis=0).astype(np.float64) for cloud in known] for extreme in (np.min, np.max))
    return np.min(lows, axis=0), np.max(highs, axis=0)


def _refuse_coarse(clouds: tuple[Points, ...], size: Floats, spread: Floats) -> None:
    steps = size * max(float(np.finfo(np.result_type(cloud, np.float32)).eps) for cloud in clouds)
    coarse = (spread > _SMALL * spread.max()) & (spread < _STEPS * steps)
    if coarse.any():
        worst = int(np.argmax(np.where(coarse, steps, 0)))
        raise LostDigitsError(
            f"{int(coarse.sum())} of {len(spread)} features vary by a few steps of their type only: feature {worst} by "
            f"{2 * spread[worst]:.2g} around {size[worst]:.6g}, where numbers are {steps[worst]:.1g} apart"
        )


def _refuse_vanishing(clouds: tuple[Points, ...], middle: Floats, widest: float) -> None:
    centre = np.median(np.concatenate([np.asarray(cloud, dtype=np.float64) for cloud in clouds]), axis=0)
    reach = [np.abs(cloud / 2 - centre / 2).max(axis=1) for cloud in clouds]
    typical = float(np.median(np.concatenate(reach)))
    if 0 < typical < _VANISHING * widest:
        raise LostDigitsError(
            f"half of the images lie within {2 * typical:.2g}, and a few are {2 * widest:.2g} apart: beside these, "
            "differences of the others vanish"
        )
