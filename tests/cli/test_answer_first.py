"""Commands print the answer first; where no source resembles the target, they do not advise to pre-label with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsim.cli.answer import NEXT, print_answers
from dsim.cli.compare import compare
from dsim.cli.recommend import recommend

#: What a command prints and writes is tested here; what its pictures show, in tests/plots.
pytestmark = pytest.mark.usefixtures("blank_pictures")

#: Drawn small: the network sees 18 images of each once, for all tests of this file.
FOREIGN = [word for name in ("fluorescence", "fundus", "histology") for word in ("--sources", f"phantoms:{name}{{}}")]
SIZE = "[count=18,size=64]"
TARGET = f"phantoms:ultrasound{SIZE}"
SOURCES = [word.format(SIZE) for word in FOREIGN]


def run_compare(out: Path, *arguments: str) -> None:
    compare.main([*SOURCES, "--targets", TARGET, "--out", str(out), *arguments], standalone_mode=False)


def test_compare_says_first_that_none_resembles_the_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_compare(tmp_path / "out")
    said = capsys.readouterr().out
    assert said.startswith("None of these 3 sources resembles ultrasound")
    assert "annotate" in said.partition("asap@1")[0]
    assert "dsim prelabel" not in said
    assert "dsim transfer" not in said
    document = json.loads((tmp_path / "out" / "matrix.json").read_text("utf-8"))
    assert document["rankings"][0]["resemblance"]["likeness"] == "none"


def test_several_measures_say_it_below_their_votes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_compare(tmp_path / "out", "--measure", "asap", "--measure", "cc:size=32", "--bootstrap", "0")
    said = capsys.readouterr().out
    assert "dsim prelabel" not in said
    assert "dsim transfer" not in said
    assert "None of these 3 sources" in said


def test_recommend_holds_back_model_and_command(capsys: pytest.CaptureFixture[str]) -> None:
    recommend.main([TARGET, *SOURCES, "--json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert document["command"] is None
    assert len(document["instead"]) == 3
    assert document["answer"].startswith("None of these 3 sources")


def test_a_report_advises_no_model_either(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    run_compare(tmp_path / "out", "--bootstrap", "0", "--report", str(page))
    text = page.read_text("utf-8")
    assert "none resembles it" in text
    assert "badge sure" not in text
    assert "dsim</span> <span>prelabel" not in text


def test_sentences_fold_between_words_and_commands_stay_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    command = f"{NEXT}: dsim prelabel a/very/long/path/to/images --model zoo:unet8.nuclei.r1 --out prelabels"
    print_answers(["Take one for the other: it is clearly the nearest of 3 sources.", command])
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 40 for line in lines[:-1])
    assert lines[-1] == command
