"""``evaluate("energy", truth)`` computes what is missing on the datasets of the truth, or says what is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsim
from dsim.cli.main import run
from dsim.errors import DataError, UnknownNameError, UsageError
from dsim.evaluation import calls_measure
from dsim.truth import TransferMatrix, TruthDataset

#: What a command prints and writes is tested here; what its pictures show, in tests/plots.
pytestmark = pytest.mark.usefixtures("blank_pictures")

SOURCES = ("fundus", "xray", "relief")
TARGETS = ("xray-bedside", "fundus-handheld")
SCORES = [[[20.0], [90.0]], [[80.0], [10.0]], [[40.0], [30.0]]]


def truth(**changes: object) -> TransferMatrix:
    """Three sources of phantoms and two targets; the phantom that is drawn alike served best."""
    named = {name: TruthDataset(4, f"phantoms:{name}[count=4,size=16]") for name in (*SOURCES, *TARGETS)}
    given = {"datasets": named, **changes}
    return TransferMatrix("tiny", "DSC", "%", SOURCES, TARGETS, SCORES, (0, 100), **given)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The images of the truth in folders of their names, as a user has them whose truth is a table."""
    for name in (*SOURCES, *TARGETS):
        dataset = dsim.open_dataset(f"phantoms:{name}[count=4,size=16]")
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(len(dataset)):
            Image.fromarray(dataset.native(index).squeeze()).save(tmp_path / "data" / name / f"{index}.png")
    return tmp_path / "data"


def test_a_named_measure_is_judged_as_its_matrix_would_be() -> None:
    found = dsim.evaluate("cc:size=16", truth(), resamples=100)
    opened = {name: dsim.open_dataset(f"phantoms:{name}[count=4,size=16]") for name in (*SOURCES, *TARGETS)}
    pool, wanted = ({name: opened[name] for name in names} for names in (SOURCES, TARGETS))
    matrix = dsim.compare(pool, wanted, measure="cc:size=16", bootstrap=0, floor=False)
    np.testing.assert_array_equal(found.distances, -matrix.values)
    assert found.to_dict()["judgement"] == dsim.evaluate(matrix, truth(), resamples=100).to_dict()["judgement"]
    assert dsim.evaluate(dsim.build_measure("cc:size=16"), truth(), resamples=100).measure == found.measure


def test_datasets_without_a_location_are_found_under_their_names(folder: Path) -> None:
    found = dsim.evaluate("cc:size=16", truth(datasets={}), data=folder, resamples=100)
    assert found.sources == SOURCES
    assert found.judgement.selected == (("xray",), ("fundus",))


def test_datasets_that_are_not_there_are_named_with_the_ways_out(folder: Path) -> None:
    (folder / "relief").rename(folder / "relief-away")
    with pytest.raises(DataError) as caught:
        dsim.evaluate("cc:size=16", truth(datasets={}), data=folder)
    assert "1 of the 5" in caught.value.message
    assert "relief" in caught.value.message
    assert "--common" in caught.value.hint
    assert str(folder) in caught.value.hint
    with pytest.raises(DataError) as caught:
        dsim.evaluate("cc:size=16", truth(datasets={}))
    assert "--data" in caught.value.hint


def test_common_judges_what_is_there(folder: Path) -> None:
    more = TransferMatrix("more", "DSC", "%", (*SOURCES, "lost"), TARGETS, [*SCORES, [[1.0], [2.0]]], (0, 100))
    found = dsim.evaluate("cc:size=16", more, data=folder, common=True, resamples=100)
    assert found.sources == SOURCES
    assert any("lost" in note for note in found.notes)


def test_other_images_than_those_of_the_truth_are_refused(folder: Path) -> None:
    named = {name: TruthDataset(4, name, "0" * 64) for name in (*SOURCES, *TARGETS)}
    with pytest.raises(DataError, match="5 of 5 datasets are not the images"):
        dsim.evaluate("cc:size=16", truth(datasets=named), data=folder)


def test_what_is_no_measure_is_told_with_the_nearest_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="'energy'"):
        dsim.evaluate("energi", truth())
    with pytest.raises(UnknownNameError, match="'energy'"):
        dsim.evaluate("energi", truth(), data=folder)
    matrix = dsim.SimilarityMatrix.of_distances(SOURCES, TARGETS, np.ones((3, 2)), np.zeros((3, 2), bool))
    with pytest.raises(UsageError, match="data="):
        dsim.evaluate(matrix, truth(), data=folder)


def test_a_file_and_a_stored_name_go_before_a_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert calls_measure("cc")
    assert not calls_measure("asap-published")
    Path("cc").mkdir()
    assert not calls_measure("cc")
    assert not calls_measure(Path("cc"))


def test_the_command_computes_writes_the_matrix_and_compares_with_one_that_is_there(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    truth(datasets={}).to_json("truth.json")
    call = ["evaluate", "cc:size=16", "--truth", "truth.json", "--resamples", "100"]
    assert run([*call, "--data", str(folder), "--out", "one"]) == 0
    kept = dsim.SimilarityMatrix.from_json("one/matrix.json")
    assert kept.sources == SOURCES
    assert run([*call, "away/matrix.json", "--data", str(folder)]) == 1
    assert "away/matrix.json" in capsys.readouterr().err
    more = ["evaluate", "one/matrix.json", "cc:size=8", "--truth", "truth.json", "--resamples", "100", "--out", "two"]
    assert run([*more, "--data", str(folder)]) == 0
    assert Path("two/cc@1_size_8/matrix.json").is_file()
    assert run([*call, "--out", "three"]) == 1
    said = capsys.readouterr().err
    assert "fundus" in said
    assert "--data" in said
