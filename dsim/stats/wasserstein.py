"""Wasserstein distances of two clouds of points, exact or regularised by entropy.

All are roots, in the unit of the points: W_p, the p-th root of the least mean |x - y|^p.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsim.stats.euclidean import Points, distances, squared_distances
from dsim.stats.transport import Transport, exact_transport, sinkhorn, sinkhorn_self

Floats = NDArray[np.float64]


def ground_cost(a: Points, b: Points, order: int) -> Floats:
    """|x - y|^order of all pairs of (n, d) and (m, d), float64 (n, m); order 1 or 2.

    >>> ground_cost(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), order=2).tolist()
    [[25.0]]
    """
    return squared_distances(a, b) if order == 2 else distances(a, b)


def wasserstein_distance(a: Points, b: Points, order: int = 2) -> float:
    """The exact W_p of (n, d) and (m, d), whose points weigh 1/n and 1/m; at least 0, NaN where it was not solved.

    References
    ----------
    Kantorovich 1942; Bonneel et al. 2011, doi:10.1145/2070781.2024192 (the network simplex).

    >>> wasserstein_distance(np.array([[0.0], [2.0]]), np.array([[1.0], [3.0], [5.0], [7.0]]), order=1)
    3.0
    """
    found, _ = exact_transport(ground_cost(a, b, order))
    return max(found.value, 0.0) ** (1 / order) if found.converged else float("nan")


def sinkhorn_divergence(
    between: Floats, within: tuple[Floats, Floats], epsilon: float, a: Floats | None = None, b: Floats | None = None
) -> tuple[float, tuple[Transport, ...]]:
    """OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2, OT the entropic value with its penalty epsilon KL(plan | a x b).

    Parameters
    ----------
    between : ground cost (n, m). ``within`` : those of either cloud, (n, n) and (m, m).
    epsilon : regularisation, in the unit of the cost.
    a, b : weights that sum to 1; uniform unless given.

    Returns
    -------
    The divergence, at least 0, and 0 for equal clouds; and the three solutions: where one has not converged, the
    divergence is no value.

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
