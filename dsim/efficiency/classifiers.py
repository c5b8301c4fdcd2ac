"""Plain classifiers on frozen features: support vectors, logistic regression, nearest neighbours.

Each function takes what is seen of the training images, float64 (m, r), their classes as integers from 0, (m,), and
what is seen of the test images, (t, r), and returns the predicted classes, intp (t,). Always the classes themselves:
probabilities of small training sets, calibrated within them, can point to another class (Platt's fall below chance).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Classifier = Callable[[Floats, Codes, Floats, str], Codes]

#: ``linear`` is trained apart, all draws of a count at once.
CLASSIFIERS = ("svm", "logistic", "knn", "linear")
#: Of support vectors, and of logistic regression by order: the text says "default parameters", the code 2.5.
SVM_C = 1.0
LOGISTIC_C = {"paper": 1.0, "code": 2.5, "none": 1.0}
#: Neighbours in the text; in the code, per class.
NEIGHBOURS, NEIGHBOURS_PER_CLASS = 10, 5
#: Of the solver of logistic regression, at most.
_ITERATIONS = 1000
#: Numbers of a kernel of training images that are kept in memory: half a gigabyte.
_KERNEL_NUMBERS = 2**26
#: Numbers of a matrix of test by training images that are worked on at once.
_MATRIX_NUMBERS = 2**20


def predict_svm(training: Floats, classes: Codes, test: Floats, order: str = "paper") -> Codes:
    """Return the classes (t,) by support vectors: RBF kernel, C = 1, gamma ``scale``, classes weighted to be even.

    As ``sklearn.svm.SVC(class_weight="balanced").predict``, by libsvm too, but the kernel comes from one product of
    matrices, and the decisions of all pairs of classes from another.
    """
    from sklearn.svm import SVC

    if len(training) ** 2 > _KERNEL_NUMBERS:
        found: Codes = SVC(C=SVM_C, class_weight="balanced").fit(training, classes).predict(test)
        return found
    variance = training.var()
    gamma = 1 / (training.shape[1] * variance) if variance > 0 else 1.0
    machine = SVC(kernel="precomputed", C=SVM_C, class_weight="balanced")
    machine.fit(np.exp(-gamma * squared_distances(training, training)), classes)
    votes = _Votes.of(machine, len(training))
    return np.concatenate(
        [votes.count(np.exp(-gamma * squared_distances(rows, training))) for rows in _slices(test, len(training))]
    )


@dataclass(frozen=True)
class _Votes:
    """The decisions of all pairs of classes: of each pair the weights (m,) of the training images, and a constant."""

    pairs: list[tuple[int, int]]
    weights: Floats
    constants: Floats
    labels: Codes

    @classmethod
    def of(cls, machine: Any, images: int) -> _Votes:
        """Return the decisions of a fitted machine of libsvm: positive for the first class of the pair."""
        count = len(machine.classes_)
        pairs = [(first, second) for first in range(count) for second in range(first + 1, count)]
        # With two classes scikit-learn turns the sign, so that positive is the second class.
        sign = -1.0 if count == 2 else 1.0
        ends = np.cumsum(machine.n_support_)
        weights = np.zeros((images, len(pairs)))
        for column, (first, second) in enumerate(pairs):
            # Row j - 1 of the coefficients holds those of class i against class j > i, row i those of j against i.
            for one, row in ((first, second - 1), (second, first)):
                own = slice(ends[one] - machine.n_support_[one], ends[one])
                weights[machine.support_[own], column] = sign * machine.dual_coef_[row, own]
        return cls(pairs, weights, sign * machine.intercept_, machine.classes_)

    def count(self, kernel: Floats) -> Codes:
        """Return the class (t,) with most votes, the first of equals, of a kernel (t, m)."""
        decisions = kernel @ self.weights + self.constants
        votes = np.zeros((len(kernel), len(self.labels)), dtype=np.intp)
        for column, (first, second) in enumerate(self.pairs):
            positive = decisions[:, column] > 0
            votes[:, first] += positive
            votes[:, second] += ~positive
        found: Codes = self.labels[votes.argmax(axis=1)]
        return found


def predict_logistic(training: Floats, classes: Codes, test: Floats, order: str = "paper") -> Codes:
    """Return the classes (t,) by multinomial logistic regression, classes weighted to be even.

    scikit-learn's own solver: it stops short of the optimum, so that another one would predict other classes for
    images near the boundaries.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=LOGISTIC_C[order], class_weight="balanced", max_iter=_ITERATIONS)
    found: Codes = model.fit(training, classes).predict(test)
    return found


def predict_knn(training: Floats, classes: Codes, test: Floats, order: str = "paper") -> Codes:
    """Return the classes (t,) by nearest neighbours, weighted by the inverse of their distance.

    10 neighbours, or 5 per class (``order="code"``); at most as many as there are training images. As
    ``KNeighborsClassifier(weights="distance")``; which of equally far images is the last neighbour is arbitrary in
    both.
    """
    count = int(classes.max()) + 1
    wanted = min(NEIGHBOURS_PER_CLASS * count if order == "code" else NEIGHBOURS, len(training))
    return np.concatenate(
        [_vote(squared_distances(rows, training), classes, count, wanted) for rows in _slices(test, len(training))]
    )


def _vote(squares: Floats, classes: Codes, count: int, wanted: int) -> Codes:
    """Classes (t,) by the nearest of squared distances (t, m)."""
    nearest = np.argpartition(squares, wanted - 1, axis=1)[:, :wanted]
    distances = np.sqrt(np.take_along_axis(squares, nearest, axis=1))
    same = distances == 0
    with np.errstate(divide="ignore"):
        weights = np.where(same.any(axis=1, keepdims=True), same, 1 / distances)
    places = np.arange(len(squares))[:, None] * count + classes[nearest]
    votes = np.bincount(places.ravel(), weights.ravel(), minlength=len(squares) * count)
    found: Codes = votes.reshape(-1, count).argmax(axis=1)
    return found


def _slices(test: Floats, images: int) -> Iterator[Floats]:
    """Rows of which a matrix of test by training images fits the cache."""
    step = max(1, _MATRIX_NUMBERS // images)
    return (test[start : start + step] for start in range(0, len(test), step))


def squared_distances(rows: Floats, columns: Floats) -> Floats:
    """Return squared Euclidean distances, float64 (n, m) and never negative, of rows (n, r) and columns (m, r).

    >>> squared_distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
    [[25.0]]
    """
    squares = rows @ columns.T
    squares *= -2
    squares += (rows**2).sum(axis=1)[:, None]
    squares += (columns**2).sum(axis=1)
    if rows is columns:
        np.fill_diagonal(squares, 0)
    found: Floats = np.maximum(squares, 0, out=squares)
    return found


PREDICTORS: dict[str, Classifier] = {"svm": predict_svm, "logistic": predict_logistic, "knn": predict_knn}
