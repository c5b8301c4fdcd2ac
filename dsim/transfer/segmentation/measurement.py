"""Measuring transfer in segmentation: a network trained on each source, scored by Dice on each target."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import TooFewSamplesError, UsageError
from dsim.models import SegmentationRecipe
from dsim.runtime import Runtime, Silent
from dsim.transfer.jobs import WORK, check_names, public_location, run_side_by_side
from dsim.transfer.segmentation.experiment import NOTHING, Failures, Scenario, SegmentationExperiment, train_and_score
from dsim.transfer.segmentation.pairs import Foreground, check_masks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset
    from dsim.truth import TransferMatrix, TruthDataset


def measure_segmentation(
    sources: Sequence[Dataset],
    targets: Sequence[Dataset],
    recipe: SegmentationRecipe | None = None,
    *,
    scenario: str = "prelabel",
    repetitions: int = 3,
    seed: int = 0,
    out: Path,
    runtime: Runtime | None = None,
    jobs: int = 1,
    foreground: Foreground | None = None,
    name: str = "",
    data: Path | None = None,
) -> TransferMatrix:
    """Train a network on each source, score it on each target: Dice in percent, (sources, targets, repetitions).

    Parameters
    ----------
    scenario : ``prelabel`` (no adaptation), ``finetune:K`` (after K annotated images of the target; the baseline is
        ``scratch:K``) or ``scratch:K`` (those alone; the only source is then named ``scratch``).
    repetitions : trainings per source, with other seeds. A source's validation images are drawn anew in each.
    out : folder of finished work (``out/.work``): what was finished by the same recipe, on the same images and with
        the same seed, is taken up; a training that was interrupted loses one epoch at most.
    jobs : processes side by side, on one thread each where there is more than one.
    foreground : which values of the masks are foreground, by name of dataset, ``""`` for all others; None: all but 0.
    name : of the truth. ``data`` : a folder; locations of datasets below it are recorded, and no others.

    Raises
    ------
    NeedError, DataError, TooFewSamplesError, UsageError
        Before any training: no masks, masks that are not binary, one image only, fewer groups than parts, a wrong
        setting. DsimError where the disk is full; what is finished stays.

    A pair that fails is NaN with its reason, and stops no other. Images that a model was trained on, by their
    content, are never scored: a source as its own target is scored on its held-out images.
    """
    started = time.monotonic()
    experiment = _plan_experiment(sources, targets, recipe, scenario, out, seed, foreground, runtime)
    everything = check_experiment(experiment, repetitions)
    failures = run_experiment(experiment, repetitions, jobs)
    experiment.runtime.progress.note(f"finished in {(time.monotonic() - started) / 60:.1f} minutes")
    truth = _assemble(experiment, repetitions, failures, everything, name or _name(experiment))
    return replace(truth, datasets=_datasets(experiment, {each.name: each for each in (*sources, *targets)}, data))


def _plan_experiment(
    sources: Sequence[Dataset],
    targets: Sequence[Dataset],
    recipe: SegmentationRecipe | None,
    scenario: str,
    out: Path,
    seed: int,
    foreground: Foreground | None,
    runtime: Runtime | None,
) -> SegmentationExperiment:
    wanted, runtime = Scenario.parse(scenario), runtime or Runtime()
    # One dataset in both roles stays one, whose files are hashed once.
    used = {id(each): _annotated(each, runtime) for each in (*sources, *targets)}
    return SegmentationExperiment(
        sources=() if wanted.kind == "scratch" else tuple(used[id(source)] for source in sources),
        targets=tuple(used[id(target)] for target in targets),
        recipe=recipe or SegmentationRecipe(),
        scenario=wanted,
        folder=Path(out) / WORK,
        seed=seed,
        foreground=foreground or {},
        runtime=runtime,
    )


def _annotated(dataset: Dataset, runtime: Runtime) -> Dataset:
    """The images that have masks, with a note to the user; a dataset without any is refused with all else."""
    return dataset.annotated_part(runtime.progress.note) if dataset.masked else dataset


def check_experiment(experiment: SegmentationExperiment, repetitions: int) -> dict[str, float]:
    """Return, by target, the Dice of calling every pixel foreground, after a check of all that would fail after hours.

    Raises NeedError, DataError, TooFewSamplesError or UsageError: see ``measure_segmentation``.
    """
    if repetitions < 1:
        raise UsageError(f"{repetitions} repetitions measure nothing", hint="give 3 or more")
    for role, datasets in (("source", experiment.sources), ("target", experiment.targets)):
        none_needed = role == "source" and experiment.scenario.kind == "scratch"
        check_names(role, [dataset.name for dataset in datasets], optional=none_needed)
    everything = {dataset.name: dataset for dataset in (*experiment.sources, *experiment.targets)}
    runtime = experiment.runtime
    with runtime.progress.task("checking masks", total=len(everything), unit="datasets") as task:
        shares = {}
        for dataset in everything.values():
            dataset.remember_in(runtime.cache)
            shares[dataset.name] = check_masks(dataset, experiment.foreground, "segmentation")
            task.advance(1)
    for source in experiment.sources:
        experiment.split(source, 0)
    for target in experiment.targets:
        _check_target(experiment, target)
    experiment.recipe.build(0, runtime)
    return {target.name: shares[target.name] for target in experiment.targets}


def _check_target(experiment: SegmentationExperiment, target: Dataset) -> None:
    if len(target) < 2:
        raise TooFewSamplesError(
            f"target {target.name!r} has one image, which says nothing of the others",
            hint="give a target of several annotated images",
        )
    experiment.annotated(target, 0)


def run_experiment(experiment: SegmentationExperiment, repetitions: int, jobs: int = 1) -> Failures:
    """Carry out what is not finished, in as many processes, and return the reasons of what failed.

    Raises DsimError where the disk is full; what is finished stays.
    """
    todo = experiment.missing(repetitions)
    total = repetitions * len(experiment.rows())
    progress = experiment.runtime.progress
    if len(todo) < total:
        progress.note(f"{total - len(todo)} of {total} models are finished and scored already")
    failures: Failures = {}
    with progress.task("models", total=total, unit="models") as task:
        task.advance(total - len(todo))
        for done, (what, failed) in enumerate(_each(experiment, todo, jobs), total - len(todo) + 1):
            failures |= failed
            task.advance(1)
            progress.note(f"{done} of {total} models: {what}{', with failures' if failed else ''}")
    return failures


def _each(
    experiment: SegmentationExperiment, todo: Sequence[tuple[Dataset | None, int]], jobs: int
) -> Iterator[tuple[str, Failures]]:
    """The name of each job as it is finished, with the reasons of what failed."""
    alone = jobs == 1 or len(todo) < 2
    # Only one process at a time may draw its progress.
    quiet = experiment if alone else replace(experiment, runtime=replace(experiment.runtime, progress=Silent()))
    yield from run_side_by_side(_run_job, [(quiet, row, repetition) for row, repetition in todo], jobs)


def _run_job(experiment: SegmentationExperiment, row: Dataset | None, repetition: int) -> tuple[str, Failures]:
    return _name_job(row, repetition), train_and_score(experiment, row, repetition)


def _name_job(row: Dataset | None, repetition: int) -> str:
    return f"{NOTHING if row is None else row.name}, repetition {repetition + 1}"


def _name(experiment: SegmentationExperiment) -> str:
    return f"segmentation-{experiment.scenario}".replace(":", "-")


#: By policy of the recipe.
AUGMENTATION = {
    "usual": "symmetries, rotation, zoom, shift in one resampling; gamma, contrast, brightness, colour, noise",
    "transfer": "symmetries, rotation, zoom to 2, shift in one resampling; colours mixed, changed or taken away, "
    "gamma, contrast, brightness, blur, noise",
}
RULES = {
    "score": "mean over a target's images of the Dice of the thresholded prediction at the original size; two empty "
    "masks agree: 1",
    "scored": "images that the model was not trained on, told by their content: a source as its own target is scored "
    "on its held-out images, the same in every repetition",
    "division": "whole groups; where none are known, runs of neighbouring images; validation anew in every repetition",
    "objective": "binary cross-entropy + 1 - soft Dice of each image; the weights of least validation loss are kept",
    "augmentation": AUGMENTATION["usual"],
    "normalisation": "intensities in [0, 1], gray repeated to three channels",
}


def _assemble(
    experiment: SegmentationExperiment,
    repetitions: int,
    failures: Failures,
    everything: Mapping[str, float],
    name: str,
) -> TransferMatrix:
    """Return the matrix of Dice in percent of all that is finished, with the reasons of what failed."""
    import numpy as np

    from dsim.truth import TransferMatrix, bounds_of

    targets, names = experiment.targets, experiment.names()
    percents = _percents(experiment, repetitions)
    values = percents[: len(names)]
    # The row of training on the target alone comes after those of the sources.
    baseline = percents[-1] if experiment.scenario.kind == "finetune" else None
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
        reasons={
            (names[i], targets[j].name): _reason(failures, names[i], targets[j].name)
            for i, j in np.argwhere(np.isnan(values).all(axis=2))
        },
        provenance=_provenance(experiment, repetitions, everything),
    )


def _provenance(
    experiment: SegmentationExperiment, repetitions: int, everything: Mapping[str, float]
) -> dict[str, Any]:
    """Return how the numbers were made: recipe, rules, versions, devices, hours, and every training."""
    trainings = _trainings(experiment, repetitions)
    done = [*trainings, *_scores(experiment, repetitions)]
    under = [dict(each) for each in sorted({tuple(sorted(one["conditions"].items())) for one in trainings})]
    shown = [{k: v for k, v in one.items() if k not in ("curves", "conditions")} for one in trainings]
    return {
        "about": "Dice of U-Nets, each trained on one source and scored on every target",
        "scenario": str(experiment.scenario),
        "recipe": experiment.recipe.record(),
        "rules": RULES | {"augmentation": AUGMENTATION[experiment.recipe.policy]},
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


def _datasets(
    experiment: SegmentationExperiment, wholes: Mapping[str, Dataset], data: Path | None
) -> dict[str, TruthDataset]:
    """The entry of each dataset in the truth, identified by all of its images, also those without masks."""
    from dsim.truth import TruthDataset

    held = {source.name: len(experiment.split(source, 0).test) for source in experiment.sources}
    found = {}
    for each in (*experiment.targets, *experiment.sources):
        whole = wholes[each.name]
        notes = [f"self pair scored on {held[each.name]} held-out images"] if each.name in held else []
        notes += [whole.annotation] if whole.annotation else []
        found[each.name] = TruthDataset(
            images=len(each),
            location=public_location(each, data),
            fingerprint=whole.images_fingerprint,
            note="; ".join(notes),
        )
    return found


def _percents(experiment: SegmentationExperiment, repetitions: int) -> NDArray[np.float64]:
    """Dice in percent, (rows, targets, repetitions); NaN for a missing score."""
    import numpy as np

    targets, values = experiment.targets, []
    for row in experiment.rows():
        scores = [[experiment.score(row, each, target) for each in range(repetitions)] for target in targets]
        values.append([[round(100 * s["dice"], 4) if s else math.nan for s in of_target] for of_target in scores])
    return np.array(values)


def _reason(failures: Failures, source: str, target: str) -> str:
    reasons = {reason for (s, _, t), reason in failures.items() if (s, t) == (source, target)}
    return "; ".join(sorted(reasons)) or "not measured"


def _parameters(experiment: SegmentationExperiment) -> int:
    from dsim.models import count_parameters

    return count_parameters(experiment.recipe.build(0, experiment.runtime, weights=False))


def _images_scored(experiment: SegmentationExperiment) -> dict[str, int]:
    """Images scored of each self pair; all else is scored on every image of the target that is new to the model."""
    both = {target.name: target for target in experiment.targets}
    counts = {}
    for source in experiment.sources:
        if source.name in both and (record := experiment.score(source, 0, both[source.name])):
            counts[source.name] = record["images"]
    return counts
