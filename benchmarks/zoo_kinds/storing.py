"""The zoo model of several sources: weights in half precision, manifest, card, and what it scores where."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.biomed16.manifest import BUILDER, LIMITS, NETWORKS
from benchmarks.biomed16.sets import Annotated
from benchmarks.cards import table
from benchmarks.zoo_kinds.training import KINDS, SEED, plan, records
from dsim.data import Dataset
from dsim.models import Segmenter, count_parameters, load_segmenter
from dsim.models.segmenter import FILE
from dsim.runtime import Runtime
from dsim.transfer.segmentation.experiment import dice_of_images
from dsim.truth import TransferMatrix
from dsim.zoo import SEGMENTATION, Model, ModelDescription, write_model

RUNTIME = Runtime(device="cpu")


def store(
    kind: str,
    results: Path,
    datasets: Mapping[str, Dataset],
    known: Mapping[str, Annotated],
    truth: TransferMatrix,
    zoo: Path,
    revision: int = 1,
) -> Model:
    """Write the model of all sources of a kind into ``zoo``.

    ``datasets`` and ``known`` are those of the ``truth``, whose share of foreground the card tells.
    """
    found = {job.left_out: record for job, record in records(kind, results)}
    id = f"lite0unet.{kind}.r{revision}"
    original = replace(load_segmenter(results / f"{kind}.safetensors", RUNTIME), name=id)
    with tempfile.TemporaryDirectory() as place:
        weights = original.save(Path(place), "float16")
        model = load_segmenter(weights, RUNTIME)
        facts = _facts(kind, original, model, found, datasets)
        sections = {
            "How to use it": f"    dsim prelabel MY/ --model zoo:{id} --out masks/",
            "Dice": _dice(facts, truth),
            "Data": _data(kind, known),
        }
        said = _description(id, kind, model, facts, datasets, known)
        return write_model(zoo / id, said, weights, sections=sections, file=FILE, digits=4)


def _facts(
    kind: str,
    original: Segmenter,
    model: Segmenter,
    found: Mapping[str, Mapping[str, Any]],
    datasets: Mapping[str, Dataset],
) -> dict[str, Any]:
    """What stands under [training]: lengths, Dice of its own sources, of others, and of those left out."""
    _, members = KINDS[kind]
    record, recipe = dict(found[""]), model.recipe
    conditions = dict(record["conditions"])
    tests = {source.name: experiment_test for source, experiment_test in _tests(datasets, members, model)}
    held = {name: _dice_of(original, datasets[name], rows) for name, rows in tests.items()}
    halved = {name: _dice_of(model, datasets[name], rows) for name, rows in tests.items()}
    others = {
        name: _dice_of(original, each, range(len(each))) for name, each in datasets.items() if name not in members
    }
    return {
        "seed": SEED,
        "device": conditions.pop("device"),
        "seconds": record["seconds"],
        "epochs": record["epochs"],
        "kept_epoch": record["best_epoch"],
        "validation_loss": record["validation_loss"],
        "dice_held_out": round(float(np.mean([*held.values()])), 2),
        "half_precision_dice": float(f"{max(abs(held[name] - halved[name]) for name in held):.3g}"),
        "dice_by_source": {name: round(value, 2) for name, value in held.items()},
        "dice": {name: round(value, 2) for name, value in others.items()},
        "dice_left_out": {name: round(found[name]["dice"][name], 2) for name in members},
        "versions": conditions,
        "settings": recipe.record(),
    }


def _tests(
    datasets: Mapping[str, Dataset], members: Sequence[str], model: Segmenter
) -> list[tuple[Dataset, tuple[int, ...]]]:
    experiment = plan([datasets[name] for name in members], model.recipe, RUNTIME)
    return [(source, tuple(experiment.split(source, 0).test)) for source in experiment.sources]


def _dice_of(model: Segmenter, dataset: Dataset, rows: Sequence[int]) -> float:
    return 100 * float(np.mean(list(dice_of_images(model, dataset, rows, {}))))


def _description(
    id: str,
    kind: str,
    model: Segmenter,
    facts: Mapping[str, Any],
    datasets: Mapping[str, Dataset],
    known: Mapping[str, Annotated],
) -> ModelDescription:
    marks, members = KINDS[kind]
    side = model.recipe.side
    terms = "; ".join(f"{name}: {known[name].use}" for name in members)
    return ModelDescription(
        id=id,
        title=f"U-Net that segments {marks}, trained on {len(members)} sets of {marks}",
        builder=BUILDER,
        licence=f"that of the strictest of its sets ({terms})",
        side=model.recipe.patch,
        transform=f"tiles@1[side={side},patch={model.recipe.patch}]",
        dim=1,
        kind=SEGMENTATION,
        dtype="float16",
        architecture={"network": NETWORKS[model.recipe.encoder], "parameters": count_parameters(model.network)},
        training=facts,
        pool=[_pooled(datasets[name], known[name]) for name in members],
        use={"intended": f"pre-annotation of {marks}", "marks": marks, "limits": LIMITS.format(side=side)},
    )


def _pooled(dataset: Dataset, origin: Annotated) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "n": len(dataset),
        "images_fingerprint": dataset.images_fingerprint,
        "licence": origin.licence,
    }


def _dice(facts: Mapping[str, Any], truth: TransferMatrix) -> str:
    every = truth.provenance["all foreground"]
    own = [
        [f"`{name}`", f"{value:.1f}", f"{facts['dice_left_out'][name]:.1f}", f"{every[name]:.1f}"]
        for name, value in facts["dice_by_source"].items()
    ]
    ranked = sorted(facts["dice"].items(), key=lambda pair: -pair[1])
    others = [[f"`{name}`", f"{value:.1f}", f"{every[name]:.1f}"] for name, value in ranked]
    return (
        "Percent, mean over images. *Held out*: on images of its own sets that it never saw. *Set left out*: what the "
        "same training reaches on a whole set when it sees the five others only, as on your images. *All*: every pixel "
        "called foreground.\n\n"
        + table(["its own sets", "held out", "set left out", "*all*"], own)
        + "\n\n"
        + table(["other sets", "Dice", "*all*"], others)
    )


def _data(kind: str, known: Mapping[str, Annotated]) -> str:
    _, members = KINDS[kind]
    lines = [
        f"- `{name}`: {origin.collection}; {origin.modality}. Masks: {origin.foreground}. Licence: {origin.licence}. "
        f"{origin.citation}."
        for name, origin in known.items()
        if name in members
    ]
    return (
        "Each set has an equal share of every epoch; of each a fifth was held out, and a fifth chose the epoch."
        f"\n\n{chr(10).join(lines)}\n\n"
        "A target that has images the model was trained on is noticed, whatever it is called."
    )
