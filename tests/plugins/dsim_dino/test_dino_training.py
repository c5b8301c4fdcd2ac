"""Promises of ``dsim train dino``: exact resume, a checkpoint that other tools read, and settings made of the steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from dsim.cli.measures import explain
from dsim.cli.train import train as command
from dsim.data import Dataset, from_arrays
from dsim.errors import DsimError, UsageError
from dsim.features import extract
from dsim.files.documents import check
from dsim.learning import Crops, ViewsObjective, pretraining, read_unlabelled, train
from dsim.learning import images as bank_of_images
from dsim.models import build_backbone, read_start
from dsim.runtime import Runtime, Silent
from dsim.zoo import add_model

CPU = Runtime(device="cpu")
TINY: dict[str, Any] = {
    "network": "test_resnet",
    "epochs": 2,
    "size": 16,
    "local_size": 8,
    "local_crops": 1,
    "batch": 4,
    "outputs": 8,
    "hidden": 8,
    "bottleneck": 4,
}


def phantoms(count: int = 8, side: int = 20, name: str = "phantoms", seed: int = 0) -> Dataset:
    """Images of discs of random colour on noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[:side, :side]
    images = []
    for _ in range(count):
        image = rng.integers(0, 60, (side, side, 3)).astype(np.uint8)
        centre, radius = rng.integers(6, side - 6, 2), rng.integers(3, 6)
        image[(rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2] = rng.integers(100, 255, 3)
        images.append(image)
    return from_arrays(images, name=name)


class Interrupted(Exception):
    pass


class StopAfter(Silent):
    """Interrupts a training when its second epoch has been finished: the first is in the checkpoint."""

    def task(self, description: str, total: float | None = None, unit: str = "") -> Any:
        return _Stop() if unit == "epochs" else super().task(description, total, unit)


class _Stop:
    epochs = 0

    def __enter__(self) -> _Stop:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def advance(self, amount: float = 1, **fields: object) -> None:
        self.epochs += bool(fields)
        if self.epochs == 2:
            raise Interrupted


def run(out: Path, datasets: Any = None, runtime: Runtime = CPU, **parameters: Any) -> Any:
    return train("dino", datasets or [phantoms()], out=out, runtime=runtime, **{**TINY, **parameters})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    run(out)
    return out


def weights(out: Path) -> bytes:
    return (out / "model" / "backbone.safetensors").read_bytes()


def test_a_training_that_was_killed_ends_with_the_same_weights(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path / "run", runtime=Runtime(device="cpu", progress=StopAfter()))
    assert (tmp_path / "run" / "checkpoint.safetensors").exists()
    run(tmp_path / "run")
    assert weights(tmp_path / "run") == weights(finished)


def test_the_record_of_a_run_has_the_settings_that_were_left_automatic(finished: Path) -> None:
    record = json.loads((finished / "run.json").read_text())
    check(record, "dsim.training/1", "run.json", "")
    assert record["parameters"]["momentum"] == 0.0
    assert record["models"][0]["settings"]["momentum"] == 0.99
    assert record["models"][0]["settings"]["recipe"] == "small"
    assert run(finished)[0].settings["peak_lr"] > 0


def test_the_checkpoint_has_the_usual_layout_without_code(finished: Path) -> None:
    content = torch.load(finished / "checkpoint.pth", weights_only=True)
    assert {"student", "teacher", "optimizer", "epoch", "args", "dino_loss"} <= set(content)
    assert content["epoch"] == TINY["epochs"]
    assert content["dino_loss"]["center"].shape == (1, TINY["outputs"])
    assert {name.partition(".")[0] for name in content["teacher"]} == {"backbone", "head"}
    assert "backbone.layer1.0.conv1.weight" in content["teacher"]


def test_the_checkpoint_and_the_model_give_the_same_features(finished: Path) -> None:
    model, checkpoint = run(finished)
    features = [np.asarray(extract(phantoms(), one.reference, CPU)) for one in (model, checkpoint)]
    assert np.abs(features[0] - features[1]).max() < 0.01 * np.abs(features[0]).max()


@pytest.mark.parametrize(
    ("images", "parameters", "named"),
    [
        (phantoms(3), {}, "batch"),
        (phantoms(1), {"batch": 2}, "image"),
        (from_arrays([np.full((20, 20, 3), value, np.uint8) for value in range(8)], name="flat"), {}, "colour"),
        (phantoms(side=20), {"size": 96}, "96"),
        (phantoms(), {"outputs": 1}, "outputs"),
        (phantoms(), {"network": "resnet_nobody"}, "resnet_nobody"),
        (phantoms(), {"start": "imagenet"}, "test_resnet"),
        (phantoms(), {"local_crops": 0, "global_crops": 1}, "crop"),
    ],
)
def test_bad_input_is_refused_with_the_culprit_and_a_fix(
    images: Dataset, parameters: dict[str, Any], named: str, tmp_path: Path
) -> None:
    with pytest.raises(DsimError) as refused:
        run(tmp_path / "run", [images], **parameters)
    assert named in refused.value.message + str(refused.value.hint)
    assert refused.value.hint


def test_another_training_starts_from_the_teacher_of_a_run_head_included(finished: Path, tmp_path: Path) -> None:
    trained = torch.load(finished / "checkpoint.pth", weights_only=True)["teacher"]
    weights_of = read_start(str(finished), TINY["network"], CPU)
    backbone = build_backbone(TINY["network"], 16, str(finished), 0, CPU)
    assert torch.equal(backbone.network.state_dict()["conv1.0.weight"], trained["backbone.conv1.0.weight"])
    assert torch.equal(weights_of.head["mlp.0.weight"], trained["head.mlp.0.weight"])
    run(tmp_path / "next", start=str(finished), epochs=1)
    manifest = (tmp_path / "next" / "model" / "manifest.toml").read_text()
    assert str(finished) in manifest


def test_the_folder_of_a_model_is_a_start_without_a_head(finished: Path) -> None:
    found = read_start(str(finished / "model"), TINY["network"], CPU)
    assert not found.head
    assert found.network == TINY["network"]


def test_weights_of_another_network_are_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="test_resnet"):
        run(tmp_path / "run", start=str(finished), network="resnet18")


def test_imagenet_weights_are_those_of_the_shipped_model() -> None:
    from dsim.zoo import find

    backbone = build_backbone("tf_efficientnet_lite0", 32, "imagenet", 0, CPU).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(backbone(images), find("lite0.imagenet.r1").build()(images))


class _NoLoss(ViewsObjective):
    """Batches alone."""

    networks: ClassVar[Any] = {}

    def losses(self, *_: Any) -> Any:
        return {}


def test_batches_of_several_datasets_are_balanced() -> None:
    images = read_unlabelled([phantoms(20), phantoms(4, name="few", seed=1)], 16, CPU)
    objective = _NoLoss(images, 4, [Crops(2, 16, (0.5, 1.0))], "original", "cpu")
    batches = list(objective.batches(torch.Generator().manual_seed(0)))
    assert len(batches) == objective.steps_per_epoch()
    assert all(int((batch >= 20).sum()) == 2 for batch in batches)


def test_images_lie_in_a_file_that_is_mapped_where_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_unlabelled([phantoms()], 16, CPU)
    opened: list[Path | None] = []
    monkeypatch.setattr(pretraining, "BANK_BYTES", 100)
    open_file = bank_of_images._open_temporary

    def watched(folder: Path | None) -> Any:
        opened.append(folder)
        return open_file(folder)

    monkeypatch.setattr(bank_of_images, "_open_temporary", watched)
    mapped = read_unlabelled([phantoms()], 16, CPU)
    assert opened == [CPU.cache / "scratch"]
    assert mapped.bank.fingerprint == whole.bank.fingerprint


def test_images_are_kept_at_their_own_side_within_bounds() -> None:
    assert read_unlabelled([phantoms(side=40)], 16, CPU).bank.shapes[0] == (3, 40, 40)
    assert read_unlabelled([phantoms(side=40)], 16, CPU, most=24).bank.shapes[0] == (3, 24, 24)
    assert read_unlabelled([phantoms(side=20)], 32, CPU).bank.shapes[0] == (3, 32, 32)
    assert read_unlabelled([phantoms(side=20)], 16, CPU, side=18).bank.shapes[0] == (3, 18, 18)


def test_the_command_line_starts_from_a_run(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(8):
        Image.fromarray(phantoms().native(number)).save(folder / f"{number}.png")
    settings = [f"--param={name}={value}" for name, value in (TINY | {"epochs": 1}).items()]
    arguments = ["dino", str(folder), "--out", str(tmp_path / "run"), "--from", str(finished), "--device", "cpu"]
    command.main([*arguments, *settings], standalone_mode=False)
    assert (tmp_path / "run" / "model" / "card.md").exists()


def test_explain_shows_the_measure_and_the_trainer_of_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    explain.main(["dino"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "freeze_last" in shown
    assert "statistic" in shown


def test_a_transformer_goes_from_its_run_into_the_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSIM_ZOO", str(tmp_path / "zoo"))
    written = run(tmp_path / "run", network="test_vit", size=32, local_size=16, epochs=1, token="mean")
    features = [np.asarray(extract(phantoms(), model.reference, CPU)) for model in written]
    assert np.abs(features[0] - features[1]).max() < 0.01 * np.abs(features[0]).max()
    added, replaced = add_model(tmp_path / "run")
    assert (added.id, replaced) == ("test_vit.dino.r1", None)
