"""The zoo model that ``--measure asap`` uses: complete, small, and what its card says it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import dsim
from dsim.runtime import Runtime
from dsim.zoo import Model, find, trained_on
from dsim_asap.encoder import clone
from dsim_asap.evaluation import HALF_PRECISION_LIMIT, Part, evaluate, largest_change
from dsim_asap.model import Architecture, Encoder
from dsim_asap.specs import ZOO_MODEL, AsapRecipe


@pytest.fixture(scope="module")
def model() -> Model:
    return find(ZOO_MODEL.removeprefix("zoo:"))


def recorded_recipe(model: Model) -> AsapRecipe:
    settings = dict(model.manifest["training"]["settings"])
    return AsapRecipe.of(settings | {"w": tuple(settings["w"])})


def test_it_answers_its_probe_and_is_small(model: Model) -> None:
    encoder = model.build()  # raises where hash or probe are wrong
    assert sum(parameter.numel() for parameter in encoder.parameters()) > 11e6
    assert model.manifest["weights"]["size"] < 30e6
    assert {path.suffix for path in model.folder.iterdir()} <= {".toml", ".md", ".safetensors", ".png", ".json"}


def test_its_card_states_data_licences_time_and_quality(model: Model) -> None:
    card = (model.folder / "card.md").read_text(encoding="utf-8")
    training = model.manifest["training"]
    assert len(training["pool"]) == 16
    for entry in training["pool"]:
        assert f"| {entry['name']} | {entry['n']} |" in card
        assert entry["licence"] != "not stated"
    for value in (f"{training['eqc_paper']:.3f}", f"{training['eqc_reference']:.3f}", model.sha256):
        assert value in card
    assert len(json.loads((model.folder / "curves.json").read_text())) == training["epochs"]


def test_about_a_fifth_of_each_dataset_judges_the_model(model: Model) -> None:
    training = model.manifest["training"]
    for entry in training["pool"]:
        assert 0.15 <= len(training["heldout"][entry["name"]]) / entry["n"] <= 0.21


def test_half_precision_changes_no_distance_by_more_than_a_hundredth(model: Model) -> None:
    assert model.manifest["training"]["half_precision_change"] <= HALF_PRECISION_LIMIT


def test_half_precision_is_measured_on_distances() -> None:
    """The check itself: rounding a network moves distances a little, and a wrong network by much."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = Encoder(Architecture(backbone="test_resnet", size=32)).eval()
    images = torch.rand(3, 4, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    def clouds(network: Encoder) -> list[np.ndarray]:
        with torch.no_grad():
            return [network(batch).double().numpy() for batch in images]

    assert 0 < largest_change(clouds(encoder), clouds(clone(encoder, torch.float16))) < 0.01
    assert largest_change(clouds(encoder), [2 * cloud for cloud in clouds(encoder)]) == pytest.approx(1)


def test_it_knows_the_datasets_it_was_trained_on(model: Model, real_data: Path) -> None:
    dataset = dsim.open_dataset(str(real_data / "segmentation" / "drive"))
    assert "training pool" in str(trained_on(model, dataset))


@pytest.mark.slow
def test_it_places_held_out_images_with_their_own_dataset(model: Model, real_data: Path) -> None:
    training = model.manifest["training"]
    parts = []
    for entry in training["pool"]:
        dataset = dsim.open_dataset(str(real_data / "segmentation" / entry["name"]))
        held = set(training["heldout"][entry["name"]])
        sides = [[i for i, sample in enumerate(dataset.ids) if (sample in held) == side] for side in (False, True)]
        parts.append(Part(dataset.subset(sides[0]), dataset.subset(sides[1])))
    encoder = model.build()
    assert isinstance(encoder, Encoder)
    results = evaluate(encoder, parts, recorded_recipe(model), Runtime(device="cpu")).record()
    for name in ("heldout_placement", "eqc_paper", "eqc_reference", "eqc_heldout_paper"):
        assert results[name] == pytest.approx(training[name], abs=0.01)
    assert results["heldout_placement"] >= 0.8
