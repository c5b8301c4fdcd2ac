"""The zoo models: of each source the chosen training, in half precision, with manifest and card."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from benchmarks.biomed16.choosing import Training
from benchmarks.biomed16.model_card import model_card
from benchmarks.biomed16.sets import Annotated
from dsim.data.dataset import Dataset
from dsim.errors import DataError
from dsim.files import replacing, write_text
from dsim.runtime import Runtime
from dsim.transfer.nets.probe import Probed
from dsim.transfer.segmentation.experiment import dices
from dsim.transfer.segmentation.segmenter import FILE, Segmenter, load_segmenter
from dsim.transfer.splits import Split, split
from dsim.truth import TransferMatrix
from dsim.zoo.manifest import NAME, SEGMENTATION
from dsim.zoo.probe import ask, ramp

BUILDER = "dsim.transfer.segmentation.segmenter:build"
#: Half precision is measured on the held-out images, and on so many of each other set.
OTHERS = 4
#: Largest difference, percent of Dice, between what the truth says of a model and what its file gives now.
AGREE = 0.05
LIMITS = (
    "sees images at {side} pixels, in three channels; segments what its training images mark and nothing else; on "
    "images "
    "unlike them its masks can be wrong everywhere, and its probabilities do not say so; not for diagnosis"
)


@dataclass(frozen=True)
class Quality:
    """What was measured of a model, percent of Dice unless said otherwise.

    ``half_change`` is the largest difference of a probability that half precision makes, ``half_flipped`` the share of
    pixels that change side at the threshold, ``half_dice`` the change of Dice on the held-out images.
    """

    training: float
    held_out: float
    half_change: float
    half_flipped: float
    half_dice: float


def write_models(
    trainings: Mapping[str, Training],
    truth: TransferMatrix,
    datasets: Mapping[str, Dataset],
    known: Mapping[str, Annotated],
    zoo: Path,
    revision: int = 1,
) -> Iterator[dict[str, Any]]:
    """Write a folder for each source into ``zoo``; yields the manifests.

    DataError where a weights file does not give the Dice of the truth, or an id already names other weights.
    """
    for source, training in trainings.items():
        original = load_segmenter(training.weights, Runtime(device="cpu"))
        id = f"unet{original.recipe.width}.{source}.r{revision}"
        folder = zoo / id
        weights = _save(replace(original, name=id), folder)
        half = load_segmenter(weights, Runtime(device="cpu"))
        parts = _parts(datasets[source], original, truth, training.repetition)
        quality = measured(original, half, parts, source, datasets)
        _compare(quality, truth, training)
        manifest = _manifest(id, half, weights, quality, parts, training, truth, datasets[source], known[source])
        write_text(folder / NAME, tomli_w.dumps(manifest))
        write_text(folder / "card.md", model_card(manifest, truth, known[source]))
        yield manifest


def measured(
    original: Segmenter, half: Segmenter, parts: Split, source: str, datasets: Mapping[str, Dataset]
) -> Quality:
    """Dice on the images that trained it and on those held out, and what half precision changes."""
    own = datasets[source]
    shown = {name: range(min(OTHERS, len(other))) for name, other in datasets.items() if name != source}
    changes = [_changes(original, half, datasets[name], rows) for name, rows in ({source: parts.test} | shown).items()]
    held, halved = (_mean_dice(model, own, parts.test) for model in (original, half))
    return Quality(
        training=_mean_dice(original, own, parts.training),
        held_out=held,
        half_change=max(largest for largest, _, _ in changes),
        half_flipped=sum(flipped for _, flipped, _ in changes) / sum(pixels for _, _, pixels in changes),
        half_dice=abs(halved - held),
    )


def _changes(first: Segmenter, second: Segmenter, dataset: Dataset, rows: Sequence[int]) -> tuple[float, int, int]:
    """Largest difference of two models' probabilities, pixels that change side, all pixels."""
    threshold, largest, flipped, pixels = first.recipe.threshold, 0.0, 0, 0
    pairs = zip(first.predict_many(dataset, rows), second.predict_many(dataset, rows), strict=True)
    for (_, one), (_, other) in pairs:
        largest = max(largest, float(np.abs(one - other).max()))
        flipped += int(((one >= threshold) != (other >= threshold)).sum())
        pixels += one.size
    return largest, flipped, pixels


def _mean_dice(model: Segmenter, dataset: Dataset, rows: Sequence[int]) -> float:
    return 100 * float(np.mean(list(dices(model, dataset, rows, {}))))


def _compare(quality: Quality, truth: TransferMatrix, training: Training) -> None:
    told = _told(truth, training, training.source)
    if not abs(quality.held_out - told) <= AGREE:
        raise DataError(
            f"the weights of {training.source} give Dice {quality.held_out:.2f} on its held-out images, "
            f"and truth {truth.name!r} says {told:.2f}",
            hint="give the folder that this truth was measured in",
        )


def _told(truth: TransferMatrix, training: Training, target: str) -> float:
    value: float = truth.values[truth.sources.index(training.source), truth.targets.index(target), training.repetition]
    return float(value)


def _parts(dataset: Dataset, model: Segmenter, truth: TransferMatrix, repetition: int) -> Split:
    recipe = model.recipe
    return split(
        dataset,
        validation=recipe.validation,
        test=recipe.holdout,
        seed=truth.provenance["seed"],
        repetition=repetition,
        blocks=recipe.blocks,
    )


def _save(model: Segmenter, folder: Path) -> Path:
    """Write the weights; what an id names never changes."""
    with tempfile.TemporaryDirectory() as place:
        content = model.save(Path(place), dtype="float16").read_bytes()
    weights = folder / FILE
    if weights.exists() and weights.read_bytes() != content:
        raise DataError(
            f"{model.name} names other weights already, in {folder}", hint="give another revision: --revision 2"
        )
    with replacing(weights) as temporary:
        Path(temporary).write_bytes(content)
    return weights


def _manifest(
    id: str,
    model: Segmenter,
    weights: Path,
    quality: Quality,
    parts: Split,
    training: Training,
    truth: TransferMatrix,
    dataset: Dataset,
    origin: Annotated,
) -> dict[str, Any]:
    recipe, record = model.recipe, training.record
    conditions = dict(record["conditions"])
    return {
        "id": id,
        "title": f"U-Net that segments {origin.foreground}, trained on {training.source} ({origin.modality})",
        "builder": BUILDER,
        "architecture": {"network": "plain U-Net", "parameters": truth.provenance["parameters"]},
        "weights": {
            "file": weights.name,
            "size": weights.stat().st_size,
            "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "dtype": "float16",
            "licence": f"{origin.use}; the set's licence: {origin.licence}",
        },
        "input": {
            "channels": 3,
            "side": recipe.patch,
            "transform": f"tiles@1[side={recipe.side},patch={recipe.patch}]",
            "mean": [0.0] * 3,
            "std": [1.0] * 3,
        },
        "output": {"dim": 1, "kind": SEGMENTATION},
        "training": {
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
            "images": {part: len(getattr(parts, part)) for part in ("training", "validation", "test")},
            "dice": {name: round(_told(truth, training, name), 2) for name in truth.targets if name != training.source},
            "versions": conditions,
            "settings": recipe.record(),
            "pool": [
                {
                    "name": dataset.name,
                    "n": len(dataset),
                    "images_fingerprint": dataset.images_fingerprint,
                    "licence": origin.licence,
                }
            ],
        },
        "use": {"intended": f"pre-annotation of {origin.foreground}", "limits": LIMITS.format(side=recipe.side)},
        "probe": {
            "recipe": "ramp@1",
            # Digits beyond differ from run to run.
            "expected": [
                [float(f"{value:.4g}") for value in row] for row in ask(Probed(model), ramp(2, 3, recipe.patch))
            ],
            "tolerance": 1e-3,
        },
    }
