"""Regression of scores on few properties, where scores come in groups: those of one group share what the group has.

The model, for group g with rows x_c: y_gc = x_c b + u_g + k_gc + e_gc. The weights b are Gaussian around 0, u_g is
common to the group, k_gc is correlated between alike members, and e_gc belongs to one member. The four variances are
those under which what was measured is most likely; they are few enough for some dozen groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: The deviation that is expected of a weight, of a group, of alike members and of one member before anything is fitted.
START = (0.1, 0.15, 0.1, 0.1)
#: How far, as a factor e to this power, the search goes from there; the penalty keeps it from a variance of 0.
_REACH = 4.0


@dataclass(frozen=True)
class Group:
    """Scores of one group.

    Parameters
    ----------
    rows : (c, p), properties of the members. scores : (c,). likeness : of the members, (c, c), positive semi-definite
        with ones on its diagonal. error : variance (c,) with which each score is known.
    """

    rows: Array
    scores: Array
    likeness: Array
    error: Array


@dataclass(frozen=True)
class GroupedRegression:
    """A fitted regression: weights (p,) with their covariance (p, p), and the variances of what they leave open."""

    weights: Array
    uncertainty: Array
    of_group: float
    of_alike: float
    of_member: float

    def predict(self, rows: Array, likeness: Array) -> tuple[Array, Array]:
        """Return mean (c,) and covariance (c, c) of the scores of the members of a new group.

        >>> fitted = GroupedRegression(np.array([2.0]), np.zeros((1, 1)), 0.5, 0.0, 0.25)
        >>> mean, cov = fitted.predict(np.array([[1.0], [0.0]]), np.eye(2))
        >>> mean.tolist(), cov.tolist()
        ([2.0, 0.0], [[0.75, 0.5], [0.5, 0.75]])
        """
        own = _covariance(likeness, self.of_group, self.of_alike, self.of_member)
        return rows @ self.weights, rows @ self.uncertainty @ rows.T + own


def fit_grouped_regression(groups: Sequence[Group], free: Array) -> GroupedRegression:
    """Return the regression under whose variances the scores of these groups are most likely (type II).

    Parameters
    ----------
    free : (p,), the prior variance of each weight in units of that which is fitted; 0 leaves a property out, and a
        large number leaves its weight free.

    Source: Rasmussen and Williams 2006, sections 2.1 and 5.4.
    """
    from scipy.optimize import minimize

    start = np.log(np.array(START))

    def cost(steps: Array) -> float:
        deviations = np.exp(start + steps)
        return -_likelihood(groups, free, deviations) + 0.5 * float((steps**2).sum()) / 4

    found = minimize(cost, np.zeros(4), method="L-BFGS-B", bounds=[(-_REACH, _REACH)] * 4)
    deviations = np.exp(start + found.x)
    weights, uncertainty = _weights(groups, free, deviations)
    return GroupedRegression(weights, uncertainty, *(float(value**2) for value in deviations[1:]))


def _covariance(likeness: Array, of_group: float, of_alike: float, of_member: float) -> Array:
    return of_group + of_alike * likeness + of_member * np.eye(len(likeness))


def _whitened(group: Group, deviations: Array) -> tuple[Array, Array, float]:
    """Rows and scores whose deviations are independent with variance 1, and the log determinant of what was divided."""
    cov = _covariance(group.likeness, *(deviations[1:] ** 2)) + np.diag(group.error)
    root = np.linalg.cholesky(cov + 1e-10 * np.eye(len(cov)))
    both = np.linalg.solve(root, np.column_stack([group.rows, group.scores]))
    return both[:, :-1], both[:, -1], 2 * float(np.log(np.diag(root)).sum())


def _normal_equations(
    groups: Sequence[Group], free: Array, deviations: Array
) -> tuple[Array, Array, float, float, Array]:
    """Precision (p, p) and moment (p,) of the weights scaled by their prior deviations, and the terms without them."""
    scale = deviations[0] * np.sqrt(free)
    precision, moment, squares, determinant = np.eye(len(free)), np.zeros(len(free)), 0.0, 0.0
    for group in groups:
        rows, scores, log_determinant = _whitened(group, deviations)
        rows = rows * scale
        precision += rows.T @ rows
        moment += rows.T @ scores
        squares += float(scores @ scores)
        determinant += log_determinant
    return precision, moment, squares, determinant, scale


def _likelihood(groups: Sequence[Group], free: Array, deviations: Array) -> float:
    """Log likelihood of the scores, up to a constant."""
    precision, moment, squares, determinant, _ = _normal_equations(groups, free, deviations)
    explained = float(moment @ np.linalg.solve(precision, moment))
    return -0.5 * (squares - explained + determinant + float(np.linalg.slogdet(precision)[1]))


def _weights(groups: Sequence[Group], free: Array, deviations: Array) -> tuple[Array, Array]:
    precision, moment, _, _, scale = _normal_equations(groups, free, deviations)
    inverse = np.linalg.inv(precision)
    return scale * (inverse @ moment), scale[:, None] * inverse * scale[None, :]
