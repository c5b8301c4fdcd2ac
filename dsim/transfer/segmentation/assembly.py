"""From finished scores to the measured truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.transfer.records import location_of
from dsim.transfer.segmentation.experiment import Failures, SegmentationExperiment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.truth import TransferMatrix, TruthDataset

RULES = {
    "score": "mean over a target's images of the Dice of the thresholded prediction at the original size; two empty "
    "masks agree: 1",
    "scored": "images that the model was not trained on, told by their content: a source as its own target is scored "
    "on its held-out images, the same in every repetition",
    "division": "whole groups; where none are known, runs of neighbouring images; validation anew in every repetition",
    "objective": "binary cross-entropy + 1 - soft Dice of each image; the weights of least validation loss are kept",
    "augmentation": "symmetries, rotation, zoom, shift in one resampling; gamma, contrast, brightness, colour, noise",
    "normalisation": "intensities in [0, 1], gray repeated to three channels",
}


def assemble(
    experiment: SegmentationExperiment,
    repetitions: int,
    failures: Failures,
    everything: Mapping[str, float],
    name: str,
    data: Path | None,
) -> TransferMatrix:
    """The matrix of Dice in percent of all that is finished, with the reasons of what failed."""
    import numpy as np

    from dsim.truth import TransferMatrix, bounds_of

    targets, names = experiment.targets, experiment.names()
    found = _percents(experiment, repetitions)
    values = found[: len(names)]
    # The row of training on the target alone comes after those of the sources.
    baseline = found[-1] if experiment.scenario.kind == "finetune" else None
    return TransferMatrix(
        name=name,
        score="DSC",
        unit="%",
        sources=names,
        targets=tuple(target.name for target in targets),
        values=values,
        bounds=bounds_of("DSC", "%"),
        repetition="seed",
        baseline=None if baseline is None or np.isnan(baseline).all() else baseline,
        datasets=_datasets(experiment, data),
        reasons={
            (names[i], targets[j].name): _reason(failures, names[i], targets[j].name)
            for i, j in np.argwhere(np.isnan(values).all(axis=2))
        },
        provenance=provenance(experiment, repetitions, everything),
    )


def provenance(experiment: SegmentationExperiment, repetitions: int, everything: Mapping[str, float]) -> dict[str, Any]:
    """How the numbers were made: recipe, rules, versions, devices, hours, and every training."""
    trainings = _trainings(experiment, repetitions)
    done = [*trainings, *_scores(experiment, repetitions)]
    under = [dict(each) for each in sorted({tuple(sorted(one["conditions"].items())) for one in trainings})]
    shown = [{k: v for k, v in one.items() if k not in ("curves", "conditions")} for one in trainings]
    return {
        "about": "Dice of U-Nets, each trained on one source and scored on every target",
        "scenario": str(experiment.scenario),
        "recipe": experiment.recipe.record(),
        "rules": RULES,
        "parameters": _parameters(experiment),
        "seed": experiment.seed,
        "foreground": {name: list(values) if values else "all but 0" for name, values in experiment.foreground.items()},
        "all foreground": {name: round(100 * share, 2) for name, share in everything.items()},
        "conditions": under,
        "hours": round(sum(one["seconds"] for one in done) / 3600, 3),
        "date": max((one["finished"] for one in done), default="")[:10],
        "images scored": _images_scored(experiment),
        "trainings": shown,
    }


def _trainings(experiment: SegmentationExperiment, repetitions: int) -> list[dict[str, Any]]:
    return [
        {"source": source.name, "repetition": repetition, **record}
        for source in experiment.sources
        for repetition in range(repetitions)
        if (record := experiment.trainings(source).find((source.name, repetition)))
    ]


def _scores(experiment: SegmentationExperiment, repetitions: int) -> list[dict[str, Any]]:
    return [
        record
        for row in experiment.rows()
        for repetition in range(repetitions)
        for target in experiment.targets
        if (record := experiment.score(row, repetition, target))
    ]


def _datasets(experiment: SegmentationExperiment, data: Path | None) -> dict[str, TruthDataset]:
    from dsim.truth import TruthDataset

    held = {source.name: len(experiment.split(source, 0).test) for source in experiment.sources}
    return {
        each.name: TruthDataset(
            images=len(each),
            location=location_of(each, data),
            fingerprint=each.images_fingerprint,
            note=f"self pair scored on {held[each.name]} held-out images" if each.name in held else "",
        )
        for each in (*experiment.targets, *experiment.sources)
    }


def _percents(experiment: SegmentationExperiment, repetitions: int) -> NDArray[np.float64]:
    """Dice in percent, (rows, targets, repetitions); NaN where there is no score."""
    import numpy as np

    targets, values = experiment.targets, []
    for row in experiment.rows():
        found = [[experiment.score(row, each, target) for each in range(repetitions)] for target in targets]
        values.append([[round(100 * one["dice"], 4) if one else math.nan for one in of_one] for of_one in found])
    return np.array(values)


def _reason(failures: Failures, source: str, target: str) -> str:
    told = {reason for (s, _, t), reason in failures.items() if (s, t) == (source, target)}
    return "; ".join(sorted(told)) or "not measured"


def _parameters(experiment: SegmentationExperiment) -> int:
    from dsim.models.unet import size

    return size(experiment.recipe.build(0, experiment.runtime, weights=False))


def _images_scored(experiment: SegmentationExperiment) -> dict[str, int]:
    """Of each self pair; everything else is scored on all images of the target that the model has not seen."""
    both = {target.name: target for target in experiment.targets}
    found = {}
    for source in experiment.sources:
        if source.name in both and (record := experiment.score(source, 0, both[source.name])):
            found[source.name] = record["images"]
    return found
