"""One cell of the study: a target, a number of annotated images, a draw; every way tried, and scored on the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.adaptation.design import RANDOM, Case, Known
from dsim.adapt import TRAINED, Pool, Settings, Standing, Trials, read_annotation
from dsim.adapt.candidates import score_vote
from dsim.adapt.training import Lesson, score_images, train_lesson
from dsim.models import weights_digest
from dsim.runtime import Runtime
from dsim.store import Ledger

Scores = list[float]


@dataclass(frozen=True)
class Study:
    """Settings of all cells, and the folder of finished trainings."""

    settings: Settings
    folder: Path
    runtime: Runtime


def without_candidates(study: Study, case: Case, count: int) -> None:
    """Train what needs no candidate: from weights of ImageNet, cross-validated, and from random ones."""
    annotation = read_annotation(case.shown(count))
    pool = Pool((), annotation.images, _nothing(), _nobody)
    settings = replace(study.settings, ways=("scratch",))
    trials = Trials(annotation, pool, settings, study.folder / case.target.name, study.runtime)
    trials.cross_validate()
    final(study, case, trials.lesson("scratch", annotation.images), settings)
    final(study, case, trials.lesson("scratch", annotation.images), RANDOM, "random")


def whole_cell(study: Study, case: Case, known: Known, count: int, draw: int) -> dict[str, Any]:
    """Return the finished cell: cross-validated Dice and Dice on the scored images, of every way."""
    began = time.perf_counter()
    scored = {"candidates": known.row.dice[:, list(case.scored)].mean(1).round(4).tolist()}
    rest = len(case.target) - count
    images = tuple(sorted(case.order[:count]))
    assert np.isfinite(known.row.dice[:, [*images, *case.scored]]).all()
    pool = known.pool(images, rest)
    standing = pool.after(images)
    test: dict[str, Scores] = {
        "apply": known.row.dice[standing.first, list(case.scored)].tolist(),
        "vote": score_vote(pool, standing, case.target, case.scored, study.runtime),
    }
    tested: dict[str, Scores] = {}
    if count:
        annotation = read_annotation(case.shown(count))
        trials = Trials(annotation, pool, study.settings, study.folder / case.target.name, study.runtime)
        tested = trials.cross_validate()
        for way in TRAINED:
            test[way] = final(study, case, trials.lesson(way, images), study.settings)
        test["random"] = final(study, case, trials.lesson("scratch", images), RANDOM, "random")
    return {
        "target": case.target.name,
        "count": count,
        "draw": draw,
        "names": list(known.row.candidates),
        "first": known.row.candidates[standing.first],
        "best": [round(float(value), 4) for value in standing.best],
        "images": [case.target.ids[index] for index in images],
        "tested": tested,
        "test": test,
        **scored,
        "seconds": round(time.perf_counter() - began, 1),
    }


def final(study: Study, case: Case, lesson: Lesson, settings: Settings, label: str = "") -> Scores:
    """Return the Dice on the scored images of a training on all annotated ones; kept once it is finished."""
    folder = study.folder / case.target.name
    record = {name: value for name, value in settings.record().items() if name not in ("ways", "folds")}
    ledger = Ledger(folder / "final", _key(record))
    start = weights_digest(lesson.start) if lesson.start else ""
    job = (label or lesson.way, start, *(case.target.ids[image] for image in lesson.images))

    def compute(checkpoint: Path) -> Mapping[str, Any]:
        segmenter = train_lesson(lesson, case.target, settings, study.runtime, checkpoint)
        return {"dice": score_images(segmenter, case.target, case.scored)}

    found: Scores = ledger.find_or_add(job, compute)["dice"]
    return found


def read_cells(folder: Path) -> list[dict[str, Any]]:
    """Return the finished cells of a folder."""
    return [json.loads(path.read_text("utf-8")) for path in sorted((folder / "cells").glob("*.json"))]


def _key(record: Mapping[str, Any]) -> str:
    from dsim.store import key_of

    return key_of(record)


def _nothing() -> Any:
    return np.zeros((0, 0))


def _nobody(columns: Sequence[int]) -> Standing:
    raise LookupError("there is no candidate")
