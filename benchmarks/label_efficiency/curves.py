"""The curves of one set: plain classifiers on each extractor's features, and a network trained end to end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import dsim
from benchmarks.label_efficiency.design import SEED, TEST, open_set
from benchmarks.label_efficiency.extractors import DINO, FINETUNED, IMAGENET, IMAGENET_SMALL, extractors_of
from benchmarks.label_efficiency.runs import Lines
from dsim.data import Dataset
from dsim.efficiency import Curve, LabelEfficiency, divide_labelled, draw_labelled
from dsim.efficiency.curve import balanced_accuracy
from dsim.efficiency.finetune import finetune
from dsim.efficiency.split import fingerprint_of
from dsim.runtime import Runtime

#: Labelled images per class, and draws of each: where a set is large, the classifiers are what costs time.
COUNTS = (1, 5, 10, 25, 50, 100, 250)
REPEATS = {"chula_rbc12_cls": 20, "ham10000_cls": 100, "busi_cls": 100, "cxr_covid_cls": 100}
CLASSIFIERS = ("svm", "logistic", "knn")
#: Those whose curves are stored; the others were left out for want of time.
CLASSIFIERS_STORED = ("svm",)
#: Features standardised, and as the paper has it: principal axes without reduction, then the power transform. With more
#: features than drawn images the latter leaves every drawn image as far from every other (docs/label-efficiency.md).
ORDERS = ("none", "paper")
#: Sets that were measured by both.
BOTH_ORDERS = ("chula_rbc12_cls", "ham10000_cls")
#: By the paper's order there was time for these features, and for so many draws.
PAPER_ONLY, PAPER_REPEATS = (DINO, IMAGENET, IMAGENET_SMALL), {"chula_rbc12_cls": 10, "ham10000_cls": 20}
#: What is trained end to end: counts of the large set, and draws. The paper has five; there was time for three.
FINETUNED_COUNTS = {"chula_rbc12_cls": (25, 100)}
FINETUNED_REPEATS = 3


def make_runtime(work: Path) -> Runtime:
    """Return where features are kept, on the processor, with progress as lines."""
    return Runtime(device="cpu", cache=work / "cache", progress=Lines())


def measure_set(
    name: str,
    data: Path,
    work: Path,
    order: str,
    *,
    wanted: Sequence[str] = (),
    classifiers: Sequence[str] = CLASSIFIERS,
) -> LabelEfficiency:
    """Return the curves of a set for all extractors that there are, or those ``wanted`` by name; kept as they come."""
    repeats = REPEATS[name]
    if order == "paper":
        repeats = PAPER_REPEATS.get(name, repeats)
        wanted = [label for label in PAPER_ONLY if label in (wanted or PAPER_ONLY)]
    references = {label: text for label, text in extractors_of(name, work).items() if label in (wanted or [label])}
    return dsim.label_efficiency(
        open_set(data, name),
        extractors=list(references.values()),
        counts=COUNTS,
        repeats=repeats,
        classifiers=classifiers,
        order=order,
        test=TEST,
        seed=SEED,
        out=work / "draws" / name,
        runtime=make_runtime(work),
    )


def finetune_set(name: str, data: Path, work: Path) -> Curve:
    """Return the curve of the same network trained end to end from the same start, at a few counts."""
    split = divide_labelled(open_set(data, name), test=TEST, seed=SEED)
    draws = draw_labelled(split.training.labels or (), COUNTS, REPEATS[name], SEED, fingerprint_of(split.training))
    reference = extractors_of(name, work)[IMAGENET_SMALL]
    found = finetune(
        split.training,
        split.test,
        reference,
        draws,
        counts=FINETUNED_COUNTS[name],
        repeats=FINETUNED_REPEATS,
        seed=SEED,
        folder=work / "finetuned" / name,
        runtime=make_runtime(work),
    )
    truth = codes_of(split.test, split.classes)
    predictions = found.predictions.astype(np.uint8)
    accuracies = balanced_accuracy(truth, predictions)
    return Curve(FINETUNED, "network", found.counts, accuracies, predictions, name)


def codes_of(dataset: Dataset, classes: Sequence[str]) -> Any:
    """Return the class of each image as a position among ``classes``, intp (n,)."""
    places = {label: place for place, label in enumerate(classes)}
    return np.array([places[label] for label in dataset.labels or ()])
