"""``dsim zoo``: list, show, verify, add; its older command for trainings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsim.cli.main import run
from dsim.errors import WeightsError
from dsim.zoo import Model


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Model]:
    """A zoo of two described models: one sound, one whose weights are gone."""

    def build(self: Model) -> None:
        if self.id == "b.test.r1":
            raise WeightsError("the weights are gone", hint="restore them")

    manifest = {"title": "A model", "weights": {"size": 1500}, "training": {"dice_held_out": 91.2}}
    gives = {"a": {"dim": 2, "kind": "latent"}, "b": {"dim": 1, "kind": "segmentation", "marks": "nuclei"}}
    known = [
        Model(f"{name}.test.r1", tmp_path, {"id": f"{name}.test.r1", "output": output, **manifest}, tmp_path / "w")
        for name, output in gives.items()
    ]
    monkeypatch.setattr("dsim.zoo.models", lambda: known)
    monkeypatch.setattr("dsim.zoo.find", lambda id: next(model for model in known if model.id == id))
    monkeypatch.setattr(Model, "build", build)
    return known


def test_list_shows_ids_what_models_give_and_sizes(models: list[Model], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "list"]) == 0
    table = capsys.readouterr().out
    assert "a.test.r1" in table
    assert "2 features" in table
    assert "masks, Dice 91 %" in table
    assert "replaced" not in table
    models[1].manifest["training"]["replaced_by"] = "b.test.r2"
    assert run(["zoo", "list"]) == 0
    assert "masks, Dice 91 %, replaced" in capsys.readouterr().out
    assert "nuclei" in table
    assert "1.5 kB" in table
    assert run(["zoo", "list", "--json"]) == 0
    assert [model["id"] for model in json.loads(capsys.readouterr().out)] == ["a.test.r1", "b.test.r1"]


def test_show_prints_the_card(models: list[Model], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "show", "a.test.r1"]) == 1
    assert "cannot read" in capsys.readouterr().err
    (tmp_path / "card.md").write_text("# A card\n")
    assert run(["zoo", "show", "a.test.r1"]) == 0
    assert capsys.readouterr().out == "# A card\n"
    assert run(["zoo", "show", "a.test.r1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == str(tmp_path)


def test_verify_leaves_with_1_when_a_model_fails(models: list[Model], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "verify", "a.test.r1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"id": "a.test.r1", "sound": True, "reason": ""}]
    assert run(["zoo", "verify"]) == 1
    assert "the weights are gone" in capsys.readouterr().out
