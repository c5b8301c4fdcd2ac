"""``dsim compare --report`` and ``dsim report``: the page from memory and from files, its notes and its errors."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.cli.main import run
from dsim.cli.report import report
from dsim.errors import DataError, DsimError, UsageError
from dsim.files.shipped import shipped
from dsim.measures import SimilarityMatrix
from dsim.recommend.reliability import FILE, UNKNOWN, records

#: What a command prints and writes is tested here; what its pictures show, in tests/plots.
pytestmark = pytest.mark.usefixtures("blank_pictures")


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Three folders of images and masks: two alike, one of another pattern; one name is hostile."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 160, 32)
    patterns = {"near": ramp[None, :], "a&b <i>": ramp[None, :], "far": ramp[:, None]}
    for name, pattern in patterns.items():
        for kind in ("images", "masks"):
            (tmp_path / "data" / name / kind).mkdir(parents=True)
        for index in range(6):
            pixels = np.broadcast_to(pattern, (32, 32)) + rng.integers(0, 60, (32, 32))
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "data" / name / "images" / f"{index}.png")
            Image.fromarray((pixels > 100).astype(np.uint8) * 255).save(
                tmp_path / "data" / name / "masks" / f"{index}.png"
            )
    return [str(tmp_path / "data" / name) for name in patterns]


def command(arguments: Sequence[str]) -> None:
    """The subcommand itself."""
    report.main(list(arguments), standalone_mode=False)


def compared(folders: Sequence[str], out: Path, *more: str) -> int:
    near, *others = folders
    asked = ["--measure", "cc:size=32", "--sources", *others, "--targets", near, "--bootstrap", "0", "--out", str(out)]
    return run(["compare", *asked, *more])


def words_of(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def test_the_page_of_files_is_that_of_memory(folders, tmp_path, capsys):
    out, page = tmp_path / "out", tmp_path / "first.html"
    assert compared(folders, out, "--report", str(page)) == 0
    assert f"wrote {page}" in capsys.readouterr().err.replace("\n", "")
    command([str(out)])
    assert (out / "report.html").read_text() == page.read_text()
    assert page.read_text().count("<img ") >= 12
    assert "<i>" not in page.read_text()


def test_json_stays_all_of_stdout(folders, tmp_path, capsys):
    assert compared(folders, tmp_path / "out", "--report", str(tmp_path / "r.html"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "dsim.compare/1"


def test_several_measures_make_one_page_and_files_the_same(folders, tmp_path):
    out, page = tmp_path / "out", tmp_path / "first.html"
    compared(folders, out, "--measure", "nmi", "--report", str(page))
    text = page.read_text()
    assert "How far the measures agree" in text
    command([str(out / "agreement.json"), "--out", str(tmp_path / "second.html")])
    assert (tmp_path / "second.html").read_text() == text


def test_what_to_type_next_names_the_datasets_as_a_shell_takes_them(folders, tmp_path):
    out = tmp_path / "out"
    compared(folders, out, "--report", str(tmp_path / "r.html"))
    said = words_of((tmp_path / "r.html").read_text())
    best = SimilarityMatrix.from_json(out / "matrix.json").verdicts["near"].best
    assert f"near: train a segmentation model on {best}".replace("&", "&amp;").replace("<i>", "&lt;i&gt;") in said
    for typed in ("dsim transfer segmentation --sources", "dsim recommend", "--measure label-free"):
        assert typed in said
    assert "data/a&amp;b &lt;i&gt;&#x27;" in said, "a name with a space is quoted"


def test_images_that_are_gone_are_reported_and_no_command_is_shown(folders, tmp_path):
    out = tmp_path / "out"
    compared(folders, out)
    shutil.rmtree(tmp_path / "data")
    command([str(out / "matrix.json")])
    said = words_of((out / "report.html").read_text())
    assert said.count("No images: there is no dataset at") == 3
    assert "no command is shown" in said


def test_images_can_be_left_out(folders, tmp_path):
    out = tmp_path / "out"
    compared(folders, out)
    command([str(out), "--no-images"])
    text = (out / "report.html").read_text()
    assert "<img " not in text
    assert "left out (--no-images)" in text


def test_what_was_not_measured_is_said_to_be_unknown(folders, tmp_path):
    compared(folders, tmp_path / "out", "--report", str(tmp_path / "r.html"))
    assert UNKNOWN in (tmp_path / "r.html").read_text()


def test_a_record_counts_for_its_own_measure_with_its_own_weights_alone(folders, tmp_path):
    from dsim.cli.report import reliability_of
    from dsim.recommend.reliability import sentences

    compared(folders, tmp_path / "out")
    matrix = SimilarityMatrix.from_json(tmp_path / "out" / "matrix.json")
    (record,) = (
        one for one in records(shipped("truth") / "phantoms-dsc" / FILE) if one.depends["measure"] == "ensemble@1"
    )
    own = {key: record.depends[key] for key in ("measure", "parameters", "extractors")}
    judged = SimilarityMatrix(**{**vars(matrix), "provenance": {**matrix.provenance, **own}})
    assert set(sentences(record)) <= set(reliability_of(judged, []))
    own["extractors"] = [{**own["extractors"][0], "weights": "0" * 64}]
    other = SimilarityMatrix(**{**vars(matrix), "provenance": {**matrix.provenance, **own}})
    assert reliability_of(other, []) == [UNKNOWN]


def test_a_board_tells_how_the_measure_was_judged(folders, tmp_path):
    from dsim.evaluation import evaluate
    from dsim.leaderboard import Board, Row, Status, write_board
    from dsim.truth import open_distances, open_truth

    truth, distances = open_truth("asap-dsc"), open_distances("asap-published")
    judged = evaluate(distances, truth, resamples=100)
    row = Row(measure="cc@1:size=32", status=Status.OK, evaluation=judged, matrix=distances)
    settings = {"self_pairs": "exclude", "resamples": 100, "interval": "expanded", "seed": 0, "confidence": 0.95}
    write_board(Board(truth, {}, (row,), settings), tmp_path / "board")
    compared(folders, tmp_path / "out")
    command([str(tmp_path / "out"), "--board", str(tmp_path / "board" / "results.json")])
    said = words_of((tmp_path / "out" / "report.html").read_text())
    assert f"On the leaderboard of {truth.name}" in said
    assert "cc@1:size=32 has rank 1 of 1" in said
    assert UNKNOWN not in said


@pytest.mark.parametrize("name", ["report.pdf", "report"])
def test_another_suffix_is_refused_before_anything_is_computed(folders, tmp_path, capsys, name):
    assert compared(folders, tmp_path / "out", "--report", str(tmp_path / name)) == 2
    captured = capsys.readouterr().err
    assert f"cannot write a report as '{name}'" in captured
    assert "fix: end its name in .html" in captured
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="cannot write a report"):
        command([str(tmp_path), "--out", str(tmp_path / name)])


def test_results_that_are_not_there_are_an_error_with_its_fix(tmp_path):
    with pytest.raises(DataError, match=r"holds no matrix\.json") as caught:
        command([str(tmp_path)])
    assert "dsim compare" in str(caught.value.hint)


def test_a_page_that_cannot_be_written_is_an_error_with_its_fix(folders, tmp_path):
    compared(folders, tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(DsimError, match="cannot write") as caught:
        command([str(tmp_path / "out"), "--out", str(tmp_path / "file" / "report.html")])
    assert caught.value.hint
