"""One measurement of transfer in classification: trainings and scores, each kept as soon as it is finished."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data.splits import Split, absent_classes, source_split, target_folds
from dsim.errors import DataError, MeasureError
from dsim.files import slug
from dsim.files.documents import number
from dsim.registry import Need
from dsim.runtime import Runtime, Silent
from dsim.store import Job, Ledger, key_of
from dsim.transfer.classification.objective import (
    LabelledImages,
    Published,
    build_classifier,
    gather_images,
    predict_classes,
    published_body,
    train_classifier,
)
from dsim.transfer.classification.recipe import ClassificationRecipe
from dsim.transfer.jobs import describe_conditions, describe_training, run_side_by_side

if TYPE_CHECKING:
    from torch import Tensor

    from dsim.data import Dataset
    from dsim.learning import TrainingResult


#: Names of the rows that are not datasets of the user.
SCRATCH, IMAGENET = "scratch", "ImageNet"


@dataclass(frozen=True)
class Start:
    """The start of a training on a target: a source, published weights, or neither: from scratch."""

    source: Dataset | None = None
    published: Published | None = None

    @property
    def name(self) -> str:
        """The name of the row of the matrix."""
        if self.source is not None:
            return self.source.name
        return SCRATCH if self.published is None else IMAGENET


@dataclass(frozen=True)
class ClassificationExperiment:
    """Sources to train on, targets to score, and the folder of finished work.

    Parameters
    ----------
    published : ImageNet's weights, a source of its own; or None.
    folds : of each target. ``folder`` : of the ledgers. ``seed`` : of every random draw; fold f adds its own.
    divisions : folds of the targets by name, found when they are first asked for.
    """

    sources: tuple[Dataset, ...]
    targets: tuple[Dataset, ...]
    recipe: ClassificationRecipe
    folder: Path
    published: Published | None = None
    folds: int = 5
    seed: int = 0
    runtime: Runtime = field(default_factory=Runtime)
    divisions: dict[str, tuple[Split, ...]] = field(default_factory=dict, repr=False)

    def rows(self) -> tuple[Start, ...]:
        """Return the rows of the matrix."""
        imagenet = () if self.published is None else (Start(published=self.published),)
        return (*(Start(source) for source in self.sources), *imagenet)

    def pretrainings(self) -> list[tuple[Dataset, int]]:
        """Return the trainings on sources that are not finished, and that an unfinished score waits for."""
        waited = {
            (start.source.name, self.pretraining_of(fold)): start.source
            for start, _, fold in self.scorings()
            if start.source is not None
        }
        return [
            (source, number)
            for (name, number), source in waited.items()
            if self.trainings(source).find((name, number)) is None
        ]

    def scorings(self) -> list[tuple[Start, Dataset, int]]:
        """Return the unfinished trainings on targets, fold by fold, so that an early look sees all sources."""
        return [
            (start, target, fold)
            for fold in range(self.folds)
            for target in self.targets
            for start in (Start(), *self.rows())
            if not is_self(start, target) and self.score(start, target, fold) is None
        ]

    def score(self, start: Start, target: Dataset, fold: int) -> dict[str, Any] | None:
        """Return the finished score on a fold, or None; a source as its own target has the score from scratch."""
        start = Start() if is_self(start, target) else start
        return self.scores(start, target).find(_score_job(start, target, fold))

    def trainings(self, source: Dataset) -> Ledger:
        """Return the finished trainings on a source; the ledger's key is all that they depend on but their number."""
        return Ledger(self.folder / slug(source.name), key_of(self._training_facts(source)))

    def scores(self, start: Start, target: Dataset) -> Ledger:
        """Return the finished trainings on the folds of a target, from that start."""
        facts = {"start": self._start_facts(start), "scored": _described(target), "folds": self.folds}
        return Ledger(self.folder / slug(start.name), key_of(facts))

    def divided(self, target: Dataset) -> tuple[Split, ...]:
        """Return the folds of a target, the same for all sources.

        Raises TooFewSamplesError where it has fewer groups than folds.
        """
        if target.name not in self.divisions:
            recipe = self.recipe
            self.divisions[target.name] = target_folds(
                target, self.folds, tested=recipe.tested, neighbours=recipe.neighbours, seed=self.seed
            )
        return self.divisions[target.name]

    def split(self, source: Dataset, number: int) -> Split:
        """Return the images of a source that train, and those that stop the training."""
        recipe = self.recipe
        return source_split(source, recipe.validation, neighbours=recipe.neighbours, seed=self.seed, repetition=number)

    def pretraining_of(self, fold: int) -> int:
        """Return the number of the training of a source that a fold starts from."""
        return fold if self.recipe.pretrainings == "fold" else 0

    def seed_of(self, number: int) -> int:
        """Return the seed of a fold's training; the same for all sources, so that differences are of the data."""
        return 1000 * self.seed + number

    def _training_facts(self, source: Dataset) -> dict[str, Any]:
        return {**self._common(), "trained": _described(source)}

    def _start_facts(self, start: Start) -> dict[str, Any]:
        if start.source is not None:
            return self._training_facts(start.source)
        # Weights are what they hold, wherever they came from.
        return {**self._common(), "published": start.published.sha256 if start.published else None}

    def _common(self) -> dict[str, Any]:
        return {"task": "classification", "recipe": self.recipe.record(), "seed": self.seed}


def is_self(start: Start, target: Dataset) -> bool:
    """Return whether the source is the target: the same images with the same labels, whatever their names."""
    source = start.source
    needs = [Need.IMAGES, Need.LABELS]
    return source is not None and source.fingerprint(needs) == target.fingerprint(needs)


def train_source(experiment: ClassificationExperiment, source: Dataset, number: int) -> dict[str, Tensor]:
    """Return the body trained on a source: read where that is finished, else trained, going on from a checkpoint.

    Raises MeasureError where training diverges; DataError where an image has other than 1 or 3 channels; WeightsError
    where the finished weights cannot be read.
    """
    from dsim.store import read_weights, write_weights

    ledger, job = experiment.trainings(source), (source.name, number)
    file = ledger.file(job, ".safetensors")
    if ledger.find(job) is not None and file.exists():
        return read_weights(file)[0]
    recipe, seed = experiment.recipe, experiment.seed_of(number)
    images, parts = gather_images(source, recipe.side), experiment.split(source, number)
    validation = images.chosen(parts.validation) if parts.validation else None
    done = train_classifier(
        build_classifier(recipe, images.classes, seed),
        images.chosen(parts.training),
        validation,
        recipe,
        recipe.pretraining(),
        seed=seed,
        runtime=experiment.runtime,
        checkpoint=ledger.checkpoint(job),
        identity={"key": ledger.key, "job": list(job)},
        description=f"training on {source.name}",
    )
    body = {key: value.detach().cpu().contiguous() for key, value in done.network.body.state_dict().items()}  # type: ignore[union-attr]
    write_weights(file, body, {"dsim": json.dumps({"recipe": recipe.record(), "source": source.name})})
    own = {} if validation is None else {"validation_auc": _auc(done, validation, experiment)}
    device = experiment.runtime.resolved_device()
    ledger.add(job, {**describe_training(done), **own, **describe_conditions(device), "images": len(parts.training)})
    ledger.done(job)
    return body


def score_fold(experiment: ClassificationExperiment, start: Start, target: Dataset, fold: int) -> None:
    """Train on a fold of a target from that start, score it, and keep the score.

    Raises MeasureError where training diverges, DataError where nothing is left to be scored.
    """
    recipe, seed = experiment.recipe, experiment.seed_of(fold)
    ledger, job = experiment.scores(start, target), _score_job(start, target, fold)
    part = experiment.divided(target)[fold]
    tested = unseen_images(start, target, part.test)
    images = gather_images(target, recipe.side)
    done = train_classifier(
        build_classifier(recipe, images.classes, seed, _body(experiment, start, fold)),
        images.chosen(part.training),
        images.chosen(part.validation) if part.validation else None,
        recipe,
        recipe.course(),
        seed=seed,
        runtime=experiment.runtime,
        checkpoint=ledger.checkpoint(job),
        identity={"key": ledger.key, "job": list(job)},
        description=f"{start.name} on {target.name}, fold {fold + 1}",
    )
    ledger.add(job, _record(experiment, done, target, images, tested))
    ledger.done(job)


def unseen_images(start: Start, target: Dataset, indices: Sequence[int]) -> list[int]:
    """Return the images whose content the source does not hold: a network is never scored on what it was trained on.

    Raises DataError where they are of one class only.
    """
    seen = set(start.source.image_digests) if start.source is not None else set()
    left = [index for index in indices if target.image_digests[index] not in seen]
    if len(target.classes) - len(absent_classes(target, left)) < 2:
        raise DataError(
            f"{len(indices) - len(left)} of {len(indices)} images to be scored are in the source too, and the others "
            "are not of two classes",
            hint="give sources and targets that share fewer images",
        )
    return left


def _score_job(start: Start, target: Dataset, fold: int) -> Job:
    """Return the job of the ledger."""
    return (start.name, target.name, fold)


def _body(experiment: ClassificationExperiment, start: Start, fold: int) -> Any:
    if start.published is not None:
        return published_body(start.published, experiment.runtime)
    if start.source is None:
        return None
    return train_source(experiment, start.source, experiment.pretraining_of(fold))


def _record(
    experiment: ClassificationExperiment,
    done: TrainingResult,
    target: Dataset,
    images: LabelledImages,
    tested: Sequence[int],
) -> dict[str, Any]:
    """AUC of these images, of each class and weighted, and how the network came to it."""
    from dsim.stats.auc import one_against_all, weighted_auc

    device = experiment.runtime.resolved_device()
    started = time.perf_counter()
    scored = images.chosen(tested)
    chances, labels = predict_classes(done.network, scored, device), scored.labels.numpy()
    each = zip(target.classes, one_against_all(labels, chances), strict=True)
    return {
        **describe_training(done),
        **describe_conditions(device),
        "auc": weighted_auc(labels, chances),
        "each": {name: number(round(float(value), 4)) for name, value in each},
        "images": len(tested),
        "lacking": [*absent_classes(target, tested)],
        "seconds": round(done.seconds + time.perf_counter() - started, 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _auc(done: TrainingResult, images: LabelledImages, experiment: ClassificationExperiment) -> float | None:
    from dsim.stats.auc import weighted_auc

    chances = predict_classes(done.network, images, experiment.runtime.resolved_device())
    return number(round(weighted_auc(images.labels.numpy(), chances), 4))


def _described(dataset: Dataset) -> list[str]:
    # Folds are of positions: the same images in another order are divided otherwise.
    return [dataset.fingerprint([Need.IMAGES, Need.LABELS]), dataset.order]


#: Reasons of scores that cannot be had, by (source, target, fold).
Failures = dict[tuple[str, str, int], str]


def run_experiment(experiment: ClassificationExperiment, jobs: int = 1) -> Failures:
    """Carry out what is not finished, sources first, then targets, and return the reasons of failures.

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
        for reasons_of_source in _each(_pretrain, experiment, waited, jobs):
            failed |= reasons_of_source
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
        train_source(experiment, source, number)
    except (MeasureError, DataError) as error:
        return {(source.name, "", number): error.message}
    return {}


def _score(experiment: ClassificationExperiment, start: Start, target: Dataset, fold: int) -> Failures:
    try:
        score_fold(experiment, start, target, fold)
    except (MeasureError, DataError) as error:
        return {_key(start, target, fold): error.message}
    return {}


def _each(
    work: Callable[..., Failures], experiment: ClassificationExperiment, calls: Sequence[tuple[Any, ...]], jobs: int
) -> Iterator[Failures]:
    """The failures of each call, as they come; only one process at a time may draw its progress."""
    alone = jobs == 1 or len(calls) < 2
    quiet = experiment if alone else replace(experiment, runtime=replace(experiment.runtime, progress=Silent()))
    yield from run_side_by_side(work, [(quiet, *call) for call in calls], jobs)
