"""``dsim annotate-next``: from a folder to masks to correct, and the way back through ``--masks``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsim.cli.annotate_next import annotate_next
from dsim.errors import DataError
from dsim.files.documents import check
from dsim.models import SegmentationRecipe, Segmenter
from dsim.selection import Fit
from dsim.selection.signals import DISTANCES


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near duplicates by tiny pictures, and no distance of sources: no large network runs."""
    monkeypatch.setattr("dsim.selection.image_choice.EXTRACTOR", SimpleNamespace(default="pixels:[side=4]"))
    monkeypatch.setattr("dsim.selection.evidence.distance_signals", _no_distances)


def _no_distances(target: object, candidates: Sequence[object], *_: object) -> tuple[dict[str, Any], list[str]]:
    return {name: np.full(len(candidates), np.nan) for name in DISTANCES}, []


def run(*arguments: str | Path) -> None:
    annotate_next.main([str(argument) for argument in (*arguments, "--device", "cpu")], standalone_mode=False)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two datasets, each with an untrained network as its model."""
    recipe = SegmentationRecipe(width=4, levels=2, side=32, patch=32)
    place = tmp_path_factory.mktemp("sources")
    found = []
    for seed, name in enumerate(("red", "blue")):
        (place / name).mkdir()
        Image.fromarray(np.full((32, 32), seed, np.uint8)).save(place / name / "one.png")
        file = Segmenter(recipe.build(seed).eval(), recipe).save(place / f"{name}.safetensors")
        found.append(f"{place / name}[model={file}]")
    return found


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "cells").mkdir()
    for name in "abcde":
        Image.fromarray(rng.integers(0, 256, (32, 40), dtype=np.uint8)).save(tmp_path / "cells" / f"{name}.png")
    return tmp_path / "cells"


def test_masks_of_the_chosen_images_are_written_and_read_back_once_corrected(
    cells: Path, models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run(cells, "--sources", *models, "--out", out, "--count", "2", "--enough", "0", "--json")
    document = json.loads(capsys.readouterr().out)
    check(document, "dsim.annotate-next/1", "the output", "")
    assert json.loads((out / "annotate-next.json").read_text()) == document
    chosen = document["images"]
    assert sorted(path.stem for path in (out / "masks").iterdir()) == sorted(chosen)
    assert len(chosen) == 2
    assert {"coco.json", "overlays.png", "uncertainty.csv"} <= {path.name for path in out.iterdir()}
    assert document["next"] == f"dsim recommend {cells} --masks {out / 'masks'}"

    drawn = np.zeros((32, 40), np.uint8)
    drawn[4:20, 4:20] = 255
    Image.fromarray(drawn).save(out / "masks" / f"{chosen[0]}.png")
    more = ("--masks", out / "masks", "--out", tmp_path / "more", "--count", "3", "--enough", "0")
    run(cells, "--sources", *models, *more)
    captured = capsys.readouterr()
    assert "1 of 2 masks are unchanged" in captured.err
    again = json.loads((tmp_path / "more" / "annotate-next.json").read_text())
    assert again["annotated"] == 1
    assert chosen[0] not in again["images"]
    assert len(again["images"]) == 3
    # What was annotated before still counts in what is typed next.
    assert again["next"] == f"dsim recommend {cells} --masks {out / 'masks'} {tmp_path / 'more' / 'masks'}"
    first = captured.out.splitlines()[0]
    assert all(id in first for id in again["images"])


def test_a_settled_choice_writes_nothing_and_names_the_model(
    cells: Path,
    models: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nothing that untrained networks mark fits, and then nothing is settled.
    monkeypatch.setattr("dsim.selection.selection.judge_fit", lambda *_: (Fit.FITS, ""))
    out = tmp_path / "out"
    out.mkdir()
    run(cells, "--sources", *models, "--out", out, "--enough", "100")
    first = capsys.readouterr().out.splitlines()[0]
    assert "Settled" in first
    assert "red" in first or "blue" in first
    assert list(out.iterdir()) == []


def test_without_a_model_images_are_chosen_and_that_is_said(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(cells, "--sources", f"bare={cells}", "--out", tmp_path / "out", "--count", "2")
    captured = capsys.readouterr()
    assert "no model" in captured.err
    assert "--masks FOLDER" in captured.out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["annotate-next.json"]


def test_bad_input_is_refused_before_anything_is_computed(
    cells: Path, models: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsim.models.predict_kept", None)
    with pytest.raises(DataError, match="within the target"):
        run(cells, "--sources", *models, "--out", cells / "out")
    masks = tmp_path / "masks"
    masks.mkdir()
    for path in cells.glob("*.png"):
        Image.fromarray(np.ones((32, 40), np.uint8)).save(masks / path.name)
    with pytest.raises(DataError, match="all 5 images") as caught:
        run(cells, "--sources", *models, "--out", tmp_path / "out", "--masks", masks)
    assert "dsim recommend" in caught.value.hint
