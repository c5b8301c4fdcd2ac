"""``dsim map fit`` and ``place``: the answer comes first, fits into 80 columns, and every wrong argument has a fix."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dsim.cli.main import run
from dsim.files.documents import check

CELLS, FOREIGN = "cells=phantoms:fluorescence[count=100,size=32]", "phantoms:xray[count=30,size=32]"
SHORT = ["-p", "size=16,hidden=16,outputs=8,batch=16,steps=6/2/2"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map that the command fitted, in a folder of its own."""
    out = tmp_path_factory.mktemp("map-command") / "MAP"
    assert run(["map", "fit", CELLS, "--out", str(out), *SHORT]) == 0
    return out


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert run(list(arguments)) == code
    return capsys.readouterr()


def test_the_first_sentence_says_what_was_mapped_and_where_it_is(
    fitted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = printed(capsys, "map", "fit", CELLS, "--out", str(fitted), *SHORT).out
    first = out.splitlines()[0]
    for fact in (str(fitted / "map.html"), "100 images", "cells", "quick", "rotations any", "fluorescence"):
        assert fact in first
    assert "dsim map place NEW" in out


def test_the_same_command_does_nothing_but_say_so(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in fitted.rglob("*") if path.is_file()}
    said = printed(capsys, "map", "fit", CELLS, "--out", str(fitted), *SHORT).err
    assert {path: path.stat().st_mtime_ns for path in fitted.rglob("*") if path.is_file()} == before
    assert "finished" in said
    assert "wrote" not in said


def test_json_is_a_document_of_its_schema(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads(printed(capsys, "map", "fit", CELLS, "--out", str(fitted), *SHORT, "--json").out)
    check(record, "dsim.map/1", "the record", "")
    assert all(Path(name).is_file() for name in record["files"])
    placed = json.loads(printed(capsys, "map", "place", FOREIGN, "--model", str(fitted), "--json").out)
    check(placed, "dsim.map-place/1", "the record", "")
    assert len(placed["images"]) == 30


def test_foreign_images_are_said_first_with_their_interval(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "map",
        "place",
        "phantoms:xray[count=30,size=32]",
        "--model",
        str(fitted),
        "--out",
        str(tmp_path / "p"),
    ]
    said = printed(capsys, *arguments)
    assert re.search(r"30 images .* about \d+% are unlike .*\d+% to 100%", " ".join(said.out.split()))
    assert {path.name for path in (tmp_path / "p").iterdir()} == {"placed.csv", "placed.html", "placed.json"}
    assert "cells/" in said.out


def test_of_one_image_or_few_no_share_is_said(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    single = printed(capsys, "map", "place", "phantoms:xray[count=1,size=32]", "--model", str(fitted)).out
    assert "The image is placed; it is unlike" in single
    few = printed(capsys, "map", "place", "phantoms:xray[count=2,size=32]", "--model", str(fitted)).out
    assert "too few" in few


def test_what_is_printed_fits_into_80_columns(
    fitted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = f"{'a_rather_long_name_of_a_department_of_radiology_' * 2}=phantoms:xray[count=30,size=32]"
    for arguments in (["fit", CELLS, "--out", str(fitted), *SHORT], ["place", long, "--model", str(fitted)]):
        lines = printed(capsys, "map", *arguments).out.splitlines()
        # A command is one line for whoever copies it, and a path is not broken.
        assert [line for line in lines if len(line) > 80 and not line.startswith("Next") and " " in line] == []


@pytest.mark.parametrize(
    ("arguments", "culprit", "fix"),
    [
        (["fit"], "DATASET", "dsim map fit"),
        (["fit", "phantoms:xray"], "--out", "Folder"),
        (["fit", "phantoms:xray", "--out", "M", "--rotations", "some"], "some", "none"),
        (["fit", "phantoms:xray", "--out", "M", "-p", "stepps=3"], "stepps", "steps"),
        (["fit", "phantoms:xray", "--out", "M", "--rotations", "any", "-p", "rotations=none"], "rotations", "one"),
        (["fit", "phantoms:xray", "--out", "M", "--preset", "papre"], "papre", "paper"),
        (["fit", "phantoms:xray", "--out", "M", "--trainer", "dino"], "dino", "t-simcne"),
        (["fit", "phantoms:xray[count=1]", "--out", "M"], "one image", "several"),
        (["fit", "phantoms:xray", "phantoms:xray", "--out", "M"], "xray", "="),
        (["fit", "nowhere", "--out", "M"], "nowhere", "folder"),
        (["place", "phantoms:xray"], "--model", "map"),
        (["place", "phantoms:xray", "--model", "nowhere"], "nowhere", "dsim map fit"),
        (["place", "phantoms:xray", "--model", "zoo:asap-resnet18.biomed16.r1"], "asap", "dsim map fit"),
        (["place", "phantoms:xray", "--model", "zoo:nothing"], "nothing", "dsim zoo list"),
        (["fitt"], "fitt", "fit"),
    ],
)
def test_a_wrong_argument_is_named_with_its_fix(
    arguments: list[str],
    culprit: str,
    fix: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["map", *arguments]) in (1, 2)
    said = capsys.readouterr().err
    message, _, hint = said.partition("fix: ")
    assert culprit in message
    assert fix in hint or fix in message
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_without_a_modality_must_choose_its_rotations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "mine.npz", images=np.random.default_rng(0).integers(0, 255, (20, 16, 16), np.uint8))
    assert run(["map", "fit", "mine.npz", "--out", "M", *SHORT]) == 2
    said = capsys.readouterr().err
    assert "mine" in said
    assert "rotations=any" in said.partition("fix: ")[2]
    # Chosen, it goes on in the same folder: nothing was trained there.
    assert run(["map", "fit", "mine.npz", "--out", "M", *SHORT, "--rotations", "none"]) == 0
