"""Wasserstein distances of two clouds of points: exact, regularised by entropy, or along lines.

All are roots, in the unit of the points: W_p, the p-th root of the least mean |x - y|^p.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.stats.euclidean import Points, distances, squared_distances
from dsim.stats.transport import Transport, exact_transport, sinkhorn, sinkhorn_self

Floats = NDArray[np.float64]
_Steps = slice | NDArray[np.intp]

#: Numbers that are held at once while many lines are compared: 32 MB in float64.
_HELD = 4_000_000


@dataclass(frozen=True)
class GroundCosts:
    """Costs |x - y|^p of moving points, float64: ``between`` two samples, (n, m).

    ``first`` (n, n) and ``second`` (m, m) are those within either sample; empty where nothing needs them.
    """

    between: Floats
    first: Floats
    second: Floats

    def drawn(self, one: NDArray[np.intp], other: NDArray[np.intp]) -> GroundCosts:
        """Return the costs of the points at these positions."""
        return GroundCosts(
            self.between[np.ix_(one, other)],
            self.first[np.ix_(one, one)] if self.first.size else self.first,
            self.second[np.ix_(other, other)] if self.second.size else self.second,
        )


def ground_costs(a: Points, b: Points, order: int, *, within: bool = False) -> GroundCosts:
    """Return the costs between (n, d) and (m, d), order 1 or 2; those within either where asked for.

    Raises ValueError where the points of both have different dimensions.

    >>> ground_costs(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), order=2).between.tolist()
    [[25.0]]
    """
    own = [ground_cost(x, x, order) if within else np.empty((0, 0)) for x in (a, b)]
    return GroundCosts(ground_cost(a, b, order), *own)


def ground_cost(a: Points, b: Points, order: int) -> Floats:
    """Return |x - y|^order of all pairs of points (n, d) and (m, d), float64 (n, m); order 1 or 2.

    Raises ValueError where the points of both have different dimensions.

    >>> ground_cost(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), order=2).tolist()
    [[25.0]]
    """
    return squared_distances(a, b) if order == 2 else distances(a, b)


def wasserstein_distance(
    costs: GroundCosts,
    order: int = 2,
    *,
    method: str = "exact",
    epsilon: float = 0.1,
    weights: tuple[Floats, Floats] | None = None,
) -> tuple[float, tuple[Transport, ...]]:
    """Return W_p of two samples, and the transports that were solved for it.

    Parameters
    ----------
    costs : of order p, see ``ground_costs``; for the divergence with those within either sample.
    order : p, 1 or 2.
    method : "exact", "sinkhorn" (the cost of the entropic plan) or "divergence" (see ``sinkhorn_divergence``).
    epsilon : regularisation, as a share of the mean cost; unused where exact.
    weights : of the points, (n,) and (m,), each of sum 1; uniform unless given.

    Returns
    -------
    A distance in [0, inf), in the unit of the points; NaN where a transport did not converge. No transports where all
    points coincide.

    References
    ----------
    Kantorovich 1942; Bonneel et al. 2011, doi:10.1145/2070781.2024192 (the network simplex); Cuturi 2013,
    arXiv:1306.0895 (sinkhorn).

    >>> costs = ground_costs(np.array([[0.0], [2.0]]), np.array([[1.0], [3.0], [5.0], [7.0]]), order=1)
    >>> wasserstein_distance(costs, order=1)[0]
    3.0
    """
    if not costs.between.any():
        return 0.0, ()  # epsilon is relative to a cost, and all are 0
    value, solutions = _least_cost(costs, method, epsilon, *(weights or (None, None)))
    converged = all(solution.converged for solution in solutions)
    return float(max(value, 0.0) ** (1 / order)) if converged else float("nan"), solutions


def _least_cost(
    costs: GroundCosts, method: str, epsilon: float, a: Floats | None, b: Floats | None
) -> tuple[float, tuple[Transport, ...]]:
    if method == "exact":
        exact, _ = exact_transport(costs.between, a, b)
        return exact.value, (exact,)
    # The mean over pairs of points; a point that was drawn twice counts twice.
    mean = costs.between.mean() if a is None or b is None else a @ costs.between @ b
    scaled = epsilon * float(mean)
    if method == "sinkhorn":
        entropic = sinkhorn(costs.between, scaled, a, b)
        return entropic.cost, (entropic,)
    return sinkhorn_divergence(costs.between, (costs.first, costs.second), scaled, a, b)


def sinkhorn_divergence(
    between: Floats, within: tuple[Floats, Floats], epsilon: float, a: Floats | None = None, b: Floats | None = None
) -> tuple[float, tuple[Transport, ...]]:
    """Return OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2, OT the entropic value with its penalty epsilon KL(plan | a x b).

    Parameters
    ----------
    between : ground cost (n, m). ``within`` : those of either cloud, (n, n) and (m, m).
    epsilon : regularisation, in the unit of the cost.
    a, b : weights that sum to 1; uniform unless given.

    Returns
    -------
    The divergence, at least 0, and 0 for equal clouds; and the three solutions: where one has not converged, the
    divergence must not be used.

    References
    ----------
    Feydy et al. 2019, arXiv:1810.08278.

    >>> table = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> sinkhorn_divergence(table, (table, table), epsilon=0.5)[0]
    0.0
    """
    solved = (
        sinkhorn(between, epsilon, a, b),
        sinkhorn_self(within[0], epsilon, a),
        sinkhorn_self(within[1], epsilon, b),
    )
    value = solved[0].value - (solved[1].value + solved[2].value) / 2
    # Rounding may leave a little less, or more, than the 0 of equal clouds.
    return (0.0 if value < 1e-12 * abs(solved[0].value) else value), solved


def sliced_wasserstein(a: Points, b: Points, order: int = 2) -> float:
    """Return (mean over lines of W_p^p)^(1/p) of two samples projected onto L lines, in the unit of the points.

    Parameters
    ----------
    a, b : positions on the lines, (L, n) and (L, m), each row sorted: ``np.sort(directions @ points.T)``.
    order : p, 1 or 2.

    Returns
    -------
    A distance in [0, inf).

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3.

    >>> sliced_wasserstein(np.array([[0.0], [0.0]]), np.array([[3.0], [4.0]]), order=1)
    3.5
    """
    return float(line_transport(a, b, order).mean() ** (1 / order))


def marginal_wasserstein(a: Points, b: Points, order: int = 1) -> float:
    """Return the mean over d features of the one-dimensional W_p, in the unit of the points.

    Parameters
    ----------
    a, b : (d, n) and (d, m), each row sorted: the features' quantile functions.
    order : p, 1 or 2.

    Returns
    -------
    A distance in [0, inf).

    References
    ----------
    Villani 2003, Topics in Optimal Transportation, chapter 2, doi:10.1090/gsm/058 (the one-dimensional W_p).

    >>> marginal_wasserstein(np.array([[0.0], [0.0]]), np.array([[3.0], [4.0]]))
    3.5
    """
    return float((line_transport(a, b, order) ** (1 / order)).mean())


def line_transport(a: Points, b: Points, order: int = 1) -> NDArray[np.float64]:
    """Return W_p^p of two samples on each of L lines: the integral of |quantile - quantile'|^p.

    Exact for any two sizes.

    Parameters
    ----------
    a, b : (L, n) and (L, m), each row sorted.
    order : p, 1 or 2.

    Returns
    -------
    float64 (L,), at least 0: for p = 1 the distance itself, for p = 2 its square.

    References
    ----------
    Ramdas, García Trillos and Cuturi 2017, doi:10.3390/e19020047, section 3.

    >>> line_transport(np.array([[0.0, 1.0]]), np.array([[0.0, 1.0, 5.0]])).round(6).tolist()
    [1.5]
    """
    of_a, of_b, weights = _quantile_steps(a.shape[1], b.shape[1])
    rows = max(1, _HELD // len(weights))
    return np.concatenate(
        [_compared(a[i : i + rows, of_a], b[i : i + rows, of_b], weights, order) for i in range(0, len(a), rows)]
    )


def _quantile_steps(n: int, m: int) -> tuple[_Steps, _Steps, NDArray[np.float64]]:
    """Where two quantile functions of n and m values are both constant: index into either, and length."""
    if n == m:
        return slice(None), slice(None), np.full(n, 1 / n)
    # In units of 1 / nm all steps are whole numbers: nothing is rounded.
    ends_a, ends_b = np.arange(1, n + 1) * m, np.arange(1, m + 1) * n
    ends = np.union1d(ends_a, ends_b)
    return np.searchsorted(ends_a, ends), np.searchsorted(ends_b, ends), np.diff(ends, prepend=0) / (n * m)


def _compared(a: Points, b: Points, weights: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    differences = np.subtract(a, b, dtype=np.float64)
    powers = np.abs(differences, out=differences) if order == 1 else np.square(differences, out=differences)
    costs: NDArray[np.float64] = powers @ weights
    return costs


def directions(dimension: int, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return unit vectors drawn uniformly, float64 (count, dimension).

    >>> np.linalg.norm(directions(5, 2, np.random.default_rng(0)), axis=1).round(6).tolist()
    [1.0, 1.0]
    """
    drawn = rng.standard_normal((count, dimension))
    unit: NDArray[np.float64] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit
