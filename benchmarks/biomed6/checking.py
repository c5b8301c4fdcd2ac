"""What the measured truth must be before it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.real_sets.checking import faults, refuse
from dsim.data import Dataset
from dsim.errors import DataError
from dsim.transfer.classification.experiment import ClassificationExperiment
from dsim.transfer.classification.measurement import assemble
from dsim.transfer.classification.objective import Published
from dsim.transfer.classification.recipe import ClassificationRecipe
from dsim.transfer.jobs import WORK
from dsim.truth import TransferMatrix

PROVENANCE = (
    "about",
    "recipe",
    "rules",
    "seed",
    "folds",
    "imagenet",
    "self pairs",
    "failed",
    "conditions",
    "hours",
    "date",
    "trainings",
    "trained on targets",
)


def check(truth: TransferMatrix) -> None:
    """Raise DataError for a truth that does not say how it was made, or that says where on which machine."""
    found = faults(truth, PROVENANCE, fewest=3)
    if truth.baseline is None or np.isnan(truth.baseline).any():
        found.append("training from scratch was not measured, which Eq. 1 compares with")
    if not found and sorted(truth.provenance["self pairs"]) != sorted([name, name] for name in truth.targets):
        found.append("its targets are not its sources, each under the same name")
    refuse(truth, found)


def check_work(truth: TransferMatrix, datasets: Mapping[str, Dataset], results: Path) -> None:
    """Raise DataError unless the finished work in ``results`` is of these images and labels, and gives these scores.

    The truth has fingerprints of images only; finished work is found again by those of the labels too.
    """
    experiment = _experiment(truth, datasets, results)
    if waiting := experiment.scorings():
        start, target, fold = waiting[0]
        raise DataError(
            f"{results / WORK} has no score of {start.name} on {target.name}, fold {fold + 1}, "
            "for these images with these labels",
            hint="give the folder that this truth was measured in, with its .work, and the labels of that time",
        )
    if assemble(experiment, {}, truth.name) != truth:
        raise DataError(
            f"the finished work in {results / WORK} gives other scores than truth {truth.name!r}",
            hint="give the folder that this truth was measured in",
        )


def _experiment(truth: TransferMatrix, datasets: Mapping[str, Dataset], results: Path) -> ClassificationExperiment:
    record = truth.provenance
    return ClassificationExperiment(
        sources=tuple(datasets[name] for name in truth.sources if name != truth.imagenet),
        targets=tuple(datasets[name] for name in truth.targets),
        recipe=ClassificationRecipe(**record["recipe"]),
        folder=results / WORK,
        published=Published(**record["imagenet"]) if record["imagenet"] else None,
        folds=truth.repetitions,
        seed=record["seed"],
    )
