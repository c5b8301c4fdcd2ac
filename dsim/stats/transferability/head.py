"""Multinomial logistic regression on features: the head that a dataset's labels teach a fixed extractor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.frames import refuse_hidden
from dsim.stats.transferability.labelled import indicators, principal_axes

if TYPE_CHECKING:
    from collections.abc import Callable

#: Squares of most points below this share of the mean have weights that the search does not resolve.
_HIDDEN = 1e-10
#: Coordinates of logits below this share of the largest are rounding.
_COORDINATE = 1e-6


@dataclass(frozen=True)
class Head:
    """A linear classifier of features: ``logits = features @ weights + bias``.

    Parameters
    ----------
    weights, bias : float64 (d, C) and (C,); over the classes both sum to 0.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return unnormalised log-probabilities of the C classes, (n, C), of features (n, d).

        Raises ValueError for features of another dimension, as the methods below do.
        """
        return np.asarray(features, dtype=np.float64) @ self.weights + self.bias

    def posteriors(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return probabilities of the C classes, (n, C); rows sum to 1."""
        return _softmax(self.logits(features))

    def coordinates(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the logits without their redundancy, (n, k) with k <= C - 1: in an orthonormal basis of their span.

        Distances between images are those of the logits. Axes are ordered by the weight the head gives them, so the
        order of the classes does not enter.
        """
        _, strengths, basis = np.linalg.svd(self.weights, full_matrices=False)
        kept = strengths > _COORDINATE * strengths.max(initial=0.0)
        coordinates: NDArray[np.float64] = self.logits(features) @ basis[kept].T
        return coordinates


def train_head(features: NDArray[np.floating], labels: NDArray[Any], penalty: float = 10.0) -> Head:
    """Return the head of a multinomial logistic regression with a penalty on squared weights.

    Minimises the mean cross-entropy + penalty / (2 n) x |W|^2, where W acts on features that were centred and divided
    by one number, the root of their mean variance. One number and not one per feature: a feature that hardly varies
    here would else get a huge weight, and may vary much in another dataset. Rotations, shifts and scales of the feature
    space do not matter. The intercept is free. Few samples are weak evidence against the penalty, so their posteriors
    are broad.

    Parameters
    ----------
    features : (n, d), finite and not constant. labels : (n,), of at least two classes.
    penalty : > 0; the larger, the nearer all posteriors are to the shares of the classes (1 / C of scikit-learn).

    Raises
    ------
    FloatingPointError
        Where the minimum was not reached.
    LostDigitsError
        Where few points lie so far off that the head would hardly see the others.

    References
    ----------
    Le Cessie and van Houwelingen 1992, doi:10.2307/2347628 (the penalty).

    >>> head = train_head(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1]))
    >>> head.posteriors(np.array([[0.0], [1.5]])).round(3).tolist()
    [[0.599, 0.401], [0.5, 0.5]]
    """
    centre = features.mean(axis=0, dtype=np.float64)
    points = np.asarray(features, dtype=np.float64) - centre
    # Squares of very large or small numbers would overflow, or vanish; a power of two rounds nothing.
    unit = 2.0 ** int(np.frexp(np.abs(points).max())[1])
    points /= unit
    refuse_hidden(np.asarray(features, dtype=np.float64) / unit, _HIDDEN)
    scale = float(np.sqrt(np.mean(points**2)))
    points /= scale
    scale *= unit
    members = indicators(labels)
    # A ridge solution lies in what the principal axes span: fewer weights where samples are few.
    _, axes = principal_axes(points)
    inner, bias = _minimise(points @ axes, members, penalty / len(points))
    weights = axes @ inner / scale
    return Head(weights, bias - centre @ weights)


def _minimise(
    scores: NDArray[np.float64], members: NDArray[np.float64], penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (r, C) and intercept (C,) at the minimum."""
    from scipy.optimize import minimize

    n, count = members.shape
    # The curvature of cross-entropy is at most half the variance of a score (Boehning 1992): in units of this bound
    # all directions are about equally steep, and the search takes tens of steps instead of thousands.
    steepness = np.sqrt(0.5 * np.mean(scores**2, axis=0) + penalty)
    design = np.column_stack([scores / steepness, np.full(n, np.sqrt(2.0))])
    shrink = np.append(penalty / steepness**2, 0.0)[:, None]
    loss = _cross_entropy(design, members, shrink)
    start = np.zeros(design.shape[1] * count)
    options = {"maxiter": 5000, "maxfun": 10000, "maxcor": 30, "ftol": 0.0, "gtol": 1e-9}
    found: Any = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)  # type: ignore[call-overload]
    if np.abs(loss(found.x)[1]).max() > 1e-6:
        raise FloatingPointError(f"logistic regression did not converge: {found.message}")
    solution = found.x.reshape(-1, count)
    return solution[:-1] / steepness[:, None], solution[-1] * np.sqrt(2.0)


def _cross_entropy(
    design: NDArray[np.float64], members: NDArray[np.float64], shrink: NDArray[np.float64]
) -> Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]:
    """The penalised loss of flat weights, with its gradient."""
    n = len(design)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(design.shape[1], members.shape[1])
        logits = design @ weights
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        totals = powers.sum(axis=1, keepdims=True)
        entropy = float(np.log(totals).sum() - np.vdot(members, logits)) / n
        gradient = design.T @ (powers / totals - members) / n + shrink * weights
        return entropy + 0.5 * float(np.vdot(shrink * weights, weights)), gradient.ravel()

    return loss


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
