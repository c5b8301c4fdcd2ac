"""``dsim train dino``: images and settings to a training, and its result to a checkpoint and a model of the zoo."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.plugin import Product, TrainedModel
from dsim_dino.training_specs import TRAINER

if TYPE_CHECKING:
    from torch import Tensor

    from dsim.learning import TrainingResult
    from dsim.plugin import Dataset, Runtime
    from dsim_dino.objective import DinoObjective
    from dsim_dino.recipe import DinoRecipe

#: Of a run: the training under way, the finished one in the usual layout, and the folder of the backbone.
UNFINISHED, CHECKPOINT, MODEL = "checkpoint.safetensors", "checkpoint.pth", "model"
#: Bumped when the same settings train to other weights.
REVISION = 1
#: Columns of the curves that are drawn on the card.
_SHOWN = ("loss", "teacher_entropy", "kl", "spread", "effective_rank", "share_left")


def train_dino(
    datasets: Sequence[Dataset],
    out: Path,
    *,
    parameters: Mapping[str, Any],
    seed: int,
    runtime: Runtime,
    resume: bool,
) -> list[TrainedModel]:
    """Train on the datasets and write checkpoint and model to ``out``, by the contract of ``dsim.plugin.Trainer``."""
    from dsim.zoo import read_model

    if not resume:
        (out / UNFINISHED).unlink(missing_ok=True)
    if not (out / MODEL / "manifest.toml").exists():
        _train(datasets, out, parameters, seed, runtime)
    (out / UNFINISHED).unlink(missing_ok=True)
    settings = read_model(out / MODEL).manifest["training"]["settings"]
    return [
        TrainedModel(Product.EXTRACTOR, out / MODEL, f"file:{out / MODEL}", settings),
        TrainedModel(Product.EXTRACTOR, out / CHECKPOINT, checkpoint_reference(out, parameters)),
    ]


def checkpoint_reference(out: Path, parameters: Mapping[str, Any]) -> str:
    """Return the reference by which the checkpoint of a run gives the features of its model."""
    from dsim.zoo import read_model

    size = read_model(out / MODEL).manifest["input"]
    mean, std = ("/".join(f"{value:.6g}" for value in size[name]) for name in ("mean", "std"))
    side = size["side"]
    transform = f"network@1[filter=bilinear,mean={mean},mode=squash,resize={side},side={side},std={std}]"
    token = "" if parameters["token"] == "final" else f",token={parameters['token']}"
    return f"dino:{parameters['network']}[weights={out / CHECKPOINT}{token},transform={transform}]"


def _train(datasets: Sequence[Dataset], out: Path, parameters: Mapping[str, Any], seed: int, runtime: Runtime) -> None:
    from dsim.learning import (
        count_steps,
        draw_seed,
        feature_checks,
        fit,
        processes,
        read_unlabelled,
        run_identity,
        teacher_checks,
    )
    from dsim.models import build_backbone
    from dsim_dino.objective import DinoObjective
    from dsim_dino.recipe import resolve

    total = sum(map(len, datasets))
    recipe = resolve(parameters, total, max(1, count_steps(total, parameters["batch"], len(datasets))))
    start, head = _start(recipe, runtime)
    drawn = partial(draw_seed, seed, TRAINER.name)
    backbone = build_backbone(
        recipe.network,
        recipe.size,
        start,
        drawn("backbone"),
        runtime,
        token=recipe.token,
        drop_path=recipe.drop_path,
    )
    images = read_unlabelled(datasets, recipe.size, runtime, side=recipe.bank_side)
    objective = DinoObjective(images, backbone, recipe, drawn("head"), runtime.resolved_device(), head)
    runtime.progress.note(_summary(recipe, total))
    trained = fit(
        objective,
        recipe.config,
        seed=drawn("training"),
        runtime=runtime,
        checkpoint=out / UNFINISHED,
        identity=run_identity(TRAINER, REVISION, datasets, recipe.record()),
        step_checks=[*teacher_checks(recipe.momentum_schedule, recipe.steps * recipe.epochs), *feature_checks()],
        description="DINO",
    )
    if processes().is_first:
        write_checkpoint(out, objective)
        _write_model(out, objective, trained, datasets, seed, runtime)
    processes().wait()


def _start(recipe: DinoRecipe, runtime: Runtime) -> tuple[str, Mapping[str, Tensor]]:
    """The start as ``build_backbone`` takes it, and the weights of the head that was trained with it, if any."""
    from dsim.models import read_start

    if recipe.start == "published":
        from dsim_dino.extractor import published_weights

        file = published_weights("start=published", recipe.network.removesuffix(".dino"), runtime)
        return (str(file.path) if file else recipe.start), {}
    if recipe.start in ("random", "imagenet"):
        return recipe.start, {}
    return recipe.start, read_start(recipe.start, recipe.network, runtime).head


def _summary(recipe: DinoRecipe, images: int) -> str:
    """One line on the settings that were left automatic."""
    return (
        f"{images} images, recipe {recipe.recipe!r}: {recipe.steps * recipe.epochs} steps, outputs {recipe.outputs},"
        f" learning rate {recipe.peak_lr:.3g} after {recipe.warmup:.3g} epochs (backbone x {recipe.backbone_lr:g}),"
        f" momentum {recipe.momentum:.5g}, teacher temperature {recipe.teacher_temperature:g} to"
        f" {recipe.final_teacher_temperature:g}"
    )


def write_checkpoint(out: Path, objective: DinoObjective) -> None:
    """Write the finished training under the names that trainings by DINO use, tensors and plain values only.

    ``student`` and ``teacher`` hold ``backbone.NAME``, under timm's names, and ``head.NAME``.
    """
    import torch

    from dsim.files import replacing
    from dsim.store.checkpoint import read

    state, recipe = read(out / UNFINISHED), objective.recipe
    backbone = objective.student.backbone
    centring = {name: getattr(backbone, name).flatten().tolist() for name in ("mean", "std")}
    networks = {name: usual_names(weights) for name, weights in state["networks"].items()}
    content = {
        **networks,
        "optimizer": state["optimizer"],
        "epoch": len(state["curves"]),
        "dino_loss": {"center": state["objective"]["centre"][None]},
        "args": {**recipe.record(), **centring, "arch": recipe.network, "out_dim": recipe.outputs},
    }
    with replacing(out / CHECKPOINT) as temporary:
        torch.save(content, temporary)


def usual_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights of a ``Distilled`` network under the names of the usual layout.

    >>> list(usual_names({"backbone.network.conv1.weight": 0, "head.mlp.0.bias": 0}))
    ['backbone.conv1.weight', 'head.mlp.0.bias']
    """
    return {re.sub(r"^backbone\.network\.", "backbone.", name): value for name, value in state.items()}


def _write_model(
    out: Path,
    objective: DinoObjective,
    trained: TrainingResult,
    datasets: Sequence[Dataset],
    seed: int,
    runtime: Runtime,
) -> None:
    from dsim.learning import BackboneDescription, training_facts, write_backbone

    recipe = objective.recipe
    names = ", ".join(dataset.name for dataset in datasets)
    architecture = re.sub(r"[^a-z0-9_-]", "-", recipe.network.lower())
    write_backbone(
        out / MODEL,
        objective.teacher.backbone,
        datasets,
        trained.curves,
        BackboneDescription(
            id=recipe.id or f"{architecture}.dino.r1",
            title=recipe.title or f"{recipe.network} trained by DINO on {names}",
            licence=recipe.licence,
            network=recipe.network,
            size=recipe.size,
            method=f"DINO (arXiv:2104.14294), from {recipe.start} weights; the teacher's backbone. No label was read.",
            command=TRAINER.command_line(recipe.values, seed),
            training=training_facts(TRAINER.name, trained, seed, runtime, recipe.record()),
            dtype=recipe.dtype,
            shown=_SHOWN,
        ),
    )
