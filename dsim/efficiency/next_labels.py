"""Which images to label next, by the features of an extractor, and whether such choices beat random ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.efficiency.curve import balanced_accuracy
from dsim.errors import DataError, UnknownNameError, UsageError
from dsim.random import stream
from dsim.stats.label_choice import k_centres, typical_points

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime

Floats = NDArray[np.float64]

#: ``typicality`` : typical images of clusters without a label; ``coreset`` : images unlike all labelled ones.
STRATEGIES = ("typicality", "coreset")
RANDOM = "random"


@dataclass(frozen=True)
class NextLabels:
    """The images to label next.

    Parameters
    ----------
    dataset : the name of the pool. ``indices`` : positions in it, the most useful first. ``ids`` : their ids.
    strategy : ``typicality`` or ``coreset``. ``extractor`` : whose features were looked at.
    labelled : how many images have a label already. ``pool`` : among how many images was chosen.
    """

    dataset: str
    indices: tuple[int, ...]
    ids: tuple[str, ...]
    strategy: str
    extractor: str
    labelled: int
    pool: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "dataset": self.dataset,
            "images": list(self.ids),
            "strategy": self.strategy,
            "extractor": self.extractor,
            "labelled": self.labelled,
            "pool": self.pool,
        }


def next_labels(
    pool: Dataset,
    count: int,
    *,
    extractor: str,
    labelled: Sequence[Dataset] = (),
    strategy: str = "typicality",
    seed: int = 0,
    runtime: Runtime | None = None,
) -> NextLabels:
    """Return the images of a pool that are worth a label next, by their features; no label is looked at.

    Parameters
    ----------
    pool : images to choose from; those that have a label are not chosen, but count as labelled.
    count : at most so many are chosen. labelled : further datasets that have labels already.
    extractor : reference; of a dataset without images its own features are taken.
    strategy : ``typicality`` (TypiClust), for few labels; ``coreset`` (k centres).

    Raises
    ------
    UsageError
        For a count below 1, and an unknown strategy.
    DataError
        Where every image of the pool has a label.

    References
    ----------
    Hacohen et al. 2022, arXiv:2202.02794; Sener and Savarese 2018, arXiv:1708.00489.

    >>> from dsim.data import from_arrays
    >>> images = from_arrays(np.repeat(np.arange(0, 240, 6, dtype=np.uint8), 64).reshape(40, 8, 8))
    >>> len(next_labels(images, 3, extractor="pixels:").ids)
    3
    """
    if count < 1:
        raise UsageError(f"no image can be chosen by a count of {count}", hint="give 1 or more: --next 50")
    own = [index for index, label in enumerate(pool.labels or ()) if label.strip()]
    if len(own) == len(pool):
        raise DataError(f"every image of {pool.name!r} has a label already", hint="give others as the pool")
    tables = [_features(each, extractor, runtime) for each in (pool, *labelled)]
    known = [*own, *range(len(pool), sum(map(len, tables)))]
    points = normalise_features(np.concatenate(tables))
    # Positions behind the pool are of labelled images, which are never chosen.
    indices = choose_points(points, known, count, strategy, seed)
    ids = tuple(pool.ids[index] for index in indices)
    return NextLabels(pool.name, indices, ids, strategy, extractor, len(known), len(pool) - len(own))


def choose_points(
    points: Floats, labelled: Sequence[int], count: int, strategy: str = "typicality", seed: int = 0
) -> tuple[int, ...]:
    """Return positions of points (n, d) to label next, by a strategy. Raises UnknownNameError for an unknown one.

    >>> choose_points(np.array([[0.0], [1.0], [5.0], [9.0]]), [0], 2, "coreset")
    (3, 2)
    """
    if strategy == "coreset":
        return k_centres(points, labelled, count)
    if strategy == "typicality":
        return typical_points(points, labelled, count, seed=seed)
    raise UnknownNameError("strategy", strategy, STRATEGIES, hint=f"choose one of: {', '.join(STRATEGIES)}")


def normalise_features(features: NDArray[Any]) -> Floats:
    """Return features less their mean, of length 1, float64 (n, d): distances are of directions; 0 stays 0.

    >>> normalise_features(np.array([[1.0, 0.0], [3.0, 0.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    normalised: Floats = centred / np.where(lengths > 0, lengths, 1.0)
    return normalised


def _features(dataset: Dataset, extractor: str, runtime: Runtime | None) -> NDArray[Any]:
    from dsim.features import extract
    from dsim.runtime import Runtime

    if dataset.backing is None and dataset.features is not None:
        return np.asarray(dataset.features)
    return extract(dataset, extractor, runtime or Runtime())


@dataclass(frozen=True)
class ChoiceCurve:
    """Balanced accuracies with images that a strategy chose.

    Parameters
    ----------
    strategy : ``random`` too. ``counts`` : images labelled in all, not per class.
    accuracies : float64 (repeats, counts). ``classes`` : how many classes were among them, float64 (repeats, counts).
    """

    strategy: str
    counts: tuple[int, ...]
    accuracies: Floats
    classes: Floats


def judge_choices(
    features: NDArray[Any],
    labels: NDArray[np.intp],
    test_features: NDArray[Any],
    test_labels: NDArray[np.intp],
    counts: Sequence[int],
    *,
    strategies: Sequence[str] = STRATEGIES,
    repeats: int = 20,
    share: float = 0.8,
    order: str = "none",
    seed: int = 0,
) -> tuple[ChoiceCurve, ...]:
    """Return what strategies and random choices of equal size give, by support vectors on the test images.

    Nobody knows a label before it is paid for: random choices are of all images alike, not per class, and a class of
    which no image was chosen is never predicted. In each repeat all choose from the same random part of the pool.

    Parameters
    ----------
    features, labels : of the pool, (n, d) and integers (n,). test_features, test_labels : (t, d), (t,).
    counts : images that are labelled in all, ascending. share : of the pool from which is chosen in a repeat.
    order : of the reduction, see ``fit_reduction``.

    Raises UsageError for a share that leaves fewer images than the largest count.
    """
    size = int(share * len(features))
    if size < max(counts):
        raise UsageError(f"{max(counts)} images cannot be chosen from {size}", hint="give smaller counts")
    names = (RANDOM, *strategies)
    found = {name: np.full((2, repeats, len(counts)), np.nan) for name in names}
    for repeat in range(repeats):
        part = stream(seed, "label choices", str(repeat)).permutation(len(features))[:size]
        points = normalise_features(features[part])
        for name in names:
            for place, count in enumerate(counts):
                chosen = range(count) if name == RANDOM else choose_points(points, (), count, name, seed)
                taken = part[list(chosen)]
                predicted = _predict(features[taken], labels[taken], test_features, order)
                found[name][0, repeat, place] = balanced_accuracy(test_labels, predicted)
                found[name][1, repeat, place] = len(np.unique(labels[taken]))
    return tuple(ChoiceCurve(name, tuple(counts), found[name][0], found[name][1]) for name in names)


def _predict(training: NDArray[Any], labels: NDArray[np.intp], test: NDArray[Any], order: str) -> NDArray[np.intp]:
    from dsim.efficiency.classifiers import predict_svm
    from dsim.efficiency.reduction import fit_reduction

    known = np.unique(labels)
    if len(known) < 2:
        return np.full(len(test), known[0])
    rows, others = training.astype(np.float64), test.astype(np.float64)
    reduction = fit_reduction(rows, order)
    codes = predict_svm(reduction.apply(rows), np.searchsorted(known, labels), reduction.apply(others))
    predicted: NDArray[np.intp] = known[codes]
    return predicted
