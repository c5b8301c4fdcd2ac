"""Measuring transfer in classification: pre-trained on each source, fine-tuned on each target, scored by AUC."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.splits import lacking
from dsim.errors import UsageError, WeightsError
from dsim.runtime import Runtime
from dsim.transfer.classification.building import Published, build, find_published
from dsim.transfer.classification.experiment import IMAGENET, ClassificationExperiment
from dsim.transfer.classification.images import check_labels
from dsim.transfer.classification.recipe import ClassificationRecipe
from dsim.transfer.classification.running import run
from dsim.transfer.records import WORK
from dsim.transfer.roles import check_names

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.truth import TransferMatrix


def measure_classification(
    sources: Sequence[Dataset],
    targets: Sequence[Dataset],
    recipe: ClassificationRecipe | None = None,
    *,
    folds: int = 5,
    seed: int = 0,
    out: Path,
    runtime: Runtime | None = None,
    jobs: int = 1,
    imagenet: str = "",
    imagenet_optional: bool = False,
    name: str = "",
    data: Path | None = None,
) -> TransferMatrix:
    """Train a classifier on each source, then on each fold of each target: AUC, (sources, targets, folds).

    The AUC is of each class against all others, weighted by class priors, in [0, 1]; higher is better. The baseline is
    trained on the same folds from scratch, and ``transferability`` is the gain over it in percent: Eq. 1 of
    van den Brandt et al. 2021, arXiv:2107.05940. A source as its own target has the baseline's values.

    Parameters
    ----------
    sources, targets : with labels; their classes may differ, since each target gets a new head.
    folds : of each target, by whole groups, classes spread evenly; the same for all sources.
    out : folder of finished work (``out/.work``): what was finished by the same recipe, on the same images and labels
        and with the same seed, is taken up; a training that was interrupted loses one epoch at most.
    jobs : processes side by side, on one thread each where there is more than one.
    imagenet : ``timm:NAME.TAG``, weights of the recipe's own network: a further source, named ImageNet.
        ``imagenet_optional`` leaves it out, with a note, where its weights cannot be had.
    name : of the truth. ``data`` : a folder; the truth tells where datasets lie below it, and of no other place.

    Raises
    ------
    NeedError, DataError, TooFewSamplesError, UsageError, WeightsError
        Before any training: no labels, one class, fewer groups than folds need, a wrong setting, weights that cannot be
        had. DsimError where the disk is full; what is finished stays.

    A training that fails is NaN with its reason, and stops no other.
    """
    from dsim.transfer.classification.assembly import assemble

    started = time.monotonic()
    runtime, recipe = runtime or Runtime(), recipe or ClassificationRecipe()
    experiment = ClassificationExperiment(
        sources=tuple(sources),
        targets=tuple(targets),
        recipe=recipe,
        folder=Path(out) / WORK,
        published=_published(imagenet, imagenet_optional, recipe, runtime),
        folds=folds,
        seed=seed,
        runtime=runtime,
    )
    check(experiment)
    failures = run(experiment, jobs)
    runtime.progress.note(f"finished in {(time.monotonic() - started) / 60:.1f} minutes")
    return assemble(experiment, failures, name or "classification", data)


def check(experiment: ClassificationExperiment) -> None:
    """Raise what would fail after hours; notes folds that lack a class."""
    if experiment.folds < 2:
        raise UsageError(f"{experiment.folds} folds leave nothing to score", hint="give --folds 2 or more")
    taken = (IMAGENET,) if experiment.published else ()
    for role, datasets in (("source", experiment.sources), ("target", experiment.targets)):
        check_names(role, [*(dataset.name for dataset in datasets), *(taken if role == "source" else ())])
    for dataset in {each.name: each for each in (*experiment.sources, *experiment.targets)}.values():
        check_labels(dataset, "classification")
    for source in experiment.sources:
        experiment.split(source, 0)
    for target in experiment.targets:
        _check_folds(experiment, target)
    build(experiment.recipe, 2, 0)


def _check_folds(experiment: ClassificationExperiment, target: Dataset) -> None:
    absent = [
        f"fold {number} lacks {', '.join(classes)}"
        for number, part in enumerate(experiment.divided(target), 1)
        if (classes := lacking(target, part.test))
    ]
    if absent:
        experiment.runtime.progress.note(
            f"{target.name}: not every fold scores every class, and what is absent weighs nothing: {'; '.join(absent)}"
        )


def _published(reference: str, optional: bool, recipe: ClassificationRecipe, runtime: Runtime) -> Published | None:
    if not reference:
        return None
    try:
        return find_published(reference, recipe, runtime)
    except WeightsError as error:
        if not optional:
            raise
        runtime.progress.note(f"without ImageNet: {error.message}")
        return None
