"""The zoo models: of each source the chosen training, in half precision, with manifest and card."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w

from benchmarks.biomed16.choosing import Training
from benchmarks.biomed16.manifest import Made, manifest
from benchmarks.biomed16.model_card import model_card
from benchmarks.biomed16.quality import Quality, measured
from benchmarks.biomed16.sets import Annotated
from dsim.data import Dataset
from dsim.data.splits import Split, split_dataset
from dsim.errors import DataError
from dsim.files import replacing, write_text
from dsim.models.segmenter import FILE, Segmenter, load_segmenter
from dsim.runtime import Runtime
from dsim.truth import TransferMatrix
from dsim.zoo.manifest import NAME

#: Largest difference, percent of Dice, between what the truth says of a model and what its file gives now.
AGREE = 0.05


def write_models(
    trainings: Mapping[str, Training],
    truth: TransferMatrix,
    datasets: Mapping[str, Dataset],
    known: Mapping[str, Annotated],
    zoo: Path,
    revision: int = 1,
    least: float = 0.0,
) -> Iterator[dict[str, Any]]:
    """Write a folder for each source into ``zoo``; yields the manifests, also those of models that are not written.

    ``least`` : percent of Dice on its held-out images below which a model is not written. DataError where a weights
    file does not give the Dice of the truth, or an id already names other weights.
    """
    for source, training in trainings.items():
        with ExitStack() as stack:
            written = training.dice(truth, source) >= least
            place = zoo if written else Path(stack.enter_context(tempfile.TemporaryDirectory()))
            yield _write_model(training, truth, datasets, known[source], place, revision)


def _write_model(
    training: Training,
    truth: TransferMatrix,
    datasets: Mapping[str, Dataset],
    origin: Annotated,
    zoo: Path,
    revision: int,
) -> dict[str, Any]:
    source, original = training.source, load_segmenter(training.weights, Runtime(device="cpu"))
    id = f"{_family(original)}.{source}.r{revision}"
    folder = zoo / id
    weights = _save(replace(original, name=id), folder)
    half = load_segmenter(weights, Runtime(device="cpu"))
    parts = _parts(datasets[source], original, truth, training.repetition)
    quality = measured(original, half, parts, source, datasets)
    _compare(quality, truth, training)
    told = manifest(Made(id, half, weights, quality, training, parts, datasets[source], origin), truth)
    write_text(folder / NAME, tomli_w.dumps(told))
    write_text(folder / "card.md", model_card(told, truth, origin))
    return told


def _family(model: Segmenter) -> str:
    """The first part of the id: what the network is."""
    return "lite0unet" if model.recipe.encoder == "lite0" else f"unet{model.recipe.width}"


def _compare(quality: Quality, truth: TransferMatrix, training: Training) -> None:
    told = training.dice(truth, training.source)
    if not abs(quality.held_out - told) <= AGREE:
        raise DataError(
            f"the weights of {training.source} give Dice {quality.held_out:.2f} on its held-out images, "
            f"and truth {truth.name!r} says {told:.2f}",
            hint="give the folder that this truth was measured in",
        )


def _parts(dataset: Dataset, model: Segmenter, truth: TransferMatrix, repetition: int) -> Split:
    recipe = model.recipe
    return split_dataset(
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
