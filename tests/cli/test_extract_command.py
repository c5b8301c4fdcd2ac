"""``dsim extract``: features, ids and recipe in one file that appears whole."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from dsim.cli.main import run
from dsim.files.documents import check


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    place = tmp_path / "cells"
    place.mkdir()
    for name in ("a", "b", "c"):
        Image.fromarray(rng.integers(0, 256, (20, 30), dtype=np.uint8)).save(place / f"{name}.png")
    return place


def test_the_file_holds_features_ids_and_recipe(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "features.h5"
    paths = [str(folder), f"again={folder}"]
    assert run(["extract", *paths, "--extractor", "pixels:[side=4]", "--out", str(out), "--json"]) == 0
    captured = json.loads(capsys.readouterr().out)
    check(captured, "dsim.extract/1", "the document", "")
    assert captured["schema"] == "dsim.extract/1"
    assert captured["file"] == str(out)
    assert captured["datasets"]["cells"]["shape"] == [3, 16]
    assert captured["recipe"]["transform"] == "square@1[channels=1,side=4]"
    with h5py.File(out) as file:
        assert sorted(file) == ["again", "cells"]
        assert dict(file.attrs) == captured["recipe"]
        assert file["cells"].attrs["images_fingerprint"] == captured["datasets"]["cells"]["images"]
        assert [Path(name).stem for name in file["cells/ids"].asstr()[()]] == ["a", "b", "c"]
        assert file["cells/features"].dtype == np.float32
        assert file["cells/features"].shape == (3, 16)
        np.testing.assert_array_equal(file["cells/features"][()], file["again/features"][()])


def test_without_a_file_a_table_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["extract", str(folder), "--extractor", "pixels:"]) == 0
    captured = capsys.readouterr()
    assert "cells" in captured.out
    assert "256" in captured.out
    assert captured.err == ""


def test_what_is_passed_over_is_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b.png").write_bytes(b"no image")
    assert run(["extract", str(folder), "--extractor", "pixels:[side=4]", "--skip-unreadable"]) == 0
    captured = capsys.readouterr().err
    assert captured.startswith("note: cells: 1 unreadable")
    assert "b.png" in captured


def test_weights_that_cannot_be_reached_leave_with_1_and_the_ways_out(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    reference = "torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1"
    out = tmp_path / "features.h5"
    assert run(["extract", str(folder), "--extractor", reference, "--offline", "--out", str(out)]) == 1
    errors = capsys.readouterr().err
    assert f"the weights of {reference} cannot be reached: offline" in errors
    assert "--weights FILE" in errors
    assert not out.exists()


def test_weights_reach_the_extractor(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["extract", str(folder), "--extractor", "timm:test_resnet", "--weights", str(tmp_path / "absent.pth")]
    assert run(arguments) == 1
    assert f"weights file {tmp_path / 'absent.pth'} does not exist" in capsys.readouterr().err


def test_the_largest_size_is_an_option_of_every_command_that_opens_datasets(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["data", "inspect", str(folder)], ["extract", str(folder), "--extractor", "pixels:[side=4]"]):
        assert run([*command, "--max-pixels", "599"]) == 1
        captured = capsys.readouterr().err
        assert "a.png" in captured
        assert "--max-pixels 600" in captured
        assert run([*command, "--max-pixels", "20x30"]) == 0
        assert run([*command, "--max-pixels", "many"]) == 2
        assert "max_pixels cannot be 'many'" in capsys.readouterr().err
