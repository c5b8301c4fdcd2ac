"""Evaluations as JSON documents of schema ``dsim.evaluation/1``, and back; NaN is null."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsim.errors import DataError
from dsim.evaluation.results import SCHEMA, Contrast, Evaluation, Judgement, Score
from dsim.files.documents import array, check, nullable, number, or_nan, read_either

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
        **{name: nullable(getattr(found, name)) for name in _ARRAYS},
        **{name: getattr(found, name).tolist() for name in _MASKS},
        "left_out": {side: list(names) for side, names in found.left_out.items()},
        "unknown": [dict(zip(_UNKNOWN, pair, strict=True)) for pair in found.unknown],
        "judgement": _judgement_document(found.judgement),
        "baselines": [_judgement_document(baseline) for baseline in found.baselines],
        "ceiling": _scores_document(found.ceiling),
        "contrasts": [_contrast_document(contrast) for contrast in found.contrasts],
        "provenance": dict(found.provenance),
    }


def evaluation_of(document: Mapping[str, Any], what: str = "the document") -> Evaluation:
    """The evaluation of a document; DataError, which names the place, where it does not hold to the schema."""
    check(document, SCHEMA, what, _HINT)
    fields: dict[str, Any] = {
        **{name: document[name] for name in _PLAIN},
        **{name: tuple(document[name]) for name in _LISTS},
        **{name: None if document[name] is None else _table(document, name) for name in _ARRAYS},
        **{name: _table(document, name, bool) for name in _MASKS},
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
    return evaluation_of(*read_either(source, _HINT))


def _judgement_document(found: Judgement) -> dict[str, Any]:
    return {
        "name": found.name,
        "note": found.note,
        "scores": _scores_document(found.scores),
        "per_target": {name: nullable(values) for name, values in found.per_target.items()},
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
        per_target={name: _table(document["per_target"], name) for name in document["per_target"]},
        reasons={(each["score"], each["target"]): each["reason"] for each in document["reasons"]},
        selected=tuple(tuple(names) for names in document["selected"]),
    )


def _scores_document(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {
        name: {
            "value": number(score.value),
            "low": number(score.low),
            "high": number(score.high),
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
        **{name: number(getattr(found, name)) for name in _NUMBERS},
        "targets": found.targets,
        "note": found.note,
    }


def _table(tables: Mapping[str, Any], name: str, dtype: type = float) -> Any:
    return array(tables[name], name, _HINT, dtype)


def _numbers(document: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    return {name: or_nan(document[name]) for name in names}
