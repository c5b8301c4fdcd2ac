"""End-to-end training, the baseline of frozen features: the same network, all its weights trained, and a linear layer.

For each draw of labelled images one training by ``dsim.learning``; 30 % of the drawn images stop it where every class
has enough of them. Finished trainings lie in a ledger, so that an interrupted run goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dsim.efficiency.end_to_end import EndToEnd, divide_draw, open_classifier, read_labelled
from dsim.files.documents import digest, number
from dsim.learning import TrainingConfig, fit, named_schedule
from dsim.registry import Need
from dsim.runtime import Runtime, Silent
from dsim.store import Job, Ledger, key_of
from dsim.transfer.classification.objective import predict_classes
from dsim.transfer.classification.recipe import ClassificationRecipe
from dsim.transfer.jobs import describe_conditions, describe_training, run_side_by_side

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset
    from dsim.learning import TrainingResult

#: Raised whenever training or prediction changes, so that nothing finished by another recipe is taken up.
VERSION = 1
#: A training writes its state at most so often.
_CHECKPOINT_SECONDS = 60.0


class DrawnImages(Protocol):
    """Draws of labelled images: positions in the training images, for a repeat and a number per class."""

    def indices(self, repeat: int, n: int) -> Any:
        """Return the positions of the images of a draw, int64 (m,)."""


@dataclass(frozen=True)
class FinetuneRecipe:
    """Settings of the trainings.

    Parameters
    ----------
    lr, head_lr : learning rates of the network and of the linear layer at the start; cosine to 0.
    shown : images that one training sees, about: epochs are as many, within ``least_epochs`` and ``most_epochs``.
    validation : share of each class's drawn images that stop the training; none where a class has too few of them.
    most : labelled images per class at most; larger counts cost hours on a CPU, and are left out.
    batch, weight_decay, augment, precision : as in transfer of classification.
    """

    lr: float = 3e-4
    head_lr: float = 3e-3
    weight_decay: float = 1e-2
    batch: int = 32
    augment: str = "usual"
    shown: int = 8000
    least_epochs: int = 10
    most_epochs: int = 60
    validation: float = 0.3
    most: int = 100
    precision: str = "float32"
    version: int = VERSION

    def settings(self) -> ClassificationRecipe:
        """Return the settings of a step as transfer of classification has them: class weights, augmentation."""
        return ClassificationRecipe(batch=self.batch, augment=self.augment, balanced=True)

    def config(self, images: int, validated: bool) -> TrainingConfig:
        """Return the settings of a training on so many images; without validation the last epoch is kept."""
        epochs = min(max(round(self.shown / images), self.least_epochs), self.most_epochs)
        return TrainingConfig(
            epochs=epochs,
            patience=max(5, epochs // 3) if validated else 0,
            lr=named_schedule("cosine", self.lr),
            weight_decay=self.weight_decay,
            precision=self.precision,
            keep="best" if validated else "last",
        )


@dataclass(frozen=True)
class FinetunedDraws:
    """Predictions of trained networks: ``predictions`` int64 (repeats, counts, images of the test set).

    They are numbers among ``classes``. ``trainings`` are the records, by (repeat, count): epochs, the epoch kept,
    balanced accuracy of the images that stopped the training (None without any), seconds.
    """

    reference: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    predictions: NDArray[np.int64]
    trainings: Mapping[tuple[int, int], Mapping[str, Any]]


@dataclass(frozen=True)
class Finetuning:
    """Trainings from one extractor's network: the images, the draws, the recipe, and the folder of finished work."""

    training: Dataset
    test: Dataset
    reference: str
    folder: Path
    recipe: FinetuneRecipe = field(default_factory=FinetuneRecipe)
    seed: int = 0
    runtime: Runtime = field(default_factory=Runtime)

    def ledger(self) -> Ledger:
        """Return the finished trainings; its key is all that they depend on but the draw."""
        from dsim.features import recipe

        needs = [Need.IMAGES, Need.LABELS]
        facts = {
            "task": "finetune",
            "recipe": asdict(self.recipe),
            "extractor": recipe(self.reference, self.runtime).key(),
            "trained": [self.training.fingerprint(needs), self.training.order],
            "tested": [self.test.images_fingerprint, self.test.order],
            "seed": self.seed,
        }
        return Ledger(self.folder, key_of(facts))


def finetune(
    training: Dataset,
    test: Dataset,
    reference: str,
    draws: DrawnImages,
    *,
    counts: Sequence[int],
    folder: Path,
    repeats: int = 5,
    seed: int = 0,
    jobs: int = 1,
    runtime: Runtime | None = None,
    recipe: FinetuneRecipe | None = None,
) -> FinetunedDraws:
    """Train a network and a linear layer end to end on each draw, and predict the classes of the test images.

    Parameters
    ----------
    reference : the extractor whose network is trained from its weights, such as ``zoo:lite0.imagenet.r1``.
    draws : the first ``repeats`` of them are used, for those of ``counts`` that are at most ``recipe.most``.
    folder : of finished trainings; a training that was interrupted loses one epoch at most.
    jobs : trainings side by side, one thread each.

    Raises UsageError for an extractor that is not a network, WeightsError, DataError, and MeasureError where a training
    diverges.
    """
    import numpy as np

    recipe = recipe or FinetuneRecipe()
    task = Finetuning(training, test, reference, folder, recipe, seed, runtime or Runtime())
    wanted = tuple(count for count in counts if count <= recipe.most)
    if len(wanted) < len(counts):
        left = ", ".join(str(count) for count in counts if count > recipe.most)
        note = f"end-to-end training stops at {recipe.most} labels per class; left out for their cost: {left}"
        task.runtime.progress.note(note)
    drawn = {
        (repeat, count): [int(i) for i in draws.indices(repeat, count)] for repeat in range(repeats) for count in wanted
    }
    records = _run_all(task, drawn, jobs)
    rows = [[records[repeat, count]["predictions"] for count in wanted] for repeat in range(repeats)]
    predictions = np.array(rows, dtype=np.int64).reshape(repeats, len(wanted), len(test))
    return FinetunedDraws(reference, training.classes, wanted, predictions, records)


def _run_all(
    task: Finetuning, drawn: Mapping[tuple[int, int], Sequence[int]], jobs: int
) -> dict[tuple[int, int], Mapping[str, Any]]:
    ledger = task.ledger()
    waiting = [
        (repeat, count, drawn[repeat, count]) for repeat, count in drawn if not ledger.find(_job(repeat, count, drawn))
    ]
    silent = task if jobs == 1 else replace(task, runtime=replace(task.runtime, progress=Silent()))
    with task.runtime.progress.task("end-to-end trainings", total=len(drawn), unit="trainings") as progress:
        progress.advance(len(drawn) - len(waiting))
        for _ in run_side_by_side(train_draw, [(silent, *call) for call in waiting], jobs):
            progress.advance(1)
    return {key: ledger.find(_job(*key, drawn)) or {} for key in drawn}


def _job(repeat: int, count: int, drawn: Mapping[tuple[int, int], Sequence[int]]) -> Job:
    return _job_of(repeat, count, drawn[repeat, count])


def _job_of(repeat: int, count: int, indices: Sequence[int]) -> Job:
    return (repeat, count, digest([*indices])[:16])


def train_draw(task: Finetuning, repeat: int, count: int, indices: Sequence[int]) -> None:
    """Train on one draw and keep the predictions of the test images. Raises as ``finetune`` does."""
    import torch

    ledger, job, recipe = task.ledger(), _job_of(repeat, count, indices), task.recipe
    device, own_seed = task.runtime.resolved_device(), 1000 * task.seed + repeat
    network, transform = open_classifier(task.reference, len(task.training.classes), own_seed, task.runtime)
    drawn = read_labelled(task.training, transform, task.runtime).chosen(indices)
    trained, validated = divide_draw(drawn.labels.tolist(), recipe.validation, own_seed)
    validation = drawn.chosen(validated) if validated else None
    objective = EndToEnd(network, drawn.chosen(trained), validation, recipe.settings(), device, recipe.head_lr)
    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        done = fit(
            objective,
            recipe.config(len(trained), bool(validated)),
            seed=own_seed,
            runtime=task.runtime,
            checkpoint=ledger.checkpoint(job),
            checkpoint_seconds=_CHECKPOINT_SECONDS,
            identity={"key": ledger.key, "job": list(job)},
            description=f"{task.reference} end to end, {count} per class, draw {repeat + 1}",
        )
    started = time.perf_counter()
    tested = read_labelled(task.test, transform, task.runtime)
    predicted = predict_classes(done.network, tested, device).argmax(axis=1)
    seconds = round(done.seconds + time.perf_counter() - started, 2)
    record = {**_describe(done, device), "images": len(trained), "validation": len(validated), "seconds": seconds}
    ledger.add(job, {**record, "predictions": predicted.tolist()})
    ledger.done(job)


def _describe(done: TrainingResult, device: str) -> dict[str, Any]:
    kept = done.curves[done.best_epoch - 1]
    accuracy = kept.get("balanced accuracy", math.nan)
    return {
        **describe_training(done),
        "validation_accuracy": number(round(accuracy, 4)),
        **describe_conditions(device),
    }
