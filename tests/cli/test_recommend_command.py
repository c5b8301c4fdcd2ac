"""``dsim recommend``: the table, the answer, the files, the exit codes, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from dsim.cli.recommend import recommend
from dsim.errors import DataError, DsimError, UsageError
from dsim.files.documents import check

SOURCES = ("--sources", "phantoms:fundus", "--sources", "phantoms:xray")
QUICK = ("--measure", "energy:extractor=pixels:[side=4]", "--bootstrap", "0")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearest images by tiny pictures instead of the shipped network."""
    monkeypatch.setattr("dsim.recommend.pool.REFERENCE", "pixels:[side=4]")


def run(*arguments: str | Path) -> int:
    code = recommend.main([str(argument) for argument in arguments], standalone_mode=False)
    assert isinstance(code, int)
    return code


def test_the_zoo_is_ranked_without_its_images_and_its_model_named(
    phantom_zoo: Path, untried: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("phantoms:fluorescence-dim", "--out", tmp_path, "--device", "cpu") == 0
    captured = capsys.readouterr()
    assert "first for, of 4" in captured.out
    first, *others = captured.out.splitlines()
    assert "Take fluorescence for fluorescence-dim" in first
    assert "resembles" in first
    assert "zoo:unet4.fluorescence.r1, trained on fluorescence; Dice 88 %" in captured.out
    assert "dsim prelabel phantoms:fluorescence-dim --model zoo:unet4.fluorescence.r1" in captured.out
    assert any("1 target in 5" in line for line in others[:2])
    assert "this procedure chose" not in captured.out
    assert "no picture of the nearest images" in captured.err
    assert f"wrote {tmp_path / 'recommendation.json'}" in captured.err
    assert re.match("more: .*--why", captured.err.splitlines()[-1]), "the pointer of dsim compare"


def test_given_sources_are_ranked_by_a_measure_with_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(
            "phantoms:xray-bedside",
            *SOURCES,
            "--measure",
            "energy:extractor=pixels:[side=4]",
            "--bootstrap",
            "50",
            "--why",
        )
        == 0
    )
    captured = capsys.readouterr()
    assert "95% interval" in captured.out
    assert "dsim transfer segmentation --sources phantoms:xray --out trained/truth.json" in captured.out
    assert "has not been measured" in captured.out
    assert "wrote" not in captured.err


def test_json_is_the_document_and_nothing_else_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("phantoms:xray-bedside", *SOURCES, *QUICK, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    check(document, "dsim.recommend/1", "the output", "")
    assert document["best"] == "xray"
    assert document["files"] == []


def test_the_target_among_the_sources_is_left_out_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mine=phantoms:xray", *SOURCES, "--sources", "phantoms:histology", *QUICK) == 0
    captured = capsys.readouterr()
    assert "note: xray is the target itself: left out of the sources" in captured.err
    assert "│ xray" not in captured.out


def test_a_source_that_cannot_be_compared_leaves_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import h5py

    with h5py.File(tmp_path / "odd.h5", "w") as file:
        file["features"] = np.zeros((5, 3), np.float32)
    assert run("phantoms:xray-bedside", *SOURCES, "--sources", tmp_path / "odd.h5", *QUICK) == 3
    captured = capsys.readouterr()
    assert "failed" in captured.out
    assert "note: odd could not be compared" in captured.err


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("phantoms:xary", *SOURCES), DsimError, "xary"),
        (("phantoms:xray", *SOURCES[:2]), UsageError, "'fundus' is the only source: there is nothing to choose"),
        (("phantoms:xray", *SOURCES), UsageError, "only source besides 'xray' itself"),
        (("phantoms:xray-bedside", *SOURCES, "--measure", "energi"), UsageError, "Did you mean 'energy'"),
        (("fundus=phantoms:xray-bedside", *SOURCES), DataError, "both named 'fundus'"),
        (("phantoms:xray-bedside", *SOURCES, "--bootstrap", "9"), UsageError, "cannot be resampled"),
    ],
)
def test_what_is_no_question_is_refused(arguments: tuple[str, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        run(*arguments)
