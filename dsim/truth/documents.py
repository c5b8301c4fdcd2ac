"""A truth as a JSON document of schema ``dsim.transfer/1``, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError
from dsim.truth.matrix import SCHEMA, TransferMatrix, TruthDataset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def to_document(truth: TransferMatrix) -> dict[str, Any]:
    """The document; NaN is null, and each missing pair has its reason."""
    return {
        "schema": SCHEMA,
        "name": truth.name,
        "score": truth.score,
        "unit": truth.unit,
        "bounds": list(truth.bounds),
        "sources": list(truth.sources),
        "targets": list(truth.targets),
        "repetition": truth.repetition,
        "values": _nullable(truth.values),
        "baseline": None if truth.baseline is None else _nullable(truth.baseline),
        "imagenet": truth.imagenet,
        "datasets": {name: asdict(dataset) for name, dataset in truth.datasets.items()},
        "missing": [{"source": source, "target": target, "reason": why} for source, target, why in truth.missing],
        "provenance": dict(truth.provenance),
    }


def to_text(truth: TransferMatrix, path: str | Path | None) -> str:
    """The JSON text; written atomically where a path is given."""
    text = json.dumps(to_document(truth), indent=2, allow_nan=False, ensure_ascii=False)
    if path is not None:
        from dsim.files import write_text

        write_text(Path(path), text + "\n")
    return text


def from_document(document: Mapping[str, Any]) -> TransferMatrix:
    """The truth of a document that keeps to the schema; DataError says where one does not."""
    _check_schema(document)
    return TransferMatrix(
        name=document["name"],
        score=document["score"],
        unit=document["unit"],
        bounds=(document["bounds"][0], document["bounds"][1]),
        sources=tuple(document["sources"]),
        targets=tuple(document["targets"]),
        repetition=document["repetition"],
        values=_array(document["values"], document["name"], "values"),
        baseline=None if document["baseline"] is None else _array(document["baseline"], document["name"], "baseline"),
        imagenet=document["imagenet"],
        datasets={name: TruthDataset(**dataset) for name, dataset in document["datasets"].items()},
        reasons={(cell["source"], cell["target"]): cell["reason"] for cell in document["missing"]},
        provenance=document["provenance"],
    )


def from_text(source: str | Path) -> TransferMatrix:
    """Read a document from a path, or from its text."""
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return from_document(parsed(source, "the text"))
    from dsim.truth.files import read_text

    return from_document(parsed(read_text(Path(source)), str(source)))


def parsed(text: str, what: str) -> Mapping[str, Any]:
    """The JSON object of a text; DataError where it is none."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DataError(f"{what} is not JSON: {error}", hint="give a JSON document, or a .csv") from None
    if not isinstance(document, dict):
        raise DataError(f"{what} holds no JSON object", hint=f"give a document of schema {SCHEMA}; see docs/truth.md")
    return document


def _check_schema(document: Mapping[str, Any]) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    from dsim.shipped import shipped

    if document.get("schema") != SCHEMA:
        raise DataError(
            f"the document has schema {document.get('schema')!r}, not {SCHEMA!r}",
            hint="give a truth that dsim wrote, or a CSV; see docs/truth.md",
        )
    schema = json.loads((shipped("schema") / "dsim.transfer.1.schema.json").read_text("utf-8"))
    fault = best_match(Draft202012Validator(schema).iter_errors(document))
    if fault is not None:
        where = ".".join(str(part) for part in fault.absolute_path) or "the document"
        raise DataError(f"the truth does not keep to {SCHEMA}: {where}: {fault.message}", hint="see docs/truth.md")


def _nullable(values: NDArray[np.float64]) -> Any:
    return _without_nan(values.tolist())


def _without_nan(values: Any) -> Any:
    if isinstance(values, list):
        return [_without_nan(value) for value in values]
    return None if math.isnan(values) else values


def _array(rows: Any, name: str, what: str) -> NDArray[np.float64]:
    import numpy as np

    try:
        # None becomes NaN.
        return np.array(rows, dtype=np.float64)
    except ValueError:
        raise DataError(
            f"truth {name!r}: the rows of {what} have different lengths", hint="null where a score was not measured"
        ) from None
