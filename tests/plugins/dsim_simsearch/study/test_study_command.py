"""``dsim roi study`` on files: what it writes and prints, how it goes on, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from drawn_cells import write_cells

from dsim.cli.main import run
from dsim.files.documents import check

NETWORK = "timm:test_resnet[init=random:0,layer=layer2]"
METHODS = ("--methods", "similarity,k-NN,re-ranked,template matching")


class Outcome(NamedTuple):
    """What a command line gave: its exit code, and both streams."""

    code: int
    out: str
    err: str


Study = Callable[..., Outcome]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cells(tmp_path_factory.mktemp("data") / "cells")


@pytest.fixture
def study(capsys: pytest.CaptureFixture[str]) -> Study:
    """``study(data, out, "--option", ...)`` runs the command with a tiny network."""

    def call(data: Path, out: Path, *more: str) -> Outcome:
        given = ["--classes", "disc", "--prototypes", "2,3", "--negatives", "0,2", "--repeats", "2", "--displayed", "3"]
        fixed = ["--background", "10", "--extractor", NETWORK, "--region", "32", "--device", "cpu"]
        code = run(["roi", "study", str(data), "--out", str(out), "--test-share", "0.3", *given, *fixed, *more])
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.mark.usefixtures("blank_pictures")
def test_a_study_writes_and_prints_a_document_of_its_schema(
    study: Study, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = study(data, tmp_path, *METHODS)
    assert result.code == 0, result.err
    document = json.loads((tmp_path / "study.json").read_text("utf-8"))
    check(document, "dsim.roi-study/1", "the study", "")
    assert document["patch"] == 16
    assert document["cells"] == {"planned": 2 * (2 + 2 + 4 + 4), "finished": 24}
    assert (tmp_path / "study.png").is_file()
    assert max(len(line) for line in result.out.splitlines() if "│" in line) <= 80
    for row in document["scores"]:
        assert row["average_precision"]["value"] > 0.5
        assert f"{row['average_precision']['value']:.2f}" in result.out
    again = study(data, tmp_path, *METHODS, "--json")
    assert json.loads(again.out) == document


@pytest.mark.usefixtures("blank_pictures")
def test_networks_are_trained_and_scored(study: Study, data: Path, tmp_path: Path) -> None:
    result = study(
        data, tmp_path, "--methods", "Pos+Neg,supervised", "--repeats", "1", "--trainings", "1", "--prototypes", "3"
    )
    assert result.code == 0, result.err
    document = json.loads((tmp_path / "study.json").read_text("utf-8"))
    check(document, "dsim.roi-study/1", "the study", "")
    scores = {row["method"]: row for row in document["scores"]}
    assert [*scores] == ["Pos+Neg", "supervised"]
    assert scores["Pos+Neg"]["average_precision"]["value"] > 0.3
    assert (scores["supervised"]["prototypes"], scores["supervised"]["clicks"]) == (0, 0)


@pytest.mark.parametrize(
    ("more", "culprit"),
    [
        (("--classes", "disk"), "'disk'"),
        (("--methods", "Pos+Neq"), "'Pos+Neq'"),
        (("--prototypes", "five"), "five"),
        (("--test-share", "1.5"), "1.5"),
        (("--training", "quik"), "'quik'"),
        (("--missed", "2"), "2"),
        (("--prototypes", "90"), "90 whole objects"),
        (("--annotations", "images"), "images"),
    ],
)
def test_wrong_options_are_named_before_any_work(
    study: Study, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, str], culprit: str
) -> None:
    monkeypatch.chdir(data)
    result = study(data, tmp_path, "--methods", "similarity", *more)
    assert result.code in (1, 2)
    assert culprit in result.err
    assert "fix:" in result.err
    assert not (tmp_path / "study.json").exists()


def test_data_without_annotations_asks_for_them(study: Study, tmp_path: Path) -> None:
    folder = write_cells(tmp_path / "cells", 2)
    (folder / "boxes.csv").unlink()
    result = study(folder, tmp_path / "out")
    assert result.code in (1, 2)
    assert "--annotations" in result.err
