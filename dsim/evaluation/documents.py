"""Evaluations as JSON documents of schema ``dsim.evaluation/1``, and back; NaN is null."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError
from dsim.evaluation.results import SCHEMA, Contrast, Evaluation, Judgement, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Fields that stand in the document as they are, and those that are tuples here and lists there.
_PLAIN = ("measure", "truth", "score", "unit", "self_pairs", "confidence", "resamples", "interval", "seed")
_LISTS = ("sources", "targets", "notes")
_ARRAYS = ("distances", "scores", "transferability")
_MASKS = ("counted", "candidates")
_NUMBERS = ("difference", "low", "high", "p", "p_adjusted")
_UNKNOWN = ("source", "target", "side", "reason")
_HINT = "give an evaluation.json that dsim evaluate wrote"


def evaluation_document(found: Evaluation) -> dict[str, Any]:
    """The document of an evaluation."""
    return {
        "schema": SCHEMA,
        **{name: getattr(found, name) for name in _PLAIN},
        **{name: list(getattr(found, name)) for name in _LISTS},
        **{name: _nullable(getattr(found, name)) for name in _ARRAYS},
        **{name: getattr(found, name).tolist() for name in _MASKS},
        "left_out": {side: list(names) for side, names in found.left_out.items()},
        "unknown": [dict(zip(_UNKNOWN, pair, strict=True)) for pair in found.unknown],
        "judgement": _judgement_document(found.judgement),
        "baselines": [_judgement_document(baseline) for baseline in found.baselines],
        "ceiling": _scores_document(found.ceiling),
        "contrasts": [_contrast_document(contrast) for contrast in found.contrasts],
        "provenance": dict(found.provenance),
    }


def evaluation_of(document: Mapping[str, Any]) -> Evaluation:
    """The evaluation of a document; DataError, which names the place, where it does not hold to the schema."""
    _check(document)
    fields: dict[str, Any] = {
        **{name: document[name] for name in _PLAIN},
        **{name: tuple(document[name]) for name in _LISTS},
        **{name: _array(document[name]) for name in _ARRAYS},
        **{name: _array(document[name], bool) for name in _MASKS},
    }
    shape = len(fields["sources"]), len(fields["targets"])
    for name in (*_ARRAYS, *_MASKS):
        if fields[name] is not None and fields[name].shape != shape:
            raise DataError(f"{name} is not a table of {shape[0]} sources and {shape[1]} targets", hint=_HINT)
    return Evaluation(
        **fields,
        left_out={side: tuple(names) for side, names in document["left_out"].items()},
        unknown=tuple((pair["source"], pair["target"], pair["side"], pair["reason"]) for pair in document["unknown"]),
        judgement=_judgement_of(document["judgement"]),
        baselines=tuple(_judgement_of(baseline) for baseline in document["baselines"]),
        ceiling=_scores_of(document["ceiling"]),
        contrasts=tuple(Contrast(**{**each, **_numbers(each, _NUMBERS)}) for each in document["contrasts"]),
        provenance=document["provenance"],
    )


def read(source: str | Path) -> Evaluation:
    """The evaluation of a file, or of JSON text."""
    is_text = isinstance(source, str) and source.lstrip().startswith("{")
    name = "the text" if is_text else str(source)
    try:
        document = json.loads(str(source) if is_text else Path(source).read_text("utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}", hint=_HINT) from None
    except ValueError as error:
        raise DataError(f"{name} is not JSON: {error}", hint=_HINT) from None
    if not isinstance(document, dict):
        raise DataError(f"{name} holds no JSON object", hint=_HINT)
    return evaluation_of(document)


def _check(document: Mapping[str, Any]) -> None:
    from jsonschema.exceptions import best_match

    if document.get("schema") != SCHEMA:
        raise DataError(f"the document has schema {document.get('schema')!r}, not {SCHEMA!r}", hint=_HINT)
    fault = best_match(_validator().iter_errors(document))
    if fault is not None:
        place = ".".join(str(step) for step in fault.absolute_path) or "the document"
        raise DataError(f"the evaluation does not hold to {SCHEMA}: {place}: {fault.message}", hint=_HINT)


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    from dsim.shipped import shipped

    path = shipped("schema") / "dsim.evaluation.1.schema.json"
    return Draft202012Validator(json.loads(path.read_text("utf-8")))


def _judgement_document(found: Judgement) -> dict[str, Any]:
    return {
        "name": found.name,
        "note": found.note,
        "scores": _scores_document(found.scores),
        "per_target": {name: _nullable_row(values.tolist()) for name, values in found.per_target.items()},
        "reasons": [
            {"score": score, "target": target, "reason": why} for (score, target), why in found.reasons.items()
        ],
        "selected": [list(names) for names in found.selected],
    }


def _judgement_of(document: Mapping[str, Any]) -> Judgement:
    return Judgement(
        name=document["name"],
        note=document["note"],
        scores=_scores_of(document["scores"]),
        per_target={name: _array(values) for name, values in document["per_target"].items()},
        reasons={(each["score"], each["target"]): each["reason"] for each in document["reasons"]},
        selected=tuple(tuple(names) for names in document["selected"]),
    )


def _scores_document(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {
        name: {
            "value": _number(score.value),
            "low": _number(score.low),
            "high": _number(score.high),
            "targets": score.targets,
            "note": score.note,
        }
        for name, score in scores.items()
    }


def _scores_of(document: Mapping[str, Any]) -> dict[str, Score]:
    return {
        name: Score(name=name, **{**each, **_numbers(each, ("value", "low", "high"))})
        for name, each in document.items()
    }


def _contrast_document(found: Contrast) -> dict[str, Any]:
    return {
        "score": found.score,
        "first": found.first,
        "second": found.second,
        **{name: _number(getattr(found, name)) for name in _NUMBERS},
        "targets": found.targets,
        "note": found.note,
    }


def _numbers(document: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    return {name: math.nan if document[name] is None else float(document[name]) for name in names}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _nullable(values: NDArray[np.float64] | None) -> Any:
    if values is None:
        return None
    return [_nullable_row(row) for row in values.tolist()]


def _nullable_row(values: list[float]) -> list[float | None]:
    return [_number(value) for value in values]


def _array(rows: Any, dtype: type = float) -> Any:
    """The array of lists; null becomes NaN."""
    import numpy as np

    try:
        return None if rows is None else np.array(rows, dtype=dtype)
    except ValueError:
        raise DataError("the rows of a table have different lengths", hint=_HINT) from None
