"""A zoo of real, tiny segmentation models, for the commands that choose and apply one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

import dsim
from dsim.data.phantoms import open_phantom
from dsim.recommend.pool import FOLDER, write
from dsim.runtime import Runtime
from dsim.shipped import shipped

ZOO_SOURCES = ("fluorescence", "fundus", "xray")


@pytest.fixture(scope="session")
def phantom_zoo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained networks in the name of three phantoms, and the features of these."""
    import tomli_w

    place = tmp_path_factory.mktemp("zoo")
    runtime = Runtime(device="cpu", cache=tmp_path_factory.mktemp("zoo-cache"))
    for name in ZOO_SOURCES:
        dataset = open_phantom(name, count=6, size=32)
        folder = place / f"unet4.{name}.r1"
        folder.mkdir()
        (folder / "manifest.toml").write_text(tomli_w.dumps(_manifest(dataset, folder)))
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


def _manifest(dataset: dsim.Dataset, folder: Path) -> dict[str, Any]:
    """The network is written into the folder."""
    from dsim.transfer.nets.probe import Probed
    from dsim.transfer.segmentation.recipe import Recipe
    from dsim.transfer.segmentation.segmenter import Segmenter
    from dsim.zoo.probe import ask, ramp

    recipe = Recipe(width=4, levels=2, side=32, patch=32)
    entry = {"name": dataset.name, "n": len(dataset), "images_fingerprint": dataset.images_fingerprint}
    segmenter = Segmenter(recipe.build(0).eval(), recipe, (entry,), folder.name)
    content = segmenter.save(folder).read_bytes()
    return {
        "id": folder.name,
        "title": f"U-Net in the name of {dataset.name}",
        "builder": "dsim.transfer.segmentation.segmenter:build",
        "weights": {
            "file": "segmenter.safetensors",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "dtype": "float32",
            "licence": "CC0 1.0",
        },
        "input": {"channels": 3, "side": 32, "transform": "tiles@1", "mean": [0.0] * 3, "std": [1.0] * 3},
        "output": {"dim": 1, "kind": "segmentation"},
        "training": {"pool": [{**entry, "licence": "CC0 1.0"}], "dice_held_out": 87.5},
        "use": {},
        "probe": {"recipe": "ramp@1", "expected": ask(Probed(segmenter), ramp(2, 3, 32)).tolist(), "tolerance": 1e-3},
    }
