"""Measuring transfer in classification: pre-trained on each source, fine-tuned on each target, scored by AUC."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data.splits import absent_classes
from dsim.errors import UsageError, WeightsError
from dsim.runtime import Runtime
from dsim.transfer.classification.experiment import IMAGENET, ClassificationExperiment, Start, is_self, run_experiment
from dsim.transfer.classification.objective import Published, build_classifier, check_labels, find_published
from dsim.transfer.classification.recipe import ClassificationRecipe
from dsim.transfer.jobs import WORK, check_names, public_location

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.transfer.classification.experiment import Failures
    from dsim.truth import TransferMatrix, TruthDataset


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
    jobs : processes side by side; several have one thread each.
    imagenet : ``timm:NAME.TAG``, weights of the recipe's own network: a further source, named ImageNet.
        ``imagenet_optional`` leaves it out, with a note, where its weights cannot be had.
    name : of the truth. ``data`` : a folder; locations of datasets below it are recorded, and no others.

    Raises NeedError, DataError, TooFewSamplesError, UsageError or WeightsError before any training: no labels, one
    class, fewer groups than folds need, a wrong setting, weights that cannot be had; DsimError where the disk is full
    (what is finished stays). A training that fails is NaN with its reason, and stops no other.
    """
    started = time.monotonic()
    runtime, recipe = runtime or Runtime(), recipe or ClassificationRecipe()
    published = _published(imagenet, imagenet_optional, recipe, runtime)
    held = tuple(sources), tuple(targets), recipe, Path(out) / WORK, published
    experiment = ClassificationExperiment(*held, folds=folds, seed=seed, runtime=runtime)
    check_experiment(experiment)
    failures = run_experiment(experiment, jobs)
    runtime.progress.note(f"finished in {(time.monotonic() - started) / 60:.1f} minutes")
    return assemble(experiment, failures, name or "classification", data)


def check_experiment(experiment: ClassificationExperiment) -> None:
    """Check all that would fail after hours, and note folds that lack a class.

    Raises NeedError, DataError, TooFewSamplesError or UsageError: see ``measure_classification``.
    """
    if experiment.folds < 2:
        raise UsageError(f"{experiment.folds} folds leave nothing to score", hint="give --folds 2 or more")
    taken = (IMAGENET,) if experiment.published else ()
    for role, datasets in (("source", experiment.sources), ("target", experiment.targets)):
        check_names(role, [*(dataset.name for dataset in datasets), *(taken if role == "source" else ())])
    for dataset in {each.name: each for each in (*experiment.sources, *experiment.targets)}.values():
        dataset.remember_in(experiment.runtime.cache)
        check_labels(dataset, "classification")
    for source in experiment.sources:
        experiment.split(source, 0)
    for target in experiment.targets:
        _check_folds(experiment, target)
    build_classifier(experiment.recipe, 2, 0)


def _check_folds(experiment: ClassificationExperiment, target: Dataset) -> None:
    absent = [
        f"fold {number} lacks {', '.join(classes)}"
        for number, part in enumerate(experiment.divided(target), 1)
        if (classes := absent_classes(target, part.test))
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


RULES = {
    "score": "AUC of each class against all others, weighted by its share of the scored images; a class that no scored "
    "image has weighs nothing",
    "transfer": "trained on the source, new head, all weights trained on the target's training images",
    "baseline": "random weights, trained on the same folds in the same way",
    "self pair": "a source as its own target adds no data: its value is the baseline's",
    "scored": "images of the held-out part whose content the source does not hold",
    "division": "whole groups; where none are known, runs of neighbouring images, and images of the same content; "
    "classes spread evenly; the same folds for all sources",
    "images": "scaled to a square, intensities in [0, 1], gray repeated to three channels",
}


def assemble(
    experiment: ClassificationExperiment, failures: Failures, name: str, data: Path | None = None
) -> TransferMatrix:
    """Return the matrix of AUC of all that is finished, with the reasons of what failed."""
    import numpy as np

    from dsim.truth import TransferMatrix, bounds_of

    rows, targets, folds = experiment.rows(), experiment.targets, range(experiment.folds)
    values = np.array([[[_auc(experiment, row, t, fold) for fold in folds] for t in targets] for row in rows])
    baseline = np.array([[_auc(experiment, Start(), t, fold) for fold in folds] for t in targets])
    lost = np.isnan(values).all(axis=2)
    return TransferMatrix(
        name=name,
        score="AUC",
        unit="",
        sources=tuple(row.name for row in rows),
        targets=tuple(target.name for target in targets),
        values=values,
        bounds=bounds_of("AUC"),
        repetition="fold",
        baseline=None if np.isnan(baseline).all() else baseline,
        imagenet=IMAGENET if experiment.published else "",
        datasets=_datasets(experiment, data),
        reasons={
            (row.name, target.name): _reason(failures, row, target.name)
            for i, row in enumerate(rows)
            for j, target in enumerate(targets)
            if lost[i, j]
        },
        provenance=_provenance(experiment, failures),
    )


def _auc(experiment: ClassificationExperiment, start: Start, target: Any, fold: int) -> float:
    record = experiment.score(start, target, fold)
    return math.nan if record is None else round(record["auc"], 6)


def _reason(failures: Failures, row: Start, target: str) -> str:
    # A self pair is the baseline, and fails with it.
    own = {reason for (s, t, _), reason in failures.items() if t == target and s in (row.name, Start().name)}
    return "; ".join(sorted(own)) or "not measured"


def _provenance(experiment: ClassificationExperiment, failures: Failures) -> dict[str, Any]:
    """Return the provenance: recipe, rules, folds, versions, devices, hours, and every training on a source."""
    trainings = [*_trainings(experiment)]
    scores = [*_scores(experiment)]
    everything = [*trainings, *scores]
    under = [dict(each) for each in sorted({tuple(sorted(one["conditions"].items())) for one in everything})]
    published = experiment.published
    return {
        "about": "AUC of classifiers, trained on one source and then on each fold of every target",
        "recipe": experiment.recipe.record(),
        "rules": RULES,
        "seed": experiment.seed,
        "folds": {target.name: _describe_folds(experiment, target) for target in experiment.targets},
        "imagenet": {"reference": published.reference, "sha256": published.sha256} if published else None,
        "self pairs": [[row.name, t.name] for row in experiment.rows() for t in experiment.targets if is_self(row, t)],
        "failed": [[*job, reason] for job, reason in sorted(failures.items())],
        "conditions": under,
        "hours": round(sum(one["seconds"] for one in everything) / 3600, 3),
        "date": max((one["finished"] for one in everything), default="")[:10],
        "trainings": [{k: v for k, v in one.items() if k not in ("curves", "conditions")} for one in trainings],
        "trained on targets": [
            {k: one[k] for k in ("source", "target", "fold", "epochs", "best_epoch", "images", "seconds")}
            for one in scores
        ],
    }


def _trainings(experiment: ClassificationExperiment) -> Iterator[dict[str, Any]]:
    for source in experiment.sources:
        for number in dict.fromkeys(experiment.pretraining_of(fold) for fold in range(experiment.folds)):
            if record := experiment.trainings(source).find((source.name, number)):
                yield {"source": source.name, "number": number, **record}


def _scores(experiment: ClassificationExperiment) -> Iterator[dict[str, Any]]:
    for start in (Start(), *experiment.rows()):
        for target in experiment.targets:
            for fold in range(experiment.folds):
                if not is_self(start, target) and (record := experiment.score(start, target, fold)):
                    yield {"source": start.name, "target": target.name, "fold": fold, **record}


def _describe_folds(experiment: ClassificationExperiment, target: Any) -> list[dict[str, Any]]:
    """Sizes of the parts of each fold, and the classes that no scored image has."""
    return [
        {
            "training": len(part.training),
            "validation": len(part.validation),
            "test": len(part.test),
            "lacking": [*absent_classes(target, part.test)],
        }
        for part in experiment.divided(target)
    ]


def _datasets(experiment: ClassificationExperiment, data: Path | None) -> dict[str, TruthDataset]:
    from dsim.truth import TruthDataset

    return {
        each.name: TruthDataset(
            images=len(each),
            location=public_location(each, data),
            fingerprint=each.images_fingerprint,
            note=f"{len(each.classes)} classes",
        )
        for each in (*experiment.targets, *experiment.sources)
    }
