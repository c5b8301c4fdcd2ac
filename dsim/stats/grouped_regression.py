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
    """A fitted regression: weights (p,) with their covariance (p, p), and the variances of what they leave open.

    ``of_weight`` : the deviation of a weight before anything was seen.
    """

    weights: Array
    uncertainty: Array
    of_weight: float
    of_group: float
    of_alike: float
    of_member: float

    @property
    def deviations(self) -> Array:
        """The deviations (4,) of a weight, of a group, of alike members and of one member."""
        return np.array([self.of_weight, *np.sqrt([self.of_group, self.of_alike, self.of_member])])

    def predict(self, rows: Array, likeness: Array) -> tuple[Array, Array]:
        """Return mean (c,) and covariance (c, c) of the scores of the members of a new group.

        >>> fitted = GroupedRegression(np.array([2.0]), np.zeros((1, 1)), 1.0, 0.5, 0.0, 0.25)
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

    start, stack = np.log(np.array(START)), _Stack.of(groups)

    def cost(steps: Array) -> float:
        deviations = np.exp(start + steps)
        return -_likelihood(stack, free, deviations) + 0.5 * float((steps**2).sum()) / 4

    found = minimize(cost, np.zeros(4), method="L-BFGS-B", bounds=[(-_REACH, _REACH)] * 4)
    return fit_weights(groups, free, np.exp(start + found.x))


def fit_weights(groups: Sequence[Group], free: Array, deviations: Array) -> GroupedRegression:
    """Return the regression of these groups under given deviations (4,): of a weight, a group, alike members, a member.

    It is found in closed form; ``deviations`` of a fitted one are its own.
    """
    weights, uncertainty = _weights(_Stack.of(groups), free, deviations)
    of_weight, *others = (float(value) for value in deviations)
    return GroupedRegression(weights, uncertainty, of_weight, *(value**2 for value in others))


def _covariance(likeness: Array, of_group: float, of_alike: float, of_member: float) -> Array:
    return of_group + of_alike * likeness + of_member * np.eye(likeness.shape[-1])


@dataclass(frozen=True)
class _Stack:
    """All g groups in arrays of one shape: members that a group lacks know nothing, and are known for certain."""

    rows: Array
    scores: Array
    likeness: Array
    error: Array
    there: NDArray[np.bool_]

    @classmethod
    def of(cls, groups: Sequence[Group]) -> _Stack:
        size, count = max(len(group.scores) for group in groups), len(groups)
        empty = cls(
            np.zeros((count, size, groups[0].rows.shape[1])),
            np.zeros((count, size)),
            np.zeros((count, size, size)),
            np.zeros((count, size)),
            np.zeros((count, size), dtype=bool),
        )
        for place, group in enumerate(groups):
            own = len(group.scores)
            empty.rows[place, :own], empty.scores[place, :own] = group.rows, group.scores
            empty.likeness[place, :own, :own], empty.error[place, :own] = group.likeness, group.error
            empty.there[place, :own] = True
        return empty

    def whitened(self, deviations: Array) -> tuple[Array, Array, float]:
        """Rows (g, c, p) and scores (g, c) with independent deviations of variance 1, and the log determinant."""
        own = np.eye(self.scores.shape[1])
        cov = _covariance(self.likeness, *(deviations[1:] ** 2)) + self.error[:, :, None] * own + 1e-10 * own
        cov = np.where(self.there[:, :, None] & self.there[:, None, :], cov, own)
        root = np.linalg.cholesky(cov)
        both = np.linalg.solve(root, np.concatenate([self.rows, self.scores[:, :, None]], axis=2))
        determinant = 2 * float(np.log(np.diagonal(root, axis1=1, axis2=2)).sum())
        return both[:, :, :-1], both[:, :, -1], determinant


def _normal_equations(stack: _Stack, free: Array, deviations: Array) -> tuple[Array, Array, float, Array]:
    """Precision (p, p) and moment (p,) of weights in units of their prior deviations, the rest, those deviations."""
    scale = deviations[0] * np.sqrt(free)
    rows, scores, determinant = stack.whitened(deviations)
    flat = rows.reshape(-1, len(free)) * scale
    precision = np.eye(len(free)) + flat.T @ flat
    moment = flat.T @ scores.ravel()
    return precision, moment, float((scores**2).sum()) + determinant, scale


def _likelihood(stack: _Stack, free: Array, deviations: Array) -> float:
    """Log likelihood of the scores, up to a constant."""
    precision, moment, rest, _ = _normal_equations(stack, free, deviations)
    explained = float(moment @ np.linalg.solve(precision, moment))
    return -0.5 * (rest - explained + float(np.linalg.slogdet(precision)[1]))


def _weights(stack: _Stack, free: Array, deviations: Array) -> tuple[Array, Array]:
    precision, moment, _, scale = _normal_equations(stack, free, deviations)
    inverse = np.linalg.inv(precision)
    return scale * (inverse @ moment), scale[:, None] * inverse * scale[None, :]
