"""Models are written whole, with a card and a probe that hold; and enter the user's zoo only when they are sound."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import dsim
from dsim.cli.main import run
from dsim.errors import DataError, PluginError, UsageError, WeightsError
from dsim.zoo import Model, ModelDescription, add_model, find, models, pool_entry, user_zoo, write_model

CURVES = [{"loss": 1.0 / epoch, "val_loss": 2.0 / epoch} for epoch in (1, 2, 3)]


def tensors(scale: float = 24) -> dict[str, torch.Tensor]:
    return {"1.weight": torch.arange(24.0).reshape(2, 12) / scale, "1.bias": torch.tensor([0.5, -0.5])}


@pytest.fixture
def description(builder: str, seen: dsim.Dataset) -> ModelDescription:
    return ModelDescription(
        id="linear.mine.r1",
        title="A linear map",
        builder=builder,
        licence="CC0",
        side=2,
        transform="square@1[channels=3,side=2]",
        dim=2,
        pool=[pool_entry(seen)],
        use={"intended": "tests", "limits": "everything else"},
        training={"seconds": 90, "epochs": 3, "device": "cpu", "seed": 5, "kept_epoch": 2, "settings": {"lr": 0.1}},
    )


def test_what_is_written_is_a_sound_model(tmp_path: Path, description: ModelDescription) -> None:
    written = write_model(tmp_path / "m", description, tensors(), curves=CURVES)
    module = written.build()
    torch.testing.assert_close(module.state_dict()["1.weight"], tensors()["1.weight"])
    assert written.pool[0]["name"] == "mine"
    assert json.loads((tmp_path / "m" / "curves.json").read_text()) == CURVES
    assert (tmp_path / "m" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_card_says_what_a_reader_must_know(tmp_path: Path, description: ModelDescription) -> None:
    sections = {"Quality": "Good.", "Data": "My own words."}
    model = write_model(tmp_path / "m", description, tensors(), sections=sections, curves=CURVES)
    card = (tmp_path / "m" / "card.md").read_text()
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert headings == ["# linear.mine.r1", "## Quality", "## Training", "## Data", "## Weights"]
    for text in ("tests", "everything else", "CC0", "seed 5", "epoch 2", "lr=0.1", "curves.png", "My own words."):
        assert text in card
    assert model.sha256 in card


def test_a_model_without_curves_has_no_picture(tmp_path: Path, description: ModelDescription) -> None:
    write_model(tmp_path, description, tensors())
    assert "curves.png" not in (tmp_path / "card.md").read_text()
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["card.md", "manifest.toml", "model.safetensors"]


def test_half_precision_is_what_the_probe_expects(tmp_path: Path, description: ModelDescription) -> None:
    model = write_model(tmp_path, replace(description, dtype="float16"), tensors(23), tolerance=1e-6)
    assert model.manifest["weights"]["size"] < 300
    assert model.verify() is None  # type: ignore[func-returns-value]


def test_weights_can_be_a_file(tmp_path: Path, description: ModelDescription) -> None:
    first = write_model(tmp_path / "a", description, tensors())
    second = write_model(tmp_path / "b", description, first.weights, file="other.safetensors")
    assert second.weights.name == "other.safetensors"
    assert second.sha256 == first.sha256


def test_what_is_not_known_is_left_out(tmp_path: Path, description: ModelDescription) -> None:
    training = {"eqc": math.nan, "note": None, "nested": {"kept": 1, "lost": None}}
    model = write_model(tmp_path, replace(description, training=training), tensors())
    assert set(model.manifest["training"]) == {"nested", "pool"}
    assert model.manifest["training"]["nested"] == {"kept": 1}


def test_a_model_is_never_overwritten(tmp_path: Path, description: ModelDescription) -> None:
    write_model(tmp_path, description, tensors())
    with pytest.raises(UsageError, match="holds a model already"):
        write_model(tmp_path, description, tensors(12))


@pytest.mark.parametrize(
    ("changed", "error", "culprit"),
    [
        ({"id": "Linear"}, DataError, "'id'"),
        ({"mean": (0.0,)}, DataError, "input.mean"),
        ({"builder": "zoo_test_builder:bild"}, PluginError, "zoo_test_builder:bild"),
    ],
)
def test_a_description_that_makes_no_model_leaves_no_manifest(
    tmp_path: Path, description: ModelDescription, changed: dict[str, Any], error: type[Exception], culprit: str
) -> None:
    with pytest.raises(error, match=culprit):
        write_model(tmp_path / "m", replace(description, **changed), tensors())
    assert not (tmp_path / "m" / "manifest.toml").exists()


# The user's zoo


@pytest.fixture
def mine(tmp_path: Path, description: ModelDescription) -> Model:
    return write_model(tmp_path / "run", description, tensors(), curves=CURVES)


def test_an_added_model_is_found_by_its_id(mine: Model) -> None:
    (mine.folder / "checkpoint.safetensors").write_bytes(b"large")
    added, replaced = add_model(mine.folder)
    assert replaced is None
    assert added.folder == user_zoo() / "linear.mine.r1"
    assert find("linear.mine.r1") == added
    assert "linear.mine.r1" in [model.id for model in models()]
    names = sorted(path.name for path in added.folder.iterdir())
    assert names == ["card.md", "curves.json", "curves.png", "manifest.toml", "model.safetensors"]
    assert [path.name for path in user_zoo().iterdir()] == ["linear.mine.r1"]


def test_a_run_with_one_model_in_it_can_be_added(mine: Model) -> None:
    added, _ = add_model(mine.folder.parent)
    assert added.sha256 == mine.sha256


def test_adding_a_model_again_changes_nothing(mine: Model) -> None:
    added, _ = add_model(mine.folder)
    before = (added.folder / "manifest.toml").stat().st_mtime_ns
    assert add_model(mine.folder) == (added, None)
    assert (added.folder / "manifest.toml").stat().st_mtime_ns == before


def test_another_model_of_that_id_is_refused_unless_it_is_to_be_replaced(
    mine: Model, tmp_path: Path, description: ModelDescription, capsys: pytest.CaptureFixture[str]
) -> None:
    add_model(mine.folder)
    other = write_model(tmp_path / "other", description, tensors(12))
    with pytest.raises(UsageError, match=r"linear\.mine\.r1") as caught:
        add_model(other.folder)
    assert mine.sha256[:12] in caught.value.message
    assert "--force" in (caught.value.hint or "")
    assert find("linear.mine.r1").sha256 == mine.sha256
    assert run(["zoo", "add", str(other.folder), "--force"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "zoo:linear.mine.r1\n"
    assert mine.sha256[:12] in captured.err
    assert find("linear.mine.r1").sha256 == other.sha256
    assert [path.name for path in user_zoo().iterdir()] == ["linear.mine.r1"]


def test_the_id_of_a_shipped_model_cannot_be_taken(folder: Path, description: ModelDescription, tmp_path: Path) -> None:
    other = write_model(tmp_path / "other", replace(description, id="linear.test.r1"), tensors(12))
    with pytest.raises(UsageError, match=r"linear\.test\.r1") as caught:
        add_model(other.folder, force=True)
    assert "--force" not in (caught.value.hint or "")
    assert not user_zoo().exists()


@pytest.mark.parametrize("fault", ["manifest", "weights", "probe"])
def test_an_unsound_model_does_not_enter(mine: Model, fault: str) -> None:
    manifest = mine.folder / "manifest.toml"
    if fault == "weights":
        mine.weights.write_bytes(mine.weights.read_bytes() + b"x")
    elif fault == "manifest":
        manifest.write_text(manifest.read_text().replace("licence", "license"))
    else:
        manifest.write_text(manifest.read_text().replace("tolerance = 0.001", "tolerance = 1e-30"))
        manifest.write_text(
            manifest.read_text().replace("expected = [\n    [\n        ", "expected = [\n    [\n        9")
        )
    with pytest.raises((DataError, WeightsError)) as caught:
        add_model(mine.folder)
    assert caught.value.hint
    assert not user_zoo().exists()


def test_a_folder_without_a_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "add", str(tmp_path)]) == 1
    assert "manifest.toml" in capsys.readouterr().err
