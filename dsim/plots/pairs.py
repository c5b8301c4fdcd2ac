"""The judged pairs of an evaluation as points of a plane: distance to the right, transferability upwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.plots.style import COLOURS, Look, drawable

if TYPE_CHECKING:
    from dsim.evaluation import Evaluation

#: All filled, so that a hollow one says something, and apart from each other also where they are small.
_SHAPES = ("o", "s", "^", "D", "v", "P", "X", "<")


@dataclass(frozen=True)
class Pairs:
    """Points (n,) of the counted pairs: ``x`` is the distance, ``y`` the transferability, or the score without one.

    ``rows``, ``columns`` : (n,) positions of source and target. ``sources``, ``targets`` : (n,) their names.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    sources: tuple[str, ...]
    targets: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.x)

    @property
    def points(self) -> NDArray[np.float64]:
        """The points, float (n, 2)."""
        return np.stack([self.x, self.y], axis=1)

    @property
    def alone(self) -> NDArray[np.bool_]:
        """Whether a dataset meets itself, bool (n,)."""
        return np.array([source == target for source, target in zip(self.sources, self.targets, strict=True)], bool)

    def of_target(self, column: int) -> Pairs:
        """Return the pairs of one target, by its position."""
        chosen = np.flatnonzero(self.columns == column)
        sources, targets = (tuple(names[i] for i in chosen) for names in (self.sources, self.targets))
        return Pairs(self.x[chosen], self.y[chosen], self.rows[chosen], self.columns[chosen], sources, targets)


def pairs_of(evaluation: Evaluation) -> Pairs:
    """Return the n counted pairs of an evaluation, of its (sources, targets), source by source."""
    heights = evaluation.scores if evaluation.transferability is None else evaluation.transferability
    rows, columns = np.nonzero(evaluation.counted)
    sources = tuple(evaluation.sources[row] for row in rows)
    targets = tuple(evaluation.targets[column] for column in columns)
    return Pairs(evaluation.distances[rows, columns], heights[rows, columns], rows, columns, sources, targets)


def best_pairs(evaluation: Evaluation) -> NDArray[np.bool_]:
    """Return where the truth is best, bool (sources, targets): several sources for a target where they are tied."""
    scores = np.where(evaluation.candidates, evaluation.scores, -np.inf)
    best: NDArray[np.bool_] = evaluation.candidates & (scores == scores.max(axis=0))
    return best


def decimals(evaluation: Evaluation) -> int:
    """Return the decimals of scores in texts: a tenth of a percent, or a thousandth."""
    return 1 if evaluation.unit == "%" else 3


def height(evaluation: Evaluation) -> str:
    """Return the quantity that is drawn upwards, in a word."""
    return drawable(evaluation.score, 28) if evaluation.transferability is None else "transferability"


def height_label(evaluation: Evaluation) -> str:
    """Return the quantity that is drawn upwards, and its unit."""
    score = drawable(evaluation.score, 28)
    if evaluation.transferability is not None:
        return f"transferability: gain of {score} over training without a source, %"
    return f"{score}, {evaluation.unit}" if evaluation.unit else score


def point_looks(count: int) -> list[Look]:
    """Return looks whose colour and shape change together, so that either distinguishes a few; no two of 56 are equal.

    >>> point_looks(2)
    [Look(colour='#0072B2', shape='o'), Look(colour='#D55E00', shape='s')]
    """
    return [Look(COLOURS[i % len(COLOURS)], _SHAPES[i % len(_SHAPES)]) for i in range(count)]


def point_mark(look: Look, size: float, hollow: bool = False) -> dict[str, Any]:
    """Return the look of a pair as matplotlib takes it; hollow for a dataset against itself."""
    shape: dict[str, Any] = {"marker": look.shape, "linestyle": "none", "markersize": size, "zorder": 5}
    if hollow:
        return {**shape, "markerfacecolor": "none", "markeredgecolor": look.colour, "markeredgewidth": 1.6}
    return {**shape, "markerfacecolor": look.colour, "markeredgecolor": "white", "markeredgewidth": 0.8, "alpha": 0.9}
