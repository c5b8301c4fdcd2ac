"""Predictions of finished draws: in memory, and in a folder from which an interrupted run goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.efficiency.blocks import Block, Numbers, block_ranges, draws_are_one
from dsim.efficiency.curve import Confusion, Curve, Predictions, balanced_accuracy
from dsim.efficiency.draws import Draws
from dsim.efficiency.split import LabelledSplit, fingerprint_of
from dsim.store import ContentStore

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime

#: Raised when the numbers of a classifier change.
VERSIONS = {"svm": 1, "logistic": 1, "knn": 1, "linear": 2}
_KIND = "label-draws"


@dataclass(frozen=True)
class Task:
    """One extractor on one dataset; ``folder`` keeps finished draws."""

    split: LabelledSplit
    draws: Draws
    extractor: str
    order: str
    seed: int
    folder: Path | None


class KeptDraws:
    """The finished draws of one task, of which ``width`` is the number of features."""

    def __init__(self, task: Task, runtime: Runtime) -> None:
        self._task = task
        self._store = None if task.folder is None else ContentStore(task.folder, runtime.progress.note)
        self._facts = _identity(task, runtime)
        self._found: dict[tuple[str, int, int], tuple[Predictions, float]] = {}
        self.width = 0

    def lacking(self, classifiers: Sequence[str]) -> Iterator[Block]:
        """Yield the blocks that are still to be computed, the longest first; the others are remembered."""
        draws = self._task.draws
        for count in reversed(draws.counts):
            for first, last in block_ranges(draws.repeats):
                wanted = [name for name in classifiers if not (first and draws_are_one(draws, count, name))]
                names = tuple(name for name in wanted if not self._find(name, count, first, last))
                if names:
                    yield Block(count, first, last, names)

    def indices(self, block: Block) -> list[NDArray[np.intp]]:
        """Return the images, (m,), of each draw of a block."""
        return [self._task.draws.indices(repeat, block.count) for repeat in range(block.first, block.last)]

    def numbers(self, runtime: Runtime) -> Numbers:
        """Return the features of both sides; extracted where they are not known."""
        split, task = self._task.split, self._task
        training, test = (features_of(side, task.extractor, runtime) for side in (split.training, split.test))
        self.width = training.shape[1]
        return Numbers(training, split.codes(split.training), test, task.order, task.seed)

    def keep(self, block: Block, found: dict[str, tuple[Predictions, float]]) -> None:
        """Remember a block, and write it where there is a folder."""
        for name, (predictions, seconds) in found.items():
            self._found[name, block.count, block.first] = predictions, seconds
            if self._store is not None:
                key = self._key(name, block.count, block.first, block.last)
                attributes = {"seconds": seconds, "extractor": self._task.extractor, "width": self.width}
                self._store.try_put(_KIND, key, {"predictions": predictions}, attributes)

    def curve(self, classifier: str, confusion: int) -> Curve:
        """Return the curve of a classifier, all of whose blocks are known."""
        split, draws = self._task.split, self._task.draws
        predictions: Predictions = np.stack([self._column(classifier, count) for count in draws.counts], axis=1)
        truth = split.codes(split.test)
        seconds = sum(seconds for (name, _, _), (_, seconds) in self._found.items() if name == classifier)
        return Curve(
            self._task.extractor,
            classifier,
            draws.counts,
            balanced_accuracy(truth, predictions),
            predictions,
            split.name,
            seconds,
            Confusion.of(truth, predictions, draws.counts, confusion, len(split.classes)),
        )

    def _column(self, classifier: str, count: int) -> Predictions:
        """Predictions (repeats, t) at one count."""
        draws = self._task.draws
        if draws_are_one(draws, count, classifier):
            return np.repeat(self._found[classifier, count, 0][0][:1], draws.repeats, axis=0)
        blocks = [self._found[classifier, count, first][0] for first, _ in block_ranges(draws.repeats)]
        joined: Predictions = np.concatenate(blocks)
        return joined

    def _find(self, classifier: str, count: int, first: int, last: int) -> bool:
        record = None if self._store is None else self._store.get(_KIND, self._key(classifier, count, first, last))
        if record is None:
            return False
        self._found[classifier, count, first] = record.arrays["predictions"], record.attributes["seconds"]
        self.width = record.attributes["width"]
        return True

    def _key(self, classifier: str, count: int, first: int, last: int) -> dict[str, Any]:
        draws = {"count": count, "draws": [first, last]}
        return {**self._facts, "classifier": classifier, "version": VERSIONS[classifier], **draws}


def features_of(side: Dataset, extractor: str, runtime: Runtime) -> NDArray[np.float32]:
    """Return features, float32 (n, d): those that were given where there are no images."""
    if side.backing is None:
        return np.asarray(side.features, dtype=np.float32)
    from dsim.features import extract

    return extract(side, extractor, runtime)


def identify_features(dataset: Dataset, reference: str, runtime: Runtime) -> dict[str, str]:
    """Return what identifies features: the recipe of the extractor; of given ones that they are given."""
    if dataset.backing is None:
        return {"extractor": "given"}
    from dsim.features import recipe

    return recipe(reference, runtime).key()


def _identity(task: Task, runtime: Runtime) -> dict[str, Any]:
    """Everything that predictions depend on, but for the classifier and the draw."""
    from dsim.files.documents import digest

    split = task.split
    return {
        "schema": 1,
        "features": identify_features(split.training, task.extractor, runtime),
        "training": fingerprint_of(split.training),
        "test": fingerprint_of(split.test),
        "training_labels": digest(sorted(zip(split.training.ids, split.training.labels or (), strict=True))),
        "test_ids": split.test.order,
        "classes": list(split.classes),
        "order": task.order,
        "seed": task.seed,
    }
