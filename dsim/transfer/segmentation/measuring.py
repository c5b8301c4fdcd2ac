"""Measuring transfer in segmentation: a network trained on each source, scored by Dice on each target."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import TooFewSamplesError, UsageError
from dsim.models.recipe import SegmentationRecipe
from dsim.runtime import Runtime, Silent
from dsim.transfer.processes import side_by_side
from dsim.transfer.records import WORK
from dsim.transfer.roles import check_names
from dsim.transfer.segmentation.experiment import Failures, SegmentationExperiment, carry_out
from dsim.transfer.segmentation.pairs import Foreground, check_masks
from dsim.transfer.segmentation.scenario import NOTHING, Scenario

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.truth import TransferMatrix


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
    name : of the truth. ``data`` : a folder; the truth tells where datasets lie below it, and of no other place.

    Raises
    ------
    NeedError, DataError, TooFewSamplesError, UsageError
        Before any training: no masks, masks that are not binary, one image only, fewer groups than parts, a wrong
        setting. DsimError where the disk is full; what is finished stays.

    A pair that fails is NaN with its reason, and stops no other. Images that a model was trained on, told by their
    content, are never scored: a source as its own target is scored on its held-out images.
    """
    from dsim.transfer.segmentation.assembly import assemble

    started = time.monotonic()
    wanted = Scenario.parse(scenario)
    experiment = SegmentationExperiment(
        sources=() if wanted.kind == "scratch" else tuple(sources),
        targets=tuple(targets),
        recipe=recipe or SegmentationRecipe(),
        scenario=wanted,
        folder=Path(out) / WORK,
        seed=seed,
        foreground=foreground or {},
        runtime=runtime or Runtime(),
    )
    everything = check(experiment, repetitions)
    failures = run(experiment, repetitions, jobs)
    experiment.runtime.progress.note(f"finished in {(time.monotonic() - started) / 60:.1f} minutes")
    return assemble(experiment, repetitions, failures, everything, name or _name(experiment), data)


def check(experiment: SegmentationExperiment, repetitions: int) -> dict[str, float]:
    """Raise what would fail after hours; returns, by target, the Dice of calling every pixel foreground."""
    if repetitions < 1:
        raise UsageError(f"{repetitions} repetitions measure nothing", hint="give 3 or more")
    for role, datasets in (("source", experiment.sources), ("target", experiment.targets)):
        none_needed = role == "source" and experiment.scenario.kind == "scratch"
        check_names(role, [dataset.name for dataset in datasets], optional=none_needed)
    found = {dataset.name: dataset for dataset in (*experiment.sources, *experiment.targets)}
    runtime = experiment.runtime
    with runtime.progress.task("checking masks", total=len(found), unit="datasets") as task:
        shares = {}
        for dataset in found.values():
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


def run(experiment: SegmentationExperiment, repetitions: int, jobs: int = 1) -> Failures:
    """Carry out what is not finished, in as many processes; returns the reasons of what failed."""
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
    """What was carried out, as it is finished, with the reasons of what failed."""
    alone = jobs == 1 or len(todo) < 2
    # Only one process at a time may draw its progress.
    how = experiment if alone else replace(experiment, runtime=replace(experiment.runtime, progress=Silent()))
    yield from side_by_side(_one, [(how, row, repetition) for row, repetition in todo], jobs)


def _one(experiment: SegmentationExperiment, row: Dataset | None, repetition: int) -> tuple[str, Failures]:
    return _told(row, repetition), carry_out(experiment, row, repetition)


def _told(row: Dataset | None, repetition: int) -> str:
    return f"{NOTHING if row is None else row.name}, repetition {repetition + 1}"


def _name(experiment: SegmentationExperiment) -> str:
    return f"segmentation-{experiment.scenario}".replace(":", "-")
