"""Optimal transport dataset distance: transport between labelled samples whose labels are distributions themselves.

What one dataset contributes (its classes, the distances among them, its transport to itself) is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.stats.bures import (
    Gaussians,
    gaussians,
    squared_bures_wasserstein,
    squared_bures_within,
    squared_diagonal,
    squared_means,
)
from dsim.stats.entropic import TOLERANCE, Transport
from dsim.stats.euclidean import squared_distances
from dsim.stats.transport import exact_transport, sinkhorn, sinkhorn_self

Points = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]
Table = NDArray[np.float64]

#: Costs up to this number are held, 32 MB; more are computed again whenever they are asked for.
_HELD = 4_000_000


class NoTransportError(ArithmeticError):
    """A transport problem was not solved, and why."""


@dataclass(frozen=True)
class Ground:
    """Parts of a ground distance: d^p = feature_weight |x - x'|^p + label_weight W_p^p(label, label').

    Parameters
    ----------
    labelled : without labels the second term is left out.
    inner : W between classes as Gaussians, Gaussians with diagonal covariances, their means alone, their points by
        exact transport, or by Sinkhorn's with ``eps`` on |x - x'|^p (as the reference code's "exact").
    p : 1 or 2; between Gaussians only W_2 has a closed form.
    shrinkage : of class covariances, see ``dsim.stats.bures.gaussians``.
    eps : regularisation, on the cost d^p / p.
    """

    labelled: bool = True
    inner: str = "gaussian"
    p: int = 2
    feature_weight: float = 1.0
    label_weight: float = 1.0
    shrinkage: float | str = 0.0
    eps: float = 0.1


@dataclass(frozen=True)
class Sample:
    """A labelled sample as the ground distance sees it.

    Parameters
    ----------
    points : (n, d). codes : (n,), the class of each point, 0 to C - 1, every class at least once.
    """

    points: Points
    codes: Codes
    ground: Ground

    @cached_property
    def groups(self) -> list[Points]:
        """The points of each class."""
        order = np.argsort(self.codes, kind="stable")
        return np.split(self.points[order], np.cumsum(np.bincount(self.codes))[:-1])

    @cached_property
    def moments(self) -> Gaussians:
        """The classes as Gaussians."""
        return gaussians(self.groups, self.ground.shrinkage)


def label_distances(source: Sample, target: Sample) -> Table:
    """Return W_p^p of every class of the source to every class of the target, float64 (C, C').

    Raises NoTransportError where one was not solved.

    Source: Alvarez-Melis and Fusi 2020, arXiv:2002.02923.

    >>> ground = Ground(inner="means")
    >>> one = Sample(np.array([[0.0], [2.0], [5.0]]), np.array([0, 0, 1]), ground)
    >>> label_distances(one, one).tolist()
    [[0.0, 16.0], [16.0, 0.0]]
    """
    inner, p = source.ground.inner, source.ground.p
    if inner in _CLOSED:
        distances = _CLOSED[inner](source.moments, target.moments)
        return distances if p == 2 else np.sqrt(distances)
    pairs = [[_between_groups(a, b, source.ground) for b in target.groups] for a in source.groups]
    return np.array(pairs, dtype=np.float64)


def label_distances_within(sample: Sample) -> Table:
    """Return the same among the classes of one sample, (C, C): symmetric, 0 on the diagonal.

    Raises NoTransportError where one was not solved.

    Source: Alvarez-Melis and Fusi 2020, arXiv:2002.02923.
    """
    inner = sample.ground.inner
    if inner == "gaussian":
        return squared_bures_within(sample.moments)
    if inner in _CLOSED:
        return label_distances(sample, sample)
    table, groups = np.zeros((len(sample.groups), len(sample.groups))), sample.groups
    for i in range(len(groups)):
        for j in range(i):
            table[i, j] = table[j, i] = _between_groups(groups[i], groups[j], sample.ground)
    return table


_CLOSED: dict[str, Callable[[Gaussians, Gaussians], Table]] = {
    "gaussian": squared_bures_wasserstein,
    "diagonal": squared_diagonal,
    "means": squared_means,
}


def _between_groups(a: Points, b: Points, ground: Ground) -> float:
    table = _power(squared_distances(a, b), ground.p)
    found = sinkhorn(table, ground.eps) if ground.inner == "sinkhorn" else exact_transport(table)[0]
    return _solved(found, f"transport between a class of {len(a)} and one of {len(b)} points").value


def _power(squared: Table, p: int) -> Table:
    return squared if p == 2 else np.sqrt(squared, out=squared)


def _solved(found: Transport, what: str) -> Transport:
    """The solution; raises NoTransportError, which says how far it got."""
    if found.converged:
        return found
    reason = found.status or f"after {found.products} products with the kernel the marginals miss by {found.error:.1e}"
    raise NoTransportError(f"{what} did not converge: {reason}")


class GroundCost:
    """The costs d^p / p of moving the points of one sample to those of another, as ``dsim.stats.entropic.Cost``.

    Parameters
    ----------
    labels : W_p^p between the classes, (C, C'); None where labels do not count.
    """

    def __init__(self, source: Sample, target: Sample, labels: Table | None) -> None:
        ground = self._ground = source.ground
        self.shape = len(source.points), len(target.points)
        self._codes = source.codes, target.codes
        self._labels = None if labels is None else labels * (ground.label_weight / ground.p)
        # Around a common centre, so that squared norms do not drown the differences.
        centre = target.points.mean(axis=0, dtype=np.float64)
        self._points = tuple(np.asarray(sample.points, dtype=np.float64) - centre for sample in (source, target))
        self._squares = tuple(np.einsum("ij,ij->i", points, points) for points in self._points)

    def rows(self, start: int, stop: int) -> Table:
        """Return the costs of these rows, float64 (stop - start, m)."""
        if self.shape[0] * self.shape[1] <= _HELD:
            return self._table[start:stop].copy()
        return self._computed(start, stop)

    @cached_property
    def _table(self) -> Table:
        return self._computed(0, self.shape[0])

    def _computed(self, start: int, stop: int) -> Table:
        ground = self._ground
        costs = self._squared(start, stop) if ground.p == 2 else self._plain(start, stop)
        costs *= ground.feature_weight / ground.p
        if self._labels is not None:
            costs += self._labels[self._codes[0][start:stop]][:, self._codes[1]]
        return costs

    def _squared(self, start: int, stop: int) -> Table:
        (x, y), (xx, yy) = self._points, self._squares
        products: Table = x[start:stop] @ y.T
        products *= -2
        products += xx[start:stop, None]
        products += yy
        np.maximum(products, 0.0, out=products)
        return products

    def _plain(self, start: int, stop: int) -> Table:
        # A root would magnify what cancellation leaves of small squares.
        squared = squared_distances(self._points[0][start:stop], self._points[1])
        return np.sqrt(squared, out=squared)


def transport_between(source: Sample, target: Sample, outer: str) -> Transport:
    """Return the transport of one sample to another; raises NoTransportError where it was not solved.

    Source: Alvarez-Melis and Fusi 2020, arXiv:2002.02923.

    >>> ground = Ground(inner="means")
    >>> one = Sample(np.array([[0.0], [2.0], [5.0]]), np.array([0, 0, 1]), ground)
    >>> other = Sample(np.array([[1.0], [3.0], [9.0]]), np.array([0, 0, 1]), ground)
    >>> round(transport_between(one, other, "exact").value, 6)
    6.0
    """
    ground = source.ground
    if outer != "exact" and _same(source, target):
        return transport_within(source)
    cost = GroundCost(source, target, label_distances(source, target) if ground.labelled else None)
    found = exact_transport(cost.rows(0, cost.shape[0]))[0] if outer == "exact" else sinkhorn(cost, ground.eps)
    return _solved(found, "the transport between the datasets")


def _same(source: Sample, target: Sample) -> bool:
    return np.array_equal(source.codes, target.codes) and np.array_equal(source.points, target.points)


def transport_within(sample: Sample) -> Transport:
    """Return the entropic transport of a sample to itself, which debiasing takes off.

    Raises NoTransportError where it was not solved.

    Source: Feydy et al. 2019, arXiv:1810.08278.
    """
    ground = sample.ground
    cost = GroundCost(sample, sample, label_distances_within(sample) if ground.labelled else None)
    return _solved(sinkhorn_self(cost, ground.eps), "the transport of a dataset to itself")


def distance(between: float, within: Sequence[float]) -> float:
    """Return ``between`` less half of each value within; what rounding leaves below zero is zero.

    Source: Feydy et al. 2019, arXiv:1810.08278.

    >>> distance(3.0, (1.0, 2.0)), distance(1.0, (1.0, 1.0 + 1e-12)), distance(2.0, ())
    (1.5, 0.0, 2.0)
    """
    value = between - sum(within) / 2
    return 0.0 if -10 * TOLERANCE * abs(between) < value < 0 else value


class Transported(NamedTuple):
    """A value of the cost d^p / p as the reference code has it, with its entropic term, and the mean cost alone."""

    value: float
    cost: float


def otdd(
    source: Sample,
    target: Sample,
    *,
    outer: str = "debiased",
    within: tuple[Transported, Transported] | None = None,
) -> Distance:
    """Return the optimal transport dataset distance of two labelled samples.

    Parameters
    ----------
    source, target : points (n, d) and (m, d) with their classes, and the same ground distance.
    outer : ``debiased`` takes half the transport of each sample to itself off; ``sinkhorn`` does not; ``exact`` is
        unregularised, by POT.
    within : what debiasing takes off, where it is known: of ``transport_within`` of either sample.

    Returns
    -------
    Distance
        At least 0; smaller is more alike.

    Raises
    ------
    NoTransportError
        Where a transport problem was not solved.

    References
    ----------
    Alvarez-Melis and Fusi 2020, arXiv:2002.02923.

    >>> x, classes = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0], [5.0, 6.0]]), np.array([0, 0, 1, 1])
    >>> samples = Sample(x, classes, Ground()), Sample(x + [2.0, 0.0], classes, Ground())
    >>> otdd(*samples, outer="exact")     # points and classes move by 2: (4 + 4) / 2
    Distance(value=4.0, plain=8.0)
    """
    found = transport_between(source, target, outer)
    own: tuple[Transported | Transport, ...] = ()
    if outer == "debiased":
        own = within or (transport_within(source), transport_within(target))
    value = distance(found.value, [each.value for each in own])
    return Distance(value, source.ground.p * distance(found.cost, [each.cost for each in own]))


class Distance(NamedTuple):
    """The optimal transport dataset distance of two samples.

    ``value`` : the entropic (or exact) value of the cost d^p / p, as the reference code: half a squared distance for
    p = 2. ``plain`` : p times the mean cost of the coupling: the mean of d^p, without the entropic term.
    """

    value: float
    plain: float


def stratified(codes: Codes, size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return ``size`` of n positions, drawn without replacement, each class as near to its share as may be.

    Of equal remainders the earlier class gets the place.

    >>> codes = np.array([0] * 6 + [1] * 3)
    >>> chosen = stratified(codes, 3, np.random.default_rng(0))
    >>> codes[chosen].tolist()
    [0, 0, 1]
    """
    counts = np.bincount(codes)
    shares = counts * size / len(codes)
    numbers = np.floor(shares).astype(np.intp)
    places = np.argsort(numbers - shares, kind="stable")[: size - int(numbers.sum())]
    numbers[places] += 1
    drawn = [rng.permutation(np.flatnonzero(codes == code))[:number] for code, number in enumerate(numbers)]
    return np.sort(np.concatenate(drawn))
