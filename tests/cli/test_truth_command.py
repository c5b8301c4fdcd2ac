"""``dsim truth``: what is stored, and what was understood of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsim.cli.main import run
from dsim.truth import TransferMatrix, TruthDataset, open_truth, truth_names

KAPPA = "source,target,repetition,kappa\n,t,seed1,0.1\na,t,seed1,-0.5\na,t,seed2,0.5\nb,t,seed1,0.25\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(KAPPA)
    return path


def test_list_names_each_with_its_size_and_whether_its_images_can_be_opened(capsys):
    assert run(["truth", "list"]) == 0
    captured = capsys.readouterr()
    assert all(name in captured.out for name in truth_names())
    assert "9 x 12" in captured.out
    assert "5 folds" in captured.out
    assert "not at hand" in captured.out
    assert "note: published distances to judge: asap-published" in captured.err


def test_list_as_json_is_data_alone(capsys):
    assert run(["truth", "list", "--json"]) == 0
    captured = capsys.readouterr()
    listed = {entry["name"]: entry for entry in json.loads(captured.out)}
    assert set(listed) == set(truth_names())
    assert listed["cats-auc"]["repetitions"] == 5
    assert listed["cats-auc"]["digest"] == open_truth("cats-auc").digest
    assert captured.err == ""


def test_show_tells_scores_baseline_missing_pairs_and_corrections(capsys):
    assert run(["truth", "show", "cats-auc"]) == 0
    printed = capsys.readouterr().out
    for told in ("0.9463", "(no source)", "missing: KimiaPath960 -> ISIC2018", "arXiv:2107.05940"):
        assert told in printed
    run(["truth", "show", "asap-dsc"])
    assert "corrected: MoNuSeg -> LIVECell" in capsys.readouterr().out


def test_show_as_json_is_the_truth_itself(capsys):
    run(["truth", "show", "cats-auc", "--json"])
    assert TransferMatrix.from_json(capsys.readouterr().out) == open_truth("cats-auc")


def test_show_suggests_a_name(capsys):
    assert run(["truth", "show", "cats"]) == 2
    assert "error: no truth named 'cats'. Did you mean 'cats-auc'?" in capsys.readouterr().err


def test_check_tells_what_was_understood(table, capsys):
    assert run(["truth", "check", str(table), "--bounds", "-1", "1"]) == 0
    printed = capsys.readouterr().out
    for told in ("kappa, from -1 to 1", "2: a, b", "1: t", "2 seeds", "without a source", "1 of 2 pairs with fewer"):
        assert told in printed


def test_check_as_json_counts_what_is_missing(table, capsys):
    table.write_text(KAPPA + "b,u,seed1,0.5\n")
    assert run(["truth", "check", str(table), "--bounds", "-1", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bounds"] == [-1, 1]
    assert found["missing"] == [["a", "u", "not measured"]]
    assert found["repetitions_missing"] == 2
    assert found["baseline"] is True


def test_check_tells_what_is_wrong_and_how_to_mend_it(table, capsys):
    assert run(["truth", "check", str(table)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "error: the smallest and largest value of the score 'kappa' are not known" in captured.err
    assert "fix: give its bounds (--bounds LOW HIGH" in captured.err


def test_convert_goes_there_and_back(tmp_path, capsys):
    table, document = tmp_path / "cats.csv", tmp_path / "deep" / "cats.json"
    assert run(["truth", "convert", "cats-auc", str(table)]) == 0
    printed = capsys.readouterr().err
    assert [word for word in ("note:", "CSV", "bounds", "reasons") if word not in printed] == []
    assert run(["truth", "convert", str(table), str(document)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"wrote {document}" in captured.err
    assert open_truth(document) == open_truth("cats-auc")


def test_convert_refuses_another_format_before_it_reads(tmp_path, capsys):
    assert run(["truth", "convert", "cats-auc", str(tmp_path / "cats.xlsx")]) == 2
    assert "is neither .json nor .csv" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (("phantoms:nuclei", "phantoms:gowt1"), "built in"),
        (("nuclei", "sub/cells"), "below a data folder"),
        (("nuclei", ""), "below a data folder: 1 of 2"),
        (("", ""), "not at hand"),
    ],
)
def test_whether_images_can_be_opened_is_told_by_their_places(places, expected, tmp_path, capsys):
    datasets = {name: TruthDataset(location=place) for name, place in zip("at", places, strict=True)}
    truth = TransferMatrix("mine", "AUC", "", ("a",), ("t",), [[[0.5]]], (0, 1), datasets=datasets)  # type: ignore[arg-type]
    truth.to_json(tmp_path / "mine.json")
    run(["truth", "check", str(tmp_path / "mine.json"), "--json"])
    assert json.loads(capsys.readouterr().out)["images"] == expected


def test_a_strangers_provenance_may_hold_anything(tmp_path, capsys):
    odd = {"source": 3, "table": None, "corrections": "none"}
    truth = TransferMatrix("mine", "AUC", "", ("a",), ("t",), [[[0.5]]], (0, 1), provenance=odd)  # type: ignore[arg-type]
    truth.to_json(tmp_path / "mine.json")
    assert run(["truth", "show", str(tmp_path / "mine.json")]) == 0
    assert "0.5000" in capsys.readouterr().out
