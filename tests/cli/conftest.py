"""A zoo of real, tiny segmentation models, for the commands that choose and apply one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsim.data.phantoms import open_phantom
from dsim.features.shelves import FOLDER
from dsim.files.shipped import shipped
from dsim.recommend.pool import write
from dsim.runtime import Runtime


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is tried on a target, so that the answer is by similarity."""
    from dsim.recommend.trial import Trial

    monkeypatch.setattr("dsim.recommend.answer.try_models", lambda *_, **__: Trial(notes=("no model could be tried",)))


ZOO_SOURCES = ("fluorescence", "fundus", "xray")


@pytest.fixture(scope="session")
def phantom_zoo_folder(
    tmp_path_factory: pytest.TempPathFactory, write_zoo_model: Callable[..., dict[str, Any]]
) -> Path:
    """Untrained networks in the name of three phantoms, and the features of these."""
    from dsim.models import SegmentationRecipe, Segmenter

    recipe = SegmentationRecipe(width=4, levels=2, side=32, patch=32)
    place = tmp_path_factory.mktemp("zoo")
    runtime = Runtime(device="cpu", cache=tmp_path_factory.mktemp("zoo-cache"))
    for name in ZOO_SOURCES:
        dataset = open_phantom(name, count=6, size=32)
        folder = place / f"unet4.{name}.r1"
        folder.mkdir()
        entry = {"name": name, "n": len(dataset), "images_fingerprint": dataset.images_fingerprint}
        write_zoo_model(Segmenter(recipe.build(0).eval(), recipe, (entry,), folder.name), folder, dice_held_out=87.5)
        write(dataset, place / FOLDER, runtime)
    return place


@pytest.fixture
def phantom_zoo(phantom_zoo_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That zoo beside the shipped extractor, and without the shipped sources."""
    extractor = phantom_zoo_folder.parent / "extractors"
    extractor.mkdir(exist_ok=True)
    link = extractor / "asap"
    if not link.exists():
        link.symlink_to(shipped("zoo") / "asap-resnet18.biomed16.r1")
    monkeypatch.setattr("dsim.registry.Registry.zoo_paths", lambda self: [extractor, phantom_zoo_folder])
    return phantom_zoo_folder
