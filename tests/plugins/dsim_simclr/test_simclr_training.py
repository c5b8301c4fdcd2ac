"""Promises of ``dsim train simclr``: its loss is NT-Xent, a killed run goes on exactly, bad input is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dsim.data import Dataset, from_arrays
from dsim.errors import DsimError
from dsim.features import extract
from dsim.learning import Position, read_unlabelled, train
from dsim.models import build_backbone
from dsim.runtime import Runtime, Silent
from dsim_simclr.objective import SimclrObjective, config_of
from dsim_simclr.specs import TRAINER

CPU = Runtime(device="cpu")
TINY: dict[str, Any] = {"network": "test_resnet", "epochs": 2, "size": 16, "batch": 4, "hidden": 8, "outputs": 4}


def phantoms(count: int = 8, side: int = 20) -> Dataset:
    """Images of discs of random colour on noise."""
    rng = np.random.default_rng(0)
    rows, columns = np.ogrid[:side, :side]
    images = rng.integers(0, 60, (count, side, side, 3)).astype(np.uint8)
    for image in images:
        centre, radius = rng.integers(6, side - 6, 2), rng.integers(3, 6)
        image[(rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2] = rng.integers(100, 255, 3)
    return from_arrays(list(images), name="phantoms")


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
    return train("simclr", datasets or [phantoms()], out=out, runtime=runtime, **{**TINY, **parameters})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    run(out)
    return out


def test_a_training_that_was_killed_ends_with_the_same_weights(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path / "run", runtime=Runtime(device="cpu", progress=StopAfter()))
    assert (tmp_path / "run" / "checkpoint.safetensors").exists()
    run(tmp_path / "run")
    files = [out / "model" / "backbone.safetensors" for out in (finished, tmp_path / "run")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_model_is_an_extractor_and_a_start(finished: Path, tmp_path: Path) -> None:
    (model,) = run(finished)
    assert np.asarray(extract(phantoms(), model.reference, CPU)).shape[0] == 8
    run(tmp_path / "next", start=str(finished / "model"), epochs=1)


def independent_nt_xent(points: np.ndarray, temperature: float) -> float:
    """Eq. 1 of Chen et al. 2020, point by point; points (2, b, d)."""
    flat = points.reshape(-1, points.shape[-1]).astype(np.float64)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    images, total = points.shape[1], 0.0
    for i in range(2 * images):
        similar = {j: np.exp(flat[i] @ flat[j] / temperature) for j in range(2 * images) if j != i}
        total -= np.log(similar[(i + images) % (2 * images)] / sum(similar.values()))
    return total / (2 * images)


def test_the_loss_of_a_step_is_nt_xent_of_the_projected_views() -> None:
    parameters = {**{one.name: one.default for one in TRAINER.parameters}, **TINY}
    images = read_unlabelled([phantoms()], 16, CPU)
    backbone = build_backbone("test_resnet", 16, "random", 0, CPU)
    objective = SimclrObjective(images, backbone, parameters, 0, "cpu")
    batch = torch.arange(4)
    losses = objective.losses(batch, torch.Generator().manual_seed(1), Position())
    (views,) = objective.draw(batch, torch.Generator().manual_seed(1))
    points = objective.head(backbone(views)).detach().numpy().reshape(2, 4, -1)
    assert losses["loss"].item() == pytest.approx(independent_nt_xent(points, 0.5), rel=1e-4)
    assert {"spread", "effective_rank"} < set(losses)


def test_the_rate_follows_the_root_of_the_batch() -> None:
    parameters = {**{one.name: one.default for one in TRAINER.parameters}, "batch": 64, "warmup": 0.0}
    assert config_of(parameters, 10).first_lr == pytest.approx(parameters["lr"] / 2)


@pytest.mark.parametrize(
    ("images", "parameters", "named"),
    [
        (phantoms(3), {}, "batch"),
        (phantoms(1), {"batch": 2}, "image"),
        (from_arrays([np.full((20, 20, 3), value, np.uint8) for value in range(8)], name="flat"), {}, "colour"),
        (phantoms(), {"size": 96}, "96"),
        (phantoms(), {"network": "resnet_nobody"}, "resnet_nobody"),
        (phantoms(), {"start": "imagenet"}, "test_resnet"),
        (phantoms(), {"views": "nobody"}, "nobody"),
        (phantoms(), {"area": (0.9, 0.1)}, "area"),
    ],
)
def test_bad_input_is_refused_with_the_culprit_and_a_fix(
    images: Dataset, parameters: dict[str, Any], named: str, tmp_path: Path
) -> None:
    with pytest.raises(DsimError) as refused:
        run(tmp_path / "run", [images], **parameters)
    assert named in refused.value.message + str(refused.value.hint)
    assert refused.value.hint
