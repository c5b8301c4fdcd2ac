"""What is known of the Dice of the candidates on the rest of the target."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dsim.random import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Draws behind probabilities: their error is at most half a point.
DRAWS = 10_000
#: Two-sided 95 % of the normal distribution.
NORMAL = 1.959963984540054


@dataclass(frozen=True)
class Posterior:
    """The Dice of c candidates on the rest: Gaussian, with mean (c,) and covariance (c, c), in units of 1.

    ``seed`` : of the draws behind the probabilities; the same for the same seed and number of candidates.
    """

    mean: Array
    cov: Array
    seed: int = 0

    @cached_property
    def expected(self) -> Array:
        """The expected Dice (c,), in [0, 1]: that of the Gaussian cut to these bounds."""
        from dsim.stats.gaussian_selection import mean_within_bounds

        return mean_within_bounds(self.mean, self.deviation)

    @property
    def deviation(self) -> Array:
        """The standard deviation (c,) of each."""
        import numpy as np

        return np.sqrt(np.clip(np.diag(self.cov), 0, None))

    @property
    def low(self) -> Array:
        """The lower bounds (c,) of the 95 % intervals, in [0, 1]."""
        return (self.mean - NORMAL * self.deviation).clip(0, 1)

    @property
    def high(self) -> Array:
        """The upper bounds (c,) of the 95 % intervals, in [0, 1]."""
        return (self.mean + NORMAL * self.deviation).clip(0, 1)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Positions (c,) of the candidates, that of the highest expected Dice first; of equals the first given."""
        import numpy as np

        return np.argsort(-self.expected, kind="stable")

    def draws(self, count: int, rng: np.random.Generator) -> Array:
        """Return draws (count, c) of the Dice of all candidates, in [0, 1]."""
        from dsim.stats.gaussian_selection import draw_scores

        return draw_scores(self.mean, self.cov, count, rng)

    @cached_property
    def best(self) -> Array:
        """The probabilities (c,) of being the best; they sum to 1."""
        from dsim.stats.gaussian_selection import best_shares

        return best_shares(self._drawn)

    def expected_gain(self) -> float:
        """Return what the first lies behind the best on average, in points of Dice: nothing more can be gained."""
        from dsim.stats.gaussian_selection import expected_loss

        return 100 * expected_loss(self._drawn, int(self.order[0]))

    def chance_above(self, dice: float) -> float:
        """Return the probability that the best of the candidates has more than this Dice in [0, 1]."""
        return float((self._drawn.max(axis=1) > dice).mean())

    @cached_property
    def _drawn(self) -> Array:
        return self.draws(DRAWS, stream(self.seed, "selection", str(len(self.mean))))
