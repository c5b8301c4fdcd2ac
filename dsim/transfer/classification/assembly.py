"""From finished scores to the measured truth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data.splits import lacking
from dsim.transfer.classification.experiment import IMAGENET, ClassificationExperiment, Start, is_self
from dsim.transfer.records import location_of

if TYPE_CHECKING:
    from dsim.transfer.classification.running import Failures
    from dsim.truth import TransferMatrix, TruthDataset

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
    """The matrix of AUC of all that is finished, with the reasons of what failed."""
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
    found = experiment.score(start, target, fold)
    return math.nan if found is None else round(found["auc"], 6)


def _reason(failures: Failures, row: Start, target: str) -> str:
    # A self pair is the baseline, and fails with it.
    own = {reason for (s, t, _), reason in failures.items() if t == target and s in (row.name, Start().name)}
    return "; ".join(sorted(own)) or "not measured"


def _provenance(experiment: ClassificationExperiment, failures: Failures) -> dict[str, Any]:
    """How the numbers were made: recipe, rules, folds, versions, devices, hours, and every training on a source."""
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
        "folds": {target.name: _told(experiment, target) for target in experiment.targets},
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


def _told(experiment: ClassificationExperiment, target: Any) -> list[dict[str, Any]]:
    """Sizes of the parts of each fold, and the classes that no scored image has."""
    return [
        {
            "training": len(part.training),
            "validation": len(part.validation),
            "test": len(part.test),
            "lacking": [*lacking(target, part.test)],
        }
        for part in experiment.divided(target)
    ]


def _datasets(experiment: ClassificationExperiment, data: Path | None) -> dict[str, TruthDataset]:
    from dsim.truth import TruthDataset

    return {
        each.name: TruthDataset(
            images=len(each),
            location=location_of(each, data),
            fingerprint=each.images_fingerprint,
            note=f"{len(each.classes)} classes",
        )
        for each in (*experiment.targets, *experiment.sources)
    }
