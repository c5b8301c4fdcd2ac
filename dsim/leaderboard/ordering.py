"""Who stands where: by mean regret, and only beside those who were judged on as many targets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from dsim.leaderboard.rows import Board, Row, Status

if TYPE_CHECKING:
    from dsim.evaluation import Evaluation

#: By which rows are ordered.
FIRST = "regret"


def ordered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows by mean regret, the smallest first.

    After them those judged on fewer targets than others, by mean regret too: a mean over the easy targets is no
    achievement. Then those without a regret, the failed ones, and the published ones.
    """
    rows = tuple(rows)
    full = complete(rows, FIRST)
    return tuple(sorted(rows, key=lambda row: (_group(row, full), _regret(row), row.measure)))


def complete(rows: Iterable[Row], score: str) -> frozenset[str]:
    """Measures that were judged here by this score on as many targets as any: they can be put beside each other."""
    counts = {row.measure: row.scores[score].targets for row in rows if row.judged and _known(row, score)}
    most = max(counts.values(), default=0)
    return frozenset(measure for measure, count in counts.items() if count == most)


def ranks(board: Board) -> dict[str, int | None]:
    """Rank of each measure by mean regret, 1 the best; equal regrets share one.

    None for rows that have no place: failed, as published, or judged on fewer targets than others.
    """
    full = complete(board.rows, FIRST)
    regrets = [_regret(row) for row in board.rows if row.judged and row.measure in full]
    return {
        row.measure: 1 + sum(_less(other, _regret(row)) for other in regrets)
        if row.judged and row.measure in full
        else None
        for row in board.rows
    }


def reference(board: Board) -> Evaluation | None:
    """The evaluation whose baselines and ceiling stand for the board: that of the row with the most counted pairs.

    Baselines know nothing of a measure, but only pairs that it has a value for are judged.
    """
    judged = [row.evaluation for row in board.rows if row.judged and row.evaluation is not None]
    return max(judged, key=lambda evaluation: int(evaluation.counted.sum()), default=None)


def best(board: Board, score: str) -> Row | None:
    """The best row for a score among those judged on as many targets as any; the first in order where several are."""
    from dsim.evaluation.scores import BY_NAME

    full = complete(board.rows, score)
    rows = [row for row in board.rows if row.judged and row.measure in full]
    sign = 1 if BY_NAME[score].better == "lower" else -1
    return min(rows, key=lambda row: sign * row.scores[score].value, default=None)


def equal_best(board: Board, score: str) -> frozenset[str]:
    """Measures whose score is exactly as good as the best."""
    first = best(board, score)
    if first is None:
        return frozenset()
    value, full = first.scores[score].value, complete(board.rows, score)
    rows = (row for row in board.rows if row.judged and row.measure in full)
    return frozenset(row.measure for row in rows if math.isclose(row.scores[score].value, value, abs_tol=1e-12))


def _group(row: Row, full: frozenset[str]) -> int:
    if row.judged:
        return 0 if row.measure in full else 1 if _known(row, FIRST) else 2
    places: Mapping[Status, int] = {Status.FAILED: 3, Status.PUBLISHED: 4}
    return places.get(row.status, 2)


def _regret(row: Row) -> float:
    """Infinite where there is none: NaN has no place in an order."""
    return row.scores[FIRST].value if _known(row, FIRST) else math.inf


def _known(row: Row, score: str) -> bool:
    return score in row.scores and not math.isnan(row.scores[score].value)


def _less(one: float, other: float) -> bool:
    return one < other and not math.isclose(one, other, abs_tol=1e-12)
