"""A study from beginning to end: its cells, each computed once and stored, and its document."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DsimError
from dsim.runtime import VERSION
from dsim.store import Ledger, key_of
from dsim_simsearch.study.cells import METHODS, Cell, Method, plan_cells, record_scores
from dsim_simsearch.study.experiment import Experiment, StudySettings
from dsim_simsearch.study.problem import class_counts
from dsim_simsearch.study.summary import summarise_choice, summarise_contrasts, summarise_scores

if TYPE_CHECKING:
    from dsim.runtime import Runtime
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.study.methods import Detected
    from dsim_simsearch.study.problem import Problem

SCHEMA = "dsim.roi-study/1"
#: Below the folder of a study: its finished cells, and features of images.
_CELLS, _FEATURES = "cells", "features"
#: Bumped when the same cell would get another number.
VERSION_OF_CELLS = 1


@dataclass(frozen=True)
class Plan:
    """The cells of a study, by what they differ in.

    ``repeats`` experiments, each with ``trainings`` of every method that trains.
    """

    methods: tuple[Method, ...]
    prototypes: tuple[int, ...]
    negatives: tuple[int, ...]
    repeats: int
    trainings: int

    @property
    def cells(self) -> list[Cell]:
        """All of them, experiment by experiment."""
        return plan_cells(self.methods, self.prototypes, self.negatives, self.repeats, self.trainings)


def prepare_images(problem: Problem, runtime: Runtime, out: Path | None = None) -> PreparedImages:
    """Return the images of a problem in [0, 1], all their channels; ranges are stored in a study's folder."""
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.preparation import Preparation, measure_channels

    dataset = problem.annotated.dataset
    if out is None:
        return PreparedImages(dataset, measure_channels(dataset, runtime).prepare())
    ledger = Ledger(out / _CELLS, key_of({"images": dataset.images_fingerprint}))
    ranges = ledger.find_or_add(("preparation",), lambda _: measure_channels(dataset, runtime).prepare().to_dict())
    return PreparedImages(dataset, Preparation.from_dict(dict(ranges)))


def run_study(problem: Problem, plan: Plan, settings: StudySettings, out: Path, runtime: Runtime) -> dict[str, Any]:
    """Return the document of a study; cells that are finished in its folder are not computed again.

    A cell that fails, as where every candidate of a class is flagged, is named with its reason, and tried again by the
    next run; the others go on. Raises DataError where the training images do not have enough objects.
    """
    ledger = ledger_of(problem, settings, out)
    images = prepare_images(problem, runtime, out)

    @lru_cache(maxsize=1)
    def experiment(repeat: int) -> Experiment:
        return Experiment(problem, images, settings, repeat, runtime, out / _FEATURES)

    # What cannot be drawn is an error before any work.
    _ = experiment(0).displayed
    cells, failed = plan.cells, {}
    with runtime.progress.task("study", len(cells), "cells") as task:
        for cell in cells:
            try:
                ledger.find_or_add(tuple(cell), partial(_compute, cell, experiment))
            except DsimError as error:
                failed[cell] = error.message
                runtime.progress.note(f"{cell.method} of experiment {cell.repeat} failed: {error.message}")
            task.advance()
    return describe_study(problem, plan, settings, ledger, failed)


def ledger_of(problem: Problem, settings: StudySettings, out: Path) -> Ledger:
    """Return the finished cells of exactly this problem and these settings."""
    facts = {"version": VERSION_OF_CELLS, "problem": problem.facts(), "settings": settings.facts()}
    return Ledger(out / _CELLS, key_of(facts))


def _compute(cell: Cell, experiment: Callable[[int], Experiment], checkpoint: Path) -> dict[str, Any]:
    """The record of a cell. A cell is too short for a checkpoint."""
    from dsim_simsearch.study.methods import detect, score_detections

    known = experiment(cell.repeat)
    began = time.perf_counter()
    detected: Detected = detect(known, cell)
    seconds = time.perf_counter() - began
    clicks = 0 if METHODS[cell.method].supervised else known.marked(cell.prototypes, cell.negatives).clicks
    return {"classes": record_scores(score_detections(known, detected)), "clicks": clicks, "seconds": seconds}


def describe_study(
    problem: Problem, plan: Plan, settings: StudySettings, ledger: Ledger, failed: Mapping[Cell, str] | None = None
) -> dict[str, Any]:
    """Return the document of the finished cells of a plan; of schema ``dsim.roi-study/1``.

    failed : cells that could not be computed, with the reason.
    """
    cells = plan.cells
    records = {cell: record for cell in cells if (record := ledger.find(tuple(cell))) is not None}
    scores = summarise_scores(problem, records)
    dataset = problem.annotated.dataset
    return {
        "schema": SCHEMA,
        "dsim": VERSION,
        "set": dataset.name,
        "images": len(dataset),
        "fingerprint": dataset.images_fingerprint,
        "classes": [
            {"name": name, "training": training, "test": test}
            for name, (training, test) in class_counts(problem).items()
        ],
        "patch": problem.patch,
        "distance": problem.distance,
        "test_images": len(problem.test),
        "settings": settings.facts(),
        "plan": {
            "methods": [method.name for method in plan.methods],
            "prototypes": list(plan.prototypes),
            "negatives": list(plan.negatives),
            "repeats": plan.repeats,
            "trainings": plan.trainings,
        },
        "cells": {"planned": len(cells), "finished": len(records)},
        "scores": scores,
        "contrasts": summarise_contrasts(problem, records),
        "choice": summarise_choice(scores),
        "failed": [{**cell._asdict(), "reason": reason} for cell, reason in (failed or {}).items()],
        "notes": list(problem.annotated.notes),
    }
