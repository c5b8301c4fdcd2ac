"""``dsim evaluate`` as a user meets it: streams, files, exit codes, and input that is not what it should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image
from referencing import Registry, Resource

from dsim.cli.main import run
from dsim.evaluation import Evaluation
from dsim.measures import SimilarityMatrix, Verdict
from dsim.registry import Direction
from dsim.truth import TransferMatrix

#: What a command prints and writes is tested here; what its pictures show, in tests/plots.
pytestmark = pytest.mark.usefixtures("blank_pictures")

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
SOURCES, TARGETS = ("a", "b", "c", "d"), ("t1", "t2", "t3")
#: Scores in percent; a is best for t1, b for t2, d for t3.
SCORES = np.array([[90.0, 20, 10], [50, 80, 30], [40, 70, 20], [10, 60, 60]])
FEW = ["--resamples", "200"]


def matrix(measure: str, values: Any, direction: Direction = Direction.DISTANCE) -> SimilarityMatrix:
    values = np.asarray(values, dtype=float)
    return SimilarityMatrix(
        measure=measure,
        direction=direction,
        unit="",
        sources=SOURCES,
        targets=TARGETS,
        values=values,
        notes=tuple(tuple("too few samples" if np.isnan(value) else "" for value in row) for row in values),
        same=np.zeros(values.shape, dtype=bool),
        verdicts={target: Verdict(target, None, None, None, np.nan, np.nan, "not assessed") for target in TARGETS},
        provenance={"datasets": {}},
    )


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a truth, a measure that finds every best source, one that errs for t3, and one with a hole."""
    monkeypatch.chdir(tmp_path)
    TransferMatrix("lab", "DSC", "%", SOURCES, TARGETS, SCORES[:, :, None], (0.0, 100.0)).to_json("truth.json")
    matrix("good@1", 100 - SCORES).to_json("good.json")
    erring = 100 - SCORES
    erring[:, 2] = [1, 2, 3, 4]
    matrix("erring@1", erring).to_json("erring.json")
    erring[0, 0] = np.nan
    matrix("holes@1", erring).to_json("holes.json")
    return tmp_path


def validated(printed: str) -> dict[str, Any]:
    """The printed JSON, which holds to the published schema."""
    schemas = [json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")]
    registry = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)
    document: dict[str, Any] = json.loads(printed)
    schema = registry.contents("dsim.evaluate.1.schema.json")
    jsonschema.Draft202012Validator(schema, registry=registry).validate(document)
    return document


def test_one_measure_has_its_scores_baselines_and_targets_told(here, capsys):
    assert run(["evaluate", "erring.json", "--truth", "truth.json", *FEW]) == 0
    captured = capsys.readouterr()
    assert "erring@1 judged by lab (DSC): 3 targets, 4 sources, 12 pairs" in captured.out
    lines = {line.split("│")[1].strip(): line for line in captured.out.splitlines() if line.startswith("│")}
    # Errs for t3 only: nearest is a with 10, the best is d with 60.
    assert "66.67 %" in lines["top-1"]
    assert "16.67 %" in lines["mean regret"]
    assert "50.00" in lines["t3"]
    assert {"random", "best fixed source", "best fixed source, others", "largest source", "oracle"} <= set(lines)
    assert "note: only 3 targets" in captured.err
    assert "wrote " in captured.err


def test_files_are_whole_and_readable(here, real_pictures, capsys):
    run(["evaluate", "good.json", "--truth", "truth.json", *FEW, "--out", "out"])
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "evaluation.json",
        "ranks.png",
        "regret.png",
        "transfer.png",
    ]
    assert Evaluation.from_json(Path("out/evaluation.json")).judgement.scores["top1"].value == 1
    for picture in Path("out").glob("*.png"):
        with Image.open(picture) as image:
            assert image.size[0] > 200


def test_json_is_all_of_stdout_and_holds_to_the_schema(here, capsys):
    assert run(["evaluate", "good.json", "erring.json", "--truth", "truth.json", *FEW, "--json"]) == 0
    document = validated(capsys.readouterr().out)
    assert [result["measure"] for result in document["results"]] == ["good@1", "erring@1"]
    regret = next(contrast for contrast in document["contrasts"] if contrast["score"] == "regret")
    assert regret["difference"] == pytest.approx(-50 / 3)
    assert document == json.loads(Path("dsim-evaluation/evaluate.json").read_text())


def test_images_that_no_measure_is_computed_on_are_refused(here, capsys):
    assert run(["evaluate", "good.json", "--truth", "truth.json", "--data", "images", *FEW]) == 2
    error = capsys.readouterr().err
    assert "--data images" in error
    assert "fix: " in error


def test_one_measure_has_no_contrasts_of_measures(here, capsys):
    run(["evaluate", "good.json", "--truth", "truth.json", *FEW, "--json"])
    assert validated(capsys.readouterr().out)["contrasts"] == []


def test_several_measures_stand_side_by_side_and_are_tested_in_pairs(here, capsys):
    matrix("bad@1", SCORES).to_json("bad.json")
    assert run(["evaluate", "good.json", "bad.json", "--truth", "truth.json", *FEW, "--out", "out"]) == 0
    captured = capsys.readouterr()
    assert "2 measures judged by lab (DSC)" in captured.out
    assert "first less second" in captured.out
    assert "of 3 targets no p below 0.25 is possible" in captured.err
    assert sorted(path.name for path in Path("out").iterdir()) == ["bad@1", "evaluate.json", "good@1", "regret.png"]


def test_a_folder_of_compare_gives_all_its_measures(here, capsys):
    for name in ("good", "erring"):
        Path("results", name).mkdir(parents=True)
        Path(f"{name}.json").rename(Path("results", name, "matrix.json"))
    assert run(["evaluate", "results", "--truth", "truth.json", *FEW, "--json"]) == 0
    assert len(validated(capsys.readouterr().out)["results"]) == 2
    assert run(["evaluate", "results/good", "--truth", "truth.json", *FEW, "--json"]) == 0
    assert len(validated(capsys.readouterr().out)["results"]) == 1


def test_files_of_an_earlier_run_are_not_left_beside_others(here, capsys):
    both, one = ["good.json", "erring.json"], ["good.json"]
    for given, alone in ((one, True), (both, False), (one, True)):
        run(["evaluate", *given, "--truth", "truth.json", *FEW, "--out", "out"])
        assert Path("out/evaluation.json").exists() is alone
        assert Path("out/evaluate.json").exists() is not alone


def test_a_failed_cell_is_named_with_its_reason_and_leaves_with_3(here, capsys):
    assert run(["evaluate", "holes.json", "--truth", "truth.json", *FEW]) == 3
    captured = capsys.readouterr().err
    assert "a for t1" in captured
    assert "no distance of a -> t1: too few samples" in captured


def test_what_the_truth_never_measured_is_no_failure_of_the_measure(here, capsys):
    scores = SCORES.copy()
    scores[0, 0] = np.nan
    gap = {("a", "t1"): "never trained"}
    TransferMatrix("gap", "DSC", "%", SOURCES, TARGETS, scores[:, :, None], (0.0, 100.0), reasons=gap).to_json(
        "gap.json"
    )
    assert run(["evaluate", "holes.json", "--truth", "gap.json", *FEW]) == 0
    assert "never trained" in capsys.readouterr().err


def test_a_csv_says_not_whether_small_is_near_so_it_is_asked_for(here, capsys):
    matrix("near@1", SCORES).to_csv("near.csv")
    assert run(["evaluate", "near.csv", "--truth", "truth.json", *FEW]) == 2
    assert "--direction" in capsys.readouterr().err
    for direction, top1 in (("similarity", 1), ("distance", 0)):
        assert run(["evaluate", "near.csv", "--truth", "truth.json", *FEW, "--direction", direction, "--json"]) == 0
        result = validated(capsys.readouterr().out)["results"][0]
        assert result["judgement"]["scores"]["top1"]["value"] == top1


def test_a_direction_against_that_of_the_file_is_refused(here, capsys):
    assert run(["evaluate", "good.json", "--truth", "truth.json", "--direction", "similarity"]) == 2
    assert "not a similarity" in capsys.readouterr().err


def test_one_measure_twice_is_refused_by_its_name(here, capsys):
    assert run(["evaluate", "good.json", "erring.json", "good.json", "--truth", "truth.json"]) == 2
    assert "given twice: good@1" in capsys.readouterr().err


def test_names_that_one_side_lacks_are_listed_and_common_leaves_them_out(here, capsys):
    values = np.c_[SCORES, [1.0, 2, 3, 4]]
    truth = TransferMatrix("wide", "DSC", "%", SOURCES, (*TARGETS, "t4"), values[:, :, None], (0.0, 100.0))
    truth.to_json("wide.json")
    assert run(["evaluate", "good.json", "--truth", "wide.json", *FEW]) == 1
    assert "targets only in the truth: t4" in capsys.readouterr().err
    assert run(["evaluate", "good.json", "--truth", "wide.json", *FEW, "--common"]) == 0
    assert "left out: targets only in the truth: t4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["good.json", "--truth", "asap-dcs"], "Did you mean 'asap-dsc'?"),
        (["asap-publishd", "--truth", "asap-dsc"], "Did you mean 'asap-published'?"),
        (["good.json", "--truth", "absent.json"], "absent.json"),
        (["absent.json", "--truth", "truth.json"], "absent.json"),
        (["truth.json", "--truth", "truth.json"], "dsim.matrix/1"),
        (["good.json", "--truth", "good.json"], "dsim.transfer/1"),
        (["good.json", "--truth", "truth.json", "--resamples", "3"], "3 resamples are too few"),
        (["good.json", "--truth", "truth.json", "--score", "AUC"], "AUC"),
        (["empty", "--truth", "truth.json"], "empty"),
        (["", "--truth", "truth.json"], ""),
        (["good.json"], "--truth"),
        (["--truth", "truth.json"], "MATRIX"),
        (["good.json", "--truth", "truth.json", "--self", "maybe"], "maybe"),
        (["good.json", "--truth", "truth.json", "--out", "good.json"], "good.json"),
    ],
)
def test_a_wrong_request_is_told_in_words(here, capsys, arguments, said):
    Path("empty").mkdir()
    assert run(["evaluate", *arguments]) in (1, 2)
    captured = capsys.readouterr()
    assert said in captured.err
    assert "unexpected" not in captured.err
    assert captured.out == ""
