"""Models of several sources of one kind: trained, stored, and what the zoo gains, on small drawn sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import dsim
from dsim.data.phantoms import open_phantom
from dsim.models import SegmentationRecipe, load_segmenter
from dsim.runtime import Runtime
from dsim.zoo import Model, read_model

Part = Callable[[str], ModuleType]
MEMBERS, OTHER = ("fluorescence", "fluorescence-dim", "histology"), "xray"
RECIPE = SegmentationRecipe(side=16, patch=16, width=8, levels=2, epochs=2, shown=12, blocks=6)


@pytest.fixture(scope="module")
def part(parts_of: Callable[[str], AbstractContextManager[Part]]) -> Iterator[Part]:
    with parts_of("zoo_kinds") as part, pytest.MonkeyPatch.context() as patch:
        patch.setitem(part("training").KINDS, "spots", ("spots", MEMBERS))
        yield part


@pytest.fixture(scope="module")
def datasets() -> dict[str, dsim.Dataset]:
    drawn = {name: open_phantom(name, count=8, size=16) for name in (*MEMBERS, OTHER)}
    return {name: replace(dataset, name=name, groups=None) for name, dataset in drawn.items()}


@pytest.fixture(scope="module")
def trained(part: Part, datasets: dict[str, dsim.Dataset], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds")
    part("training").train_all("spots", datasets, folder, 1, RECIPE)
    return folder


@pytest.fixture(scope="module")
def stored(part: Part, datasets: dict[str, dsim.Dataset], trained: Path) -> Model:
    told = {"use": "free", "licence": "CC0", "collection": "c", "modality": "m", "foreground": "spots", "citation": "n"}
    known = {name: SimpleNamespace(**told) for name in datasets}
    truth = SimpleNamespace(provenance={"all foreground": dict.fromkeys(datasets, 12.5)})
    model: Model = part("storing").store("spots", trained, datasets, known, truth, trained / "zoo")
    return model


def test_each_member_is_left_out_once_and_never_seen(trained: Path, datasets: dict[str, dsim.Dataset]) -> None:
    for left_out in ("", *MEMBERS):
        name = f"spots-without-{left_out}" if left_out else "spots"
        model = load_segmenter(trained / f"{name}.safetensors", Runtime(device="cpu"))
        seen = {entry["name"]: entry for entry in model.trained_on}
        assert set(seen) == set(MEMBERS) - {left_out}
        assert all(entry["images_fingerprint"] == datasets[each].images_fingerprint for each, entry in seen.items())
        record = json.loads((trained / f"{name}.json").read_text())
        assert set(record["dice"]) == set(MEMBERS), "members by their held-out images, the one left out by all"


def test_what_is_finished_is_not_trained_again(
    part: Part, trained: Path, datasets: dict[str, dsim.Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part("training"), "train_one", lambda *job: pytest.fail(f"{job[0].name} is finished"))
    part("training").train_all("spots", datasets, trained, 1, RECIPE)
    assert not [*trained.glob("*checkpoint*")]


def test_the_stored_model_is_sound_and_says_what_it_marks_and_knows(stored: Model) -> None:
    stored.build()
    training = read_model(stored.folder).manifest["training"]
    assert stored.id == "lite0unet.spots.r1"
    assert stored.marks == "spots"
    assert [entry["name"] for entry in stored.pool] == list(MEMBERS)
    assert set(training["dice_left_out"]) == set(training["dice_by_source"]) == set(MEMBERS)
    assert set(training["dice"]) == {OTHER}
    assert training["dice_held_out"] == pytest.approx(sum(training["dice_by_source"].values()) / len(MEMBERS), abs=0.02)
    card = (stored.folder / "card.md").read_text()
    assert all(f"`{name}`" in card for name in (*MEMBERS, OTHER))
    assert str(stored.folder.parent) not in card


def fake(id: str, held_out: float = 80.0, **training: Any) -> Model:
    manifest = {"training": {"dice_held_out": held_out, "pool": [], **training}, "output": {"kind": "segmentation"}}
    return Model(id, Path(), manifest, Path())


def test_a_target_is_served_by_others_and_by_a_kind_without_it_only(part: Part) -> None:
    """Nothing that has seen the target counts, and nothing that has not learnt its own source."""
    comparing = part("comparing")
    replaced = [{"dice": {"b": 10.0}, "replaced_by": "new.a.r1"}, {"dice": {"a": 20.0}, "replaced_by": "new.b.r1"}]
    old = [fake(f"old.{name}.r1", **training) for name, training in zip("ab", replaced, strict=True)]
    assert comparing.best_of_old(old, "a") == (20.0, "b")
    several = fake("new.k.r1", dice={"b": 30.0}, dice_left_out={"a": 25.0}, dice_by_source={"a": 99.0})
    unlearnt = fake("new.b.r1", held_out=40.0, dice={"a": 90.0})
    assert comparing.best_of_new([several], "a") == (25.0, "new.k.r1, without it")
    text = comparing.comparison([*old, several, unlearnt, fake("new.a.r1", dice={"b": 5.0})], "old")
    assert "| `a` | 20.0 | `b` | 25.0 | `new.k.r1`, without it | +5.0 |" in text
    assert "| `b` | 10.0 | `a` | 30.0 | `new.k.r1` | +20.0 |" in text
    assert "Mean difference +12.5 points" in text


def test_the_interval_holds_the_mean_and_is_a_point_where_all_targets_agree(part: Part) -> None:
    interval = part("comparing").interval
    low, high = interval([1.0, 2.0, 9.0])
    assert 1.0 <= low < 4.0 < high <= 9.0
    assert interval([2.0, 2.0]) == (2.0, 2.0)


def test_the_recipe_starts_from_imagenet_and_shows_images_of_other_origin(part: Part) -> None:
    recipe = part("training").RECIPE
    assert (recipe.encoder, recipe.pretrained, recipe.policy) == ("lite0", True, "transfer")
    assert replace(recipe).record() == recipe.record()
