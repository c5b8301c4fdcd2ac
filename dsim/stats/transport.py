"""Optimal transport between two weighted samples: entropic to a stated convergence, or exact.

Entropic problems are solved for falling values of ``eps``, each from the potentials of the one before; how a single
one is solved stands in ``dsim.stats.entropic``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dsim.stats.entropic import (
    TOLERANCE,
    Cost,
    Kernel,
    Table,
    TableCost,
    Transport,
    Vector,
    balance,
    balance_self,
    blocks,
)

__all__ = ["Cost", "TableCost", "Transport", "coupling", "exact_transport", "sinkhorn", "sinkhorn_self"]

#: Products with the kernel after which a problem counts as unconverged.
_PRODUCTS = 20_000
#: Levels of the annealing: the first eps is the largest reduced cost over this, the next a quarter each.
_FIRST, _NEXT = 64.0, 4.0
_TOLERANCE_BETWEEN = 1e-2


def sinkhorn(
    cost: Cost | NDArray[np.floating],
    eps: float,
    a: Vector | None = None,
    b: Vector | None = None,
    *,
    tolerance: float = TOLERANCE,
    products: int = _PRODUCTS,
) -> Transport:
    """Return the entropic transport, min over couplings P of a and b of <C, P> + eps KL(P | a b'), in the log domain.

    Parameters
    ----------
    cost : (n, m), an array or anything with ``shape`` and ``rows``; any finite values.
    eps : regularisation, above 0, in units of the cost.
    a, b : weights (n,) and (m,), positive, each of sum 1; uniform unless given.
    tolerance : of the marginals, in L1; at least 1e-5 above ``entropic.LARGE`` entries, where the kernel is float32.
    products : most products with the kernel before giving up.

    Returns
    -------
    Transport
        ``converged`` says whether the tolerance was met: an unconverged value must not be used.

    Raises ValueError where the weights do not fit the cost.

    References
    ----------
    Cuturi 2013, arXiv:1306.0895; stabilised kernel: Schmitzer 2019, arXiv:1610.06519; Newton's method on the dual:
    Brauer, Clason, Lorenz and Wirth 2017, arXiv:1710.06635.

    >>> table = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> found = sinkhorn(table, eps=0.5)
    >>> round(found.value, 6), round(found.cost, 6), found.converged
    (0.28311, 0.119203, True)
    """
    costs = _as_cost(cost)
    a, b = _weights(a, costs.shape[0]), _weights(b, costs.shape[1])
    kernel = Kernel(costs, a, b, tolerance)
    for level in _levels(kernel.start(), eps):
        kernel.fill(level)
        balance(kernel, kernel.tolerance if level == eps else _TOLERANCE_BETWEEN, products)
    return kernel.finish()


def sinkhorn_self(
    cost: Cost | NDArray[np.floating],
    eps: float,
    a: Vector | None = None,
    *,
    tolerance: float = TOLERANCE,
    products: int = _PRODUCTS,
) -> Transport:
    """Return the entropic transport of a sample to itself, cost (n, n) symmetric and at least 0: one potential.

    The averaged iteration halves the error at least wherever exp(-C / eps) is a positive kernel (Feydy et al. 2019,
    arXiv:1810.08278); where it does not converge, ``sinkhorn`` solves the problem as any other.

    >>> round(sinkhorn_self(np.array([[0.0, 1.0], [1.0, 0.0]]), eps=0.5).value, 6)
    0.28311
    """
    costs = _as_cost(cost)
    a = _weights(a, costs.shape[0])
    kernel = Kernel(costs, a, a, tolerance)
    for level in _levels(kernel.start_self(), eps):
        kernel.fill(level)
        balance_self(kernel, kernel.tolerance if level == eps else _TOLERANCE_BETWEEN)
    found = kernel.finish()
    return found if found.converged else sinkhorn(costs, eps, a, a, tolerance=tolerance, products=products)


def coupling(cost: Cost | NDArray[np.floating], found: Transport, eps: float, a: Vector, b: Vector) -> Table:
    """Return the entropic coupling that belongs to potentials, float64 (n, m): its sum is 1, its row sums are a.

    Source: Cuturi 2013, arXiv:1306.0895.

    >>> table = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> half = np.array([0.5, 0.5])
    >>> coupling(table, sinkhorn(table, 0.5), 0.5, half, half).round(4).tolist()
    [[0.4404, 0.0596], [0.0596, 0.4404]]
    """
    costs = _as_cost(cost)
    plan = np.empty(costs.shape)
    for start, stop in blocks(costs.shape):
        block = costs.rows(start, stop)
        plan[start:stop] = np.exp((found.f[start:stop, None] + found.g - block) / eps) * a[start:stop, None] * b
    total: Table = plan
    return total


def exact_transport(
    cost: NDArray[np.floating], a: Vector | None = None, b: Vector | None = None, *, iterations: int = 10_000_000
) -> tuple[Transport, Table]:
    """Return the unregularised transport by the network simplex of POT, and its coupling (n, m).

    The solver's tolerances are absolute, so it is given costs of about 1, reduced by the least of each row and column;
    and its coupling counts only where the dual value proves that no other is cheaper. Where costs differ so much that
    rounding hides the proof, those that the coupling makes no use of are cut off, which changes no cheapest coupling
    that avoids them. Masses that only the rounding of weights leaves over are left out.

    Parameters
    ----------
    cost : (n, m), any finite values; the solver works on float64 copies, so memory is several times n m.
    iterations : most pivots; beyond them ``converged`` is False and ``status`` says so.

    References
    ----------
    Bonneel et al. 2011, doi:10.1145/2070781.2024192; Flamary et al. 2021, POT.

    >>> found, plan = exact_transport(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> found.value, plan.tolist()
    (0.0, [[0.5, 0.0], [0.0, 0.5]])
    """
    table = np.asarray(cost, dtype=np.float64)
    a, b = _weights(a, table.shape[0]), _weights(b, table.shape[1])
    f = table.min(axis=1)
    reduced = table - f[:, None]
    g = reduced.min(axis=0)
    reduced -= g
    ceiling = np.inf
    for _ in range(_CUTS):
        plan, u, v, status = _network_simplex(reduced, ceiling, a, b, iterations)
        proven = not status and _is_cheapest(reduced, ceiling, plan, (a, b), (u, v))
        if proven or status:
            break
        ceiling = _CUT * float(reduced[plan > 0].max(initial=0.0)) or float(np.spacing(reduced.max()))
    value = float(np.vdot(plan, table))
    error = float(np.abs(plan.sum(axis=1) - a).sum() + np.abs(plan.sum(axis=0) - b).sum())
    if not (proven or status):
        status = "the costs differ so much that rounding hides which coupling is the cheapest"
    return Transport(value, value, f + u, g + v, error, proven and error < 1e-6, 0, status), plan


#: How often costs are cut off, and at how many times the largest that the coupling makes use of.
_CUTS, _CUT = 4, 4.0
#: How far the dual value may lie below the cost, as a share of it: far more than rounding leaves of ordinary costs.
_GAP = 1e-7


def _network_simplex(
    reduced: Table, ceiling: float, a: Vector, b: Vector, iterations: int
) -> tuple[Table, Vector, Vector, str]:
    """Coupling, potentials, and what went wrong, for costs of at least 0, cut at the ceiling."""
    import ot

    exponent = -int(np.frexp(min(float(reduced.max()), ceiling))[1])
    scaled = np.ascontiguousarray(np.ldexp(np.minimum(reduced, ceiling), exponent))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of stands in its log, and in ``status``
        plan, log = ot.emd(a, b, scaled, numItermax=iterations, log=True)
    status = str(log["warning"] or "") or ("" if log["result_code"] == 1 else "the solver found no optimum")
    u, v = (np.ldexp(np.asarray(log[name], dtype=np.float64), -exponent) for name in ("u", "v"))
    # Masses that are left over because weights are rounded would pay whatever it costs to go far.
    rounding = 2 * float(np.finfo(np.float64).eps) * sum(plan.shape)
    return np.where(plan > rounding, plan, 0.0), u, v, status


def _is_cheapest(
    reduced: Table, ceiling: float, plan: Table, weights: tuple[Vector, Vector], potentials: tuple[Vector, Vector]
) -> bool:
    """Whether the potentials prove it, by duality: no coupling costs less than they are worth."""
    (a, b), (u, v) = weights, potentials
    if float(reduced[plan > 0].max(initial=0.0)) > ceiling:
        return False  # it goes where costs were cut off
    cost = float(np.vdot(plan, reduced))
    excess = 0.0
    for start, stop in blocks(reduced.shape):
        slack = np.minimum(reduced[start:stop], ceiling) - u[start:stop, None] - v
        excess = max(excess, -float(slack.min()))
    return cost - (float(a @ u + b @ v) - excess) <= _GAP * cost


def _levels(largest: float, eps: float) -> Iterator[float]:
    """Falling values of the regularisation that end with eps.

    >>> list(_levels(64.0, 0.1))
    [1.0, 0.25, 0.1]
    """
    level = largest / _FIRST
    while level > eps:
        yield level
        level /= _NEXT
    yield eps


def _as_cost(cost: Cost | NDArray[np.floating]) -> Cost:
    return TableCost(cost) if isinstance(cost, np.ndarray) else cost


def _weights(weights: Vector | None, n: int) -> Vector:
    return np.full(n, 1 / n) if weights is None else np.asarray(weights, dtype=np.float64)
