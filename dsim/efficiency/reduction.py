"""What plain classifiers see of features: turned to their principal axes, none left out, and made normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UsageError
from dsim.stats.power_transform import PowerTransform, fit_power_transform

Floats = NDArray[np.float64]

#: ``paper``: principal axes, then the power transform, as in the text of Nielsen et al.; ``code``: the power transform
#: first, as in its authors' code; ``none``: neither, each feature has mean 0 and variance 1.
ORDERS = ("paper", "code", "none")
#: Axes with singular values below this share of the largest are noise of the numbers.
RANK_TOLERANCE = 1e-6
_EPS = np.finfo(np.float64).eps
#: Above it the spectrum is safe in the squares that an eigendecomposition works on.
_SAFE_SQUARES = 1e-4


@dataclass(frozen=True)
class Axes:
    """Principal axes: mean float64 (d,), and directions float64 (d, r)."""

    mean: Floats
    directions: Floats

    def apply(self, features: Floats) -> Floats:
        """Return positions along the axes, float64 (n, r), of features (n, d)."""
        positions: Floats = features @ self.directions - self.mean @ self.directions
        return positions


@dataclass(frozen=True)
class Standardisation:
    """Mean and scale of each feature, float64 (d,) each."""

    mean: Floats
    scale: Floats

    def apply(self, features: Floats) -> Floats:
        """Return features (n, d) of mean 0 and variance 1."""
        return (features - self.mean) / self.scale


@dataclass(frozen=True)
class Reduction:
    """The fitted steps in their order."""

    steps: tuple[Axes | PowerTransform | Standardisation, ...]

    def apply(self, features: Floats) -> Floats:
        """Return what classifiers see, float64 (n, r), of features (n, d)."""
        for step in self.steps:
            features = step.apply(features)
        return features


def fit_reduction(features: Floats, order: str = "paper") -> Reduction:
    """Return the reduction fitted on the features of the training images, float64 (m, d).

    Principal axes without reduction, but for those that are noise of the numbers (singular values up to 1e-6 of the
    largest), which the power transform would blow up; and a Yeo-Johnson power transform with standardisation.
    Raises UsageError for an unknown order.

    >>> line = np.outer(np.arange(5.0), [1.0, 2.0])
    >>> fit_reduction(line).apply(line).shape
    (5, 1)
    """
    if order not in ORDERS:
        raise UsageError(f"there is no order {order!r}", hint=f"choose one of: {', '.join(ORDERS)}")
    if order == "paper":
        axes = fit_axes(features)
        return Reduction((axes, fit_power_transform(axes.apply(features))))
    if order == "none":
        scale = features.std(axis=0)
        # As scikit-learn's StandardScaler: what is constant but for rounding is not blown up.
        constant = scale**2 <= len(features) * _EPS * (scale**2 + len(features) * _EPS * features.mean(axis=0) ** 2)
        return Reduction((Standardisation(features.mean(axis=0), np.where(constant, 1.0, scale)),))
    power = fit_power_transform(features)
    return Reduction((power, fit_axes(power.apply(features))))


def fit_axes(features: Floats) -> Axes:
    """Return the principal axes of features (m, d), the largest first; one of zeros where all features are equal."""
    mean = features.mean(axis=0)
    centred = features - mean
    values, directions = _by_squares(centred)
    rank = int((values > RANK_TOLERANCE * values[0]).sum())
    if not rank:
        return Axes(mean, np.zeros((features.shape[1], 1)))
    if values[rank - 1] < _SAFE_SQUARES * values[0]:
        values, directions = _by_values(centred)
        rank = int((values > RANK_TOLERANCE * values[0]).sum())
    return Axes(mean, directions[:, :rank])


def _by_squares(centred: Floats) -> tuple[Floats, Floats]:
    """Singular values, descending, and directions (d, k), from the smaller matrix of products."""
    from scipy.linalg import eigh

    m, d = centred.shape
    squares, vectors = eigh(centred @ centred.T if m < d else centred.T @ centred)
    values = np.sqrt(np.maximum(squares[::-1], 0))
    vectors = vectors[:, ::-1]
    if m >= d:
        return values, vectors
    kept = values > RANK_TOLERANCE * values[0]
    return values, np.ascontiguousarray((centred.T @ vectors[:, kept]) / values[kept])


def _by_values(centred: Floats) -> tuple[Floats, Floats]:
    """Singular values, descending, and directions (d, k), to full precision."""
    from scipy.linalg import svd

    _, values, directions = svd(centred, full_matrices=False)
    return values, np.ascontiguousarray(directions.T)
