"""The manifest of a zoo model: its weights, what it takes and gives, how it was trained, and how well it segments."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.biomed16.choosing import Training
from benchmarks.biomed16.quality import Quality
from benchmarks.biomed16.sets import Annotated
from dsim.data import Dataset
from dsim.data.splits import Split
from dsim.models import Probed, Segmenter
from dsim.truth import TransferMatrix
from dsim.zoo.manifest import SEGMENTATION
from dsim.zoo.model import ask, ramp

NETWORKS = {"plain": "plain U-Net", "lite0": "U-Net on EfficientNet-Lite0, pretrained on ImageNet"}
BUILDER = "dsim.models.segmenter:build_probed"
LIMITS = (
    "sees images at {side} pixels, in three channels; segments what its training images mark and nothing else; on "
    "images unlike them its masks can be wrong everywhere, and its probabilities do not say so; not for diagnosis"
)


@dataclass(frozen=True)
class Made:
    """A zoo model in half precision, the file of its ``weights``, and what is known of both.

    ``parts`` are the images of ``dataset`` that trained it, chose the epoch, and were held out.
    """

    id: str
    model: Segmenter
    weights: Path
    quality: Quality
    training: Training
    parts: Split
    dataset: Dataset
    origin: Annotated


def manifest(made: Made, truth: TransferMatrix) -> dict[str, Any]:
    """What stands in manifest.toml."""
    recipe, marked = made.model.recipe, made.origin.foreground
    return {
        "id": made.id,
        "title": f"U-Net that segments {marked}, trained on {made.training.source} ({made.origin.modality})",
        "builder": BUILDER,
        "architecture": {"network": NETWORKS[recipe.encoder], "parameters": truth.provenance["parameters"]},
        "weights": _weights(made.weights, made.origin),
        "input": {
            "channels": 3,
            "side": recipe.patch,
            "transform": f"tiles@1[side={recipe.side},patch={recipe.patch}]",
            "mean": [0.0] * 3,
            "std": [1.0] * 3,
        },
        "output": {"dim": 1, "kind": SEGMENTATION, "marks": made.origin.marks},
        "training": _trained(made, truth),
        "use": {"intended": f"pre-annotation of {marked}", "limits": LIMITS.format(side=recipe.side)},
        "probe": _probe(made.model),
    }


def _weights(path: Path, origin: Annotated) -> dict[str, Any]:
    return {
        "file": path.name,
        "size": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "dtype": "float16",
        "licence": f"{origin.use}; the set's licence: {origin.licence}",
    }


def _trained(made: Made, truth: TransferMatrix) -> dict[str, Any]:
    """How it was trained, what it scores, and on whose images."""
    training, record, quality = made.training, made.training.record, made.quality
    conditions = dict(record["conditions"])
    others = [name for name in truth.targets if name != training.source]
    return {
        "truth": truth.name,
        "repetition": training.repetition,
        "seed": truth.provenance["seed"],
        "device": conditions.pop("device"),
        "seconds": record["seconds"],
        "epochs": record["epochs"],
        "kept_epoch": record["best_epoch"],
        "validation_loss": record["validation_loss"],
        "dice_training": round(quality.training, 2),
        "dice_held_out": round(quality.held_out, 2),
        "half_precision_change": float(f"{quality.half_change:.3g}"),
        "half_precision_flipped": float(f"{quality.half_flipped:.3g}"),
        "half_precision_dice": float(f"{quality.half_dice:.3g}"),
        "images": {part: len(getattr(made.parts, part)) for part in ("training", "validation", "test")},
        "dice": {name: round(training.dice(truth, name), 2) for name in others},
        "versions": conditions,
        "settings": made.model.recipe.record(),
        "pool": [_pooled(made.dataset, made.origin)],
    }


def _pooled(dataset: Dataset, origin: Annotated) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "n": len(dataset),
        "images_fingerprint": dataset.images_fingerprint,
        "licence": origin.licence,
    }


def _probe(model: Segmenter) -> dict[str, Any]:
    """What the model answers to known images. Digits beyond the fourth differ from run to run."""
    answers = ask(Probed(model), ramp(2, 3, model.recipe.patch))
    expected = [[float(f"{value:.4g}") for value in row] for row in answers]
    return {"recipe": "ramp@1", "expected": expected, "tolerance": 1e-3}
