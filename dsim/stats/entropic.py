"""The kernel of entropic transport, and how its row and column sums are brought to their weights.

Sinkhorn's iterations stall where the regularisation is small beside the costs, as it is for features of real networks.
Here they only open; Newton's method on the concave dual ends, its linear systems solved by conjugate gradients, whose
steps cost as much as an iteration of Sinkhorn. One (n, m) array is held, the kernel around the current potentials;
costs are asked for in blocks of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Table = NDArray[np.float64]

#: Error of the marginals, in L1, at which potentials count as converged.
TOLERANCE = 1e-9
#: Or this error, where Newton's step would gain less than this share of eps: mass that clusters hardly exchange.
_NEARLY, _GAIN = 1e-6, 1e-9
#: Kernels with more entries than this are held in float32, and their potentials polished in float64.
LARGE = 32_000_000
#: What float32 row sums can resolve: the tolerance of large problems.
TOLERANCE_LARGE = 1e-5
#: Entries of a block of costs: 16 MB in float64.
_BLOCK = 2_000_000
#: Sinkhorn iterations at a level before Newton's method takes over, and its largest step in units of eps.
_SWEEPS, _LONGEST = 8, 8.0


class Cost(Protocol):
    """A table of costs that is computed when asked for."""

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""

    def rows(self, start: int, stop: int) -> Table:
        """Return the costs of these rows, float64 (stop - start, m): a new array, which the caller may change."""


@dataclass(frozen=True)
class TableCost:
    """Costs that are held as an array (n, m)."""

    table: NDArray[np.floating]

    @property
    def shape(self) -> tuple[int, int]:
        n, m = self.table.shape
        return n, m

    def rows(self, start: int, stop: int) -> Table:
        return np.array(self.table[start:stop], dtype=np.float64)


@dataclass(frozen=True)
class Transport:
    """The outcome of a transport problem.

    Parameters
    ----------
    value : of the problem that was solved: with eps, the entropic value (a lower bound, by duality).
    cost : <C, P>, the mean cost of the coupling.
    f, g : potentials (n,) and (m,).
    error : sum of absolute differences of the coupling's marginals from a and b.
    converged : entropic: whether the error is within the tolerance, or within 1e-6 where Newton's step would change the
        value by less than 1e-9 eps; exact: whether the solver reports an optimum.
    products : products with the kernel that were needed; 0 for exact transport.
    status : the exact solver's own words where it failed.
    """

    value: float
    cost: float
    f: Vector
    g: Vector
    error: float
    converged: bool
    products: int = 0
    status: str = ""


class Kernel:
    """exp((f_i + g_j - c_ij) / eps), the coupling over its independent form, with factors u, v gained since.

    The potentials are f + eps log u and g + eps log v. ``balance_columns`` makes column sums exact; ``rows`` then holds
    the row sums relative to a, all 1 at the solution.
    """

    def __init__(self, cost: Cost, a: Vector, b: Vector, tolerance: float) -> None:
        self.cost, self.a, self.b = cost, a, b
        large = cost.shape[0] * cost.shape[1] > LARGE
        self.table = np.empty(cost.shape, dtype=np.float32 if large else np.float64)
        self.tolerance = max(tolerance, TOLERANCE_LARGE / 3) if large else tolerance
        self.accepted = max(tolerance, TOLERANCE_LARGE) if large else 2 * tolerance
        # Below the floor an entry counts for nothing; subnormal numbers would only be slow.
        self.floor, self.drift = (-80.0, 15.0) if large else (-300.0, 30.0)
        self.resolution = 1e-5 if large else 1e-13
        self.f, self.g = np.zeros(cost.shape[0]), np.zeros(cost.shape[1])
        self.u, self.v, self.rows = np.ones(cost.shape[0]), np.ones(cost.shape[1]), np.ones(cost.shape[0])
        self.eps, self.products, self.stationary = 1.0, 0, False

    def start(self) -> float:
        """Potentials below the costs, equal to them somewhere in every row and column; the largest reduced cost."""
        largest, self.g = 0.0, np.full(self.cost.shape[1], np.inf)
        for start, stop in blocks(self.cost.shape):
            block = self.cost.rows(start, stop)
            self.f[start:stop] = block.min(axis=1)
            block -= self.f[start:stop, None]
            largest = max(largest, float(block.max()))
            np.minimum(self.g, block.min(axis=0), out=self.g)
        return largest

    def start_self(self) -> float:
        """The same for a symmetric table, whose two potentials stay equal."""
        return max(float(self.cost.rows(start, stop).max()) for start, stop in blocks(self.cost.shape))

    def fill(self, eps: float) -> None:
        """The kernel of this eps around the potentials."""
        self.f += self.eps * np.log(self.u)
        self.g += self.eps * np.log(self.v)
        self.u, self.v = np.ones_like(self.f), np.ones_like(self.g)
        self.eps = eps
        for start, stop in blocks(self.cost.shape):
            self.table[start:stop] = self._exponents(start, stop)
            np.exp(self.table[start:stop], out=self.table[start:stop])

    def _exponents(self, start: int, stop: int) -> Table:
        block = self.cost.rows(start, stop)
        np.subtract(self.f[start:stop, None], block, out=block)
        block += self.g
        block /= self.eps
        return np.maximum(block, self.floor, out=block)

    def times(self, x: Vector) -> Vector:
        """Return the kernel's product with x (m,), float64 (n,). Raises ValueError for another length."""
        self.products += 1
        return np.asarray(self.table @ x.astype(self.table.dtype), dtype=np.float64)

    def squared_times(self, x: Vector) -> Vector:
        """Return the product of the kernel's squared entries with x (m,), float64 (n,).

        Raises ValueError for another length.
        """
        self.products += 1
        product = np.empty(self.table.shape[0])
        for start, stop in blocks(self.table.shape):
            product[start:stop] = np.square(self.table[start:stop]) @ x.astype(self.table.dtype)
        return product

    def transposed(self, x: Vector) -> Vector:
        """Return the transposed kernel's product with x (n,), float64 (m,). Raises ValueError for another length."""
        self.products += 1
        return np.asarray(x.astype(self.table.dtype) @ self.table, dtype=np.float64)

    def balance_columns(self) -> None:
        """Make the column sums exact, and measure the row sums."""
        self.v = 1 / self.transposed(self.u * self.a)
        self.measure_rows()

    def measure_rows(self) -> None:
        self.rows = self.u * self.times(self.v * self.b)

    @property
    def error(self) -> float:
        return float(self.a @ np.abs(self.rows - 1))

    @property
    def dual(self) -> float:
        """The dual value gained since the kernel was filled, in units of eps; columns must be exact."""
        return float(self.a @ np.log(self.u) + self.b @ np.log(self.v))

    @property
    def drifted(self) -> bool:
        """Whether u or v are so far from 1 that the floor of the kernel could be seen."""
        return float(np.abs(np.log(self.u)).max() + np.abs(np.log(self.v)).max()) > self.drift

    def finish(self) -> Transport:
        """One more update of both potentials from the costs themselves, in float64, and what comes of it."""
        f, g = self.f + self.eps * np.log(self.u), self.g + self.eps * np.log(self.v)
        columns, mean_cost = np.zeros_like(g), 0.0
        for start, stop in blocks(self.cost.shape):
            block = self.cost.rows(start, stop)
            plan = np.subtract(f[start:stop, None], block)
            plan += g
            plan /= self.eps
            np.exp(np.clip(plan, -700, 700, out=plan), out=plan)
            row = plan @ self.b
            f[start:stop] -= self.eps * np.log(row)
            weights = self.a[start:stop] / row
            columns += weights @ plan
            plan *= block
            mean_cost += float(weights @ plan @ self.b)
        error = float(self.b @ np.abs(columns - 1))
        g_new = g - self.eps * np.log(columns)
        value = float(self.a @ f + self.b @ g_new)
        # Costs far above eps cannot be distinguished in their last digits.
        rounding = 1e-14 * float(np.abs(f).max() + np.abs(g).max()) / self.eps
        accepted = max(10 * _NEARLY if self.stationary else self.accepted, rounding)
        converged = bool(np.isfinite(value) and error <= accepted)
        return Transport(value, mean_cost, f, g, error, converged, self.products)


def balance(kernel: Kernel, tolerance: float, products: int) -> None:
    """Bring the row sums to 1 while the column sums stay exact: Sinkhorn's iterations first, then Newton's.

    Source: Cuturi 2013, arXiv:1306.0895; Brauer, Clason, Lorenz and Wirth 2017, arXiv:1710.06635.
    """
    kernel.balance_columns()
    _sweep(kernel, tolerance)
    kernel.stationary = False
    while kernel.error > tolerance and kernel.products < products and not kernel.stationary:
        if not _newton_step(kernel):
            _sweep(kernel, tolerance)
        if kernel.drifted:
            kernel.fill(kernel.eps)
            kernel.balance_columns()


def _sweep(kernel: Kernel, tolerance: float) -> None:
    """Sinkhorn's iterations, a few."""
    for _ in range(_SWEEPS):
        if kernel.error <= tolerance:
            return
        kernel.u = kernel.u / kernel.rows
        kernel.balance_columns()


def _newton_step(kernel: Kernel) -> bool:
    """One damped step of Newton's method for f, g following; False where rounding allows none."""
    step = _newton_direction(kernel)
    before = kernel.u, kernel.v, kernel.rows
    error, dual = kernel.error, kernel.dual
    slope = float((kernel.a * (1 - kernel.rows)) @ step)
    kernel.stationary = error <= _NEARLY and abs(slope) <= _GAIN
    length = 1.0
    while length > 1e-4:
        kernel.u = before[0] * np.exp(length * step)
        kernel.balance_columns()
        if kernel.error < 0.9 * error or kernel.dual >= dual + 1e-4 * length * slope + 1e-14:
            return True
        length /= 2
    kernel.u, kernel.v, kernel.rows = before
    return False


def _newton_direction(kernel: Kernel, most: int = 300) -> Vector:
    """Conjugate gradients on the dual's second derivative in f, in units of eps, preconditioned by its diagonal.

    Solved no further than the error of the marginals warrants.
    """
    rows, left, right = kernel.a * kernel.rows, kernel.a * kernel.u, kernel.b * kernel.v**2
    # Of the whole matrix, a Laplacian: where points exchange almost no mass, it is nothing like the diagonal of rows.
    diagonal = np.maximum(rows - left**2 * kernel.squared_times(right), kernel.resolution * rows)
    residual = kernel.a * (1 - kernel.rows)
    residual -= residual.mean()
    step = np.zeros_like(residual)
    scaled = residual / diagonal
    direction, product = scaled, float(residual @ scaled)
    wanted = min(0.1, np.sqrt(kernel.error)) * float(np.linalg.norm(residual))
    for _ in range(most):
        image = rows * direction - left * kernel.times(right * kernel.transposed(left * direction))
        curvature = float(direction @ image)
        if curvature <= 0:
            break
        length = product / curvature
        longest = float(np.abs(step + length * direction).max())
        if longest > _LONGEST:
            # Almost no curvature: clusters that exchange almost no mass. As far as the quadratic model can be trusted.
            return step + direction * (_LONGEST / float(np.abs(direction).max()))
        step = step + length * direction
        residual = residual - length * image
        if float(np.linalg.norm(residual)) <= wanted:
            break
        scaled = residual / diagonal
        product, former = float(residual @ scaled), product
        direction = scaled + (product / former) * direction
    return step if step.any() else scaled


def balance_self(kernel: Kernel, tolerance: float, most: int = 500) -> None:
    """The averaged iteration for a symmetric kernel.

    Source: Feydy et al. 2019, arXiv:1810.08278.
    """
    for _ in range(most):
        kernel.v = kernel.u
        kernel.measure_rows()
        if kernel.error <= tolerance or not np.isfinite(kernel.error):
            return
        kernel.u = kernel.u / np.sqrt(kernel.rows)
        if kernel.drifted:
            kernel.v = kernel.u
            kernel.fill(kernel.eps)


def blocks(shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Return ranges of rows that hold at most ``_BLOCK`` entries each."""
    rows = max(1, _BLOCK // shape[1])
    return ((start, min(start + rows, shape[0])) for start in range(0, shape[0], rows))
