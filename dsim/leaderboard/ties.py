"""Which rows cannot be told from the best: the interval of the paired difference holds 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsim.evaluation.scores import BY_NAME, PER_TARGET, ScoreSpec
from dsim.leaderboard.ordering import best, complete
from dsim.leaderboard.rows import Board, Row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.evaluation.intervals import Intervals


def tied_with_best(board: Board, score: str) -> set[str]:
    """Measures whose paired difference from the best row, over the targets, has an interval that holds 0.

    The best row itself is not among them. Empty for scores that targets do not have one by one (pooled, worst, EQC):
    there are no pairs. Rows judged on fewer targets than others are not compared.
    """
    first = best(board, score)
    if score not in PER_TARGET or first is None:
        return set()
    full, how = complete(board.rows, score), intervals(board)
    rivals = [row for row in board.rows if row.judged and row.measure in full and row is not first]
    values = _values(board, first, score)
    spec = BY_NAME[score]
    return {row.measure for row in rivals if _holds_zero(how, spec, values, _values(board, row, score))}


def all_ties(board: Board) -> dict[str, set[str]]:
    """``tied_with_best`` of every score that targets have one by one."""
    return {score: tied_with_best(board, score) for score in PER_TARGET}


def intervals(board: Board) -> Intervals:
    """How the board's intervals are made: one set of draws for all rows, so that differences are paired."""
    from dsim.evaluation.intervals import Intervals

    said = board.settings
    return Intervals(
        targets=len(board.truth.targets),
        confidence=said["confidence"],
        resamples=said["resamples"],
        method=said["interval"],
        seed=said["seed"],
    )


def _values(board: Board, row: Row, score: str) -> NDArray[np.float64]:
    """The score of each target of the truth, in its order; NaN where the row has none."""
    import numpy as np

    assert row.evaluation is not None
    found = dict(zip(row.evaluation.targets, row.evaluation.judgement.per_target[score], strict=True))
    return np.array([found.get(target, np.nan) for target in board.truth.targets], dtype=np.float64)


def _holds_zero(how: Intervals, spec: ScoreSpec, first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    _, low, high, targets = how.difference(first, second, spec)
    # One target gives no interval, and so no reason to call the two different.
    return targets < 2 or low <= 0 <= high
