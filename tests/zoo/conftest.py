"""A zoo of one tiny model, and the images that it has seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.zoo import ramp

BUILDER = """
from dsim.plugin import BuilderSpec, hookimpl

@hookimpl
def dsim_builders():
    return [BuilderSpec(name=f"zoo_test_builder:{name}", title="linear") for name in ("build", "missing")]

def build(model):
    import torch
    from safetensors.torch import load_file
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    module.load_state_dict(load_file(model.weights))
    return module
"""
MANIFEST = """
id = "linear.test.r1"
title = "A linear map of tiny images"
builder = "zoo_test_builder:build"
[weights]
file = "model.safetensors"
size = {size}
sha256 = "{sha256}"
dtype = "float32"
licence = "MIT"
[input]
channels = 3
side = 2
transform = "square@1[channels=3,side=2]"
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
[output]
dim = 2
kind = "latent"
[training]
pool = [{{name = "seen", n = 4, images_fingerprint = "{fingerprint}", licence = "CC0"}}]
[use]
intended = "tests"
[probe]
recipe = "ramp@1"
expected = {expected}
tolerance = 1e-4
"""


@pytest.fixture
def seen() -> dsim.Dataset:
    images = np.random.default_rng(3).integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)
    return dsim.from_arrays(images=images, name="mine")


@pytest.fixture
def builder(install_plugin: Callable[..., Path]) -> str:
    """The builder of the tiny model, which a plugin declares."""
    install_plugin("zoo_test_builder", BUILDER)
    return "zoo_test_builder:build"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: dsim.Dataset, builder: str) -> Path:
    """A zoo with one sound model; the folder of that model."""
    import torch
    from safetensors.torch import save_file

    place = tmp_path / "zoo" / "linear"
    place.mkdir(parents=True)
    weights = {"1.weight": torch.arange(24.0).reshape(2, 12) / 24, "1.bias": torch.tensor([0.5, -0.5])}
    save_file(weights, place / "model.safetensors")
    content = (place / "model.safetensors").read_bytes()
    answer = ramp(2, 3, 2).reshape(2, 12) @ weights["1.weight"].numpy().T + weights["1.bias"].numpy()
    text = MANIFEST.format(
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        fingerprint=seen.images_fingerprint,
        expected=json.dumps(answer.tolist()),
    )
    (place / "manifest.toml").write_text(text)
    monkeypatch.setattr("dsim.registry.Registry.zoo_paths", lambda self: [tmp_path / "zoo"])
    return place
