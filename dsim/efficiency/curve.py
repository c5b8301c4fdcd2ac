"""One curve of label efficiency: balanced accuracies by the number of labelled images, of every draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UsageError

_AGAIN = "write it again: dsim label-efficiency"
#: uint8, or uint16 where there are more than 256 classes.
Predictions = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Confusion:
    """Confusion matrix at one count: mean and standard deviation over draws, float64 (classes, classes) each.

    Rows are true classes and sum to 1; NaN where a class has no test image.
    """

    count: int
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def of(
        cls, truth: NDArray[Any], predictions: Predictions, counts: Sequence[int], wanted: int, classes: int
    ) -> Confusion:
        """Return the matrix at the largest count up to ``wanted``, of predictions (repeats, counts, t)."""
        count = max((each for each in counts if each <= wanted), default=min(counts))
        shares = confusion_matrices(truth, predictions[:, list(counts).index(count)], classes)
        return cls(count, shares.mean(axis=0), shares.std(axis=0))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        from dsim.files.documents import nullable

        return {"count": self.count, "mean": nullable(self.mean), "std": nullable(self.std)}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Confusion:
        """Return the matrix of such values."""
        from dsim.files.documents import array

        return cls(document["count"], *(array(document[name], name, _AGAIN) for name in ("mean", "std")))


@dataclass(frozen=True)
class Curve:
    """Accuracies of one classifier on the features of one extractor.

    Parameters
    ----------
    extractor : reference, as it was given. ``classifier`` : its name. ``dataset`` : the name of the labelled dataset.
    counts : labelled images per class, ascending.
    accuracies : balanced accuracy in [0, 1] on the test images, float64 (repeats, counts).
    predictions : class of each test image, as a position in the classes, (repeats, counts, tests); None where the curve
        was read from a document.
    seconds : of the processor, for fitting and predicting; the reduction, which classifiers share, counts for each.
    confusion : the confusion matrix at one count.
    """

    extractor: str
    classifier: str
    counts: tuple[int, ...]
    accuracies: NDArray[np.float64]
    predictions: Predictions | None = field(default=None, repr=False, compare=False)
    dataset: str = ""
    seconds: float = math.nan
    confusion: Confusion | None = field(default=None, repr=False, compare=False)

    @property
    def repeats(self) -> int:
        """The number of draws for each count."""
        return len(self.accuracies)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean accuracy over draws, float64 (counts,)."""
        mean: NDArray[np.float64] = self.accuracies.mean(axis=0)
        return mean

    @property
    def std(self) -> NDArray[np.float64]:
        """Standard deviation over draws, float64 (counts,); NaN of a single one."""
        if self.repeats < 2:
            return np.full(len(self.counts), np.nan)
        std: NDArray[np.float64] = self.accuracies.std(axis=0, ddof=1)
        return std

    def position(self, count: int) -> int:
        """Return where in ``counts`` a count is. Raises UsageError where it was not measured."""
        if count not in self.counts:
            known = ", ".join(map(str, self.counts))
            raise UsageError(f"the curve was not measured at {count} images per class", hint=f"choose one of: {known}")
        return self.counts.index(count)

    def at(self, count: int) -> NDArray[np.float64]:
        """Return the accuracies of all draws at a count, float64 (repeats,); UsageError where it was not measured."""
        found: NDArray[np.float64] = self.accuracies[:, self.position(count)]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON, without the predictions."""
        from dsim.files.documents import nullable, number

        return {
            "dataset": self.dataset,
            "extractor": self.extractor,
            "classifier": self.classifier,
            "counts": list(self.counts),
            "mean": nullable(self.mean),
            "std": nullable(self.std),
            "accuracies": nullable(self.accuracies),
            "confusion": None if self.confusion is None else self.confusion.to_dict(),
            "seconds": number(self.seconds),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Curve:
        """Return the curve of such values; it has no predictions."""
        from dsim.files.documents import array, or_nan

        return cls(
            extractor=document["extractor"],
            classifier=document["classifier"],
            counts=tuple(document["counts"]),
            accuracies=array(document["accuracies"], "accuracies", _AGAIN),
            dataset=document["dataset"],
            seconds=or_nan(document["seconds"]),
            confusion=Confusion.from_dict(document["confusion"]) if document["confusion"] else None,
        )


def balanced_accuracy(truth: NDArray[Any], predictions: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean over classes of the share that is recognised, float64 (...), of predictions (..., t).

    Classes are those of the truth, integers (t,); those without a test image do not count.

    >>> balanced_accuracy(np.array([0, 0, 0, 1]), np.array([[0, 0, 0, 0], [0, 0, 0, 1]])).tolist()
    [0.5, 1.0]
    """
    correct = predictions == truth
    shares = [correct[..., truth == code].mean(axis=-1) for code in np.unique(truth)]
    found: NDArray[np.float64] = np.mean(shares, axis=0)
    return found


def confusion_matrices(truth: NDArray[Any], predictions: NDArray[Any], classes: int) -> NDArray[np.float64]:
    """Return for each draw the share of each class's test images predicted as each class, float64 (repeats, c, c).

    Rows are true classes, NaN where a class has no test image; ``predictions`` are (repeats, t).

    >>> confusion_matrices(np.array([0, 0, 1]), np.array([[0, 1, 1]]), 2).tolist()
    [[[0.5, 0.5], [0.0, 1.0]]]
    """
    repeats = len(predictions)
    counted = np.zeros((repeats, classes, classes))
    np.add.at(counted, (np.arange(repeats)[:, None], truth[None], predictions), 1)
    totals = np.bincount(truth, minlength=classes)[:, None]
    with np.errstate(invalid="ignore"):
        shares: NDArray[np.float64] = counted / totals
    return shares
