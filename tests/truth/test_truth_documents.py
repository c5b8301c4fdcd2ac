"""A truth as JSON and as CSV: there and back, and what is wrong in a file is told with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dsim.errors import DataError, UsageError
from dsim.truth import TransferMatrix, TruthDataset, open_truth, truth_names

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schema" / "dsim.transfer.1.schema.json").read_text("utf-8"))
NAN = float("nan")


def full() -> TransferMatrix:
    return TransferMatrix(
        name="full", score="kappa", unit="", sources=("a", "b, c"), targets=("t", "ü"), bounds=(-1, 1),
        values=[[[0.1, 1 / 3], [NAN, NAN]], [[-0.5, NAN], [0.25, 1e-9]]], repetition="seed",
        baseline=[[0.0, 0.1], [NAN, 0.2]], imagenet="a", reasons={("a", "ü"): "no labels"},
        datasets={"t": TruthDataset(7, "phantoms:nuclei", "f" * 64, "n")}, provenance={"source": "me", "year": 2026},
    )  # fmt: skip


def parts(truth: TransferMatrix) -> dict[str, Any]:
    return truth.to_dict()


@pytest.mark.parametrize("truth", [full(), *map(open_truth, truth_names())], ids=["full", *truth_names()])
def test_json_keeps_to_the_schema_and_brings_everything_back(truth, tmp_path):
    text = truth.to_json(tmp_path / "truth.json")
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))
    for back in (TransferMatrix.from_json(text), TransferMatrix.from_json(tmp_path / "truth.json")):
        assert parts(back) == parts(truth)
        assert back == truth


def test_the_schema_itself_is_valid_and_closed():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for unknown in ({"extra": 1}, {"datasets": {"t": {**full().to_dict()["datasets"]["t"], "extra": 1}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(full().to_dict() | unknown, SCHEMA)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another schema": ({"schema": "dsim.matrix/1"}, "the document has schema 'dsim.matrix/1', not 'dsim.transfer/1'"),
    "an unknown key": ({"extra": 1}, "does not hold to dsim.transfer/1: at its top: Additional properties"),
    "a text for a number": ({"values": [[["0.5"]]]}, "values.0.0.0: '0.5' is not of type 'number', 'null'"),
    "rows of different lengths": (
        {"values": [[[0.1], [0.2]], [[0.1]]]},
        "the rows of truth 'full', values have different lengths",
    ),
    "a score out of bounds": ({"bounds": [-1, 0.2]}, "truth 'full': the kappa of a -> t, seed 2 is 0.333333, outside"),
}


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_a_document_that_is_wrong_says_where(change, said):
    with pytest.raises(DataError) as error:
        TransferMatrix.from_dict(full().to_dict() | change)
    assert said in str(error.value)


def test_a_document_that_lacks_something_says_what():
    document = full().to_dict()
    del document["bounds"]
    with pytest.raises(DataError, match="'bounds' is a required property"):
        TransferMatrix.from_dict(document)


@pytest.mark.parametrize(("text", "said"), [("{not", "is not JSON"), ("[1]", "holds no JSON object")])
def test_a_file_that_is_no_json_object_is_told(text, said, tmp_path):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(DataError, match=said):
        open_truth(tmp_path / "t.json")


@pytest.mark.parametrize("truth", [full(), *map(open_truth, truth_names())], ids=["full", *truth_names()])
def test_csv_brings_back_what_judges(truth, tmp_path):
    path = tmp_path / "truth.csv"
    text = truth.to_csv(path)
    assert path.read_text("utf-8") == text
    back = TransferMatrix.from_csv(path, name=truth.name, bounds=truth.bounds)
    assert back.digest == truth.digest
    assert back.to_csv() == text


def test_csv_and_json_of_one_truth_are_one_truth(tmp_path):
    open_truth("cats-auc").to_csv(tmp_path / "cats.csv")
    open_truth(tmp_path / "cats.csv").to_json(tmp_path / "cats.json")
    assert open_truth(tmp_path / "cats.json") == open_truth("cats-auc")
    assert open_truth(tmp_path / "cats.json").name == "cats"


def read(tmp_path: Path, text: str, **how: Any) -> TransferMatrix:
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return open_truth(path, **how)


def test_a_table_of_single_measurements_needs_no_repetition(tmp_path):
    truth = read(tmp_path, "\ufeffsource,target,DSC%\na,t,62.5\n\nb , t, 3\n")
    assert (truth.score, truth.unit, truth.bounds, truth.repetition) == ("DSC", "%", (0, 100), "")
    assert truth.mean.tolist() == [[62.5], [3.0]]
    assert (truth.name, truth.baseline) == ("mine", None)
    assert truth.provenance["source"] == "the file mine.csv"


def test_columns_stand_in_any_order_and_seeds_need_not_begin_with_1(tmp_path):
    truth = read(tmp_path, "AUC,repetition,target,source\n.5,seed1337,t,a\n.25,seed42,t,a\n.75,seed 42,t,\n")
    assert truth.values.tolist() == [[[0.25, 0.5]]]
    assert truth.repetition == "seed"
    assert truth.baseline is not None
    assert truth.baseline[0, 0] == 0.75


def test_of_several_scores_one_is_chosen_by_name(tmp_path):
    text = "source,target,DSC,AUC%\na,t,.5,70\n"
    assert read(tmp_path, text, score="AUC").mean.tolist() == [[70.0]]
    with pytest.raises(DataError, match="2 columns besides source, target and repetition: DSC, AUC%"):
        read(tmp_path, text)
    with pytest.raises(DataError, match=r"no column with the score 'AUK'\. Did you mean 'AUC'\?"):
        read(tmp_path, text, score="AUK")


def test_a_score_of_ones_own_has_its_bounds_given(tmp_path):
    text = "source,target,kappa\na,t,-0.5\n"
    assert read(tmp_path, text, bounds=(-1, 1)).bounds == (-1, 1)
    with pytest.raises(DataError, match="smallest and largest value of the score 'kappa' are not known"):
        read(tmp_path, text)


AUC = "source,target,AUC\n"
FOLDS = "source,target,repetition,AUC\n"
LINES: dict[str, tuple[str, str]] = {
    "an empty file": ("", "mine.csv has no column 'source' and no column 'target' in line 1"),
    "a missing column": ("source,tgt,AUC\n", "mine.csv has no column 'target' in line 1"),
    "semicolons": ("source;target;AUC\na;t;0,5\n", "it separates by semicolons, not commas"),
    "a column twice": ("source,target,AUC,AUC\n", "two of one name, in line 1"),
    "no scores": ("source,target\na,t\n", "mine.csv has no column with scores in line 1"),
    "folds under another name": (
        "source,target,fold,AUC\na,t,1,.5\n",
        "2 columns besides source, target and repetition: fold, AUC\n"
        "  fix: a column of seeds or folds is named repetition",
    ),
    "no lines": (AUC, "mine.csv has no lines below its header"),
    "only a baseline": (AUC + ",t,.5\n", "mine.csv has no line with a source"),
    "a decimal comma": (AUC + "a,t,0,5\n", "line 2 has 4 cells; line 1 has 3"),
    "no number": (AUC + "a,t,.5\nb,t,high\n", "line 3: the score 'high' is not a number"),
    "an empty score": (AUC + "a,t,\n", "line 2 has no score\n  fix: leave out the lines of what was not measured"),
    "NaN for a score": (AUC + "a,t,NaN\n", "line 2 has no score but 'NaN'"),
    "no target": (AUC + "a,,.5\n", "line 2 has no target"),
    "out of range": (
        AUC + "a,t,.5\nb,t,50\n",
        "line 3: the AUC of b -> t is 50, outside 0 to 1\n  fix: name the column AUC% if scores run to 100",
    ),
    "a baseline out of range": (AUC + ",t,-1\na,t,.5\n", "line 2: the AUC of the baseline on t is -1, outside 0 to 1"),
    "a pair twice": (AUC + "a,t,.5\nb,t,.5\na,t,.6\n", "lines 2 and 4 both give a -> t\n"),
    "a fold twice": (FOLDS + "a,t,fold1,.5\na,t,fold1,.6\n", "lines 2 and 3 both give a -> t, fold1\n"),
    "a bare number": (
        FOLDS + "a,t,1,.5\n",
        "line 2: the repetition '1' does not say what was repeated\n  fix: write seed1, seed2, ... (trained",
    ),
    "seeds and folds": (FOLDS + "a,t,fold1,.5\na,t,seed1,.6\n", "line 2 repeats a fold, line 3 a seed"),
}


@pytest.mark.parametrize(("text", "said"), LINES.values(), ids=LINES)
def test_what_is_wrong_in_a_table_is_told_with_its_line(text, said, tmp_path):
    with pytest.raises(DataError) as error:
        read(tmp_path, text)
    assert said in str(error.value)
    assert error.value.hint, "an error without a fix"


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*gone\.csv"):
        open_truth(tmp_path / "gone.csv")
    (tmp_path / "latin.csv").write_bytes("source,target,AUC\nü,t,.5\n".encode("latin-1"))
    with pytest.raises(DataError, match="is not UTF-8 text"):
        open_truth(tmp_path / "latin.csv")


def test_an_unknown_name_suggests_one_and_lists_all():
    with pytest.raises(UsageError) as error:
        open_truth("asap-dcs")
    assert "no truth named 'asap-dcs'. Did you mean 'asap-dsc'?" in str(error.value)
    assert all(name in str(error.value) for name in truth_names())


def test_a_folder_is_opened_by_what_it_holds(tmp_path):
    full().to_json(tmp_path / "truth.json")
    assert open_truth(tmp_path) == full()
    with pytest.raises(DataError, match=r"holds no truth\.json"):
        open_truth(tmp_path.parent)


def test_a_truth_of_another_score_is_refused():
    assert open_truth("cats-auc", score="AUC").score == "AUC"
    with pytest.raises(DataError, match="truth 'cats-auc' is of AUC, not DSC"):
        open_truth("cats-auc", score="DSC")
