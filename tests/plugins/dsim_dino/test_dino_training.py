"""Promises of ``dsim train dino``: exact resume, a checkpoint that other tools read, and settings made of the steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dsim.data import Dataset, from_arrays
from dsim.errors import DsimError
from dsim.features import extract
from dsim.learning import train
from dsim.runtime import Runtime, Silent

CPU = Runtime(device="cpu")
TINY: dict[str, Any] = {
    "network": "resnet10t",
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
        (phantoms(), {"start": "imagenet"}, "resnet10t"),
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
