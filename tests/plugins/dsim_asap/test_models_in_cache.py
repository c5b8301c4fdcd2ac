"""``asap:fit=pool``: trained once per pool, whatever the order of its datasets, and used like a zoo model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.data.dataset import Dataset
from dsim.measures import DatasetView
from dsim.random import stream
from dsim.runtime import Runtime
from dsim_asap import objective as training
from dsim_asap import trainer
from dsim_asap.measure import Asap

PARAMS = {
    "fit": "pool",
    "backbone": "test_resnet",
    "size": 32,
    "epochs": 2,
    "batch": 8,
    "precision": "float32",
}


@pytest.fixture
def datasets() -> list[Dataset]:
    rng = np.random.default_rng(0)
    return [
        dsim.from_arrays(rng.integers(low, low + 60, (6, 32, 32, 3)).astype(np.uint8), name=name)
        for name, low in (("dark", 0), ("middle", 90), ("bright", 180))
    ]


def views(measure: Asap, datasets: Sequence[Dataset], cache: Path) -> list[DatasetView]:
    return [
        DatasetView(dataset, measure.spec.needs, "asap", Runtime(device="cpu", cache=cache)) for dataset in datasets
    ]


def test_a_pool_is_trained_on_once_and_its_order_does_not_matter(
    datasets: list[Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Asap(**PARAMS), Asap(**PARAMS)
    first.fit(views(first, datasets, tmp_path), stream(0, "fit"))
    monkeypatch.setattr(training, "train_asap", lambda *_: pytest.fail("trained again"))
    second.fit(views(second, datasets[::-1], tmp_path), stream(0, "fit"))
    assert first.extractors() == second.extractors()
    folder = Path(first.extractors()[0].removeprefix("file:"))
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.md",
        "curves.json",
        "encoder.safetensors",
        "manifest.toml",
    ]


def test_another_seed_recipe_or_pool_is_another_model(
    datasets: list[Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []

    def pretend(pool: object, recipe: object, seed: object, folder: Path) -> None:
        trained.append(folder.name)
        (folder / "manifest.toml").touch()

    monkeypatch.setattr(trainer, "_train", pretend)
    chosen, longer = Asap(**PARAMS), Asap(**PARAMS | {"epochs": 3})
    for measure, pool, seed in (
        (chosen, datasets, 0),
        (chosen, datasets, 1),
        (longer, datasets, 0),
        (chosen, datasets[1:], 0),
    ):
        measure.fit(views(measure, pool, tmp_path), stream(seed, "fit"))
    assert len(set(trained)) == 4


def test_an_interrupted_fit_goes_on_from_its_checkpoint(
    datasets: list[Dataset], tmp_path: Path, interrupted: list[int]
) -> None:
    measure = Asap(**PARAMS)
    with pytest.raises(KeyboardInterrupt):
        measure.fit(views(measure, datasets, tmp_path), stream(0, "fit"))
    measure.fit(views(measure, datasets, tmp_path), stream(0, "fit"))
    assert interrupted == [0, 1, 1]


def test_comparing_with_a_fitted_model_gives_distances_and_names_its_weights(
    datasets: list[Dataset], tmp_path: Path
) -> None:
    matrix = dsim.compare(datasets, measure=Asap(**PARAMS), runtime=Runtime(device="cpu", cache=tmp_path))
    assert np.all(matrix.values >= 0)
    np.testing.assert_allclose(matrix.values, matrix.values.T, rtol=1e-9)
    extractor = matrix.provenance["extractors"][0]
    assert len(extractor["weights"]) == 64
    assert extractor["transform"] == "square@1[channels=3,minmax=true,side=32]"
