"""Promises of dsim map check: the answer first, 80 columns, JSON that holds to its schema, errors with a fix."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.cli.map_check import check
from dsim.data.phantoms import open_phantom
from dsim.errors import UnknownNameError, UsageError
from dsim.files.documents import check as hold_to

PIXELS = ("--extractor", "pixels:[side=8]", "--device", "cpu")


def run(*arguments: str | Path) -> None:
    check.main([*map(str, arguments), *PIXELS], standalone_mode=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dataset = open_phantom("dermoscopy", count=12, size=32)
    (tmp_path / "lesions").mkdir()
    for place in range(12):
        Image.fromarray(dataset.native(place)).save(tmp_path / "lesions" / f"lesion{place}.png")
    Image.fromarray(np.rot90(dataset.native(5))).save(tmp_path / "lesions" / "scan.png")
    Image.fromarray(dataset.native(2)).save(tmp_path / "lesions" / "twice.tif")
    return tmp_path / "lesions"


def test_the_answer_comes_first_and_fits_80_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(folder)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 of 14 images of lesions are worth a look")
    assert all(len(line) <= 80 for line in lines if not line.startswith("Next"))
    assert any("twice" in line for line in lines)
    assert lines[-1].startswith("Next")


def test_the_document_is_printed_with_json_and_written_with_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, "--json", "--kinds", "exact-duplicate,near-duplicate", "--out", tmp_path / "out")
    document = json.loads(capsys.readouterr().out)
    hold_to(document, "dsim.map-check/1", "the output", "")
    assert [found["kind"] for found in document["findings"]] == ["exact-duplicate", "near-duplicate"]
    assert document == json.loads((tmp_path / "out" / "check.json").read_text("utf-8"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".lock") == [
        "check.csv",
        "check.html",
        "check.json",
    ]


def test_an_unknown_kind_and_a_map_among_others_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="blanks"):
        run(folder, "--kinds", "blanks")
    with pytest.raises(UsageError):
        run(folder, "--dataset", "a=b")
    (tmp_path / "map").mkdir()
    (tmp_path / "map" / "map.json").write_text("{}", "utf-8")
    with pytest.raises(UsageError, match="map"):
        run(tmp_path / "map", folder)
