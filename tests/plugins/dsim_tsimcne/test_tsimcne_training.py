"""Promises of ``dsim train t-simcne``: stages that resume exactly, a model that places, settings that are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_maps import CPU, TINY, Interrupted, StopIn, phantoms, two_kinds

from dsim.data import from_arrays
from dsim.embeddings import novelty
from dsim.errors import DsimError
from dsim.features import extract, recipe
from dsim.learning import Position, fit, read_unlabelled, train
from dsim.models import MapNetwork, build_backbone, replace_last_layer
from dsim.registry import Product
from dsim.runtime import Runtime, Silent
from dsim.store import read_weights
from dsim.zoo import add_model, read_model
from dsim_tsimcne import stages
from dsim_tsimcne.objective import MapObjective, view_policy
from dsim_tsimcne.specs import TRAINER


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every pass."""
    monkeypatch.setattr(stages, "_ROUND", 1)


def run(out: Path, datasets: Any = None, runtime: Runtime = CPU, **parameters: Any) -> Any:
    return train("t-simcne", datasets or [phantoms()], out=out, runtime=runtime, **{**TINY, **parameters})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "_ROUND", 1)
        run(out)
    return out


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_a_training_that_was_killed_in_any_stage_ends_with_the_same_bits(
    stage: int, finished: Path, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path / "run", runtime=Runtime(device="cpu", workers=0, progress=StopIn(stage)))
    assert (tmp_path / "run" / f"checkpoint-{stage}.safetensors").exists()
    run(tmp_path / "run")
    files = [out / "model" / "map.safetensors" for out in (finished, tmp_path / "run")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert not list((tmp_path / "run").glob("checkpoint*"))


def test_the_run_gives_points_and_features_and_remembers_its_images(finished: Path) -> None:
    products = {model.product: model.reference for model in run(finished)}
    assert set(products) == {Product.MAP, Product.EXTRACTOR}
    points = np.asarray(extract(phantoms(), products[Product.MAP], CPU))
    features = np.asarray(extract(phantoms(), products[Product.EXTRACTOR], CPU))
    assert points.shape == (30, 2)
    assert features.shape == (30, 256)
    assert recipe(products[Product.EXTRACTOR], CPU).layer == "features"
    memory, _ = read_weights(finished / "model" / "map.safetensors")
    assert memory["reference"].shape == (24, 256)
    assert memory["calibration"].shape == (6,)
    trained = (distance(features, memory["reference"].numpy()) < 1e-4).any(axis=1)
    assert trained.sum() == 24
    scores = novelty(features[~trained].astype(float), memory["reference"].double().numpy())
    assert np.sort(memory["calibration"].numpy()) == pytest.approx(np.sort(scores), rel=1e-4)


def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(first[:, None] - second[None], axis=2))


def test_the_folder_of_a_run_is_the_extractor_and_enters_the_zoo(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSIM_ZOO", str(tmp_path))
    added, _ = add_model(finished)
    expected = np.asarray(extract(phantoms(), f"file:{finished}", CPU))
    assert np.array_equal(np.asarray(extract(phantoms(), f"zoo:{added.id}", CPU)), expected)


def test_another_training_starts_from_the_backbone_of_a_map(finished: Path) -> None:
    backbone = build_backbone("resnet10_w32", 16, str(finished), 0, CPU)
    stored, _ = read_weights(finished / "model" / "map.safetensors")
    assert backbone.network.state_dict()["conv1.weight"].equal(stored["features.network.conv1.weight"])


def test_the_manifest_says_what_was_chosen(finished: Path) -> None:
    manifest = read_model(finished).manifest
    assert manifest["output"] == {"dim": 2, "kind": "latent", "features": 256}
    assert manifest["training"]["rotations"]["chosen"] == "none"
    assert manifest["training"]["calibration"] == {"images": 6, "by": "images", "neighbours": 10}
    (fill,) = manifest["training"]["fill"]
    assert len(fill) == 3
    assert all(0 < value < 1 for value in fill)


def objective_of(stage: int, **parameters: Any) -> MapObjective:
    """The objective of a stage on 24 phantoms, in batches of 8."""
    values = TRAINER.values({**TINY, **parameters})
    images = read_unlabelled([phantoms(24)], 16, CPU)
    network = MapNetwork(build_backbone("resnet10_w32", 16, "random", 0, CPU), 16, 8 if stage == 1 else 2)
    planned, policy = stages.plan_stages(values, 8, 3)[stage - 1], view_policy("t-simcne", values)
    return MapObjective(images, network, planned, policy, values, batch=8, size=16, device="cpu")


@pytest.mark.parametrize("loss", ["cauchy", "cosine"])
def test_the_loss_of_a_step_is_that_of_the_published_formula(loss: str) -> None:
    objective, batch = objective_of(1, loss=loss, precision="float32"), torch.arange(8)
    losses = objective.losses(batch, torch.Generator().manual_seed(1), Position())
    (views,) = objective.draw(batch, torch.Generator().manual_seed(1))
    points = objective.network(views).detach().double().numpy()
    if loss == "cauchy":
        similar = 1 / (1 + ((points[:, None] - points[None]) ** 2).sum(axis=2))
    else:
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        similar = np.exp(points @ points.T / 0.5)
    np.fill_diagonal(similar, 0)
    expected = np.mean([-np.log(similar[i, (i + 8) % 16] / similar[i].sum()) for i in range(16)])
    assert losses["loss"].item() == pytest.approx(expected, rel=1e-4)


def test_points_and_loss_are_float32_whatever_the_precision_of_the_backbone() -> None:
    objective = objective_of(3, precision="bfloat16")
    losses = objective.losses(torch.arange(8), torch.Generator().manual_seed(1), Position())
    assert losses["loss"].dtype == losses["reach"].dtype == torch.float32


def test_what_is_left_out_of_the_views_is_drawn_no_more() -> None:
    policy = view_policy("t-simcne-any", TRAINER.values({"leave_out": "crops+flips+jitter+gray"}))
    assert (policy.crops, policy.mirror, policy.turn_over, policy.jittered, policy.gray) == (False, 0, 0, 0, 0)


class Notes(Silent):
    """Keeps what was noted."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


def test_a_batch_that_was_not_asked_for_adapts_to_the_images_and_says_so(tmp_path: Path) -> None:
    notes = Notes()
    run(tmp_path / "run", runtime=Runtime(device="cpu", workers=0, progress=notes), batch=0)
    assert read_model(tmp_path / "run").manifest["training"]["settings"]["batch"] == 24
    assert any("24" in text for text in notes.texts)


def stage_two(network: MapNetwork, lr: float = 0.03) -> MapObjective:
    parameters = {**TRAINER.values(TINY), "lr": lr}
    images = read_unlabelled([phantoms()], 16, CPU)
    stage = stages.plan_stages(parameters, 8, 3)[1]
    replace_last_layer(network, 2, 0)
    policy = view_policy("t-simcne", parameters)
    objective = MapObjective(images, network, stage, policy, parameters, batch=8, size=16, device="cpu")
    fit(objective, stage.config(parameters), seed=0, runtime=CPU)
    return objective


def test_in_stage_two_the_last_layer_alone_changes_and_statistics_move() -> None:
    network = MapNetwork(build_backbone("resnet10_w32", 16, "random", 0, CPU), 16, 8)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stage_two(network)
    after = network.state_dict()
    moved = {name for name in before if before[name].shape == after[name].shape and not before[name].equal(after[name])}
    assert moved
    assert all("running" in name or "num_batches" in name for name in moved)
    assert after["projector.mlp.2.weight"].shape == (2, 16)


def test_two_kinds_are_apart_on_the_map(tmp_path: Path) -> None:
    from sklearn.model_selection import cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    images, kinds = two_kinds(64)
    run(tmp_path / "run", [from_arrays(images, name="kinds")], batch=24, steps=(40.0, 10.0, 10.0), calibration=0.0)
    points = np.asarray(extract(from_arrays(images, name="kinds"), f"file:{tmp_path / 'run'}", CPU))
    # Far better than the half of chance: with 64 images its share would have a standard deviation of .06.
    assert cross_val_score(KNeighborsClassifier(5), points, kinds, cv=4).mean() > 0.9


def test_several_datasets_are_balanced_and_each_has_its_fill(tmp_path: Path) -> None:
    dark = from_arrays(two_kinds(20, seed=1)[0] // 4, name="dark")
    run(tmp_path / "run", [phantoms(), dark], rotations="any")
    fills = read_model(tmp_path / "run").manifest["training"]["fill"]
    assert len(fills) == 2
    assert max(fills[1]) < min(fills[0])


def test_groups_are_kept_together_and_whole_groups_calibrate(tmp_path: Path) -> None:
    run(tmp_path / "run", [phantoms(48, groups=24)], invariant_to="group", rotations="quarter")
    assert read_model(tmp_path / "run").manifest["training"]["calibration"]["by"] == "groups"


def test_batches_of_groups_hold_neighbours_and_every_image_once() -> None:
    parameters = {**TRAINER.values(TINY), "invariant_to": "group"}
    groups = torch.arange(24) // 4
    images = read_unlabelled([phantoms(24)], 16, CPU)
    network = MapNetwork(build_backbone("resnet10_w32", 16, "random", 0, CPU), 16, 8)
    stage = stages.plan_stages(parameters, 8, 3)[0]
    policy = view_policy("t-simcne", parameters)
    objective = MapObjective(images, network, stage, policy, parameters, batch=8, size=16, device="cpu", groups=groups)
    batches = list(objective.batches(torch.Generator().manual_seed(0)))
    assert sorted(torch.cat(batches).tolist()) == list(range(24))
    assert [len(set(groups[batch].tolist())) for batch in batches] == [2, 2, 2]
    assert policy.stain > 0


@pytest.mark.parametrize(
    ("stated", "chosen"), [("blood smear RGB", "any"), ("H&E histology", "quarter"), ("chest X-ray gray", "none")]
)
def test_rotations_are_advised_by_the_modality(stated: str, chosen: str, tmp_path: Path) -> None:
    from dsim_tsimcne.rotations import choose_rotations

    dataset = from_arrays(two_kinds(4)[0], name="x", attributes={"modality": stated})
    assert choose_rotations("auto", [dataset]).name == chosen


def test_of_datasets_of_several_modalities_the_most_careful_advice_counts() -> None:
    from dsim_tsimcne.rotations import choose_rotations

    stated = ("blood smear", "histology", "dermoscopy")
    datasets = [from_arrays(two_kinds(4)[0], name=name, attributes={"modality": name}) for name in stated]
    advice = choose_rotations("auto", datasets)
    assert advice.name == "quarter"
    assert "histology" in advice.reason


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"batch": 100}, "batch"),
        ({"batch": 1}, "batch"),
        ({"steps": (1.0, 2.0, 3.0), "epochs": (1.0, 1.0, 1.0)}, "epochs"),
        ({"optimizer": "adamw"}, "lr=0.002"),
        ({"steps": (4.0, 2.0)}, "steps"),
        ({"steps": (4.0, 2.5, 1.0)}, "steps"),
        ({"rotations": "auto"}, "rotations"),
        ({"leave_out": "nobody"}, "nobody"),
        ({"area": (0.9, 0.1)}, "area"),
        ({"invariant_to": "group"}, "groups"),
        ({"network": "resnet_nobody"}, "resnet_nobody"),
        ({"size": 12, "network": "paper", "start": "imagenet"}, "resnet18_3x3"),
    ],
)
def test_bad_settings_are_refused_with_the_culprit_and_a_fix(
    parameters: dict[str, Any], named: str, tmp_path: Path
) -> None:
    with pytest.raises(DsimError) as refused:
        run(tmp_path / "run", **parameters)
    assert named in refused.value.message + str(refused.value.hint)
    assert refused.value.hint
