"""A trained model as a folder of the zoo: encoder weights, manifest and curves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dsim.features.transforms import Square
from dsim.files import write_text
from dsim.zoo.model import ask, ramp
from dsim_asap import encoder as encoders
from dsim_asap.model import MEAN, STD, Encoder
from dsim_asap.recipe import Recipe
from dsim_asap.training import Trained, architecture

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset

WEIGHTS = "encoder.safetensors"


@dataclass(frozen=True)
class Description:
    """What the trainer cannot know: the model's name, licence and use, and the whole datasets it was trained on."""

    id: str
    title: str
    licence: str
    pool: Sequence[Dataset]
    results: Mapping[str, Any] = field(default_factory=dict)
    use: Mapping[str, str] = field(default_factory=dict)


def write_folder(
    folder: Path,
    trained: Trained,
    recipe: Recipe,
    seed: int,
    description: Description,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write weights, curves and, last, the manifest: a folder that has one is complete."""
    import tomli_w

    weights = folder / WEIGHTS
    encoders.save(trained.autoencoder.encoder, weights, dtype)
    write_text(folder / "curves.json", json.dumps(trained.curves, indent=1) + "\n")
    manifest = _manifest(weights, trained, recipe, seed, description, dtype)
    write_text(folder / "manifest.toml", tomli_w.dumps(manifest))


def _manifest(
    weights: Path, trained: Trained, recipe: Recipe, seed: int, description: Description, dtype: torch.dtype
) -> dict[str, Any]:
    saved = encoders.load(weights, architecture(recipe).record())
    return {
        "id": description.id,
        "title": description.title,
        "builder": encoders.BUILDER,
        "architecture": architecture(recipe).record(),
        "weights": {
            "file": weights.name,
            "size": weights.stat().st_size,
            "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "dtype": str(dtype).removeprefix("torch."),
            "licence": description.licence,
        },
        "input": {
            "channels": 3,
            "side": recipe.size,
            "transform": Square(recipe.size, channels=3, minmax=recipe.minmax).id,
            "mean": [MEAN] * 3,
            "std": [STD] * 3,
        },
        "output": {"dim": recipe.n_emb, "kind": "latent"},
        "training": _training(trained, recipe, seed, description),
        "use": dict(description.use),
        "probe": _probe(saved, recipe.size),
    }


def _training(trained: Trained, recipe: Recipe, seed: int, description: Description) -> dict[str, Any]:
    import timm

    return {
        "seed": seed,
        "device": trained.device,
        "bfloat16": trained.bfloat16,
        "seconds": round(trained.seconds),
        "epochs": len(trained.curves),
        "kept_epoch": trained.best_epoch,
        **description.results,
        "versions": {"torch": torch.__version__, "timm": timm.__version__, "numpy": np.__version__},
        "settings": recipe.record(),
        "pool": [_member(dataset) for dataset in description.pool],
    }


def _member(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "n": len(dataset),
        "images_fingerprint": dataset.images_fingerprint,
        "licence": _licence(dataset),
    }


def _licence(dataset: Dataset) -> str:
    """As the dataset's attributes state it, or a META.json in its folder."""
    meta = Path(dataset.location) / "META.json"
    stated = json.loads(meta.read_text(encoding="utf-8")) if meta.is_file() else dataset.attributes
    return str(stated.get("licence", "not stated"))


def _probe(encoder: Encoder, side: int) -> dict[str, Any]:
    expected = ask(encoder, ramp(2, 3, side))
    return {"recipe": "ramp@1", "expected": expected.tolist(), "tolerance": 1e-3}
