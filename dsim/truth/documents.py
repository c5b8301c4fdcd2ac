"""A truth as a JSON document of schema ``dsim.transfer/1``, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dsim.files.documents import array, check, nullable, read_either
from dsim.truth.matrix import SCHEMA, TransferMatrix, TruthDataset

HINT = "give a truth that dsim wrote, or a CSV; see docs/truth.md"
_LENGTHS = "null where a score was not measured"


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
        "values": nullable(truth.values),
        "baseline": nullable(truth.baseline),
        "imagenet": truth.imagenet,
        "datasets": {name: asdict(dataset) for name, dataset in truth.datasets.items()},
        "missing": [{"source": source, "target": target, "reason": why} for source, target, why in truth.missing],
        "provenance": dict(truth.provenance),
    }


def from_document(document: Mapping[str, Any], what: str = "the document") -> TransferMatrix:
    """The truth of a document that holds to the schema; DataError says where one does not."""
    check(document, SCHEMA, what, HINT)
    name, baseline = document["name"], document["baseline"]
    return TransferMatrix(
        name=name,
        score=document["score"],
        unit=document["unit"],
        bounds=(document["bounds"][0], document["bounds"][1]),
        sources=tuple(document["sources"]),
        targets=tuple(document["targets"]),
        repetition=document["repetition"],
        values=array(document["values"], f"truth {name!r}, values", _LENGTHS),
        baseline=None if baseline is None else array(baseline, f"truth {name!r}, baseline", _LENGTHS),
        imagenet=document["imagenet"],
        datasets={name: TruthDataset(**dataset) for name, dataset in document["datasets"].items()},
        reasons={(cell["source"], cell["target"]): cell["reason"] for cell in document["missing"]},
        provenance=document["provenance"],
    )


def from_text(source: str | Path) -> TransferMatrix:
    """Read a document from a path, or from its text."""
    return from_document(*read_either(source, HINT))
