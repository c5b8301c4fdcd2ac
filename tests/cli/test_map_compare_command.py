"""Promises of dsim map compare: the answer first, 80 columns, files that agree with it, errors that come early."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from dsim.cli.map_compare import compare, default_methods, with_rotations
from dsim.errors import NeedError, UnknownNameError, UsageError
from dsim.files.documents import check

#: Trainings of a second.
TINY_MAP = "t-simcne[size=16,hidden=16,outputs=8,batch=8,steps=4/2/2,calibration=0]"
TINY_FEATURES = "simclr[network=test_resnet,epochs=1,size=16,batch=8,hidden=16,outputs=8]"


def run(*arguments: str | Path) -> None:
    compare.main([*map(str, arguments), "--device", "cpu"], standalone_mode=False)


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """Forty images of two shades, from eight smears."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 80, (40, 16, 16, 3), dtype=np.uint8)
    pixels[::2] += 120
    groups = np.array([f"smear {index // 5}" for index in range(40)])
    path = tmp_path / "shades.npz"
    np.savez(path, images=pixels, labels=np.arange(40) % 2, class_names=np.array(["bright", "dark"]), groups=groups)
    return path


def test_the_answer_comes_first_and_all_fits_80_columns(
    shades: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run(shades, "--methods", "pixels+pca,pixels+tsne", "--out", tmp_path / "out", "--why", "--repeats", 2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("On shades, ")
    assert all(len(line) <= 80 for line in lines if not line.startswith("Next"))
    assert any(line.startswith("Next") and "--seeds 3" in line for line in lines)
    assert any("dark" in line for line in lines)


def test_files_hold_the_scores_and_the_place_of_every_image(
    shades: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run(
        shades,
        "--methods",
        "pixels+pca",
        "--methods",
        "pixels+tsne",
        "--seeds",
        2,
        "--out",
        out,
        "--json",
        "--repeats",
        1,
    )
    document = json.loads(capsys.readouterr().out)
    check(document, "dsim.map-comparison/1", "the output", "")
    assert document == json.loads((out / "comparison.json").read_text("utf-8"))
    assert [each["method"] for each in document["methods"]] == ["pixels+pca", "pixels+tsne"]
    rows = list(csv.DictReader((out / "places.csv").read_text("utf-8").splitlines()))
    assert len(rows) == 40 * 3
    assert {row["label"] for row in rows} == {"bright", "dark"}
    assert (out / "maps.png").stat().st_size > 5000


@pytest.mark.slow
def test_maps_and_features_are_trained_on_the_dataset_once(
    shades: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    methods = f"{TINY_MAP},{TINY_FEATURES}+pca,{TINY_MAP}+pca,pixels+pca"
    run(shades, "--methods", methods, "--rotations", "any", "--out", out, "--json", "--repeats", 1)
    first = json.loads(capsys.readouterr().out)
    assert len(list((out / "runs").iterdir())) == 2
    assert [each["trains"] for each in first["methods"]] == [True, True, True, False]
    assert "rotations=any" in first["methods"][0]["method"]
    assert first["methods"][0]["facts"][0]["parameters"]["rotations"] == "any"
    assert first["methods"][0]["trustworthiness"] is not None
    run(shades, "--methods", methods, "--rotations", "any", "--out", out, "--json", "--repeats", 1)
    again = json.loads(capsys.readouterr().out)
    assert [each["accuracy"] for each in again["methods"]] == [each["accuracy"] for each in first["methods"]]


def test_rotations_are_of_trainers_that_have_them_and_name_none() -> None:
    assert with_rotations("t-simcne", "any") == "t-simcne[rotations=any]"
    assert with_rotations("t-simcne[rotations=none]+tsne", "any") == "t-simcne[rotations=none]+tsne"
    assert with_rotations("t-simcne+tsne", "quarter") == "t-simcne[rotations=quarter]+tsne"
    assert with_rotations("simclr+tsne", "any") == "simclr+tsne"
    assert with_rotations("pixels + tsne", None) == "pixels+tsne"


def test_by_default_a_trained_map_meets_the_baselines_of_the_paper() -> None:
    assert default_methods() == ("t-simcne", "pixels+tsne", "imagenet+tsne")


def test_what_is_wrong_is_refused_before_anything_is_made(shades: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UnknownNameError, match="tsne"):
        run(shades, "--methods", "pixels+tsn", "--out", out)
    with pytest.raises(UsageError, match="rotations"):
        run(shades, "--methods", f"{TINY_MAP},pixels+pca", "--out", out)
    assert not (out / "comparison.json").exists()


def test_without_labels_maps_are_judged_by_features_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plain.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 255, (30, 8, 8, 3), dtype=np.uint8))
    with pytest.raises(NeedError, match="label"):
        run(path, "--methods", "pixels+pca", "--out", tmp_path / "out")
    run(path, "--methods", "pixels+pca", "--without-labels", "--why", "--out", tmp_path / "out")
    output = capsys.readouterr().out
    assert "trustworthiness" in output
    assert "accuracy" not in output.splitlines()[2]
