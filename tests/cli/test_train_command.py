"""``dsim train``: lists trainers, shows their parameters, trains; ``dsim zoo train`` is its older form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dsim.cli.main import run
from dsim.plugin import Parameter, Product, TrainedModel, TrainerSpec

SPEC = TrainerSpec(
    name="tiny",
    version=2,
    title="a tiny model",
    factory="somewhere:train",
    produces=(Product.EXTRACTOR,),
    cost="a second",
    references=("this test",),
    parameters=(
        Parameter("epochs", "int", 5, "passes over the images", minimum=1),
        Parameter("mode", "str", "slow", "how it goes", choices=("slow", "quick")),
    ),
    presets={"paper": {"epochs": 100}},
)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the trainer ``tiny``, the only one, is called with."""
    called: dict[str, Any] = {}

    def trainer(datasets: Sequence[Any], out: Path, **more: Any) -> list[TrainedModel]:
        called.update(names=[dataset.name for dataset in datasets], device=more["runtime"].device, **more)
        (out / "model").write_text("weights")
        return [TrainedModel(Product.EXTRACTOR, out / "model", "file:model")]

    from dsim.registry import default

    monkeypatch.setattr("dsim.registry.Registry.trainers", {"tiny": SPEC})
    monkeypatch.setattr("dsim.registry.Registry.origin", lambda self, name, hook: default().plugins["core"])
    monkeypatch.setattr("dsim.learning.trainer.load", lambda reference: trainer)
    return called


DATA = ("phantoms:xray[count=2,size=16]", "phantoms:fundus[count=2,size=16]")


def test_parameters_presets_datasets_and_seed_reach_the_trainer(
    seen: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--preset", "paper", "-p", "mode=quick", "--seed", "3", "--device", "cpu", "--restart"]
    assert run(["train", "tiny", *DATA, "--out", str(tmp_path / "run"), *options]) == 0
    assert seen["names"] == ["xray[count=2,size=16]", "fundus[count=2,size=16]"]
    assert seen["parameters"] == {"epochs": 100, "mode": "quick"}
    assert (seen["seed"], seen["device"], seen["resume"]) == (3, "cpu", False)
    assert capsys.readouterr().out.split() == ["extractor", str(tmp_path / "run" / "model"), "file:model"]


def test_json_names_the_models(seen: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "tiny", *DATA, "--out", str(tmp_path), "--json"]) == 0
    path = str(tmp_path / "model")
    assert json.loads(capsys.readouterr().out) == [{"product": "extractor", "path": path, "reference": "file:model"}]


def test_the_older_command_trains_too_and_names_the_new_one(
    seen: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "m")
    assert run(["zoo", "train", "tiny", "--sources", *DATA, "--out", out, "--set", "epochs=2"]) == 0
    assert seen["parameters"]["epochs"] == 2
    captured = capsys.readouterr()
    assert captured.out == f"{out}\n"
    assert "dsim train tiny" in captured.err


def test_trainers_are_listed(seen: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train"]) == 0
    assert capsys.readouterr().out.split() == ["tiny@2", "extractor", "a", "tiny", "model"]
    assert run(["train", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["presets"] == {"paper": {"epochs": 100}}


@pytest.mark.parametrize("arguments", [["train", "tiny", "--help"], ["explain", "tiny"]])
def test_parameters_are_shown(seen: dict[str, Any], capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    for text in ("epochs=5", "passes over the images", "slow|quick", "paper", "epochs=100"):
        assert text in shown


def test_explain_gives_json(seen: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "tiny", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"][0]["name"] == "epochs"


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["tine", *DATA, "--out", "m"], "'tiny'"),
        (["tiny", "--out", "m"], "datasets"),
        (["tiny", *DATA], "--out"),
        (["tiny", *DATA, "--out", "m", "-p", "epoch=2"], "'epochs'"),
        (["tiny", *DATA, "--out", "m", "-p", "epochs=many"], "'epochs'"),
        (["tiny", *DATA, "--out", "m", "-p", "epochs=1", "-p", "epochs=2"], "'epochs'"),
        (["tiny", *DATA, "--out", "m", "--preset", "papre"], "'paper'"),
    ],
)
def test_what_is_wrong_is_a_wrong_use_with_a_fix(
    seen: dict[str, Any], arguments: list[str], culprit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", *arguments]) == 2
    error = capsys.readouterr().err
    assert culprit in error
    assert "fix: " in error
    assert not seen
