"""``dsim train simclr``: images and settings to a training, and its result to a model of the zoo."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.plugin import Product, TrainedModel
from dsim_simclr.specs import TRAINER

if TYPE_CHECKING:
    from dsim.learning import BackboneDescription, TrainingResult
    from dsim.plugin import Dataset, Runtime

#: Of a run: the training under way, and the folder of the backbone.
UNFINISHED, MODEL = "checkpoint.safetensors", "model"
#: Bumped when the same settings train to other weights.
REVISION = 1


def train_simclr(
    datasets: Sequence[Dataset],
    out: Path,
    *,
    parameters: Mapping[str, Any],
    seed: int,
    runtime: Runtime,
    resume: bool,
) -> list[TrainedModel]:
    """Train on the datasets and write the model to ``out``, by the contract of ``dsim.plugin.Trainer``."""
    if not resume:
        (out / UNFINISHED).unlink(missing_ok=True)
    if not (out / MODEL / "manifest.toml").exists():
        _train(datasets, out, parameters, seed, runtime)
    (out / UNFINISHED).unlink(missing_ok=True)
    return [TrainedModel(Product.EXTRACTOR, out / MODEL, f"file:{out / MODEL}")]


def _train(datasets: Sequence[Dataset], out: Path, parameters: Mapping[str, Any], seed: int, runtime: Runtime) -> None:
    from dsim.learning import draw_seed, feature_checks, fit, processes, read_unlabelled, run_identity, write_backbone
    from dsim.models import build_backbone
    from dsim_simclr.objective import SimclrObjective, config_of, refuse

    refuse(parameters)
    size, token = parameters["size"], parameters["token"]
    drawn = partial(draw_seed, seed, TRAINER.name)
    backbone = build_backbone(parameters["network"], size, parameters["start"], drawn("backbone"), runtime, token=token)
    images = read_unlabelled(datasets, size, runtime, side=parameters["bank_side"])
    objective = SimclrObjective(images, backbone, parameters, drawn("head"), runtime.resolved_device())
    trained = fit(
        objective,
        config_of(parameters, objective.steps_per_epoch()),
        seed=drawn("training"),
        runtime=runtime,
        checkpoint=out / UNFINISHED,
        identity=run_identity(TRAINER, REVISION, datasets, parameters),
        step_checks=feature_checks(),
        description="SimCLR",
    )
    if processes().is_first:
        description = _description(datasets, parameters, trained, seed, runtime)
        write_backbone(out / MODEL, backbone, datasets, trained.curves, description)
    processes().wait()


def _description(
    datasets: Sequence[Dataset], parameters: Mapping[str, Any], trained: TrainingResult, seed: int, runtime: Runtime
) -> BackboneDescription:
    from dsim.learning import BackboneDescription, training_facts

    network, names = parameters["network"], ", ".join(dataset.name for dataset in datasets)
    architecture = re.sub(r"[^a-z0-9_-]", "-", network.lower())
    return BackboneDescription(
        id=parameters["id"] or f"{architecture}.simclr.r1",
        title=parameters["title"] or f"{network} trained by SimCLR on {names}",
        licence=parameters["licence"],
        network=network,
        size=parameters["size"],
        method=f"SimCLR (arXiv:2002.05709), from {parameters['start']} weights; without the head. No label was read.",
        command=TRAINER.command_line(parameters, seed),
        training=training_facts(TRAINER.name, trained, seed, runtime, parameters),
        dtype=parameters["dtype"],
        shown=("loss", "spread", "effective_rank"),
    )
