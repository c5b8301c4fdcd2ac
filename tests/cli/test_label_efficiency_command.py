"""Promises of dsim label-efficiency: the answer first, files that agree, what to label next, and clear errors."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.cli.label_efficiency import label_efficiency
from dsim.errors import DataError, DsimError, NeedError, UnknownNameError, UsageError, WeightsError
from dsim.files.documents import check

KINDS = ("rows", "columns")
QUICK = ("--repeats", "3", "--counts", "1,3,6", "--classifier", "svm,knn")


def run(*arguments: str | Path) -> None:
    label_efficiency.main([*map(str, arguments), "--device", "cpu"], standalone_mode=False)


def write_images(folder: Path, n: int = 40, seed: int = 0, labels: bool = True, kinds: tuple[str, ...] = KINDS) -> Path:
    """Images of stripes along rows or columns, and a table of labels."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    grid = np.mgrid[:16, :16]
    lines = ["file,label,group"]
    for number in range(n):
        wave = np.sin(grid[number % 2] + rng.uniform(0, 0.4)) + rng.normal(0, 0.3, (16, 16))
        Image.fromarray((128 + 60 * wave).clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{number:03}.png")
        lines.append(f"{number:03}.png,{kinds[number % len(kinds)]},{folder.name}{number // 4}")
    if labels:
        (folder / "labels.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    return write_images(tmp_path / "cells")


def test_the_answer_comes_first_then_the_curves_and_the_next_command(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "out"
    run(cells, "--extractor", "pixels:[side=8]", "--baseline", "pixels", "--out", out, *QUICK, "--needed", "0.9")
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].startswith("On cells, 6 labels per class")
    assert "(SVM)" in shown.out
    assert "0.90" in shown.out
    assert any(line.startswith("Next: dsim ") for line in lines)
    assert max(len(line) for line in lines if not line.startswith("Next")) <= 80
    assert "pixels:[side=8]" in shown.out
    assert str(out / "label-efficiency.json") in shown.err
    assert (out / "curves.png").stat().st_size > 0


def test_why_has_every_classifier_both_spreads_and_the_split(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(cells, "--extractor", "pixels:", "--extractor", "pixels:[side=4]", "--out", tmp_path / "o", *QUICK, "--why")
    shown = capsys.readouterr().out
    for word in ("knn", "svm", "plateau", "draws", "groups", "pixels: less pixels:[side=4]"):
        assert word in shown


def test_json_is_of_its_schema_and_agrees_with_the_file(
    tmp_path: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(cells, "--extractor", "pixels:", "--out", tmp_path / "o", *QUICK, "--json")
    printed = json.loads(capsys.readouterr().out)
    check(printed, "dsim.label-efficiency/1", "what was printed", "")
    written = json.loads((tmp_path / "o" / "label-efficiency.json").read_text("utf-8"))
    assert written["curves"] == printed["curves"]
    [answer] = printed["answers"]
    assert (answer["dataset"], answer["count"], answer["classifier"]) == ("cells", 6, "svm")
    assert 0 <= answer["accuracy"]["low"] <= answer["accuracy"]["value"] <= answer["accuracy"]["high"] <= 1


def test_what_is_finished_is_taken_up(tmp_path: Path, cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsim.efficiency import run as module

    arguments = (cells, "--extractor", "pixels:", "--out", tmp_path / "o", *QUICK)
    run(*arguments)
    first = json.loads((tmp_path / "o" / "label-efficiency.json").read_text("utf-8"))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(module, "predict_block", refuse)
    run(*arguments)
    again = json.loads((tmp_path / "o" / "label-efficiency.json").read_text("utf-8"))
    assert [curve["accuracies"] for curve in again["curves"]] == [curve["accuracies"] for curve in first["curves"]]


def test_images_to_label_next_are_a_dataset_once_they_have_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scans = write_images(tmp_path / "scans", labels=False)
    run(scans, "--extractor", "pixels:", "--next", "24", "--out", tmp_path / "round1")
    assert "next.csv" in capsys.readouterr().out
    table = tmp_path / "round1" / "next.csv"
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert len({row["path"] for row in rows}) == 24
    assert all((tmp_path / row["path"]).is_file() and row["label"] == "" for row in rows)
    # Somebody fills in the labels: by the number of the image.
    for row in rows:
        row["label"] = KINDS[int(Path(row["path"]).stem) % 2]
    table = tmp_path / "labelled.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    more = ("--unlabelled", scans, "--next", "5", *QUICK)
    run(table, "--extractor", "pixels:", "--out", tmp_path / "round2", *more)
    second = list(csv.DictReader((tmp_path / "round2" / "next.csv").read_text("utf-8").splitlines()))
    names = {Path(row["path"]).name for row in rows}
    assert len(second) == 5
    assert not names & {Path(row["path"]).name for row in second}


def test_labels_that_are_missing_are_named(tmp_path: Path, cells: Path) -> None:
    text = (cells / "labels.csv").read_text("utf-8").replace("007.png,columns", "007.png,")
    (cells / "labels.csv").write_text(text, "utf-8")
    with pytest.raises(DataError, match=r"007\.png") as error:
        run(cells, "--extractor", "pixels:", "--out", tmp_path / "o", *QUICK)
    assert error.value.hint
    bare = write_images(tmp_path / "bare", labels=False)
    with pytest.raises(NeedError, match="bare"):
        run(bare, "--extractor", "pixels:", "--out", tmp_path / "o", *QUICK)


def test_one_class_is_refused_with_its_name(tmp_path: Path) -> None:
    alone = write_images(tmp_path / "alone", n=12, kinds=("nevus",))
    with pytest.raises(DataError, match="nevus"):
        run(alone, "--extractor", "pixels:", "--out", tmp_path / "o", *QUICK)


def test_a_class_that_is_tested_and_not_trained_is_named(tmp_path: Path, cells: Path) -> None:
    test = write_images(tmp_path / "test", n=12, seed=9, kinds=("rows", "rare"))
    with pytest.raises(DataError, match="rare") as error:
        run(cells, "--test", test, "--extractor", "pixels:", "--out", tmp_path / "o", *QUICK)
    assert error.value.hint


def test_a_test_set_that_shares_images_is_refused(tmp_path: Path, cells: Path) -> None:
    with pytest.raises(DataError, match="000"):
        run(cells, "--test", cells, "--extractor", "pixels:", "--out", tmp_path / "o", *QUICK)


def test_weights_of_another_architecture_are_refused(tmp_path: Path, cells: Path) -> None:
    import timm
    from safetensors.torch import save_file

    file = tmp_path / "resnet.safetensors"
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), file)
    with pytest.raises(WeightsError, match="test_vit"):
        run(cells, "--extractor", f"timm:test_vit[weights={file}]", "--out", tmp_path / "o", *QUICK)


@pytest.mark.parametrize(
    ("arguments", "error", "names"),
    [
        (("--extractor", "pixle:"), UnknownNameError, "pixle"),
        (("--extractor", "zoo:none.such.r1"), DsimError, "none.such.r1"),
        (("--extractor", "pixels:", "--baseline", "pixles"), UnknownNameError, "pixles"),
        (("--extractor", "pixels:", "--baseline", "finetune"), UsageError, "pixels:"),
        (("--extractor", "pixels:", "--classifier", "svn"), UnknownNameError, "svn"),
        (("--extractor", "pixels:", "--counts", "1,many"), UsageError, "many"),
        (("--extractor", "pixels:", "--next", "3"), UsageError, "--next"),
    ],
)
def test_misuse_names_its_culprit(
    tmp_path: Path, cells: Path, arguments: tuple[str, ...], error: type[Exception], names: str
) -> None:
    with pytest.raises(error, match=names):
        run(cells, *arguments, "--out", tmp_path / "o", "--repeats", "2")
