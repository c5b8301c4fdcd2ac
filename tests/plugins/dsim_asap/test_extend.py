"""``dsim asap extend``: a model grows by datasets, keeps what it knew, and says what it came from."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dsim
from dsim.cli.main import run
from dsim.data.dataset import Dataset
from dsim.errors import UsageError
from dsim.features import extract
from dsim.learning import Position
from dsim.runtime import Runtime
from dsim.zoo import read_model
from dsim_asap.extension import Order, Parent, exemplars, extend, open_parent
from dsim_asap.specs import AsapRecipe
from dsim_asap.trainer import train_once

LEVELS = {"dark": 0, "middle": 90, "bright": 180}


def dataset(name: str, n: int = 10) -> Dataset:
    low = LEVELS[name]
    pixels = np.random.default_rng(low).integers(low, low + 60, (n, 32, 32, 3)).astype(np.uint8)
    return dsim.from_arrays(pixels, name=name)


@pytest.fixture(scope="module")
def known() -> list[Dataset]:
    return [dataset("dark"), dataset("bright")]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(device="cpu", cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def parent(known: list[Dataset], runtime: Runtime, recipe: Callable[..., AsapRecipe]) -> Parent:
    return open_parent(f"file:{train_once(known, recipe(), 0, runtime)}")


def order(**changed: Any) -> Order:
    return Order(**{"settings": {"epochs": "2", "batch": "8"}, "memory": 6, **changed})


def points(folder: Path, datasets: Sequence[Dataset], runtime: Runtime) -> list[Any]:
    return [extract(one, f"file:{folder}", runtime) for one in datasets]


def test_the_folder_is_a_model_of_the_old_pool_and_the_new_and_names_its_parent(
    parent: Parent, known: list[Dataset], runtime: Runtime, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    extend(parent, known, [dataset("middle")], out, order(images=5), runtime)
    model = read_model(out)
    assert {entry["name"] for entry in model.pool} == {"dark", "middle", "bright"}
    told = model.manifest["training"]
    assert told["extends"] == {"id": parent.model.id, "sha256": parent.model.sha256}
    assert (told["images"], told["memory"]) == ({"middle": 5}, {"dark": 6, "bright": 6})
    measure = dsim.build_measure(f"asap:model=file:{out}")
    assert np.isfinite(dsim.compare([*known, dataset("middle")], measure=measure, runtime=runtime).values).all()
    assert {path.name for path in out.iterdir()} == {
        "manifest.toml", "curves.json", "encoder.safetensors", "card.md", "curves.png",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_card_tells_what_it_came_from_and_what_it_learnt_from(
    parent: Parent, known: list[Dataset], runtime: Runtime, tmp_path: Path
) -> None:
    told = extend(parent, known[:1], [dataset("middle")], tmp_path / "model", order(images=5), runtime)
    card = (tmp_path / "model" / "card.md").read_text("utf-8")
    assert f"It extends `{parent.model.id}` (weights of sha256 `{parent.model.sha256}`)" in card
    for row in ("| dark | 10 | 6 | known |", "| bright | 10 | 0 | known |", "| middle | 10 | 5 | new |"):
        assert row in card
    assert f"| EQC after | {told['eqc_after']:.3f} |" in card
    assert "| nearest known dataset of middle | dark |" in card
    assert (np.isnan(told["moved_share"])) == ("as a share" not in card), "one known dataset has no distance to another"


def test_an_extended_model_can_be_extended_again(
    parent: Parent, known: list[Dataset], runtime: Runtime, tmp_path: Path
) -> None:
    extend(parent, known, [dataset("middle")], tmp_path / "one", order(), runtime)
    again = open_parent(f"file:{tmp_path / 'one'}")
    other = dataset("middle", n=12).renamed("other")
    extend(again, [*known, dataset("middle")], [other], tmp_path / "two", order(), runtime)
    assert len(read_model(tmp_path / "two").pool) == 4


def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    parent: Parent, known: list[Dataset], runtime: Runtime, tmp_path: Path
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        extend(parent, known, [dataset("middle")], tmp_path / name, order(seed=seed), runtime)
    first, second, third = (read_model(tmp_path / name).sha256 for name in "abc")
    assert first == second != third


def test_distillation_holds_the_known_images_where_they_were(
    parent: Parent, known: list[Dataset], runtime: Runtime, tmp_path: Path
) -> None:
    """The promise of the method: what was known moves less than under rehearsal alone."""
    before = points(parent.model.folder, known, runtime)
    moved = {}
    for method in ("distillation", "rehearsal"):
        settings = {"epochs": "10", "batch": "8", "lr": "0.01"}
        chosen = order(method=method, settings=settings | ({"alpha": "0.9"} if method == "distillation" else {}))
        extend(parent, known, [dataset("middle")], tmp_path / method, chosen, runtime)
        after = points(tmp_path / method, known, runtime)
        moved[method] = np.mean([np.linalg.norm(b - a, axis=1).mean() for a, b in zip(before, after, strict=True)])
    assert moved["distillation"] < 0.5 * moved["rehearsal"]


def test_the_first_step_starts_at_the_points_that_are_held(
    parent: Parent, known: list[Dataset], runtime: Runtime, recipe: Callable[..., AsapRecipe]
) -> None:
    """Batch normalisation in training mode would move every point before anything is learnt."""
    from dsim_asap.objective import ExtensionObjective, decode_pool

    mine = parent.recipe_with({"augment": "none"})
    objective = ExtensionObjective(decode_pool(known, mine, 0, runtime), 1, parent.encoder(), "sha", mine, 0, "cpu")
    objective.begin_epoch(Position())
    held = objective.losses(torch.tensor([0, 1, 10, 11]), torch.Generator().manual_seed(0), Position())
    assert max(held["held"].item(), held["held_style"].item()) < 1e-12


def test_an_interrupted_extension_goes_on_and_ends_as_if_it_had_not_been(
    parent: Parent, known: list[Dataset], runtime: Runtime, tmp_path: Path, interrupted: list[int]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        extend(parent, known, [dataset("middle")], tmp_path / "model", order(), runtime)
    assert not (tmp_path / "model").exists()
    extend(parent, known, [dataset("middle")], tmp_path / "model", order(), runtime)
    assert interrupted == [0, 1, 1]
    extend(parent, known, [dataset("middle")], tmp_path / "whole", order(), runtime)
    assert read_model(tmp_path / "model").sha256 == read_model(tmp_path / "whole").sha256


def test_fewer_exemplars_are_among_more() -> None:
    whole = dataset("dark")
    five, eight = (exemplars(whole, count, 0) for count in (5, 8))
    assert set(five.ids) < set(eight.ids) < set(whole.ids)
    assert exemplars(whole, None, 0) is whole
    assert exemplars(whole, 5, 1).ids != five.ids


@pytest.mark.parametrize(
    ("known_names", "new_names", "changed", "message"),
    [
        (["dark"], ["bright"], {}, "in the training pool .* already"),
        (["middle"], ["middle"], {}, "two of the datasets"),
        (["middle"], ["bright"], {}, "'middle' is not in the training pool"),
        (["dark"], [], {}, "known datasets and new ones"),
        (["dark"], ["middle"], {"images": 1}, "no pair"),
        (["dark"], ["middle"], {"method": "memory"}, "no method of extension"),
        (["dark"], ["middle"], {"settings": {"size": "64"}}, "no setting of an extension named 'size'"),
        (["dark"], ["middle"], {"settings": {"epochs": "many"}}, "epochs"),
        (["dark"], ["middle"], {"method": "rehearsal", "settings": {"alpha": "0.5"}}, "holds nothing"),
    ],
)
def test_contradictions_are_refused_before_any_work(
    known_names: list[str],
    new_names: list[str],
    changed: dict[str, Any],
    message: str,
    parent: Parent,
    runtime: Runtime,
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match=message):
        extend(
            parent, [*map(dataset, known_names)], [*map(dataset, new_names)], tmp_path / "x", order(**changed), runtime
        )
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(
    parent: Parent, known: list[Dataset], runtime: Runtime, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match="there already"):
        extend(parent, known, [dataset("middle")], tmp_path, order(), runtime)


@pytest.mark.parametrize("reference", ["resnet18", "timm:resnet18", "file:"])
def test_what_is_no_trained_model_is_refused(reference: str) -> None:
    with pytest.raises(UsageError, match="not a trained model"):
        open_parent(reference)


def test_the_command_prints_the_folder_and_writes_the_model(
    parent: Parent, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {name: str(tmp_path / f"{name}.npz") for name in ("dark", "middle")}
    for name, path in paths.items():
        one = dataset(name)
        np.savez(path, images=np.stack([one.native(index) for index in range(len(one))]))
    call = ["asap", "extend", "--model", f"file:{parent.model.folder}", "--known", paths["dark"]]
    call += ["--new", paths["middle"], "--out", str(tmp_path / "model"), "--epochs", "1", "--json"]
    assert run([*call, "--set", "batch=8", "--device", "cpu"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["folder"] == str(tmp_path / "model")
    written = tomllib.loads((tmp_path / "model" / "manifest.toml").read_text(encoding="utf-8"))
    assert printed["extends"] == written["training"]["extends"]
