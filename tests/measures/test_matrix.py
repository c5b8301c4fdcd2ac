"""A SimilarityMatrix keeps names, reasons and provenance through every format."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from referencing import Registry, Resource

from dsim.errors import DataError
from dsim.measures import SimilarityMatrix, Verdict
from dsim.plugin import Direction

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"


@pytest.fixture
def matrix() -> SimilarityMatrix:
    return SimilarityMatrix(
        measure="gap@1:scale=2.0",
        direction=Direction.SIMILARITY,
        unit="",
        sources=("a", "b", "c"),
        targets=("a", "t"),
        values=np.array([[1.0, 0.25], [0.5, np.nan], [0.1, 0.75]]),
        notes=(("", ""), ("", "too few samples"), ("", "")),
        same=np.array([[True, False], [False, False], [False, False]]),
        verdicts={
            "a": Verdict("a", "b", "c", True, 0.1, 0.3, "b is nearest"),
            "t": Verdict("t", "c", "a", False, -0.1, 0.4, "no clear winner: c and a cannot be told apart"),
        },
        provenance={
            "dsim": "0", "created": "2026-01-01T00:00:00+00:00", "measure": "gap@1", "plugin": "x 1", "extractors": [],
            "parameters": {}, "seed": 0, "bootstrap": 0, "datasets": {},
            "conditions": [{"cells": 6, "dsim": "0", "device": "cpu", "libraries": {"numpy": "2"}}],
        },
        low=np.array([[np.nan, 0.2], [0.4, np.nan], [0.0, 0.7]]),
        high=np.array([[np.nan, 0.3], [0.6, np.nan], [0.2, 0.8]]),
        first_share=np.array([[np.nan, 0.0], [1.0, np.nan], [0.0, 1.0]]),
        replicates=200,
    )  # fmt: skip


def test_json_round_trip_loses_nothing(matrix, tmp_path):
    matrix.to_json(tmp_path / "matrix.json")
    for again in (SimilarityMatrix.from_json(tmp_path / "matrix.json"), SimilarityMatrix.from_json(matrix.to_json())):
        assert again.to_dict() == matrix.to_dict()
        np.testing.assert_array_equal(again.values, matrix.values)
        assert again.verdicts == matrix.verdicts


def test_json_holds_to_the_published_schema(matrix):
    schemas = [json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))]
    registry = Registry().with_resources((s["$id"], Resource.from_contents(s)) for s in schemas)
    by_id = {schema["$id"]: schema for schema in schemas}
    validator = jsonschema.Draft202012Validator(by_id["dsim.matrix.1.schema.json"], registry=registry)
    validator.validate(matrix.to_dict())
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**matrix.to_dict(), "direction": "up"})
    compare = jsonschema.Draft202012Validator(by_id["dsim.compare.1.schema.json"], registry=registry)
    compare.validate({"schema": "dsim.compare/1", "results": [matrix.to_dict()]})


def test_ranking_puts_similar_first_failed_last_and_itself_nowhere(matrix):
    assert [entry.source for entry in matrix.ranking("t").entries] == ["c", "a", "b"]
    assert [entry.source for entry in matrix.ranking("a").entries] == ["b", "c"]
    assert matrix.ranking("t").entries[-1].note == "too few samples"


def test_status_and_failed_agree_with_the_values(matrix):
    assert matrix.status == (("ok", "ok"), ("ok", "failed"), ("ok", "ok"))
    assert matrix.failed == [("b", "t", "too few samples")]


def test_frame_and_csv_carry_the_names(matrix, tmp_path):
    assert matrix.to_frame().loc["c", "t"] == 0.75
    matrix.to_csv(tmp_path / "m.csv")
    assert (tmp_path / "m.csv").read_text().splitlines()[0] == "source,a,t"


def test_unknown_names_and_foreign_documents_are_refused(matrix, tmp_path):
    with pytest.raises(DataError, match="no dataset 'zz'"):
        matrix.value("zz", "t")
    (tmp_path / "x.json").write_text("nonsense")
    with pytest.raises(DataError, match="not JSON"):
        SimilarityMatrix.from_json(tmp_path / "x.json")
    with pytest.raises(DataError, match="has schema"):
        SimilarityMatrix.from_json('{"schema": "other"}')


def test_a_failed_write_leaves_the_old_file(matrix, tmp_path, monkeypatch):
    path = tmp_path / "matrix.json"
    path.write_text("old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(Exception, match="No space left"):
        matrix.to_json(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
