"""Leaderboards as JSON documents of schema ``dsim.leaderboard/1``, checked against it on the way in and out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, repeated
from dsim.evaluation import BY_NAME, PER_TARGET, ScoreSpec
from dsim.files.documents import check, read, to_json
from dsim.leaderboard.rows import Row, Status, read_row, row_document

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.evaluation import Evaluation, Intervals
    from dsim.truth import TransferMatrix


SCHEMA = "dsim.leaderboard/1"
_HINT = "give a results.json that dsim leaderboard wrote, and change nothing in it by hand"


@dataclass(frozen=True)
class Board:
    """All rows of one benchmark.

    Parameters
    ----------
    truth : the measured transfer that judges. ``fingerprints`` : of the datasets' images, by name.
    rows : given in any order; kept in the order of mean regret (see ``dsim.leaderboard.board``).
    settings : of the evaluation: self pairs, resamples, interval, seed, confidence.
    elsewhere : rows as published on other benchmarks, shown apart: nothing here can be compared with them.

    Raises
    ------
    DataError : a measure is there twice.
    """

    truth: TransferMatrix
    fingerprints: Mapping[str, str]
    rows: tuple[Row, ...]
    settings: Mapping[str, Any]
    elsewhere: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        names = [row.measure for row in self.rows if row.judged or row.status is not Status.PUBLISHED]
        twice = sorted(repeated(names))
        if twice:
            raise DataError(f"on the board twice: {', '.join(twice)}", hint="keep one row of each measure")
        object.__setattr__(self, "rows", ordered(self.rows))

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON document of schema ``dsim.leaderboard/1``: NaN is null; it holds ranks and ties for readers.

        Raises UsageError where the board's settings make no interval.
        """
        return _board_document(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], name: str = "the document") -> Board:
        """Return the board of a JSON document.

        Raises DataError, with its ``name`` and the place of the fault, where it does not hold to the schema.
        """
        return _read_board(document, name)

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the JSON text; it is written atomically where a path is given.

        Raises DsimError where the file cannot be written.
        """
        return to_json(self.to_dict(), path)

    @classmethod
    def from_json(cls, path: str | Path) -> Board:
        """Return the board in a file that ``to_json`` wrote.

        Raises DataError where the file cannot be read or does not hold to the schema.
        """
        return cls.from_dict(read_json(Path(path)), Path(path).name)


def _board_document(board: Board) -> dict[str, Any]:
    """The document of a board. ``ranks`` and ``tied_with_best`` are derived: for readers, and not read again."""
    from dsim.runtime import VERSION

    return {
        "schema": SCHEMA,
        "dsim": VERSION,
        "truth": board.truth.to_dict(),
        "truth_digest": board.truth.digest,
        "fingerprints": dict(board.fingerprints),
        "settings": dict(board.settings),
        "ranks": ranks(board),
        "tied_with_best": {score: sorted(tied) for score, tied in all_ties(board).items()},
        "rows": [row_document(row) for row in board.rows],
        "elsewhere": [row_document(row) for row in board.elsewhere],
    }


def _read_board(document: Mapping[str, Any], name: str) -> Board:
    """The board of a document; DataError, with its ``name`` and the place of the fault, unless it is one."""
    from dsim.truth import TransferMatrix

    check_document(document, name)
    truth = TransferMatrix.from_dict(document["truth"])
    if truth.digest != document["truth_digest"]:
        hint = "it was edited after it was written: run the benchmark again"
        raise DataError(f"{name}: the truth in it does not have the digest that it claims", hint=hint)
    rows, elsewhere = (tuple(read_row(row) for row in document[part]) for part in ("rows", "elsewhere"))
    return Board(truth, document["fingerprints"], rows, document["settings"], elsewhere)


def read_json(path: Path) -> Mapping[str, Any]:
    """Return the JSON object in a file.

    Raises DataError where there is none, or where it holds NaN, which is not JSON.
    """
    return read(path, _HINT)


def check_document(document: Mapping[str, Any], name: str) -> None:
    """Raise DataError, naming the place, unless the document holds to the schema ``dsim.leaderboard/1``."""
    check(document, SCHEMA, name, _HINT, lambda steps: _place(document, steps))


def _place(document: Mapping[str, Any], steps: Sequence[Any]) -> str:
    """Where a fault lies; rows are named by their measure, since nobody counts them."""
    steps = list(steps)
    if len(steps) >= 2 and steps[0] in ("rows", "elsewhere"):
        row = document[steps[0]][steps[1]]
        measure = row.get("measure") if isinstance(row, Mapping) else None
        steps[:2] = [f"row {steps[1]}" if measure is None else f"row {measure!r}"]
    return ", ".join(str(step) for step in steps) or "at its top"


#: By which rows are ordered.
FIRST = "regret"


def ordered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return rows by mean regret, the smallest first.

    After them those judged on fewer targets than others, by mean regret too: a mean over the easy targets is not
    an achievement. Then those without a regret, the failed ones, and the published ones.
    """
    rows = tuple(rows)
    full = complete(rows, FIRST)
    return tuple(sorted(rows, key=lambda row: (_group(row, full), _regret(row), row.measure)))


def complete(rows: Iterable[Row], score: str) -> frozenset[str]:
    """Return the measures that this score judged here on as many targets as any: they can be compared."""
    counts = {row.measure: row.scores[score].targets for row in rows if row.judged and _known(row, score)}
    most = max(counts.values(), default=0)
    return frozenset(measure for measure, count in counts.items() if count == most)


def ranks(board: Board) -> dict[str, int | None]:
    """Return the rank of each measure by mean regret, 1 the best; equal regrets share one.

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
    """Return the evaluation whose baselines and ceiling stand for the board: the one with the most counted pairs.

    Baselines know nothing of a measure, but only pairs that it has a value for are judged.
    """
    judged = [row.evaluation for row in board.rows if row.judged and row.evaluation is not None]
    return max(judged, key=lambda evaluation: int(evaluation.counted.sum()), default=None)


def best(board: Board, score: str) -> Row | None:
    """Return the best row for a score among those judged on as many targets as any; the first where several are.

    Raises KeyError for a name that is not a score.
    """
    from dsim.evaluation import BY_NAME

    full = complete(board.rows, score)
    rows = [row for row in board.rows if row.judged and row.measure in full]
    sign = 1 if BY_NAME[score].better == "lower" else -1
    return min(rows, key=lambda row: sign * row.scores[score].value, default=None)


def equal_best(board: Board, score: str) -> frozenset[str]:
    """Return the measures whose score is exactly as good as the best.

    Raises KeyError for a name that is not a score.
    """
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


def tied_with_best(board: Board, score: str) -> set[str]:
    """Return the measures whose paired difference from the best row, over the targets, has an interval that holds 0.

    The best row itself is not among them. Empty for scores that targets do not have one by one (pooled, worst, EQC):
    these have no pairs. Rows judged on fewer targets than others are not compared. Raises UsageError where no interval
    can be made with the settings of the board.
    """
    first = best(board, score)
    if score not in PER_TARGET or first is None:
        return set()
    full, bounds = complete(board.rows, score), intervals(board)
    rivals = [row for row in board.rows if row.judged and row.measure in full and row is not first]
    values = _values(board, first, score)
    spec = BY_NAME[score]
    return {row.measure for row in rivals if _holds_zero(bounds, spec, values, _values(board, row, score))}


def all_ties(board: Board) -> dict[str, set[str]]:
    """Return ``tied_with_best`` of every score that targets have one by one, by score.

    Raises UsageError as it does.
    """
    return {score: tied_with_best(board, score) for score in PER_TARGET}


def intervals(board: Board) -> Intervals:
    """Return the intervals of the board: one set of draws for all rows, so that differences are paired.

    Raises UsageError where its settings make none.
    """
    from dsim.evaluation import Intervals

    settings = board.settings
    return Intervals(
        targets=len(board.truth.targets),
        confidence=settings["confidence"],
        resamples=settings["resamples"],
        method=settings["interval"],
        seed=settings["seed"],
    )


def _values(board: Board, row: Row, score: str) -> NDArray[np.float64]:
    """The score of each target of the truth, in its order; NaN where the row has none."""
    import numpy as np

    assert row.evaluation is not None
    by_target = dict(zip(row.evaluation.targets, row.evaluation.judgement.per_target[score], strict=True))
    return np.array([by_target.get(target, np.nan) for target in board.truth.targets], dtype=np.float64)


def _holds_zero(bounds: Intervals, spec: ScoreSpec, first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    _, low, high, targets = bounds.difference(first, second, spec)
    # One target gives no interval, and so no reason to call the two different.
    return targets < 2 or low <= 0 <= high
