"""``dsim train asap``: which images it holds out, the folder that it writes, and the command line on its card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.data.dataset import Dataset
from dsim.errors import UsageError
from dsim.features import extract
from dsim.runtime import Runtime
from dsim.zoo import read_model, trained_on
from dsim_asap.specs import TRAINER
from dsim_asap.trainer import hold_out

SETTINGS: dict[str, Any] = {
    "backbone": "test_resnet",
    "size": 32,
    "epochs": 2,
    "batch": 8,
    "precision": "float32",
    "id": "asap-tiny.test.r1",
    "licence": "CC0",
}


def dataset(name: str, level: int, n: int = 10, **options: object) -> Dataset:
    pixels = np.random.default_rng(level).integers(level, level + 60, (n, 32, 32, 3)).astype(np.uint8)
    return dsim.from_arrays(pixels, name=name, attributes={"licence": "CC0"}, **options)  # type: ignore[arg-type]


def train(out: Path, settings: Mapping[str, Any]) -> list[Dataset]:
    datasets = [dataset("dark", 0), dataset("bright", 180)]
    dsim.train("asap", datasets, out=out, runtime=Runtime(device="cpu"), **settings)
    return datasets


def test_held_out_images_are_whole_runs_of_neighbours_and_never_known() -> None:
    part = hold_out(dataset("x", 0, n=40), 0, 0.2)
    assert part.held is not None
    known, held = set(part.known.ids), set(part.held.ids)
    assert not known & held
    assert len(known | held) == 40
    runs = [part.held.ids[start : start + 4] for start in (0, 4)]
    assert all(int(run[-1]) - int(run[0]) == 3 for run in runs)


def test_groups_are_held_out_whole() -> None:
    groups = [f"patient {index // 5}" for index in range(40)]
    part = hold_out(dataset("x", 0, n=40, groups=groups), 0, 0.2)
    assert part.held is not None
    assert part.held.groups is not None
    assert part.known.groups is not None
    assert not set(part.held.groups) & set(part.known.groups)
    assert len(part.held) == 5


def test_nothing_is_held_out_where_that_is_asked_for() -> None:
    part = hold_out(dataset("x", 0), 0, 0.0)
    assert part.held is None
    assert len(part.known) == 10


@pytest.mark.parametrize(
    "options", [{}, pytest.param({"holdout": 0.0, "blocks": 0}, marks=pytest.mark.slow)], ids=["as it is", "all train"]
)
def test_the_folder_is_a_model_of_the_zoo(tmp_path: Path, options: Mapping[str, Any]) -> None:
    datasets = train(tmp_path / "model", SETTINGS | options)
    model = read_model(tmp_path / "model")
    assert trained_on(model, datasets[0].renamed("other name"))
    assert extract(datasets[0], f"file:{model.folder}", Runtime(device="cpu")).shape == (10, 2)
    assert "| dark | 10 |" in (model.folder / "card.md").read_text(encoding="utf-8")
    names = {"manifest.toml", "card.md", "curves.json", "curves.png", "encoder.safetensors", "run.json"}
    assert {path.name for path in model.folder.iterdir()} == names


@pytest.mark.slow
def test_the_command_on_the_card_gives_the_settings_back(tmp_path: Path) -> None:
    train(tmp_path / "model", SETTINGS)
    card = (tmp_path / "model" / "card.md").read_text(encoding="utf-8")
    command = next(line for line in card.splitlines() if "dsim train asap" in line)
    texts = dict(part.strip().split("=", 1) for part in command.split(" -p ")[1:])
    again = {name: TRAINER.parameter(name).parse(text) for name, text in texts.items()}
    assert TRAINER.values(again | {"licence": "CC0"}) == TRAINER.values(SETTINGS)


@pytest.mark.parametrize(("options", "message"), [({"epoch": 3}, "epochs"), ({"alpha": 2}, "alpha")])
def test_wrong_options_are_refused_before_any_work(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        train(tmp_path / "model", options)
    assert not (tmp_path / "model").exists()
