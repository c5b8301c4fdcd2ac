"""Leaderboards as JSON documents of schema ``dsim.leaderboard/1``, checked against it on the way in and out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, DsimError
from dsim.leaderboard.rows import SCHEMA, Board, Row, Status

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

    from dsim.matrix import SimilarityMatrix

_FILE = "dsim.leaderboard.1.schema.json"


def board_document(board: Board) -> dict[str, Any]:
    """The document of a board. ``ranks`` and ``tied_with_best`` are derived: for readers, and not read again."""
    from dsim import __version__
    from dsim.leaderboard.ordering import ranks
    from dsim.leaderboard.ties import all_ties

    return {
        "schema": SCHEMA,
        "dsim": __version__,
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
        "parameters": _plain(row.parameters),
        "plugin": row.plugin,
        "code": row.code,
        "seconds": _number(row.seconds),
        "peak_mb": _number(row.peak_mb),
        "reason": row.reason,
        "matrix": None if row.matrix is None else row.matrix.to_dict(),
        "evaluation": None if row.evaluation is None else row.evaluation.to_dict(),
        "published": {name: value for name, value in row.published.items() if not math.isnan(value)},
        "source": row.source,
        "environment": _plain(row.environment),
    }


def read_row(document: Mapping[str, Any]) -> Row:
    """The row of a document that holds to the schema; DataError where its tables have not the shape of its names."""
    try:
        row = _row(document)
        if row.matrix is not None:
            _refuse_misshapen(row.matrix)
    except (ValueError, LookupError, TypeError) as error:
        hint = "write it with dsim leaderboard, and change nothing by hand"
        raise DataError(f"row {document['measure']!r} is not consistent: {error}", hint=hint) from None
    return row


def _refuse_misshapen(matrix: SimilarityMatrix) -> None:
    shape = (len(matrix.sources), len(matrix.targets))
    for name in ("values", "same"):
        found = getattr(matrix, name).shape
        if found != shape:
            raise ValueError(f"its {name} have shape {found}, not {shape}")


def _row(document: Mapping[str, Any]) -> Row:
    from dsim.evaluation import Evaluation
    from dsim.matrix import SimilarityMatrix

    plain = {name: document[name] for name in ("measure", "parameters", "plugin", "code", "reason", "published")}
    matrix, evaluation = document["matrix"], document["evaluation"]
    return Row(
        **plain,
        status=Status(document["status"]),
        seconds=_or_nan(document["seconds"]),
        peak_mb=_or_nan(document["peak_mb"]),
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
    hint = "give a results.json that dsim leaderboard wrote"
    try:
        document = json.loads(path.read_text("utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", hint=hint) from None
    except ValueError as error:
        raise DataError(f"{path.name} is not JSON: {error}", hint=hint) from None
    if not isinstance(document, dict):
        raise DataError(f"{path.name} holds no JSON object", hint=hint)
    return document


def check_document(document: Mapping[str, Any], name: str) -> None:
    """Raise DataError, naming the place, unless the document holds to the schema ``dsim.leaderboard/1``."""
    from jsonschema.exceptions import best_match

    if document.get("schema") != SCHEMA:
        raise DataError(
            f"{name} has schema {document.get('schema')!r}, not {SCHEMA!r}",
            hint="give a results.json that dsim leaderboard wrote",
        )
    fault = best_match(_validator().iter_errors(document))
    if fault is not None:
        raise DataError(
            f"{name} does not hold to the schema {SCHEMA}: {_place(document, fault)}: {_shortened(fault.message)}",
            hint="write it with dsim leaderboard, and change nothing by hand",
        )


@cache
def _validator() -> Draft202012Validator:
    """Schemas refer to each other by file name; all of them are shipped, none is fetched."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    from dsim.shipped import shipped

    folder = shipped("schema")
    schemas = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    by_id = {schema["$id"]: schema for schema in schemas}
    if _FILE not in by_id:
        raise DsimError(f"{_FILE} is missing in {folder}", hint="the installation is damaged: install dsim again")
    registry: Registry[Any] = Registry().with_resources((s["$id"], Resource.from_contents(s)) for s in schemas)
    return Draft202012Validator(by_id[_FILE], registry=registry)


def _place(document: Mapping[str, Any], fault: ValidationError) -> str:
    """Where a fault lies; rows are told by their measure, for nobody counts them."""
    steps = list(fault.absolute_path)
    if len(steps) >= 2 and steps[0] in ("rows", "elsewhere"):
        row = document[steps[0]][steps[1]]
        measure = row.get("measure") if isinstance(row, Mapping) else None
        steps[:2] = [f"row {steps[1]}" if measure is None else f"row {measure!r}"]
    return ", ".join(str(step) for step in steps) or "at its top"


def _shortened(message: str, length: int = 300) -> str:
    return message if len(message) <= length else f"{message[: length // 2]} ... {message[-length // 2 :]}"


def _refuse(constant: str) -> float:
    raise ValueError(f"it holds {constant}; a value that is not known is null")


def _plain(value: Any) -> Any:
    """Mappings and tuples as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
