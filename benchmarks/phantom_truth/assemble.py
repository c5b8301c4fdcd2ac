"""From finished trainings to the measured truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.phantom_truth.design import QUICK, Design
from benchmarks.phantom_truth.network import UNet, size
from benchmarks.phantom_truth.work import Finished, Job
from dsim.data import Dataset
from dsim.truth import TransferMatrix, TruthDataset

COMMAND = "python -m benchmarks.phantom_truth"
RULES = {
    "score": "mean over the target's images of the Dice of the thresholded prediction; two empty masks agree: 1",
    "self pair": "a source is scored on other scenes of its phantom (held_out), all others on the dataset itself",
    "objective": "binary cross-entropy + 1 - soft Dice of each image; Adam; the weights of least validation loss",
    "division": "validation takes whole groups of the source, divided anew for each seed",
    "augmentation": "the eight symmetries of the square; brightness and contrast of each image",
    "normalisation": "intensities / 255, gray repeated to three channels",
    "network": "U-Net, two 3 x 3 convolutions a level, each with GroupNorm (4 channels a group) and LeakyReLU (0.1)",
}


def truth(design: Design, done: Mapping[Job, Finished]) -> TransferMatrix:
    """The matrix of Dice in percent, (sources, targets, seeds), from all trainings."""
    sources, targets = tuple(design.sources), tuple(design.targets)
    seeds = sorted({seed for _, seed in done})
    values = np.array([[[done[s, seed].scores[t] for seed in seeds] for t in targets] for s in sources])
    return TransferMatrix(
        name="phantoms-dsc",
        score="DSC",
        unit="%",
        sources=sources,
        targets=targets,
        values=np.round(100 * values, 4),
        bounds=(0.0, 100.0),
        repetition="seed",
        datasets={name: _described(name, dataset, design) for name, dataset in design.targets.items()},
        provenance=provenance(design, list(done.values())),
    )


def provenance(design: Design, trainings: list[Finished]) -> dict[str, Any]:
    """How the numbers were made."""
    conditions = [dict(each) for each in sorted({tuple(sorted(each.conditions.items())) for each in trainings})]
    return {
        "about": "Dice of small U-Nets, each trained on one source phantom and scored on every target",
        "command": COMMAND + (" --quick" if design.recipe == QUICK else ""),
        "recipe": asdict(design.recipe) | {"channels": list(design.recipe.channels)},
        "rules": RULES,
        "parameters": size(UNet(design.recipe.channels)),
        "seeds": sorted({each.seed for each in trainings}),
        "held_out": {name: dataset.location for name, dataset in design.held_out.items() if name in design.sources},
        "all foreground": {name: round(all_foreground(each), 2) for name, each in design.targets.items()},
        "conditions": conditions,
        "hours": round(sum(each.seconds for each in trainings) / 3600, 3),
        "date": max(each.finished for each in trainings)[:10],
        "trainings": [_training(each) for each in trainings],
    }


def all_foreground(dataset: Dataset) -> float:
    """Dice, percent, of calling every pixel foreground: what no image needs to be looked at for."""
    masks: NDArray[np.bool_] = np.stack([dataset.mask(i) > 0 for i in range(len(dataset))])
    share = masks.mean((1, 2))
    return float(100 * np.where(share > 0, 2 * share / (1 + share), 0).mean())


def _training(done: Finished) -> dict[str, Any]:
    return {
        "source": done.source,
        "seed": done.seed,
        "epochs": done.epochs,
        "best_epoch": done.best_epoch,
        "validation_loss": round(done.validation_loss, 4),
        "seconds": done.seconds,
    }


def _described(name: str, dataset: Dataset, design: Design) -> TruthDataset:
    note = f"scored itself on {design.held_out[name].location}" if name in design.sources else ""
    return TruthDataset(len(dataset), dataset.location, dataset.images_fingerprint, note)
