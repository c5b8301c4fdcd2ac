"""One measurement of transfer in segmentation: trainings and scores, each kept as soon as it is finished."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data.splits import Split, choose_annotated, split_dataset
from dsim.errors import DataError, MeasureError, UnknownNameError, UsageError
from dsim.files import slug
from dsim.models import SegmentationRecipe
from dsim.random import stream
from dsim.registry import Need
from dsim.runtime import Runtime
from dsim.store import Job, Ledger, key_of
from dsim.transfer.jobs import describe_conditions, describe_training
from dsim.transfer.segmentation.objective import adapt_unet, train_unet
from dsim.transfer.segmentation.pairs import Foreground, read_pair

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.models import Segmenter


KINDS = ("prelabel", "finetune", "scratch")
#: Name of the only source of the scenario ``scratch``.
NOTHING = "scratch"


@dataclass(frozen=True)
class Scenario:
    """The treatment of a target before it is scored.

    Parameters
    ----------
    kind : ``prelabel``: the source's model as it is. ``finetune``: after training on annotated images of the target.
        ``scratch``: training on those alone, without a source.
    images : how many are annotated; 0 for ``prelabel``.

    >>> Scenario.parse("finetune:5"), str(Scenario("scratch", 10))
    (Scenario(kind='finetune', images=5), 'scratch:10')
    """

    kind: str
    images: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.images}" if self.images else self.kind

    @classmethod
    def parse(cls, text: str) -> Scenario:
        """Return the scenario of ``prelabel``, ``finetune:K`` or ``scratch:K``; UsageError for anything else."""
        kind, _, count = text.partition(":")
        if kind not in KINDS:
            raise UnknownNameError("scenario", kind, KINDS, hint="give prelabel, finetune:K or scratch:K")
        if kind == "prelabel" and not count:
            return cls(kind)
        if kind == "prelabel" or not count.isdecimal() or int(count) < 1:
            cause = "prelabel annotates no image" if kind == "prelabel" else "K is a number of annotated images"
            raise UsageError(f"there is no scenario {text!r}: {cause}", hint="give prelabel, finetune:5 or scratch:5")
        return cls(kind, int(count))


#: Reasons of scores that cannot be had, by (source, repetition, target).
Failures = dict[tuple[str, int, str], str]


@dataclass(frozen=True)
class SegmentationExperiment:
    """Sources to train on, targets to score, and the folder of finished work.

    Parameters
    ----------
    folder : of the ledgers and the trained models. ``seed`` : of every random draw.
    """

    sources: tuple[Dataset, ...]
    targets: tuple[Dataset, ...]
    recipe: SegmentationRecipe
    scenario: Scenario
    folder: Path
    seed: int = 0
    foreground: Foreground = field(default_factory=dict)
    runtime: Runtime = field(default_factory=Runtime)

    def names(self) -> tuple[str, ...]:
        """Return the names of the rows of the matrix."""
        return (NOTHING,) if self.scenario.kind == "scratch" else tuple(source.name for source in self.sources)

    def rows(self) -> tuple[Dataset | None, ...]:
        """Return the sources, one a row; None for training without a source, which is the baseline of fine-tuning."""
        extra = () if self.scenario.kind == "prelabel" else (None,)
        return extra if self.scenario.kind == "scratch" else (*self.sources, *extra)

    def missing(self, repetitions: int) -> list[tuple[Dataset | None, int]]:
        """Return the rows that lack a score, repetition by repetition, so that an early look sees all sources."""
        return [
            (row, repetition)
            for repetition in range(repetitions)
            for row in self.rows()
            if any(self.score(row, repetition, target) is None for target in self.targets)
        ]

    def score(self, source: Dataset | None, repetition: int, target: Dataset) -> dict[str, Any] | None:
        """Return the finished score of a model on a target, or None."""
        return self.scores(source, target).find(_score_job(source, repetition, target))

    def trainings(self, source: Dataset) -> Ledger:
        """Return the finished trainings on a source; the ledger's key is all that they depend on but the repetition."""
        return Ledger(self.folder / slug(source.name), key_of(self._training_facts(source)))

    def scores(self, source: Dataset | None, target: Dataset) -> Ledger:
        """Return the finished scores of a source's models on a target."""
        trained = self._training_facts(source) if source is not None else self._common()
        scenario = Scenario("scratch", self.scenario.images) if source is None else self.scenario
        facts = {"trained": trained, "scored": self._described(target), "scenario": str(scenario)}
        return Ledger(self.folder / slug(_name(source)), key_of(facts))

    def split(self, source: Dataset, repetition: int) -> Split:
        """Return the images of a source that train, stop the training, and score its self pair.

        Raises TooFewSamplesError where it has fewer groups than parts.
        """
        recipe = self.recipe
        return split_dataset(
            source,
            validation=recipe.validation,
            test=recipe.holdout,
            seed=self.seed,
            repetition=repetition,
            blocks=recipe.blocks,
        )

    def annotated(self, target: Dataset, repetition: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the annotated images of a target, and those of other groups, which are scored.

        Raises TooFewSamplesError where too few images or groups are left to be scored.
        """
        if not self.scenario.images:
            return (), tuple(range(len(target)))
        count, blocks = self.scenario.images, self.recipe.blocks
        return choose_annotated(target, count, seed=self.seed, repetition=repetition, blocks=blocks)

    def seed_of(self, repetition: int, *datasets: Dataset | None) -> int:
        """Return the seed of weights, order and augmentation, which differs for every dataset that is trained on."""
        prints = [dataset.images_fingerprint for dataset in datasets if dataset is not None]
        return int(stream(self.seed, "training", *prints, str(repetition)).integers(2**31))

    def _common(self) -> dict[str, Any]:
        return {"task": "segmentation", "recipe": self.recipe.record(), "seed": self.seed}

    def _training_facts(self, source: Dataset) -> dict[str, Any]:
        return {**self._common(), "trained": self._described(source)}

    def _described(self, dataset: Dataset) -> list[Any]:
        # Splits are of positions: the same images in another order are divided otherwise.
        chosen = self.foreground.get(dataset.name, self.foreground.get("", ()))
        return [dataset.fingerprint([Need.IMAGES, Need.MASKS]), dataset.order, chosen]


def train_and_score(experiment: SegmentationExperiment, source: Dataset | None, repetition: int) -> Failures:
    """Train a model, unless that is finished, and score it on each target that has no score yet.

    A training or a target that fails is a reason; a disk that is full raises DsimError, and what is finished stays.
    """
    failures: Failures = {}
    name = _name(source)
    missing = [t for t in experiment.targets if experiment.score(source, repetition, t) is None]
    segmenter = None
    if source is not None and missing:
        try:
            segmenter = train_source(experiment, source, repetition)
        except (MeasureError, DataError) as error:
            return {(name, repetition, target.name): error.message for target in missing}
    with experiment.runtime.progress.task(f"scoring {name}", total=len(missing), unit="targets") as task:
        for target in missing:
            try:
                record = _scored(experiment, segmenter, source, repetition, target)
                ledger, job = experiment.scores(source, target), _score_job(source, repetition, target)
                ledger.add(job, record)
                ledger.done(job)
            except (MeasureError, DataError) as error:
                failures[name, repetition, target.name] = error.message
            task.advance(1)
    return failures


def train_source(experiment: SegmentationExperiment, source: Dataset, repetition: int) -> Segmenter:
    """Return the model of a source: read where it is finished, else trained, going on from a checkpoint, and written.

    Raises MeasureError where training diverges; DataError for an image that cannot be read or has another size than its
    mask; WeightsError where the finished model cannot be read.
    """
    from dsim.models import Segmenter, load_segmenter

    ledger, job = experiment.trainings(source), (source.name, repetition)
    file = ledger.file(job, ".safetensors")
    if ledger.find(job) is not None and file.exists():
        return load_segmenter(file, experiment.runtime)
    parts = experiment.split(source, repetition)
    seed, runtime = experiment.seed_of(repetition, source), experiment.runtime
    done = train_unet(
        source,
        parts.training,
        parts.validation,
        experiment.recipe,
        seed=seed,
        runtime=runtime,
        foreground=experiment.foreground,
        checkpoint=ledger.checkpoint(job),
        identity={"key": ledger.key, "job": list(job)},
    )
    device = runtime.resolved_device()
    entry = describe_seen(source, (*parts.training, *parts.validation))
    name = f"{source.name}.{repetition}"
    segmenter = Segmenter(done.network, experiment.recipe, (entry,), name, device)
    segmenter.save(file)
    ledger.add(job, {**describe_training(done), **describe_conditions(device), "split": _sizes(parts)})
    ledger.done(job)
    return segmenter


def _scored(
    experiment: SegmentationExperiment,
    segmenter: Segmenter | None,
    source: Dataset | None,
    repetition: int,
    target: Dataset,
) -> dict[str, Any]:
    """Dice on the images of a target that the model has not seen."""
    started = time.perf_counter()
    chosen, others = experiment.annotated(target, repetition)
    rest = _unseen(segmenter, target, others)
    if chosen:
        segmenter = _adapted(experiment, segmenter, source, repetition, target, chosen)
    assert segmenter is not None
    scores = list(dice_of_images(segmenter, target, rest, experiment.foreground))
    return {
        "dice": sum(scores) / len(scores),
        "images": len(scores),
        "seconds": round(time.perf_counter() - started, 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "each": {target.ids[index]: round(value, 4) for index, value in zip(rest, scores, strict=True)},
    }


def dice_of_images(
    segmenter: Segmenter, dataset: Dataset, indices: Sequence[int], foreground: Foreground
) -> Iterator[float]:
    """Yield the Dice, in [0, 1], of the thresholded prediction of each image, at its original size.

    Raises DataError where an image and its mask differ in size.
    """
    from dsim.models import dice

    for index, probabilities in segmenter.predict_many(dataset, indices):
        _, mask = read_pair(dataset, index, foreground)
        yield dice(probabilities >= segmenter.recipe.threshold, mask)


def _adapted(
    experiment: SegmentationExperiment,
    segmenter: Segmenter | None,
    source: Dataset | None,
    repetition: int,
    target: Dataset,
    chosen: Sequence[int],
) -> Segmenter:
    """The model after training on the annotated images of a target; a new one without a source."""
    from copy import deepcopy

    from dsim.models import Segmenter

    ledger, job = experiment.scores(source, target), _score_job(source, repetition, target)
    done = adapt_unet(
        None if segmenter is None else deepcopy(segmenter.network).requires_grad_(True),
        target,
        chosen,
        experiment.recipe,
        seed=experiment.seed_of(repetition, source, target),
        runtime=experiment.runtime,
        foreground=experiment.foreground,
        checkpoint=ledger.checkpoint(job),
        identity={"key": ledger.key, "job": list(job)},
    )
    if segmenter is None:
        return Segmenter(done.network, experiment.recipe, device=experiment.runtime.resolved_device())
    return replace(segmenter, network=done.network)


def _unseen(segmenter: Segmenter | None, target: Dataset, indices: Sequence[int]) -> list[int]:
    """Images that the model was not trained on, by content: a source's own target is its held-out images."""
    seen = {
        digest for entry in (segmenter.trained_on if segmenter else ()) for digest in entry.get("image_digests", ())
    }
    left = [index for index in indices if target.image_digests[index] not in seen]
    if not left:
        message = f"the model was trained on every image of {target.name!r} that could be scored"
        raise DataError(message, hint="give the target images that no source holds")
    return left


def describe_seen(source: Dataset, indices: Sequence[int]) -> dict[str, Any]:
    """Return what a segmenter records of images that it saw: name, number, fingerprint of the set, their digests."""
    return {
        "name": source.name,
        "n": len(indices),
        "images_fingerprint": source.images_fingerprint,
        "image_digests": sorted(source.image_digests[index] for index in indices),
    }


def _score_job(source: Dataset | None, repetition: int, target: Dataset) -> Job:
    return (_name(source), repetition, target.name)


def _name(source: Dataset | None) -> str:
    return NOTHING if source is None else source.name


def _sizes(parts: Split) -> dict[str, int]:
    return {"training": len(parts.training), "validation": len(parts.validation), "test": len(parts.test)}
