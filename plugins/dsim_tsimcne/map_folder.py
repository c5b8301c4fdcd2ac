"""A trained map as a folder of the zoo: what it remembers of its images, weights, card and manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim_tsimcne.specs import TRAINER

if TYPE_CHECKING:
    from dsim.learning import TrainingResult, UnlabelledImages
    from dsim.models import MapNetwork
    from dsim.plugin import Dataset, Runtime
    from dsim.zoo import Model, ModelDescription
    from dsim_tsimcne.plan import MapPlan

#: Training images that a map remembers at most.
MOST_REFERENCES = 4096

_USE = {
    "intended": "a place in the plane for images like those it was trained on; its layer features as an extractor",
    "limits": "it has seen no labels; what its views made invariant it does not see. An image unlike all others lies"
    " somewhere too: ask how foreign it is. Distances between far clusters mean nothing",
}


def write_map(
    folder: Path,
    network: MapNetwork,
    plan: MapPlan,
    trained: TrainingResult,
    images: UnlabelledImages,
    seed: int,
    runtime: Runtime,
) -> Model:
    """Write a trained network as a folder of the zoo, the manifest last. Returns the model."""
    from dsim.embeddings import NEAREST
    from dsim.learning import training_facts
    from dsim.zoo import training_texts, write_model

    _remember(network, plan, runtime)
    network.cpu().eval()
    facts = {
        **training_facts(TRAINER.name, trained, seed, runtime, plan.record()),
        "rotations": {"chosen": plan.rotations.name, "reason": plan.rotations.reason},
        "fill": _fills(images),
        "calibration": {"images": len(plan.division.calibration), "by": plan.division.by, "neighbours": NEAREST},
    }
    method = (
        f"t-SimCNE (arXiv:2210.09879) in three stages, from {plan.parameters['start']} weights; rotations:"
        f" {plan.rotations.name} ({plan.rotations.reason}). No label was read."
    )
    command = TRAINER.command_line(plan.parameters, seed)
    texts = [method, *training_texts(facts, has_curves=True), f"    {command}"]
    return write_model(
        folder,
        _description(network, plan, facts),
        {**network.state_dict(), **network.memory()},
        sections={"Training": "\n\n".join(texts)},
        curves=trained.curves,
        shown=["loss", "reach", "spread", "effective_rank"],
        file="map.safetensors",
        digits=5,
    )


def _description(network: MapNetwork, plan: MapPlan, facts: Mapping[str, Any]) -> ModelDescription:
    from dsim.features import Square
    from dsim.models.map_network import BUILDER
    from dsim.zoo import ModelDescription, pool_entry

    parameters, backbone = plan.parameters, network.backbone
    names = ", ".join(dataset.name for dataset in plan.datasets)
    return ModelDescription(
        id=parameters["id"] or f"{re.sub(r'[^a-z0-9_-]', '-', plan.network.lower())}.t-simcne.r1",
        title=parameters["title"] or f"t-SimCNE on {names}",
        builder=BUILDER,
        licence=parameters["licence"],
        side=plan.size,
        transform=Square(plan.size, channels=3).id,
        dim=network.last.out_features,
        kind="latent",
        features=backbone.width,
        mean=backbone.mean.flatten().tolist(),
        std=backbone.std.flatten().tolist(),
        architecture={"network": plan.network, "hidden": parameters["hidden"]},
        training=facts,
        pool=[pool_entry(dataset) for dataset in plan.datasets],
        use=_USE,
    )


def _fills(images: UnlabelledImages) -> list[list[float]]:
    """The border colour of each dataset, which fills rotated views: three numbers in [0, 1] each."""
    colours = images.border_colours()
    return [[round(float(value), 6) for value in colours[part[0]]] for part in images.members if len(part)]


def _remember(network: MapNetwork, plan: MapPlan, runtime: Runtime) -> None:
    """Give the network features and points of training images, and how far images that it was not trained on are."""
    import torch

    from dsim.embeddings import novelty
    from dsim.features import Network

    extractor = Network(network, runtime.device, "features", "avg")
    training = np.concatenate(plan.division.training)
    spread = np.unique(np.linspace(0, len(training) - 1, min(len(training), MOST_REFERENCES)).round().astype(int))
    reference = _features(extractor, plan, training[spread], runtime)
    others = _features(extractor, plan, plan.division.calibration, runtime)
    # Without held-out images those that were trained on, each among the others.
    judged = others if len(others) else reference
    scores = novelty(judged.astype(np.float64), reference.astype(np.float64), leave_self=not len(others))
    scores = np.minimum(scores, np.finfo(np.float32).max)
    with torch.inference_mode():
        points = network.cpu().projector(torch.from_numpy(reference))
    network.remember(torch.from_numpy(reference), points, torch.from_numpy(scores))


def _features(extractor: Any, plan: MapPlan, numbers: NDArray[np.intp], runtime: Runtime) -> NDArray[np.float32]:
    """Features of images by their numbers over all datasets, made as for any extractor, float32 (n, d)."""
    from dsim.features import Square, image_batches

    transform, rows = Square(plan.size, channels=3), []
    for dataset, own in _by_dataset(plan.datasets, numbers):
        subset = dataset.subset(own)
        with runtime.progress.task(f"features of {dataset.name}", len(own), "images") as task:
            for batch in image_batches(subset, transform, extractor.batch, runtime.workers):
                rows.append(extractor(batch))
                task.advance(len(batch))
    return np.concatenate(rows) if rows else np.empty((0, extractor.module.backbone.width), np.float32)


def _by_dataset(datasets: Sequence[Dataset], numbers: NDArray[np.intp]) -> list[tuple[Dataset, list[int]]]:
    """Each dataset with the indices in it of images that are numbered over all; those without any are left out."""
    starts = np.concatenate([[0], np.cumsum([len(dataset) for dataset in datasets])])
    parts = [
        (dataset, (numbers[(numbers >= first) & (numbers < last)] - first).tolist())
        for dataset, first, last in zip(datasets, starts[:-1], starts[1:], strict=True)
    ]
    return [(dataset, own) for dataset, own in parts if own]
