"""The measurement: features once, then every classifier on every draw, kept as it comes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.data import to_datasets
from dsim.efficiency.baselines import read_baselines
from dsim.efficiency.blocks import predict_block
from dsim.efficiency.classifiers import CLASSIFIERS
from dsim.efficiency.curve import Confusion, Curve, Predictions, balanced_accuracy
from dsim.efficiency.draws import COUNTS, draw_labelled
from dsim.efficiency.kept_draws import KeptDraws, Task, identify_features
from dsim.efficiency.reduction import ORDERS
from dsim.efficiency.result import LabelEfficiency, Labelled
from dsim.efficiency.split import divide_labelled, fingerprint_of
from dsim.errors import DataError, UnknownNameError, UsageError, repeated
from dsim.runtime import VERSION, Runtime, cores
from dsim.transfer.jobs import WORK, run_side_by_side

if TYPE_CHECKING:
    from dsim.data import Dataset

#: Draws of each count on which networks are trained end to end, as in the paper.
FINETUNED = 5


def label_efficiency(
    labelled: Dataset | Sequence[Dataset],
    *,
    extractors: Sequence[str],
    counts: Sequence[int] = COUNTS,
    repeats: int = 100,
    classifiers: Sequence[str] = CLASSIFIERS,
    order: str = "paper",
    test: float | Dataset | Sequence[Dataset] = 0.3,
    min_class_size: int = 0,
    baselines: Sequence[str] = (),
    seed: int = 0,
    jobs: int = 1,
    out: Path | str | None = None,
    runtime: Runtime | None = None,
    confusion: int = 100,
) -> LabelEfficiency:
    """Return how accurate plain classifiers on frozen features are, by the number of labelled images per class.

    Parameters
    ----------
    labelled : dataset or datasets with labels, each measured by itself. Groups are never divided.
    extractors : references, as ``dino:vits16[weights=...]``; of a dataset without images its own features are taken.
    counts : labelled images per class. Those that would draw the same images as the one before are dropped.
    repeats : random training sets of each count; nested, and the same for all extractors and classifiers.
    classifiers : of ``svm``, ``logistic``, ``knn``, ``linear``.
    order : ``paper`` (principal axes, power transform), ``code`` (the other way round, with the code's constants), or
        ``none`` (features of mean 0 and variance 1). The first two fall short where about as many images are drawn as
        there are features; ``notes`` of the result say so.
    test : share of the images that judge, or a test dataset (one for each labelled dataset) that shares no image.
    min_class_size : classes with fewer training images are left out.
    baselines : ``pixels``, ``random`` (weights), ``imagenet``, ``finetune`` (the first extractor's network trained end
        to end on 5 draws), or further references, all on the same draws.
    jobs : processes side by side; 0 for one per core. No number depends on it.
    out : folder where finished draws are kept: a run that was killed goes on, one with more extractors reuses them.
    confusion : images per class at which confusion matrices are given; the largest measured count up to it.

    The predictions of every draw are in the result: for intervals over test groups and paired tests.

    Raises
    ------
    UsageError
        Without an extractor, for an unknown classifier or order, or a count below 1.
    DataError
        For datasets that ``divide_labelled`` refuses.

    >>> from dsim.data.phantoms import open_phantom
    >>> from dsim.data import join
    >>> both = join([open_phantom(name, count=20, size=32) for name in ("fluorescence", "fundus")], "both")
    >>> from dataclasses import replace
    >>> both = replace(both, labels=tuple(name.partition("/")[0] for name in both.ids), groups=None)
    >>> found = label_efficiency(both, extractors=["pixels:"], counts=[5], repeats=2, classifiers=["svm"])
    >>> found.curve("pixels:", "svm").mean.round(3).tolist()
    [0.625]
    """
    began, how = time.perf_counter(), runtime or Runtime()
    datasets, tests = _checked(labelled, test, extractors, classifiers, order)
    share = test if isinstance(test, int | float) else 0.3
    others = read_baselines(baselines, extractors, how)
    references = list(dict.fromkeys([*extractors, *others.extractors]))
    folder = None if out is None else Path(out) / WORK
    parts, curves, notes = [], [], []
    for dataset, given in zip(datasets, tests, strict=True):
        split = divide_labelled(dataset, test=share, seed=seed, min_class_size=min_class_size, test_set=given)
        draws = draw_labelled(split.training.labels or (), counts, repeats, seed, fingerprint_of(split.training))
        parts.append(Labelled.of(split, draws))
        task_of = partial(Task, split, draws, order=order, seed=seed, folder=folder)
        for task in map(task_of, references):
            measured, width = _measure(task, classifiers, jobs or cores(), how, confusion)
            curves += measured
            notes += remark_on_width(task, width)
        curves += [_finetuned(task, jobs or cores(), how, confusion) for task in map(task_of, others.finetuned)]
    for note in notes:
        how.progress.note(note)
    recipes = {
        reference: identify_features(dataset, reference, how)
        for reference in dict.fromkeys([*references, *others.finetuned])
        for dataset in datasets
    }
    asked = {"counts": list(counts), "repeats": repeats, "order": order, "test": None if any(tests) else share}
    settings = {**asked, "min_class_size": min_class_size, "seed": seed}
    seconds = time.perf_counter() - began
    return LabelEfficiency(tuple(parts), tuple(curves), settings, recipes, _versions(), seconds, tuple(notes))


def _checked(
    labelled: Any, test: Any, extractors: Sequence[str], classifiers: Sequence[str], order: str
) -> tuple[list[Dataset], list[Dataset | None]]:
    """Datasets, and the test set of each; raises UsageError for a request that is wrong."""
    datasets = to_datasets(labelled, "labelled")
    if twice := repeated(dataset.name for dataset in datasets):
        raise DataError(f"two labelled datasets are named {twice[0]!r}", hint="rename one: dataset.renamed(...)")
    if not datasets or not extractors:
        raise UsageError(
            "there is no labelled dataset" if not datasets else "there is no extractor",
            hint="give labelled datasets, and extractors=['pixels:', ...]",
        )
    for name in classifiers:
        if name not in CLASSIFIERS:
            raise UnknownNameError("classifier", name, CLASSIFIERS, hint=f"choose from: {', '.join(CLASSIFIERS)}")
    if order not in ORDERS:
        raise UnknownNameError("order", order, ORDERS, hint=f"choose from: {', '.join(ORDERS)}")
    if isinstance(test, int | float):
        return datasets, [None] * len(datasets)
    tests = to_datasets(test, "test")
    if len(tests) != len(datasets):
        raise UsageError(
            f"there are {len(datasets)} labelled datasets but {len(tests)} test sets", hint="give one for each"
        )
    return datasets, list(tests)


def _measure(
    task: Task, classifiers: Sequence[str], jobs: int, runtime: Runtime, confusion: int
) -> tuple[list[Curve], int]:
    """The curve of each classifier, and the number of features; what ``task.folder`` holds is not computed again."""
    names = list(dict.fromkeys(classifiers))
    kept = KeptDraws(task, runtime)
    blocks = list(kept.lacking(names))
    if blocks:
        numbers = kept.numbers(runtime)
        calls = [(block, kept.indices(block), numbers) for block in blocks]
        with runtime.progress.task(f"{task.extractor} on {task.split.name}", len(blocks), "blocks of draws") as shown:
            for block, found in run_side_by_side(predict_block, calls, jobs):
                kept.keep(block, found)
                shown.advance(1)
    return [kept.curve(name, confusion) for name in names], kept.width


def _finetuned(task: Task, jobs: int, runtime: Runtime, confusion: int) -> Curve:
    """The curve of the extractor's network trained end to end, on the first few draws."""
    from dsim.efficiency.finetune import finetune

    split, draws = task.split, task.draws
    repeats = min(FINETUNED, draws.repeats)
    with tempfile.TemporaryDirectory() as spare:
        done = finetune(
            split.training,
            split.test,
            task.extractor,
            draws,
            counts=draws.counts,
            repeats=repeats,
            seed=task.seed,
            folder=(task.folder or Path(spare)) / "finetuned",
            jobs=jobs,
            runtime=runtime,
        )
    truth = split.codes(split.test)
    predictions: Predictions = done.predictions.astype(np.uint8 if len(split.classes) <= 256 else np.uint16)
    seconds = sum(float(training["seconds"]) for training in done.trainings.values())
    shown = Confusion.of(truth, predictions, done.counts, confusion, len(split.classes)) if done.counts else None
    accuracies = balanced_accuracy(truth, predictions)
    return Curve(task.extractor, "finetune", done.counts, accuracies, predictions, split.name, seconds, shown)


def remark_on_width(task: Task, width: int) -> list[str]:
    """Return a warning where about as many images are drawn as there are features.

    Principal axes without reduction, each made to variance 1, then blow up what is noise: all images are about equally
    far from each other, and classifiers fall towards chance, whatever the extractor is worth (a peak of the error where
    the numbers of images and of features are equal). It is the procedure of the paper, which had 384 features.
    """
    own = task.draws.sizes.values()
    sizes = {count: sum(min(count, size) for size in own) for count in task.draws.counts}
    peaked = [count for count, size in sizes.items() if task.order != "none" and width / 3 < size < 2 * width]
    if not peaked:
        return []
    named = ", ".join(map(str, peaked))
    return [
        f"{task.extractor} on {task.split.name}: at {named} images per class about as many images are drawn as there "
        f"are features ({width}): without reduction the accuracy falls there, whatever their worth; compare order=none"
    ]


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {"dsim": VERSION, **{name: version(name) for name in ("numpy", "scikit-learn", "scipy", "torch")}}
