"""Squared discrepancies whose digits rounding has left: where the terms all but cancel, they are computed anew.

E k(x, x') + E k(y, y') - 2 E k(x, y) does not change when f(x) + f(y) is added to the kernel. Of the kernels here one
can be taken off that leaves nothing large to cancel: the *contrast* of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dsim.stats.euclidean import squared_distances
from dsim.stats.frames import Floats, LostDigitsError, Points, refuse_drowned
from dsim.stats.kernels import Kernel, cauchy, gaussian, linear, negative_distance, polynomial
from dsim.stats.mmd import Blocks, mean_within, squared_mmd

#: A value below this share of its terms may have lost digits: of float64 half of them, of float32 some.
_SUSPECT, _SUSPECT_SINGLE = 1e-8, 1e-6
Indices = NDArray[np.intp]

#: Points of either cloud from whose kernel the usual value is taken.
_LOOKED_AT = 256


@dataclass(frozen=True)
class Discrepancy:
    """A value, and the kernel and clouds, (n, d) and (m, d), that it was computed from: resamples use the same."""

    value: float
    kernel: Kernel
    first: Points
    second: Points


def reliable_mmd(
    kernel: Kernel, a: Points, b: Points, *, unbiased: bool = True, within: tuple[float, float] | None = None
) -> Discrepancy:
    """Return ``squared_mmd`` of two clouds, by the contrast of the kernel where it may have lost its digits.

    Parameters
    ----------
    kernel, a, b, unbiased, within : as for ``squared_mmd``.

    Raises
    ------
    LostDigitsError
        Where not even the contrast is left any, or products of the points overflow or vanish. ValueError where the
        points of both have different dimensions.

    References
    ----------
    Gretton et al. 2012, Journal of Machine Learning Research 13, 723-773.

    >>> a, b = np.array([[0.0], [2.0]]), np.array([[3.0], [3.0]])
    >>> reliable_mmd(linear, a + 2.0**50, b + 2.0**50).value
    3.0
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        value, terms = _terms(kernel, a, b, unbiased, within)
        suspect = _SUSPECT if a.dtype == np.float64 else _SUSPECT_SINGLE
        if abs(value) > suspect * terms and np.isfinite(value):
            return Discrepancy(value, kernel, a, b)
        _refuse_narrow(kernel, terms)
        # Not the mean: one point far from all others would take the rest along.
        middle = np.median(np.concatenate([a, b]).astype(np.float64), axis=0)
        first, second = a - middle, b - middle
        contrast = contrast_of(kernel, middle)
        value, terms = _terms(contrast, first, second, unbiased, None)
        _refuse_extreme(value, first, second)
        some = np.abs(contrast(_some(first), _some(second)))
    refuse_drowned(value, terms, float(np.median(some[some > 0])) if some.any() else 0.0)
    return Discrepancy(value, contrast, first, second)


def reliable_kernel(
    kernel: Kernel, whole: Points, one: Indices, other: Indices, *, unbiased: bool
) -> tuple[Kernel, Points]:
    """Return the kernel and the points (n, d) from which to compute discrepancies between parts of one cloud.

    These are what was given, or the contrast and moved points: as some of two parts, by their indices, need it.

    Raises LostDigitsError as ``reliable_mmd`` does.

    >>> points = np.arange(4.0)[:, None]
    >>> reliable_kernel(linear, points, np.array([0, 1]), np.array([2, 3]), unbiased=False)[1] is points
    True
    """
    if min(len(one), len(other)) < 2:
        return kernel, whole
    if reliable_mmd(kernel, whole[one[:_LOOKED_AT]], whole[other[:_LOOKED_AT]], unbiased=unbiased).kernel is kernel:
        return kernel, whole
    middle = np.median(whole.astype(np.float64), axis=0)
    return contrast_of(kernel, middle), whole - middle


def block_mmd(kernel: Kernel, a: Points, b: Points, blocks: Blocks) -> list[Discrepancy]:
    """Return the unbiased discrepancy of each pair of disjoint blocks: the cost of all grows with n, not with n^2.

    Their mean is an estimate of that of the whole clouds.

    Parameters
    ----------
    a, b : (n, d) and (m, d).
    blocks : indices of the points of each pair of blocks; see ``deal``.

    Raises LostDigitsError and ValueError as ``reliable_mmd`` does.

    References
    ----------
    Zaremba et al. 2013, arXiv:1307.1954.

    >>> blocks = [(np.array([0, 1]), np.array([0, 1])), (np.array([2, 3]), np.array([2, 3]))]
    >>> [found.value for found in block_mmd(linear, np.array([[0.0], [2.0], [2.0], [0.0]]), np.ones((4, 1)), blocks)]
    [-1.0, -1.0]
    """
    return [reliable_mmd(kernel, a[i], b[j]) for i, j in blocks]


def contrast_of(kernel: Kernel, middle: Floats) -> Kernel:
    """Return the contrast of a kernel of this package, for points less ``middle`` (d,); any other kernel as it is.

    >>> points = np.array([[1.0], [2.0]])
    >>> contrast_of(polynomial, np.zeros(1))(points, points).tolist()     # (xy + 1)^3 - f(x) - f(y)
    [[7.0, 26.0], [26.0, 124.0]]
    """
    function = kernel.func if isinstance(kernel, partial) else kernel
    if function is polynomial:
        return partial(_polynomial_contrast, middle=middle)
    if function in _BOUNDED and isinstance(kernel, partial):
        return partial(_BOUNDED[function], **kernel.keywords)
    # Shifted points have other inner products, and the same discrepancy; distances are their own contrast.
    return kernel if function in (linear, negative_distance) else _shifted(kernel, middle)


def _shifted(kernel: Kernel, middle: Floats) -> Kernel:
    return lambda a, b: kernel(a + middle, b + middle)


def _polynomial_contrast(a: Points, b: Points, middle: Floats) -> Floats:
    """(x.y / d + 1)^3 less what depends on x or on y alone, for x = a + middle and y = b + middle."""
    d = len(middle)
    constant = 1 + (middle @ middle) / d
    own, other = a @ middle / d, b @ middle / d
    products = a @ b.T / d
    both = own[:, None] + other
    crossed = np.outer(own, other)
    table: Floats = 3 * constant**2 * products
    table += 3 * constant * (2 * crossed + 2 * both * products + products**2)
    table += 3 * crossed * both + 3 * both**2 * products + 3 * both * products**2 + products**3
    return table


def _gaussian_contrast(a: Points, b: Points, bandwidth: float) -> Floats:
    return np.expm1(squared_distances(a, b) * (-0.5 / bandwidth**2))


def _cauchy_contrast(a: Points, b: Points, bandwidth: float) -> Floats:
    table = squared_distances(a, b)
    table /= bandwidth**2
    contrast: Floats = -table / (1 + table)
    return contrast


#: Kernels in (0, 1], and their contrasts: the same less 1, so that kernels near 1 keep their digits.
_BOUNDED: dict[Callable[..., Points], Callable[..., Points]] = {
    gaussian: _gaussian_contrast,
    cauchy: _cauchy_contrast,
}


def _terms(
    kernel: Kernel, a: Points, b: Points, unbiased: bool, within: tuple[float, float] | None
) -> tuple[float, float]:
    """The value, and the sum of the magnitudes of its terms."""
    own = within or (mean_within(kernel, a, distinct=unbiased), mean_within(kernel, b, distinct=unbiased))
    value = squared_mmd(kernel, a, b, unbiased=unbiased, within=own)
    return value, abs(own[0]) + abs(own[1]) + abs(own[0] + own[1] - value)


def _refuse_narrow(kernel: Kernel, terms: float) -> None:
    if not terms and isinstance(kernel, partial) and kernel.func in _BOUNDED:
        raise LostDigitsError(f"the bandwidth {kernel.keywords['bandwidth']:.2g} is so small that all pairs are at 0")


def _refuse_extreme(value: float, first: Points, second: Points) -> None:
    if not np.isfinite(value):
        raise LostDigitsError("products of the features overflow: they are too large for this kernel")
    reach = max(float(np.abs(points).max(initial=0.0)) for points in (first, second))
    if reach > 0 and reach * reach < float(np.finfo(np.float64).tiny):
        raise LostDigitsError("products of the features vanish: they are too small for this kernel")


def _some(points: Points) -> Points:
    return points[np.linspace(0, len(points) - 1, min(len(points), _LOOKED_AT)).astype(np.intp)]
