"""Leaderboards as JSON documents of schema ``dsim.leaderboard/1``, checked against it on the way in and out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError
from dsim.files.documents import check, number, or_nan, plain, read
from dsim.leaderboard.rows import SCHEMA, Board, Row, Status
from dsim.measures import SimilarityMatrix

if TYPE_CHECKING:
    from dsim.measures import SimilarityMatrix

_HINT = "give a results.json that dsim leaderboard wrote, and change nothing in it by hand"


def board_document(board: Board) -> dict[str, Any]:
    """The document of a board. ``ranks`` and ``tied_with_best`` are derived: for readers, and not read again."""
    from dsim.leaderboard.ordering import ranks
    from dsim.leaderboard.ties import all_ties
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


def row_document(row: Row) -> dict[str, Any]:
    """The document of a row; NaN is null."""
    return {
        "measure": row.measure,
        "status": str(row.status),
        "parameters": plain(row.parameters),
        "plugin": row.plugin,
        "code": row.code,
        "seconds": number(row.seconds),
        "peak_mb": number(row.peak_mb),
        "reason": row.reason,
        "matrix": None if row.matrix is None else row.matrix.to_dict(),
        "evaluation": None if row.evaluation is None else row.evaluation.to_dict(),
        "published": {name: value for name, value in row.published.items() if not math.isnan(value)},
        "source": row.source,
        "environment": plain(row.environment),
    }


def read_row(document: Mapping[str, Any]) -> Row:
    """The row of a document that holds to the schema; DataError where its tables have not the shape of its names."""
    try:
        row = _row(document)
        if row.matrix is not None:
            _refuse_misshapen(row.matrix)
    except DataError as error:
        raise DataError(f"row {document['measure']!r} is not consistent: {error.message}", hint=_HINT) from None
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(f"row {document['measure']!r} is not consistent: {error}", hint=_HINT) from None
    return row


def _refuse_misshapen(matrix: SimilarityMatrix) -> None:
    shape = (len(matrix.sources), len(matrix.targets))
    for name in ("values", "same"):
        found = getattr(matrix, name).shape
        if found != shape:
            raise ValueError(f"its {name} have shape {found}, not {shape}")


def _row(document: Mapping[str, Any]) -> Row:
    from dsim.evaluation import Evaluation

    plain = {name: document[name] for name in ("measure", "parameters", "plugin", "code", "reason", "published")}
    matrix, evaluation = document["matrix"], document["evaluation"]
    return Row(
        **plain,
        status=Status(document["status"]),
        seconds=or_nan(document["seconds"]),
        peak_mb=or_nan(document["peak_mb"]),
        matrix=None if matrix is None else SimilarityMatrix.from_dict(matrix),
        evaluation=None if evaluation is None else Evaluation.from_dict(evaluation),
        source=document["source"],
        environment=document["environment"],
    )


def read_board(document: Mapping[str, Any], name: str) -> Board:
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
    """The JSON object in a file; DataError where there is none, or where it holds NaN, which is not JSON."""
    return read(path, _HINT)


def check_document(document: Mapping[str, Any], name: str) -> None:
    """Raise DataError, naming the place, unless the document holds to the schema ``dsim.leaderboard/1``."""
    check(document, SCHEMA, name, _HINT, lambda steps: _place(document, steps))


def _place(document: Mapping[str, Any], steps: Sequence[Any]) -> str:
    """Where a fault lies; rows are told by their measure, for nobody counts them."""
    steps = list(steps)
    if len(steps) >= 2 and steps[0] in ("rows", "elsewhere"):
        row = document[steps[0]][steps[1]]
        measure = row.get("measure") if isinstance(row, Mapping) else None
        steps[:2] = [f"row {steps[1]}" if measure is None else f"row {measure!r}"]
    return ", ".join(str(step) for step in steps) or "at its top"
