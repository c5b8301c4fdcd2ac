"""``dsim train t-simcne``: images and settings to a map, in three stages, each of which can be interrupted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.plugin import Product, TrainedModel
from dsim_tsimcne.plan import MapPlan, plan_map
from dsim_tsimcne.specs import TRAINER

if TYPE_CHECKING:
    from torch import Tensor

    from dsim.learning import TrainingResult, UnlabelledImages
    from dsim.models import MapNetwork
    from dsim.plugin import Dataset, Runtime

#: The folder of the map in a run, and the stages under way.
MODEL, UNFINISHED = "model", "checkpoint-{}.safetensors"
#: Bumped when the same settings train to other weights.
REVISION = 1
#: Images whose principal axes the map begins with, at most.
_AXES_OF = 4096


def train_t_simcne(
    datasets: Sequence[Dataset],
    out: Path,
    *,
    parameters: Mapping[str, Any],
    seed: int,
    runtime: Runtime,
    resume: bool,
) -> list[TrainedModel]:
    """Train on the datasets and write the map to ``out``, by the contract of ``dsim.plugin.Trainer``."""
    from dsim.zoo import read_model

    unfinished = [out / UNFINISHED.format(number) for number in (1, 2, 3)]
    if not resume:
        _remove(unfinished)
    if not (out / MODEL / "manifest.toml").exists():
        _train(plan_map(datasets, parameters, seed, runtime), out, seed, runtime)
    _remove(unfinished)
    settings = read_model(out / MODEL).manifest["training"]["settings"]
    return [
        TrainedModel(Product.MAP, out / MODEL, f"file:{out / MODEL}", settings),
        TrainedModel(Product.EXTRACTOR, out / MODEL, f"file:{out / MODEL}[layer=features]"),
    ]


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _train(plan: MapPlan, out: Path, seed: int, runtime: Runtime) -> None:
    from dsim.features import seeded
    from dsim.learning import draw_seed, processes, read_unlabelled
    from dsim.models import MapNetwork, build_backbone
    from dsim_tsimcne.map_folder import write_map

    parameters, drawn = plan.parameters, partial(draw_seed, seed, TRAINER.name)
    backbone = build_backbone(plan.network, plan.size, parameters["start"], drawn("backbone"), runtime)
    with seeded(drawn("projector")):
        network = MapNetwork(backbone, parameters["hidden"], parameters["outputs"])
    images = _to_train_on(plan, read_unlabelled(plan.datasets, plan.size, runtime, side=parameters["bank_side"]))
    trained = _run_stages(plan, network, images, out, seed, runtime)
    if processes().is_first:
        write_map(out / MODEL, network, plan, trained, images, seed, runtime)
    processes().wait()


def _to_train_on(plan: MapPlan, images: UnlabelledImages) -> UnlabelledImages:
    import torch

    return replace(images, members=tuple(torch.from_numpy(part) for part in plan.division.training))


def _run_stages(
    plan: MapPlan, network: MapNetwork, images: UnlabelledImages, out: Path, seed: int, runtime: Runtime
) -> TrainingResult:
    """Train the three stages one after the other; the curves of all, with the column ``stage``."""
    from dsim.learning import TrainingResult, count_steps, draw_seed, feature_checks, fit, run_identity
    from dsim_tsimcne.objective import MapObjective, view_policy
    from dsim_tsimcne.stages import plan_stages

    groups = _group_numbers(plan.datasets) if plan.parameters["invariant_to"] == "group" else None
    members = [part for part in images.members if len(part)]
    per_pass = count_steps(sum(map(len, members)), plan.batch, 1 if groups is not None else len(members))
    policy = view_policy(plan.rotations.policy, plan.parameters)
    results = []
    for stage in plan_stages(plan.parameters, plan.batch, per_pass):
        if stage.number == 2:
            _begin_map(plan, network, images, draw_seed(seed, TRAINER.name, "last layer"))
        network.requires_grad_(stage.trains_all)
        network.last.requires_grad_(True)
        objective = MapObjective(
            images,
            network,
            stage,
            policy,
            plan.parameters,
            batch=plan.batch,
            size=plan.size,
            device=runtime.resolved_device(),
            groups=groups,
        )
        result = fit(
            objective,
            stage.config(plan.parameters),
            seed=draw_seed(seed, TRAINER.name, f"stage {stage.number}"),
            runtime=runtime,
            checkpoint=out / UNFINISHED.format(stage.number),
            identity={**run_identity(TRAINER, REVISION, plan.datasets, plan.record()), "stage": stage.number},
            step_checks=feature_checks(),
            description=f"t-SimCNE, stage {stage.number} of 3",
        )
        results.append(result)
    curves = [{"stage": number + 1.0, **row} for number, result in enumerate(results) for row in result.curves]
    warnings = tuple(dict.fromkeys(warning for result in results for warning in result.warnings))
    return TrainingResult({"map": network}, curves, len(curves), sum(result.seconds for result in results), warnings)


def _begin_map(plan: MapPlan, network: MapNetwork, images: UnlabelledImages, seed: int) -> None:
    """Give the network the last layer, of two outputs, with which the second stage begins."""
    import torch

    from dsim.learning import resize
    from dsim.models import reduce_last_layer, replace_last_layer

    if plan.parameters["last_layer"] == "normal":
        replace_last_layer(network, 2, seed)
        return
    every = torch.cat(list(images.members))
    spread = every[torch.linspace(0, len(every) - 1, min(len(every), _AXES_OF)).round().long()]
    device = str(network.last.weight.device)
    parts = spread.split(256)  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        rows = [network.eval().features(resize(images.bank.batch(part, device), plan.size)) for part in parts]
    reduce_last_layer(network, torch.cat(rows), 2)


def _group_numbers(datasets: Sequence[Dataset]) -> Tensor:
    """The group of each image over all datasets, int64 (n,): groups of different datasets are different."""
    import torch

    names = [f"{number}\0{group}" for number, dataset in enumerate(datasets) for group in dataset.groups or ()]
    return torch.from_numpy(np.unique(np.array(names), return_inverse=True)[1].astype(np.int64))
