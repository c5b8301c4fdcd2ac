"""Carrying out the trainings of a measurement, several processes side by side where asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, MeasureError
from dsim.runtime import Silent
from dsim.transfer.classification.experiment import ClassificationExperiment, Start, is_self, pretrained, score
from dsim.transfer.processes import side_by_side

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset

#: Reasons of scores that cannot be had, by (source, target, fold).
Failures = dict[tuple[str, str, int], str]


def run(experiment: ClassificationExperiment, jobs: int = 1) -> Failures:
    """Carry out what is not finished: trainings on sources first, then on targets; returns the reasons of failures.

    A training that fails is a reason and stops no other; a disk that is full raises DsimError, and what is finished
    stays.
    """
    scorings = experiment.scorings()
    total, progress = _total(experiment), experiment.runtime.progress
    if len(scorings) < total:
        progress.note(f"{total - len(scorings)} of {total} trainings on targets are finished already")
    failures = _pretrain_all(experiment, scorings, jobs)
    scorings = [call for call in scorings if _key(*call) not in failures]
    with progress.task("trainings on targets", total=total, unit="trainings") as task:
        task.advance(total - len(scorings))
        for failed in _each(_score, experiment, scorings, jobs):
            failures |= failed
            task.advance(1)
    return failures


def _total(experiment: ClassificationExperiment) -> int:
    starts = (Start(), *experiment.rows())
    pairs = [(start, target) for start in starts for target in experiment.targets if not is_self(start, target)]
    return len(pairs) * experiment.folds


def _pretrain_all(
    experiment: ClassificationExperiment, scorings: Sequence[tuple[Start, Dataset, int]], jobs: int
) -> Failures:
    """Train on the sources; one that fails is the reason of every score that waits for it."""
    waited = experiment.pretrainings()
    failed: Failures = {}
    with experiment.runtime.progress.task("trainings on sources", total=len(waited), unit="trainings") as task:
        for found in _each(_pretrain, experiment, waited, jobs):
            failed |= found
            task.advance(1)
    reasons = {
        _key(start, target, fold): failed.get((start.name, "", experiment.pretraining_of(fold)))
        for start, target, fold in scorings
        if start.source is not None
    }
    return {key: reason for key, reason in reasons.items() if reason is not None}


def _key(start: Start, target: Dataset, fold: int) -> tuple[str, str, int]:
    return start.name, target.name, fold


def _pretrain(experiment: ClassificationExperiment, source: Dataset, number: int) -> Failures:
    try:
        pretrained(experiment, source, number)
    except (MeasureError, DataError) as error:
        return {(source.name, "", number): error.message}
    return {}


def _score(experiment: ClassificationExperiment, start: Start, target: Dataset, fold: int) -> Failures:
    try:
        score(experiment, start, target, fold)
    except (MeasureError, DataError) as error:
        return {_key(start, target, fold): error.message}
    return {}


def _each(
    work: Callable[..., Failures], experiment: ClassificationExperiment, calls: Sequence[tuple[Any, ...]], jobs: int
) -> Iterator[Failures]:
    """What each call gives, as it comes; only one process at a time may draw its progress."""
    alone = jobs == 1 or len(calls) < 2
    how = experiment if alone else replace(experiment, runtime=replace(experiment.runtime, progress=Silent()))
    yield from side_by_side(work, [(how, *call) for call in calls], jobs)
