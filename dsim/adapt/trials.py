"""Cross-validation of the ways over the annotated images; what is finished is kept, and taken up again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.adapt.candidates import score_vote
from dsim.adapt.settings import TRAINED
from dsim.adapt.training import Lesson, score_images, seconds_of_step, train_lesson
from dsim.runtime import Runtime, Silent
from dsim.store import Job, Ledger, key_of
from dsim.transfer.jobs import run_side_by_side

if TYPE_CHECKING:
    from dsim.adapt.annotation import Annotation, Indices
    from dsim.adapt.candidates import Pool
    from dsim.adapt.settings import Settings
    from dsim.data import Dataset
    from dsim.models import Segmenter


@dataclass(frozen=True)
class Trials:
    """All that the adaptation to one target computes.

    Parameters
    ----------
    folder : of what is finished. ``runtime`` : device, cache, progress.
    """

    annotation: Annotation
    pool: Pool
    settings: Settings
    folder: Path
    runtime: Runtime

    @cached_property
    def folds(self) -> tuple[tuple[Indices, Indices], ...]:
        """Pairs (training, test) of the annotated images; empty where nothing could be tested."""
        return self.annotation.folds(self.settings.folds, self.settings.seed)

    @property
    def target(self) -> Dataset:
        """The target."""
        return self.annotation.target

    def cross_validate(self, jobs: int = 1) -> dict[str, list[float]]:
        """Return of each way the Dice of each annotated image, (k,), by a model that had not seen it.

        Whatever the way, the candidates are judged by the training images of a fold alone: the choice among them is
        part of what is tested. Empty without folds.
        """
        if not self.folds:
            return {}
        found: dict[str, dict[int, float]] = {way: {} for way in self.settings.ways}
        for way in self.settings.ways:
            for training, test in self.folds if way not in TRAINED else ():
                found[way] |= dict(zip(test, self._untrained(way, training, test), strict=True))
        for lesson, test, scores in self._trained(jobs):
            found[lesson.way] |= dict(zip(test, scores, strict=True))
        return {way: [scores[image] for image in self.annotation.images] for way, scores in found.items()}

    def _untrained(self, way: str, training: Indices, test: Indices) -> list[float]:
        """The Dice of the chosen candidate, or of the vote, on test images."""
        standing = self.pool.after(training)
        if way == "apply":
            return [self.pool.score(standing.first, image) for image in test]
        return score_vote(self.pool, standing, self.target, test, self.runtime)

    def lessons(self) -> list[tuple[Lesson, Indices]]:
        """Return the trainings of the cross-validation, each with the images that test it."""
        ways = [way for way in TRAINED if way in self.settings.ways]
        return [(self.lesson(way, training), test) for training, test in self.folds for way in ways]

    def lesson(self, way: str, images: Indices) -> Lesson:
        """Return the training of a way on these annotated images."""
        start = ""
        if way == "finetune":
            start = self.pool.models[self.pool.after(images).first].reference
        return Lesson(way, images, start)

    def _trained(self, jobs: int) -> Iterator[tuple[Lesson, Indices, Sequence[float]]]:
        lessons = self.lessons()
        ledger = self._ledger()
        left = [each for each in lessons if ledger.find(_job(each[0], self.target)) is None]
        self._tell_time(left, jobs)
        runtime = self.runtime if jobs == 1 else replace(self.runtime, progress=Silent())
        calls = [(*each, self.target, self.settings, runtime, ledger) for each in left]
        with self.runtime.progress.task("cross-validation", total=len(lessons), unit="trainings") as task:
            task.advance(len(lessons) - len(left))
            for _ in run_side_by_side(_carry_out, calls, jobs):
                task.advance(1)
        for lesson, test in lessons:
            record = ledger.find(_job(lesson, self.target))
            assert record is not None
            yield lesson, test, record["dice"]

    def final(self, way: str) -> Segmenter:
        """Return the model of a way that trains, trained on all annotated images."""
        lesson = self.lesson(way, self.annotation.images)
        checkpoint = self._ledger().checkpoint(_job(lesson, self.target))
        segmenter = train_lesson(lesson, self.target, self.settings, self.runtime, checkpoint)
        checkpoint.unlink(missing_ok=True)
        return segmenter

    def _ledger(self) -> Ledger:
        return Ledger(self.folder, self.key)

    @cached_property
    def key(self) -> str:
        """The sha256 of all that a finished training depends on besides its images: settings, images, masks."""
        part = self.target.subset(self.annotation.images)
        settings = {name: value for name, value in self.settings.record().items() if name not in ("ways", "folds")}
        prints = [part.images_fingerprint, part.masks_fingerprint, self.target.treatment.describe()]
        return key_of({"settings": settings, "annotated": prints})

    def _tell_time(self, left: Sequence[tuple[Lesson, Indices]], jobs: int) -> None:
        """Say how long the trainings take, the last one on all images included."""
        if not left:
            return
        steps = self.settings.epochs * -(-self.settings.shown // self.settings.batch)
        each = steps * seconds_of_step(self.settings.from_scratch(), self.settings.batch)
        total = each * (len(left) / max(1, jobs) + 1)
        self.runtime.progress.note(
            f"{len(left) + 1} trainings of about {each:.0f} s: about {_duration(total)}; the same command goes on from"
            " there if it is interrupted"
        )


def _carry_out(
    lesson: Lesson, test: Indices, target: Dataset, settings: Settings, runtime: Runtime, ledger: Ledger
) -> None:
    """Train, score on the test images, and keep the scores."""

    def compute(checkpoint: Path) -> Mapping[str, Any]:
        segmenter = train_lesson(lesson, target, settings, runtime, checkpoint)
        return {"dice": score_images(segmenter, target, test)}

    ledger.find_or_add(_job(lesson, target), compute)


def _job(lesson: Lesson, target: Dataset) -> Job:
    """A training by what it depends on: names of images, not their places, which change when images are added."""
    from dsim.models import weights_digest

    start = weights_digest(lesson.start) if lesson.start else ""
    return (lesson.way, start, *(target.ids[image] for image in lesson.images))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"
