"""Evaluations as JSON: they hold to the published schema, come back whole, and anything else is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from dsim.errors import DataError
from dsim.evaluation import PER_TARGET, SCORES, Evaluation, evaluate

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "dsim.evaluation.1.schema.json"


@pytest.fixture
def found(make_matrix, make_truth) -> Evaluation:
    rng = np.random.default_rng(0)
    distances, scores = rng.random((5, 4)), rng.uniform(0, 99, (5, 4, 3))
    distances[0, 1], scores[2, 2] = np.nan, np.nan
    truth = make_truth(scores, baseline=rng.uniform(10, 50, (4, 3)), imagenet="s1")
    return evaluate(make_matrix(distances), truth, resamples=100)


@pytest.fixture
def document(found):
    return json.loads(found.to_json())


def test_the_document_holds_to_the_published_schema(document):
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)


def test_the_schema_names_the_scores_that_there_are():
    schema = json.loads(SCHEMA.read_text())["$defs"]
    assert list(schema["scores"]["properties"]) == [spec.name for spec in SCORES]
    assert list(schema["judgement"]["properties"]["per_target"]["properties"]) == list(PER_TARGET)


def test_nan_is_null_with_its_reason(document):
    assert document["distances"][0][1] is None
    assert document["scores"][2][2] is None
    assert document["judgement"]["scores"]["eqc"]["value"] is None
    assert document["judgement"]["scores"]["eqc"]["note"]
    assert {"source": "s0", "target": "t1", "side": "distance", "reason": "it broke"} in document["unknown"]
    json.dumps(document, allow_nan=False)


def test_it_comes_back_whole_from_text_and_from_a_file(found, tmp_path):
    found.to_json(tmp_path / "evaluation.json")
    for back in (
        Evaluation.from_json(found.to_json()),
        Evaluation.from_json(tmp_path / "evaluation.json"),
        Evaluation.from_json(str(tmp_path / "evaluation.json")),
        Evaluation.from_dict(found.to_dict()),
    ):
        assert back.to_dict() == found.to_dict()
        np.testing.assert_array_equal(back.distances, found.distances)
        np.testing.assert_array_equal(back.counted, found.counted)
        assert back.counted.dtype == bool
        assert back.unknown == found.unknown
        assert back.judgement.reasons == found.judgement.reasons
        assert back.judgement.selected == found.judgement.selected
        assert str(back) == str(found)


def test_a_truth_without_a_baseline_comes_back_without_one(make_matrix, make_truth):
    rng = np.random.default_rng(1)
    found = evaluate(make_matrix(rng.random((4, 3))), make_truth(rng.uniform(0, 99, (4, 3))), resamples=100)
    assert Evaluation.from_json(found.to_json()).transferability is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d.update(schema="dsim.matrix/1"), "'dsim.matrix/1'"),
        (lambda d: d.update(extra=1), "extra"),
        (lambda d: d.pop("counted"), "counted"),
        (lambda d: d.update(interval="normal"), "interval"),
        (lambda d: d["judgement"]["scores"]["pearson"].update(value="high"), "judgement.scores.pearson.value"),
        (lambda d: d["judgement"]["scores"].update(beauty=d["judgement"]["scores"]["top1"]), "beauty"),
        (lambda d: d["distances"].pop(), "distances is not a table of 5 sources and 4 targets"),
        (lambda d: d["counted"][0].pop(), "different lengths"),
    ],
)
def test_what_does_not_hold_to_the_schema_is_refused_by_its_place(document, change, expected):
    changed = copy.deepcopy(document)
    change(changed)
    with pytest.raises(DataError) as caught:
        Evaluation.from_dict(changed)
    assert expected in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(("text", "expected"), [("{not json", "is not JSON"), ("[1]", "holds no JSON object")])
def test_a_file_that_is_no_evaluation_is_refused(tmp_path, text, expected):
    path = tmp_path / "evaluation.json"
    path.write_text(text)
    with pytest.raises(DataError, match=expected):
        Evaluation.from_json(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        Evaluation.from_json(tmp_path / "none.json")
