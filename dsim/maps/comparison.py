"""Methods of mapping one dataset, compared: the same images, splits and groups, and differences with intervals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dsim.embeddings import import_tsne
from dsim.errors import NeedError, UsageError
from dsim.maps.method_maps import SeededMap, make_map
from dsim.maps.method_scores import Judges, MethodScores, score_maps
from dsim.maps.methods import Method, read_methods
from dsim.runtime import VERSION, Runtime
from dsim.stats.map_scores import FOLDS, NEIGHBOURS, REPEATS, read_classes
from dsim.stats.share_intervals import ShareDifference, compare_shares

if TYPE_CHECKING:
    from dsim.data import Dataset

SCHEMA = "dsim.map-comparison/1"
Score = Literal["accuracy", "balanced", "silhouette"]
SCORES: tuple[Score, ...] = ("accuracy", "balanced", "silhouette")
#: The best method is named where its difference from every other excludes 0 at this confidence, for all together.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class MapComparison:
    """Maps of one dataset by several methods, with their scores.

    Parameters
    ----------
    dataset : what was mapped. ``judges`` : labels, groups and splits. ``methods`` : scores, in the order asked for.
    seconds : of the whole call. ``notes`` : what must be known to read the scores, in sentences.
    """

    dataset: Dataset
    judges: Judges
    methods: tuple[MethodScores, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    _differences: dict[tuple[str, str, str, float], ShareDifference] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def method(self, text: str) -> MethodScores:
        """Return the scores of a method; raises UsageError where it was not compared."""
        for scores in self.methods:
            if scores.method.text == text:
                return scores
        known = ", ".join(scores.method.text for scores in self.methods)
        raise UsageError(f"method {text!r} was not compared", hint=f"one of: {known}")

    def compare(
        self, first: str, second: str, score: Score = "accuracy", confidence: float = CONFIDENCE
    ) -> ShareDifference:
        """Return the score of a method less that of another, paired by images, splits and groups, with an interval.

        Parameters
        ----------
        score : ``accuracy`` or ``balanced`` accuracy of nearest neighbours, groups kept whole, or ``silhouette``.

        Raises UsageError where a method was not compared, or the dataset has no labels.
        """
        key = (first, second, score, confidence)
        if key not in self._differences:
            name = "silhouettes" if score == "silhouette" else "tested"
            one, other = (getattr(self.method(text), name) for text in (first, second))
            if self.judges.labels is None:
                raise UsageError(f"dataset {self.dataset.name!r} has no labels to score maps by", hint="give labels")
            codes = read_classes(self.judges.labels).codes
            self._differences[key] = compare_shares(
                one, other, codes, self.judges.groups, balanced=score == "balanced", confidence=confidence
            )
        return self._differences[key]

    @property
    def order(self) -> tuple[MethodScores, ...]:
        """The methods, the one with the largest accuracy first; those without one last, in the order asked for."""
        return tuple(sorted(self.methods, key=lambda each: (-each.accuracy.value) if _known(each) else 2.0))

    def contrasts(self, score: Score = "accuracy") -> tuple[tuple[str, ShareDifference], ...]:
        """Return the difference of the method of largest accuracy from each other one, by name, in that order.

        The intervals hold for all of them together (Bonferroni), since the first was chosen by its score.
        """
        known = [each.method.text for each in self.order if _known(each)]
        if len(known) < 2:
            return ()
        confidence = 1 - (1 - CONFIDENCE) / (len(known) - 1)
        return tuple((other, self.compare(known[0], other, score, confidence)) for other in known[1:])

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON, without the places of images."""
        from dsim.maps.comparison_answer import answer

        return {
            "schema": SCHEMA,
            "dataset": _facts(self.dataset),
            "judged_by": _settings(self.judges),
            "methods": [scores.to_dict() for scores in self.methods],
            "differences": [
                {"score": score, "first": self.order[0].method.text, "second": other, **difference.to_dict()}
                for score in SCORES
                for other, difference in self.contrasts(score)
            ],
            "answer": answer(self),
            "notes": list(self.notes),
            "versions": {"dsim": VERSION, **{name: version(name) for name in ("numpy", "scikit-learn", "torch")}},
            "seconds": round(self.seconds, 1),
        }

    def save(self, path: Path) -> None:
        """Write it as JSON; DsimError where the disk refuses."""
        from dsim.files.documents import to_json

        to_json(self.to_dict(), path)


def _known(scores: MethodScores) -> bool:
    return scores.accuracy.value == scores.accuracy.value


def compare_maps(
    dataset: Dataset,
    methods: Sequence[str],
    *,
    seeds: int = 1,
    out: Path | str | None = None,
    runtime: Runtime | None = None,
    k: int = NEIGHBOURS,
    folds: int = FOLDS,
    repeats: int = REPEATS,
    seed: int = 0,
    labelled: bool = True,
) -> MapComparison:
    """Return maps of a dataset by several methods, judged alike.

    Parameters
    ----------
    dataset : with labels, and with groups where images belong together: then no group is in both training and test, and
        intervals are over groups.
    methods : texts, as ``read_method`` takes them: ``t-simcne[rotations=any]``, ``pixels+tsne``, ``file:MODEL+umap``.
    seeds : maps by each method; from two on their agreement is a score. Methods that do not depend on it make one.
    out : folder of trainings, which are resumed when the same call is repeated, and of layouts.
    k : neighbours. folds, repeats : of the splits. seed : of the splits, and the first of the maps.
    labelled : False to judge without labels: trustworthiness and agreement only.

    Raises
    ------
    UsageError
        Without methods, for unknown ones, a wrong number, trainings without ``out``, or t-SNE without openTSNE.
    NeedError
        Where no image has a label, or the dataset has no images where a method needs them.
    DsimError
        What trainings raise; what was finished is kept in ``out``.

    >>> import numpy as np
    >>> from dsim.data import from_arrays
    >>> pixels = np.random.default_rng(0).integers(0, 60, (40, 8, 8), dtype=np.uint8)
    >>> pixels[:20] += 180
    >>> found = compare_maps(from_arrays(pixels, labels=["a"] * 20 + ["b"] * 20), ["pixels+pca"])
    >>> found.method("pixels+pca").accuracy.value
    1.0
    """
    runtime, began = runtime or Runtime(), time.perf_counter()
    chosen = read_methods(methods)
    for name, value in {"seeds": seeds, "k": k, "repeats": repeats}.items():
        if value < 1:
            raise UsageError(f"{name} must be at least 1, got {value}", hint=f"give {name}=1 or more")
    if folds < 2:
        raise UsageError(f"folds must be at least 2, got {folds}", hint="10 folds are as 9:1")
    if any(method.layout == "tsne" for method in chosen):
        # Not after the hours of a training.
        import_tsne()
    judges = Judges(_labels(dataset, labelled), _groups(dataset), k, folds, repeats, seed)
    folder = None if out is None else Path(out)
    scores = []
    with runtime.progress.task(f"maps of {dataset.name}", len(chosen), "methods") as task:
        for method in chosen:
            scores.append(score_maps(method, _maps(method, dataset, seeds, seed, folder, runtime), judges))
            task.advance(1)
    notes = tuple(_notes(dataset, judges, scores))
    for note in notes:
        runtime.progress.note(note)
    return MapComparison(dataset, judges, tuple(scores), time.perf_counter() - began, notes)


def _maps(
    method: Method, dataset: Dataset, seeds: int, first: int, out: Path | None, runtime: Runtime
) -> list[SeededMap]:
    numbers = range(first, first + (1 if method.is_fixed else seeds))
    return [make_map(method, dataset, number, out, runtime) for number in numbers]


def _groups(dataset: Dataset) -> tuple[str, ...] | None:
    """The groups to judge by: an image without one is a group of its own."""
    if dataset.groups is None or not any(group.strip() for group in dataset.groups):
        return None
    return tuple(group if group.strip() else f"image {row}" for row, group in enumerate(dataset.groups))


def _labels(dataset: Dataset, labelled: bool) -> tuple[str, ...] | None:
    """The labels to judge by; raises NeedError where there are none and maps should be judged by them."""
    if not labelled:
        return None
    if dataset.labels is None or not read_classes(dataset.labels).names:
        raise NeedError(
            f"no image of dataset {dataset.name!r} has a label: accuracies and silhouettes need them",
            hint="give labels (dsim data inspect shows where they are looked for), or compare without them: "
            "--without-labels judges trustworthiness, and with --seeds 3 stability",
        )
    return dataset.labels


def _notes(dataset: Dataset, judges: Judges, scores: Sequence[MethodScores]) -> list[str]:
    notes = []
    if judges.labels is not None and any(each.method.trains and len(each.seeds) == 1 for each in scores):
        notes.append(
            "each network was trained once: intervals do not know what other seeds would give (--seeds 3 does)"
        )
    if judges.labels is not None:
        missing = int((read_classes(judges.labels).codes < 0).sum())
        if missing:
            notes.append(f"{missing} of {len(dataset)} images of {dataset.name} have no label: only maps show them")
        if judges.groups is None:
            notes.append(
                f"{dataset.name} has no groups: accuracies are too high, and intervals too narrow, where several "
                "images are of one patient, slide or video"
            )
    return notes + list(dict.fromkeys(note for each in scores for note in each.notes))


def _facts(dataset: Dataset) -> dict[str, Any]:
    from collections import Counter

    fingerprint = dataset.features_fingerprint if dataset.backing is None else dataset.images_fingerprint
    return {
        "name": dataset.name,
        "images": len(dataset),
        "fingerprint": fingerprint,
        "classes": dict(sorted(Counter(label for label in dataset.labels or () if label.strip()).items())),
        "groups": None if dataset.groups is None else len(set(dataset.groups)),
    }


def _settings(judges: Judges) -> dict[str, Any]:
    return {
        "labels": judges.labels is not None,
        "k": judges.k,
        "folds": judges.folds,
        "repeats": judges.repeats,
        "seed": judges.seed,
        "intervals": "groups" if judges.groups is not None else "images",
    }
